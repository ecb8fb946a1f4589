"""The page of a grid: self-contained, true to the files, the same twice, and right for grids that went otherwise."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from html_page import Page

from effsearch import evaluators, grid_search, search_spaces
from effsearch.commands import compare, report
from effsearch.grid_search import law, outputs
from effsearch.records.errors import UserError
from effsearch.reports import grid_page, grid_run

HOSTILE = "<script>alert(1)</script>\"'&\n\u202ereversed\u2066 {{ 7 * 7 }} {count} " + "w" * 300
TIMES = "\N{MULTIPLICATION SIGN}"


class Rate:
    """By resolution and depth; fails for one network in `failing`, or for these resolutions."""

    source = "rate"

    def __init__(self, std: float | None = 0.2, failing: int = 0, reason: str = "out of memory", always: float = 0):
        self.std, self.failing, self.reason, self.always = std, failing, reason, always

    def __call__(self, architecture, *, seed=0):
        if self.failing and int(architecture.key, 16) % self.failing == 0:
            return evaluators.Evaluation.failed(self.reason)
        layers = sum(stage.repeats for stage in architecture.stages)
        accuracy = self.always or 70 - abs(architecture.resolution - 248) / 50 - abs(layers - 23) / 10
        return evaluators.Evaluation(accuracy, self.std, source=self.source, seconds=1.0)


def make(path: Path, rating=None, *, base: str = "b0", evaluator: str = "law", **settings: object) -> Path:
    """The directory that `effsearch grid` leaves."""
    network = search_spaces.catalogue.load(base)
    config = {"command": "grid", "base": base, "seed": 0, **settings}
    result = grid_search.search(network, rating or law.load(), run_dir=path, config=config, **settings)
    outputs.write_grid(result, network, evaluator)
    return path


@pytest.fixture(scope="module")
def b0_grid(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("page") / "runs" / "g1")


@pytest.fixture
def copy(b0_grid, tmp_path) -> Path:
    return Path(shutil.copytree(b0_grid, tmp_path / "runs" / "g1"))


def page_of(path: Path) -> Page:
    return Page(grid_page.page_of(path))


def edit_json(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def edit_settings(path: Path, **values: object) -> None:
    lines = (path / "ledger.jsonl").read_text().splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), **values})
    (path / "ledger.jsonl").write_text("\n".join(lines) + "\n")


def test_nothing_is_loaded_and_nothing_runs(b0_grid):
    html = grid_page.page_of(b0_grid)
    page = Page(html)
    tags = {tag for tag, _ in page.elements}
    assert {"script", "link", "iframe", "img", "object", "embed", "base", "form"} & tags == set()
    for name in ("src", "href", "srcset", "action", "xlink:href", "data"):
        assert page.attributes(name) == []
    assert [name for _, attributes in page.elements for name in attributes if name.startswith("on")] == []
    assert re.findall(r"url\(|@import|https?://", html) == []
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": policy}) in page.elements


def test_figures_have_names_and_ids_are_unique(b0_grid):
    page = page_of(b0_grid)
    ids = page.attributes("id")
    assert len(set(ids)) == len(ids)
    figures = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert len(figures) == 3
    for attributes in figures:
        assert set(attributes["aria-labelledby"].split()) <= set(ids)
    for _, attributes in page.elements:
        assert attributes.get("aria-labelledby", ids[0]).split()[0] in ids
    assert all("scope" in attributes for tag, attributes in page.elements if tag == "th")


def test_the_headline_is_the_result_of_the_files(b0_grid):
    document = json.loads((b0_grid / "coefficients.json").read_text())
    table = pd.read_csv(b0_grid / "grid.csv")
    said = page_of(b0_grid).headline
    alpha, beta, gamma = (document[name] for name in ("alpha", "beta", "gamma"))
    assert f"alpha {alpha:g}, beta {beta:g}, gamma {gamma:g} is the best of {len(table)} triples" in said
    assert f"{len(document['confidence_set'])} of them cannot be told apart" in said
    assert f"the published 1.2, 1.1, 1.15 ({document['published']['loss']:.3f} point worse) among them" in said
    assert "EfficientNet-B0 by the scaling law “additive”" in said
    assert "it reproduces, it does not discover" in page_of(b0_grid).text


def test_the_tiles_and_the_extents_are_those_of_the_set(b0_grid):
    inside = pd.DataFrame(json.loads((b0_grid / "coefficients.json").read_text())["confidence_set"])
    page = page_of(b0_grid)
    for column in range(3):
        reach = f"{inside[column].min():g} to {inside[column].max():g}"
        assert f"set: {reach}" in page.text
        assert any(reach in text for text in page.texts["text"])


def test_the_candidates_are_the_best_of_the_table(b0_grid):
    table = pd.read_csv(b0_grid / "grid.csv", dtype={"network": str})
    alike = table["network"].value_counts()
    rows = [row for row in page_of(b0_grid).rows if len(row) == 15 and re.match(r"\d+", row[0])]
    assert len(rows) == 12
    for place, row in enumerate(rows):
        known = table.iloc[place]
        assert row[0].split()[0] == str(place + 1)
        assert row[1:4] == [f"{known[name]:g}" for name in ("alpha", "beta", "gamma")]
        assert row[4:6] == [f"{known['product']:.3f}", f"{known['phi_star']:.3f}"]
        assert row[6:8] == [f"{known['error']:.2f} ± {known['error_std']:.2f}", f"{known['loss']:.3f}"]
        assert row[8:11] == ["yes" if known["in_set"] else "no", str(known["blocks"]), str(known["resolution"])]
        assert row[13:] == [f"{known['flops_ratio']:.2f}{TIMES}", str(alike[known["network"]])]
    assert rows[0][0] == "1 chosen"
    assert rows[1][0] == "2 published"


@pytest.mark.slow
def test_a_published_triple_far_behind_is_listed_too(tmp_path):
    path = make(tmp_path / "run", law.load("mobilenet-v2"))
    table = pd.read_csv(path / "grid.csv")
    place = int(table.index[table["published"]][0])
    assert place > 12
    page = page_of(path)
    rows = [row for row in page.rows if len(row) == 15 and "published" in row[0]]
    assert [row[0].split()[0] for row in rows] == [str(place + 1)]
    assert "and not among them" in page.headline


def test_the_other_laws_are_those_of_the_file(b0_grid):
    others = json.loads((b0_grid / "coefficients.json").read_text())["alternatives"]
    page = page_of(b0_grid)
    rows = {row[0]: row for row in page.rows if row[0] in {one["law"] for one in others}}
    assert len(rows) == len(others) == 4
    for one in others:
        row = rows[one["law"]]
        assert row[2] == ", ".join(f"{value:g}" for value in one["best"])
        assert row[4:] == [f"{one['published_loss']:.3f}", f"{one['chosen_loss']:.3f}"]
    assert rows["logarithmic"][3] == "the same triple"
    assert rows["resnet-50"][3] == "more depth, less resolution"
    assert "Published results of MobileNetV2 and ResNet-50 prefer less resolution" in page.text


def test_the_family_is_that_of_the_file_and_the_catalogue(b0_grid):
    table = pd.read_csv(b0_grid / "family" / "family.csv").set_index("name")
    rows = {row[0]: row for row in page_of(b0_grid).rows if row[0] in table.index}
    assert list(rows) == [f"b{number}" for number in range(8)]
    for name, row in rows.items():
        known, official = table.loc[name], search_spaces.catalogue.load(name)
        assert row[2:4] == [f"{known['blocks']:g}", f"{known['resolution']:g}"]
        assert row[6] == f"{known['flops_ratio']:.2f}{TIMES}"
        assert row[7:9] == [str(sum(stage.repeats for stage in official.stages)), str(official.resolution)]
        assert row[11] == f"{known['mult_adds'] / known['official_mult_adds']:.2f}{TIMES}"


def test_the_commands_are_for_this_run(b0_grid):
    commands = page_of(b0_grid).texts["pre"]
    assert commands[0] == "effsearch profile runs/g1/family/b2.yaml --check"
    assert "effsearch family --base runs/g1/base.yaml --coefficients runs/g1 --flops 772M,1.54G --out sized" in commands
    assert "effsearch grid --config runs/g1/config.yaml --step 0.01" in commands


def test_rebuilding_gives_the_same_bytes(copy, tmp_path, capsys):
    assert report.run(copy, out=None, as_json=False) == 0
    first = (copy / "report.html").read_bytes()
    assert capsys.readouterr().out == f"page:  {copy / 'report.html'}\n"
    assert report.run(copy, out=None, as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"report": str(copy / "report.html")}
    assert (copy / "report.html").read_bytes() == first
    assert report.run(copy, out=tmp_path / "other.html", as_json=False) == 0
    assert (tmp_path / "other.html").read_bytes() == first


@pytest.mark.parametrize("seed", ["1", "2"])
def test_it_works_without_torch_ray_optuna_and_with_any_order_of_sets(b0_grid, tmp_path, seed):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'ray', 'optuna', 'matplotlib', 'fvcore']));"
        "from effsearch.reports import grid_page; sys.stdout.buffer.write(grid_page.page_of(sys.argv[1]).encode())"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", code, str(b0_grid)], env=environment, cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout == grid_page.page_of(b0_grid).encode()


@pytest.mark.slow
def test_hostile_names_are_text(tmp_path):
    path = make(tmp_path / "<b>bold\nrun", Rate(failing=5, reason=HOSTILE), evaluator=HOSTILE)
    edit_json(path / "coefficients.json", base=HOSTILE)
    edit_json(path / "manifest.json", command=["effsearch", HOSTILE])
    edit_settings(path, points=HOSTILE)
    family = pd.read_csv(path / "family" / "family.csv")
    family.loc[1, "name"] = HOSTILE
    family.to_csv(path / "family" / "family.csv", index=False)
    html = grid_page.page_of(path)
    page = Page(html)
    assert {"script", "b"} & {tag for tag, _ in page.elements} == set()
    assert "<script>alert(1)</script>" in page.headline
    assert "{{ 7 * 7 }} {count}" in page.text
    assert "\\n\\u202ereversed\\u2066" in page.text
    assert "\u202e" not in html
    assert "<b>bold\\nrun" in page.texts["title"][0]


def test_hostile_laws_are_text(copy):
    document = json.loads((copy / "coefficients.json").read_text())
    others = [{**one, "law": HOSTILE + one["law"]} for one in document["alternatives"]]
    edit_json(copy / "coefficients.json", alternatives=others, warning=HOSTILE)
    edit_settings(copy, points=f"scaling law, {HOSTILE}")
    page = page_of(copy)
    assert "script" not in {tag for tag, _ in page.elements}
    assert "by the scaling law “<script>alert(1)</script>" in page.headline


@pytest.mark.slow
def test_another_base_is_warned_of_unless_the_law_is_its_own(tmp_path):
    page = page_of(make(tmp_path / "first", base="mobilenet-v2"))
    assert "The law was fitted on EfficientNet-B0 and its family, not on MobileNetV2" in page.text
    assert any(command.endswith("--law mobilenet-v2") for command in page.texts["pre"])
    assert "The official networks grow from EfficientNet-B0, not from MobileNetV2" in page.text
    page = page_of(make(tmp_path / "second", law.load("mobilenet-v2"), base="mobilenet-v2"))
    assert "The law was fitted on" not in page.text
    assert "calibrated on published results of MobileNetV2" in page.text
    page = page_of(make(tmp_path / "third", law.load("mobilenet-v2")))
    assert "The law was fitted on MobileNetV2, not on EfficientNet-B0" in page.text


@pytest.mark.slow
def test_an_evaluator_that_fails_on_some_points(tmp_path):
    path = make(tmp_path / "run", Rate(failing=4), evaluator="mine.py:rate")
    table = pd.read_csv(path / "grid.csv")
    failed = table[table["error"].isna()]
    assert len(failed) > 5
    page = page_of(path)
    first = ", ".join(f"{failed.iloc[0][name]:g}" for name in ("alpha", "beta", "gamma"))
    share = f"{100 * len(failed) / len(table):.1f} %"
    assert [row for row in page.rows if row[0] == "out of memory"] == [
        ["out of memory", str(len(failed)), share, first]
    ]
    assert f"best of {len(table) - len(failed)} triples ({len(failed)} more failed)" in page.headline
    assert "1.645 standard deviations" in page.text
    assert 'class="level-1"' not in grid_page.page_of(path)
    assert "scaling law" not in page.headline


def test_a_published_triple_that_failed(copy):
    table = pd.read_csv(copy / "grid.csv")
    table.loc[table["published"], ["error", "error_std", "loss"]] = float("nan")
    table.loc[table["published"], "in_set"] = False
    table["failure"] = table["failure"].astype(object).where(~table["published"], "too hot")
    order = table["error"].isna().sort_values(kind="stable").index
    table.loc[order].to_csv(copy / "grid.csv", index=False)
    page = page_of(copy)
    assert "the published 1.2, 1.1, 1.15 could not be rated" in page.headline
    assert [row[6:8] for row in page.rows if "published" in row[0] and len(row) == 15] == [["failed", "\N{EN DASH}"]]
    assert ["too hot", "1", "1.2 %", "1.2, 1.1, 1.15"] in page.rows


@pytest.mark.slow
def test_without_standard_deviations_and_all_alike(tmp_path):
    page = page_of(make(tmp_path / "run", Rate(std=None, always=50.0), evaluator="mine.py:rate", step=0.1))
    assert "none of the 16 can be told apart" in page.headline
    assert "(rated the same)" in page.headline
    assert "16 triples share the best rating" in page.text
    assert "gave no standard deviation" in page.text
    assert "±" not in page.headline
    assert "all alike" in page.text


@pytest.mark.slow
def test_a_capacity_score_is_never_called_an_accuracy(tmp_path):
    page = page_of(make(tmp_path / "run", evaluators.load("capacity"), evaluator="capacity"))
    assert "by the capacity score" in page.headline
    assert "score point worse" in page.headline
    assert "these coefficients say nothing about accuracy" in page.text
    assert not any("error, %" in cell for row in page.rows for cell in row)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"phi": 2.0}, "at phi = 2"),
        ({"step": 0.5, "tolerance": 0.01}, "it is the published triple itself"),
        ({"factor": 4.0, "tolerance": 0.2, "step": 0.2}, "best of 18 triples"),
        ({"phi": 0.5}, "at phi = 0.5"),
    ],
)
def test_other_grids(tmp_path, settings, words):
    path = make(tmp_path / "run", **settings)
    page = page_of(path)
    assert words in page.headline
    assert len(page.rows) >= 19  # heads, triples, laws, members


@pytest.mark.slow
def test_ten_thousand_triples_stay_small(tmp_path):
    path = make(tmp_path / "run", step=0.01, tolerance=0.1)
    html = grid_page.page_of(path)
    assert "10,309 triples" in Page(html).headline
    assert len(html.encode()) < 500_000


def test_a_grid_without_tables_says_how_to_go_on(copy):
    (copy / "grid.csv").unlink()
    edit_json(copy / "manifest.json", state="interrupted")
    with pytest.raises(UserError, match="was interrupted, with 85 triples in its ledger") as raised:
        report.run(copy, out=None, as_json=False)
    assert raised.value.hint == "continue it with: effsearch grid --resume --out runs/g1"
    edit_json(copy / "manifest.json", state="running", ended=None)
    with pytest.raises(UserError, match="still running, or was killed"):
        report.run(copy, out=None, as_json=False)


@pytest.mark.parametrize("name", ["grid.csv", "surface.csv", "coefficients.json", "family/family.csv"])
@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "{}", "[]", '"', "\x00"])
def test_broken_tables_are_a_users_error(copy, name, content):
    (copy / name).write_text(content)
    with pytest.raises(UserError, match="is no whole grid"):
        grid_page.page_of(copy)


def test_an_unreadable_config_costs_the_commands_only(copy):
    (copy / "config.yaml").write_text("[")
    commands = page_of(copy).texts["pre"]
    assert not any("--config" in command for command in commands)
    assert len(commands) >= 2


def test_what_kind_of_run_it_is_stands_in_the_ledger(b0_grid, plain_run):
    assert grid_run.is_grid(b0_grid)
    assert not grid_run.is_grid(plain_run)
    assert report.write(plain_run, plain_run.parent / "page.html").read_text().count("Pareto front") > 1


def test_compare_refuses_a_grid(b0_grid, plain_run):
    with pytest.raises(UserError, match="is a grid; compare puts searches side by side"):
        compare.run([plain_run, b0_grid], out=None, as_json=False)


def test_the_settings_of_the_run_are_in_the_footer(b0_grid):
    settings = json.loads((b0_grid / "ledger.jsonl").read_text().splitlines()[1])
    page = page_of(b0_grid)
    values = page.texts["dd"]
    assert f"EfficientNet-B0, key {settings['base']}" in values
    assert settings["points"] in values
    assert yaml.safe_load((b0_grid / "config.yaml").read_text())["command"] == "grid"
    assert "every triple, best first" in values
