"""The report page: self-contained, true to the tables, the same twice, and right for runs that went wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from html_page import Page

from effsearch import evaluators, search_spaces
from effsearch.commands import report
from effsearch.nas import search
from effsearch.records.errors import UserError
from effsearch.reports import live, nas_page
from effsearch.reports.front_figure import draw
from effsearch.reports.front_view import Front, FrontView
from effsearch.search_spaces.cost import cost

HOSTILE = "<script>alert(1)</script>\"'&\n\u202ereversed\u2066 {{ 7 * 7 }} " + "w" * 300


@pytest.fixture(scope="module")
def b0_run(tmp_path_factory) -> Path:
    """A short search of the measured space by the surrogate, next to EfficientNet-B0."""
    path = tmp_path_factory.mktemp("page") / "runs" / "b0"
    space, evaluator = search_spaces.load("mnasnet-b0"), evaluators.load("surrogate")
    reference = search_spaces.catalogue.load("b0")
    config = {"command": "nas", "trials": 150, "evaluator": "surrogate"}
    search(space, evaluator, trials=150, run_dir=path, references=[reference], config=config)
    return path


@pytest.fixture
def copy(b0_run, tmp_path) -> Path:
    return Path(shutil.copytree(b0_run, tmp_path / "runs" / "b0"))


def page_of(path: Path) -> Page:
    return Page(nas_page.page_of(path))


def edit_json(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def edit_ledger(path: Path, **values: object) -> None:
    """Other settings in a run's ledger."""
    lines = (path / "ledger.jsonl").read_text().splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), **values})
    (path / "ledger.jsonl").write_text("\n".join(lines) + "\n")


def test_nothing_is_loaded_and_nothing_runs(b0_run):
    html = nas_page.page_of(b0_run)
    page = Page(html)
    assert {"script", "link", "iframe", "img", "object", "embed", "base", "form"} & {
        tag for tag, _ in page.elements
    } == set()
    for name in ("src", "href", "srcset", "action", "xlink:href", "data"):
        assert page.attributes(name) == []
    assert [name for _, attributes in page.elements for name in attributes if name.startswith("on")] == []
    assert re.findall(r"url\(|@import|https?://", html) == []
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": policy}) in page.elements


def test_figures_have_names_and_ids_are_unique(b0_run):
    page = page_of(b0_run)
    ids = page.attributes("id")
    assert len(set(ids)) == len(ids)
    figures = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert len(figures) >= 4
    for attributes in figures:
        assert set(attributes["aria-labelledby"].split()) <= set(ids)
    assert all(page.texts["title"])
    assert [tag for tag, _ in page.elements].count("h1") == 1
    assert all({"scope"} <= set(attributes) for tag, attributes in page.elements if tag == "th")


def test_the_headline_has_the_numbers_of_the_tables(b0_run):
    trials = pd.read_csv(b0_run / "trials.csv")
    best = trials[trials["feasible"]].sort_values("accuracy").iloc[-1]
    reference = next(
        entry for entry in map(json.loads, (b0_run / "ledger.jsonl").open()) if entry.get("kind") == "reference"
    )["evaluation"]
    (headline,) = page_of(b0_run).texts["h1"]
    assert f"predicted {best['accuracy']:.2f} ± {best['accuracy_std']:.2f} % ImageNet top-1 (50 epochs)" in headline
    assert f"at {best['mult_adds'] / 1e6:.4g}M FLOPs" in headline
    difference = best["accuracy"] - reference["accuracy"]
    assert f"{abs(difference):.2f} point" in headline
    assert ("above EfficientNet-B0" if difference > 0 else "below EfficientNet-B0") in headline
    sigma = (best["accuracy_std"] ** 2 + reference["std"] ** 2) ** 0.5
    assert ("not a proven difference" in headline) == (abs(difference) < 2 * sigma)


def test_the_candidates_are_the_best_of_the_table(b0_run):
    trials = pd.read_csv(b0_run / "trials.csv").set_index("key")
    best = trials[trials["feasible"]].sort_values("accuracy", ascending=False).head(10)
    rows = {row[-1]: row for row in page_of(b0_run).rows if row and row[-1] in trials.index}
    assert set(best.index) <= set(rows)
    known = search_spaces.load("mnasnet-b0").encode(search_spaces.catalogue.load("b0"))
    for key, row in rows.items():
        of_table = trials.loc[key]
        different = sum(of_table[name] != value for name, value in known.items())
        assert row[1:] == [
            f"{of_table['accuracy']:.2f} ± {of_table['accuracy_std']:.2f}",
            f"{of_table['mult_adds'] / 1e6:,.1f}M",
            f"{of_table['params'] / 1e6:,.2f}M",
            f"{of_table['reward']:.2f}",
            str(different),
            str(of_table["number"]),
            key,
        ]


def test_the_stages_add_up_to_the_network(b0_run):
    page = page_of(b0_run)
    stages = [row for row in page.rows if len(row) == 8 and (row[0] in ("stem", "head") or row[0].isdigit())]
    assert [row[0] for row in stages] == ["stem", *"1234567", "head"]
    found = search_spaces.codec.load(b0_run / "selected" / "budget.yaml")
    reference = search_spaces.catalogue.load("b0")
    for column, architecture in ((6, found), (7, reference)):
        assert sum(int(row[column].replace(",", "")) for row in stages) == cost(architecture).params


def test_the_front_is_drawn_whole(b0_run):
    run, html = live.load(b0_run), nas_page.page_of(b0_run)
    drawn = re.search(r'<path d="([^"]*)" class="front "/>', html)
    assert drawn
    assert drawn[1].count("V") == len(run.front) - 1


def test_rebuilding_gives_the_same_bytes(copy, tmp_path, capsys):
    assert report.run(copy, out=None, as_json=False) == 0
    first = (copy / "report.html").read_bytes()
    assert capsys.readouterr().out == f"page:  {copy / 'report.html'}\n"
    assert report.run(copy, out=None, as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"report": str(copy / "report.html")}
    assert (copy / "report.html").read_bytes() == first
    assert report.run(copy, out=tmp_path / "other.html", as_json=False) == 0
    assert (tmp_path / "other.html").read_bytes() == first
    assert (copy / "figures" / "pareto.png").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "2"])
def test_it_works_without_torch_ray_optuna_and_with_any_order_of_sets(b0_run, tmp_path, seed):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'ray', 'optuna', 'matplotlib', 'fvcore']));"
        "from effsearch.reports import nas_page; sys.stdout.buffer.write(nas_page.page_of(sys.argv[1]).encode())"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", code, str(b0_run)], env=environment, cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout == nas_page.page_of(b0_run).encode()


def test_hostile_names_are_text(copy):
    place = copy.parent / "<b>bold\nrun"
    copy.rename(place)
    edit_ledger(place, space=HOSTILE, evaluator=HOSTILE, sampler=HOSTILE)
    trials = pd.read_csv(place / "trials.csv", dtype={"failure": str, "key": str})
    trials["fidelity"] = HOSTILE
    trials.loc[0, ["state", "failure"]] = ["failed", HOSTILE]
    trials.to_csv(place / "trials.csv", index=False)
    for rule in ("budget", "reward", "knee"):
        file = place / "selected" / f"{rule}.yaml"
        mapping = search_spaces.codec.to_mapping(search_spaces.codec.load(file))
        file.write_text(json.dumps({**mapping, "name": HOSTILE[:200]}))
    edit_json(place / "manifest.json", command=["effsearch", HOSTILE])
    html = nas_page.page_of(place)
    page = Page(html)
    assert {"script", "b"} & {tag for tag, _ in page.elements} == set()
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7 * 7 }}" in page.text
    assert "\\n\\u202ereversed\\u2066" in page.text
    assert "\u202e" not in html
    assert "<b>bold\\nrun" in page.texts["title"][0]
    assert all(
        tag in ("bdi", "svg", "path", "text", "g", "tspan") or "w" * 300 not in str(a) for tag, a in page.elements
    )


def test_an_interrupted_run_says_so_and_how_to_go_on(copy):
    edit_json(copy / "manifest.json", state="interrupted")
    config = copy / "config.yaml"
    config.write_text(config.read_text().replace("trials: 150", "trials: 900"))
    page = page_of(copy)
    assert "This search was interrupted. This page shows 150 of 900 networks." in page.text
    assert page.texts["pre"][0] == "effsearch nas --resume --out runs/b0"


def test_a_run_without_tables_is_read_from_its_ledger(copy, b0_run):
    """As of a search that is running: the front and the picks of the tables, from the ledger alone."""
    shutil.rmtree(copy / "selected")
    for name in ("trials.csv", "front.csv", "convergence.csv", "study.journal"):
        (copy / name).unlink()
    edit_json(copy / "manifest.json", state="running", ended=None)
    run, whole = live.load(copy), live.load(b0_run)
    page = page_of(copy)
    assert list(run.front["key"]) == list(whole.front["key"])
    assert run.selected["budget"] == whole.selected["budget"]
    assert run.selected["reward"] == whole.selected["reward"]
    assert "still running" in page.text
    assert page.texts["h1"] == page_of(b0_run).texts["h1"]


def test_results_that_the_tables_lack_are_counted(copy):
    edit_json(copy / "manifest.json", state="running", ended=None)
    trials = pd.read_csv(copy / "trials.csv", dtype={"key": str})
    kept = {search_spaces.codec.load(file).key for file in (copy / "selected").iterdir()}
    trials[(trials["number"] < 100) | trials["key"].isin(kept)].to_csv(copy / "trials.csv", index=False)
    lacking = int(((trials["number"] >= 100) & ~trials["key"].isin(kept)).sum())
    assert f"The ledger has {lacking} results that the tables, and so this page, do not have yet" in page_of(copy).text


def test_a_run_with_failures_lists_them_by_reason(make_run):
    path = make_run(failing=3, references=())
    trials = pd.read_csv(path / "trials.csv")
    failed = trials[trials["state"] == "failed"]
    assert len(failed) > 5
    rows = [row for row in page_of(path).rows if row and row[0] == "out of memory"]
    share = f"{100 * len(failed) / len(trials):.1f} %"
    assert rows == [["out of memory", str(len(failed)), share, str(failed["number"].iloc[0])]]


def test_a_run_of_failures_alone(tmp_path):
    def fails(architecture, *, seed=0):
        return evaluators.Evaluation.failed("no GPU")

    with pytest.raises(UserError):
        search(search_spaces.load("mnasnet-b0"), fails, trials=9, batch=5, run_dir=tmp_path / "run")
    page = page_of(tmp_path / "run")
    assert page.texts["h1"] == ["No network was rated: all 5 evaluations failed."]
    assert "svg" not in page.texts
    assert ["no GPU", "5", "100.0 %", "0"] in page.rows


def test_a_run_where_nothing_meets_the_budget(make_run):
    path = make_run(target_flops=None, budgets={"mult_adds": 2e6, "params": 300}, references=())
    page = page_of(path)
    assert page.texts["h1"] == ["None of the 60 networks rated meets the budget (FLOPs ≤ 2M and params ≤ 300)."]
    assert "60 of 60 are over the limit on parameters" in page.text
    assert "best reward" in page.text


def test_one_trial_no_reference_and_accuracies_that_are_not_of_imagenet(make_run):
    path = make_run(trials=1, references=(), target_flops=1e9)
    page = page_of(path)
    assert page.texts["h1"][0].startswith("Found tiny-")
    assert "toy top-1" in page.texts["h1"][0]
    assert "best within the budget, best reward, knee of the front" in page.text
    assert "ImageNet" not in page.text
    assert "quoted" not in page.text


def test_a_run_without_standard_deviations(copy):
    trials = pd.read_csv(copy / "trials.csv", dtype={"key": str})
    trials.assign(accuracy_std=float("nan")).to_csv(copy / "trials.csv", index=False)
    page = page_of(copy)
    assert "no standard deviation is known, so it is not a proven difference" in page.texts["h1"][0]
    assert page.texts["h1"][0].count("±") == 0


def test_a_front_of_other_objectives_is_no_line(make_run):
    path = make_run(objectives=("accuracy", "params"))
    html = nas_page.page_of(path)
    assert "which is that of accuracy, params and no line in this plane" in html
    assert "no network tried within the budget is better and cheaper" not in html
    assert re.search(r'class="front "', html.partition("The course of the search")[0]) is None


def test_a_capacity_score_is_never_called_an_accuracy(tmp_path):
    path = tmp_path / "run"
    space, evaluator = search_spaces.load("mnasnet-b0"), evaluators.load("capacity")
    search(space, evaluator, trials=60, run_dir=path, references=[search_spaces.catalogue.load("b0")])
    page = page_of(path)
    assert "capacity score" in page.texts["h1"][0]
    assert "accuracy." not in page.texts["h1"][0].replace("little about accuracy.", "")
    assert not re.search(r"[0-9] %(?! (fewer|more))", page.texts["h1"][0])
    assert "A score, no accuracy" in page.text


def test_a_huge_cloud_is_thinned_and_the_front_is_not(b0_run):
    generator = np.random.default_rng(0)
    costs, accuracies = generator.uniform(5e7, 9e8, 20_000), generator.normal(70, 2, 20_000)
    cloud = tuple((float(cost), float(accuracy), True) for cost, accuracy in zip(costs, accuracies, strict=True))
    costs = tuple(1e8 + 1e5 * i for i in range(2000))
    front = Front("", costs, tuple(70 + 0.004 * i for i in range(2000)), stairs=True)
    drawn = str(draw(FrontView(cloud, (front,), (), (), (4e8,), "accuracy, %", "t", "d")))
    assert len(drawn) < 500_000
    assert drawn.count("V") >= 1999
    again = draw(FrontView(tuple(reversed(cloud)), (front,), (), (), (4e8,), "accuracy, %", "t", "d"))
    assert str(again) == drawn


def test_no_run_is_a_users_error(tmp_path):
    with pytest.raises(UserError, match="cannot open the run directory"):
        report.run(tmp_path / "none", out=None, as_json=False)


def test_a_place_that_cannot_be_written_is_a_users_error(copy, tmp_path):
    with pytest.raises(UserError, match="cannot write"):
        report.run(copy, out=tmp_path / "no" / "folder" / "page.html", as_json=False)
