"""Several runs on one page: what is equal, what differs, and whether they may be compared at all."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from effsearch.commands import compare as command
from effsearch.records.errors import UserError
from effsearch.reports.compare import compare_page, compare_view, distinct_names, page_of
from effsearch.reports.live import load


@pytest.fixture(scope="module")
def two(make_run) -> tuple[Path, Path]:
    return make_run(seed=0), make_run(seed=1)


def test_the_picks_and_the_fronts_are_those_of_the_runs(two):
    view = compare_view([load(path) for path in two])
    html = compare_page(view)
    for path, front, column in zip(two, view.front.fronts, view.columns, strict=True):
        table = pd.read_csv(path / "front.csv")
        assert list(front.costs) == list(table["mult_adds"])
        assert list(front.accuracies) == list(table["accuracy"])
        trials = pd.read_csv(path / "trials.csv")
        assert column.picks["budget"].accuracy == trials[trials["feasible"]]["accuracy"].max()
        assert f"{column.picks['budget'].accuracy:.2f}" in html
    assert [front.style for front in view.front.fronts] == ["run0", "run1"]
    assert "svg" in html


def test_equal_searches_with_other_seeds_are_comparable(two):
    assert compare_view([load(path) for path in two]).warnings == ()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"evaluator": "other"}, "The runs differ in evaluator, so their accuracies are not on one scale: rated; "),
        ({"fidelity": "toy top-5"}, "The runs differ in accuracies, so their accuracies are not on one scale"),
        ({"space": "other"}, "The runs differ in space, so they were not asked the same: tiny; other."),
        ({"target_flops": 1e6}, "The runs differ in budget, so they were not asked the same: FLOPs ≤ 2M; FLOPs ≤ 1M."),
        ({"trials": 40}, "The runs tried different numbers of networks"),
    ],
)  # fmt: skip
def test_runs_that_are_not_comparable_are_said_to_be(make_run, plain_run, settings, said):
    warnings = compare_view([load(plain_run), load(make_run(**settings))]).warnings
    assert len(warnings) == 1
    assert warnings[0].startswith(said)


def test_names_are_distinct():
    paths = [Path("/a/runs/x"), Path("/b/runs/y"), Path("/b/other/x"), Path("/b/other/x")]
    assert distinct_names(paths) == ["runs/x", "y", "other/x", "other/x (2)"]


def test_the_page_is_written_and_the_same_twice(two, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert command.run(two, out=None, as_json=False) == 0
    assert capsys.readouterr().out.endswith("\npage:  compare.html\n")
    assert command.run(two, out=tmp_path / "again.html", as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["page"] == str(tmp_path / "again.html")
    html = (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert html == (tmp_path / "again.html").read_text(encoding="utf-8")
    assert re.findall(r"<script|https?://|url\(|@import|src=|href=", html) == []


def test_a_run_where_nothing_was_found_beside_one_where_something_was(make_run, plain_run):
    path = make_run(target_flops=None, budgets={"mult_adds": 2e6, "params": 300})
    view = compare_view([load(path), load(plain_run)])
    assert "budget" not in view.columns[0].picks
    assert len(view.strips) == 1
    assert "<td>\N{EN DASH}</td>" in compare_page(view)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_runs_are_refused(plain_run, count):
    with pytest.raises(UserError, match="at least two"):
        page_of([plain_run] * count)
