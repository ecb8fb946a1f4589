"""Reports from a run directory: what they show, in which circumstances, and with how little installed."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from effsearch.evaluators import Evaluation
from effsearch.nas import search
from effsearch.records.errors import UserError
from effsearch.reports import run as run_report
from effsearch.reports import terminal
from effsearch.reports.pareto import draw, pareto_view, write_figure
from effsearch.search_spaces import Architecture, Dimension, Head, SearchSpace, Stage, Stem, catalogue

BASE = Architecture("base", Stem(8), (Stage("conv", 8),), Head(0), resolution=16, classes=3)


def printed(run: run_report.Run, width: int = 120, *, terminal_like: bool = False) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, highlight=False, force_terminal=terminal_like, color_system=None)
    console.print(*terminal.summary(run), sep="\n")
    return file.getvalue()


def renamed(plain_run: Path, folder: Path, **names: str) -> run_report.Run:
    """The plain run with other words: its space, its evaluator, what its accuracies are of."""
    shutil.copytree(plain_run, folder / "run")
    run = run_report.load(folder / "run")
    fidelity = names.pop("fidelity", run.fidelity)
    return replace(run, settings={**run.settings, **names}, fidelity=fidelity)


def drawn_text(path: Path) -> str:
    """All text of an SVG file, which must be well-formed XML."""
    return "\n".join("".join(each.itertext()) for each in ElementTree.parse(path).iter() if each.tag.endswith("}text"))  # noqa: S314


def test_the_view_holds_the_numbers_of_the_tables(plain_run):
    view = pareto_view(run_report.load(plain_run))
    trials, front = (pd.read_csv(plain_run / name) for name in ("trials.csv", "front.csv"))
    np.testing.assert_array_equal(view.cost, trials["mult_adds"])
    np.testing.assert_array_equal(view.accuracy, trials["accuracy"])
    np.testing.assert_array_equal(view.front_cost, front["mult_adds"])
    np.testing.assert_array_equal(view.front_accuracy, front["accuracy"])
    assert view.target == 2e6
    feasible = trials[trials["mult_adds"] <= 2e6]
    best = feasible.loc[feasible["accuracy"].idxmax()]
    picked = {one.name: one for one in view.picks}
    assert set(picked) == {"budget", "reward", "knee"}
    assert (picked["budget"].trial, picked["budget"].accuracy) == (best["number"], best["accuracy"])
    assert picked["reward"].trial == trials.loc[trials["reward"].idxmax(), "number"]
    assert [one.name for one in view.references] == ["tiny"]
    assert view.quoted == ()  # these are no ImageNet accuracies
    assert "toy top-1" in view.axis


def test_published_networks_are_quoted_beside_imagenet_accuracies_alone(make_run):
    view = pareto_view(run_report.load(make_run(fidelity="ImageNet top-1, 50 epochs", trials=20)))
    b0 = next(one for one in view.quoted if one.name == "EfficientNet-B0")
    assert (b0.mult_adds, b0.top1) == (390e6, 77.1)


def test_the_best_network_at_a_cost_is_that_of_the_table(plain_run):
    run = run_report.load(plain_run)
    for limit in (3e5, 5e5, 1e6, 1.5e6, 2e6, 1e9):
        usable = run.trials[(run.trials["mult_adds"] <= limit) & (run.trials["mult_adds"] <= 2e6)]
        found = run.best_at(limit)
        if len(usable):
            assert found.accuracy == usable["accuracy"].max()
        else:
            assert found is None


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes(plain_run, tmp_path):
    written = []
    for name in ("one", "two"):
        shutil.copytree(plain_run, tmp_path / name / "run")
        written.append([path.read_bytes() for path in write_figure(run_report.load(tmp_path / name / "run"))])
    assert written[0] == written[1]
    assert written[0][0].startswith(b"\x89PNG")
    assert [path.read_bytes() for path in write_figure(run_report.load(tmp_path / "one" / "run"))] == written[0]


def test_the_figure_says_what_it_shows(plain_run, tmp_path):
    shutil.copytree(plain_run, tmp_path / "run")
    _, svg = write_figure(run_report.load(tmp_path / "run"))
    text = drawn_text(svg)
    for words in ("60 networks of tiny, rated by rated", "toy top-1", "target 2M", "Pareto front", "best reward"):
        assert words in text


ISOLATED = """
import sys
for name in ("torch", "ray", "optuna", "fvcore", "torchvision"):
    sys.modules[name] = None
from effsearch.reports import pareto, run, terminal
loaded = run.load(sys.argv[1])
print(len(loaded.trials), *(path.name for path in pareto.write_figure(loaded)))
terminal.show(*terminal.summary(loaded))
"""


@pytest.mark.slow
def test_a_laptop_without_torch_ray_and_optuna_can_report(plain_run, tmp_path):
    shutil.copytree(plain_run, tmp_path / "run")
    done = subprocess.run(
        [sys.executable, "-c", ISOLATED, tmp_path / "run"],
        text=True, capture_output=True, env={"PYTHONPATH": ":".join(filter(None, sys.path)), "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "60 pareto.png pareto.svg"
    assert "60 networks of tiny" in done.stdout


CIRCUMSTANCES = {
    "no feasible network": {"target_flops": 1.0},
    "one trial": {"trials": 1, "target_flops": 1e9},
    "one trial, not feasible": {"trials": 1, "target_flops": 1.0},
    "two trials": {"trials": 2},
    "failed trials": {"failing": 2, "references": []},
    "no reference": {"references": []},
    "no words for the accuracy": {"fidelity": ""},
    "a percent sign in the accuracy": {"fidelity": "top-1 in % of 100"},
    "no budget in mult-adds": {"target_flops": None, "budgets": {"params": 30_000.0}},
    "a stranger as reference": {"references": [catalogue.load("b0")]},
}


@pytest.mark.slow
@pytest.mark.parametrize("circumstance", CIRCUMSTANCES)
def test_every_run_can_be_drawn_and_printed(make_run, circumstance):
    path = make_run(**CIRCUMSTANCES[circumstance])
    run = run_report.load(path)
    table = pd.read_csv(path / "trials.csv")
    for figure in write_figure(run):
        assert figure.stat().st_size > 1000
    text = printed(run)
    assert f"{len(table)} networks" in text
    failed = int((table["state"] == "failed").sum())
    assert (f"{failed} failed" in text) == (failed > 0)
    view = pareto_view(run)
    assert len(view.cost) == len(table) - failed
    assert np.isfinite(view.accuracy).all()
    assert ("budget" in run.selected) == bool(table["feasible"].any())


def test_a_reference_whose_evaluation_failed_does_not_hide_the_run(make_run):
    failing = int(BASE.key, 16)  # of its own key's multiples: itself alone
    run = run_report.load(make_run(references=[BASE], failing=failing, trials=10))
    assert len(run.trials) == 10
    assert "10 networks" in printed(run)
    draw(pareto_view(run))


def test_a_key_that_looks_like_a_number_stays_a_key(tmp_path):
    digits = next(one for one in (Architecture("n", Stem(8), BASE.stages, Head(0), resolution=16, classes=classes)
                                  for classes in range(1, 50_000)) if one.key.isdigit())  # fmt: skip
    space = SearchSpace("one", (Dimension("only", (1,)),), lambda _: digits)
    search(space, lambda _, *, seed=0: Evaluation(50.0), trials=1, run_dir=tmp_path / "run")
    run = run_report.load(tmp_path / "run")
    assert run.selected["budget"].architecture.key == digits.key
    assert run.trials["key"].tolist() == [digits.key]


HOSTILE = (
    "x_{",
    "$x_{$",
    "a\nb",
    "[red]bold[/red]",
    "[/nothing]",
    "<b>&amp;",
    "\\frac{",
    "tab\there",
    "ü" * 5,
    "w" * 400,
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_text_and_no_markup(plain_run, tmp_path, name):
    run = renamed(plain_run, tmp_path, space=name, evaluator=name, fidelity=name)
    _, svg = write_figure(run)
    drawn, text = drawn_text(svg), printed(run, 2000)
    for part in name.split("\n"):
        expected = part.split("\t")[0][:40]
        assert expected in drawn
        assert expected in text
    assert printed(run, 40)


def test_a_dollar_in_the_space_and_one_in_the_evaluator_are_no_formula(plain_run, tmp_path):
    _, svg = write_figure(renamed(plain_run, tmp_path, space="costs $5_{", evaluator="or $6^"))
    assert "costs $5_{" in drawn_text(svg)
    assert "or $6^" in drawn_text(svg)


@pytest.mark.parametrize("control", ["\x1b[31m", "\x07", "\x9b31m", "\x00"])
def test_control_characters_do_not_reach_the_terminal_nor_the_figure(plain_run, tmp_path, control):
    run = renamed(plain_run, tmp_path, space=f"mine{control}")
    assert control[0] not in printed(run)
    _, svg = write_figure(run)
    assert "mine" in drawn_text(svg)


def test_a_hostile_name_of_a_space_goes_through_a_whole_run(make_run):
    run = run_report.load(make_run(space="[red]$x_{$\n\x1b[31m", evaluator="a, b\r\n$", trials=12))
    assert "$x_{$" in drawn_text(write_figure(run)[1])
    assert "[red]$x_{$" in printed(run)


@pytest.mark.parametrize("width", [1, 20, 40, 80])
def test_a_narrow_terminal_is_no_error(plain_run, width):
    run = run_report.load(plain_run)
    assert max(map(len, printed(run, width).splitlines())) <= max(width, 40)
    file = io.StringIO()
    Console(file=file, width=width).print(*terminal.profile(catalogue.load("b7")))
    assert file.getvalue()


def test_the_summary_shows_the_numbers_of_the_picks(plain_run):
    run = run_report.load(plain_run)
    text = printed(run)
    for one in (*run.selected.values(), *run.references):
        assert f"{one.accuracy:.2f} ± 0.50" in text
        assert f"{one.reward:.2f}" in text
    assert "toy top-1" in text
    assert str(plain_run) in text.replace("\n", "")


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match=str(tmp_path)):
        run_report.load(tmp_path)


@pytest.mark.parametrize("missing", ["trials.csv", "front.csv"])
def test_a_run_without_its_tables_is_told_how_to_get_them(plain_run, tmp_path, missing):
    shutil.copytree(plain_run, tmp_path / "run")
    (tmp_path / "run" / missing).unlink()
    with pytest.raises(UserError, match=missing) as raised:
        run_report.load(tmp_path / "run")
    assert "resume" in raised.value.hint


def test_a_selected_network_of_another_run_is_refused(plain_run, tmp_path):
    shutil.copytree(plain_run, tmp_path / "run")
    from effsearch.search_spaces import codec

    codec.dump(catalogue.load("b0"), tmp_path / "run" / "selected" / "budget.yaml")
    with pytest.raises(UserError, match=r"budget\.yaml"):
        run_report.load(tmp_path / "run")
