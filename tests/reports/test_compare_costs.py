"""Searches for different costs side by side: milliseconds, true fronts, whose network is the best."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from effsearch.commands import compare as command
from effsearch.nas import Reward
from effsearch.reports import compare_terminal, terminal
from effsearch.reports.candidates import candidates
from effsearch.reports.compare import CompareView, compare_page, compare_view
from effsearch.reports.compare_finding import finding
from effsearch.reports.live import load
from effsearch.reports.measure import measure
from effsearch.search_spaces import catalogue
from effsearch.search_spaces.cost import cost


class Slow:
    """Milliseconds that do not rank networks as their mult-adds do."""

    unit = "ms"

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint

    def __call__(self, architecture) -> float:
        return cost(architecture).params / 1e3 + 2 * (int(architecture.key, 16) % 7)


@pytest.fixture(scope="module")
def timed(make_run) -> Path:
    return make_run(
        target_flops=None, budgets={"latency": 14.0}, costs={"latency": Slow("a")}, objectives=["accuracy", "latency"]
    )


@pytest.fixture(scope="module")
def pair(timed, plain_run) -> CompareView:
    return compare_view([load(timed), load(plain_run)])


def said(*parts) -> str:
    file = io.StringIO()
    Console(file=file, width=150, highlight=False, color_system=None).print(*parts, sep="\n")
    return file.getvalue()


def complete(path: Path) -> pd.DataFrame:
    trials = pd.read_csv(path / "trials.csv")
    return trials[(trials["state"] == "complete") & trials["feasible"]]


def test_milliseconds_stand_beside_the_runs_that_have_them(pair):
    best = pair.columns[0].picks["budget"]
    html, text = compare_page(pair), said(*compare_terminal.summary(pair))
    amount = f"{best.others['latency']:.4g}"
    assert f"<bdi>latency</bdi> {amount} <bdi>ms</bdi>, " in html
    rows = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert amount in next(line for line in text.splitlines() if "latency ≤ 14 ms" in line)
    assert "latency, ms" in rows["run"]
    assert any(amount in line for front in (pair.front, pair.zoom) for mark in front.marks for line in mark.lines)


def test_the_line_of_a_search_for_latency_is_a_front_in_flops(pair, timed):
    front, tried = pair.front.fronts[0], complete(timed)
    drawn = set(zip(front.costs, front.accuracies, strict=True))
    points = set(zip(tried["mult_adds"], tried["accuracy"], strict=True))
    unbeaten = {
        (mult_adds, accuracy)
        for mult_adds, accuracy in points
        if not any(a <= mult_adds and b >= accuracy and (a, b) != (mult_adds, accuracy) for a, b in points)
    }
    assert front.stairs
    assert drawn == unbeaten
    assert "aside" in front.style
    html = compare_page(pair)
    assert html.count('class="front run0 aside"') >= 1
    assert html.count('class="front run1"') >= 1
    assert pair.front_notes == (
        f"Dotted: {pair.columns[0].name} searched for accuracy and latency, so its line here is read out of all "
        "networks that it tried within its budget, and is not what it aimed at.",
    )


def test_the_best_is_sought_within_the_budget_that_both_have(pair, timed, plain_run):
    known = [
        (float(one["accuracy"]), number)
        for number, path in enumerate((timed, plain_run))
        for _, one in complete(path).iterrows()
        if one["mult_adds"] <= 2e6
    ]
    accuracy, number = max(known)
    other = max(value for value, run in known if run != number)
    first, second, last = pair.finding
    assert first.startswith("Within FLOPs ≤ 2M, the best network is ")
    assert pair.columns[number].name in first
    assert f"{accuracy:.2f} ± 0.50 %" in first
    deviations = (accuracy - other) / math.hypot(0.5, 0.5)
    words = "as good" if accuracy - other < 0.005 else f"{accuracy - other:.2f} point"
    assert words in second
    assert ("within one standard deviation" in second) == (accuracy - other >= 0.005 and deviations < 1)
    assert last == f"Besides, each is held to its own budget: latency ≤ 14 ms ({pair.columns[0].name})."
    assert all(sentence in said(*compare_terminal.summary(pair)).replace("\n", " ") for sentence in (first, second))


@pytest.mark.parametrize(
    ("std", "words"),
    [(0.05, "more than two standard deviations, so a clear difference"), (5.0, "within one standard deviation")],
)
def test_the_intervals_say_whether_they_are_told_apart(pair, timed, plain_run, monkeypatch, std, words):
    runs = [load(timed), load(plain_run)]
    for run in runs:
        run.trials["accuracy_std"] = std
    runs[0].trials["accuracy"] += 1.0
    for run in runs:
        run.selected.clear()  # what is left are the tables
    assert words in finding(runs, ["a", "b"], measure(runs[1]), one_scale=True)[1]


def test_accuracies_of_other_scales_name_no_best(plain_run, make_run):
    view = compare_view([load(plain_run), load(make_run(fidelity="toy top-5", trials=20))])
    assert view.finding == ("Their accuracies are not on one scale, so none of the networks is called the best.",)


@pytest.mark.slow
def test_latencies_of_two_tables_are_not_compared(timed, make_run):
    other = make_run(
        target_flops=None, budgets={"latency": 14.0}, costs={"latency": Slow("b")}, objectives=["accuracy", "latency"]
    )
    view = compare_view([load(timed), load(other)])
    assert view.cost.is_flops
    assert view.warnings[-1] == "The runs' values of latency are of different tables, so not comparable."
    assert view.finding[0].startswith("They have no budget in common (latency ≤ 14 ms (")


@pytest.mark.slow
def test_latencies_of_one_table_are(timed, make_run):
    other = make_run(
        target_flops=None, budgets={"latency": 12.0}, costs={"latency": Slow("a")}, objectives=["accuracy", "latency"],
        seed=1,
    )  # fmt: skip
    view = compare_view([load(timed), load(other)])
    assert view.cost.column == "latency"
    assert view.finding[0].startswith("Within latency ≤ 12 ms, the best network is ")
    assert view.front_notes == ()


def test_the_terminal_has_a_row_a_run_and_the_document_the_same(timed, plain_run, tmp_path, capsys):
    out = tmp_path / "both.html"
    assert command.run((timed, plain_run), out=out, as_json=False) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[-1] == f"page:  {out}"
    assert command.run((timed, plain_run), out=out, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["page"] == str(out)
    for path, one in zip((timed, plain_run), document["runs"], strict=True):
        best = complete(path)["accuracy"].max()
        assert one["best"]["accuracy"] == best
        assert f"{best:.2f} ± 0.50" in text
        assert ("latency" in one["best"]) == (path == timed)
    assert document["finding"][0].startswith("Within FLOPs ≤ 2M")


# What is over the budget is marked where it is shown


def test_values_over_the_budget_are_marked_in_the_terminal_and_on_the_page(make_run):
    budgets = {"mult_adds": 1.5e6, "params": 20000, "activations": 5000}
    run = load(make_run(target_flops=None, budgets=budgets, reward=Reward(1.5e6, under=0.0, over=0.0)))
    text = said(*terminal.summary(run))
    columns = [*run.selected.values(), *run.references]
    assert "* over the budget (FLOPs ≤ 1.5M and params ≤ 20k and activations ≤ 5k)" in text.replace("\n", " ")
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    flops, params = lines["FLOPs"][1:], lines["parameters"]
    assert [cell.endswith("*") for cell in flops] == [one.mult_adds > 1.5e6 for one in columns]
    assert [cell.endswith("*") for cell in params] == [one.params > 20000 for one in columns]
    assert any(cell.endswith("*") for cell in (*flops, *params))
    assert not flops[0].endswith("*")  # the pick for the budget
    rows = candidates(run)
    for row in rows.rows:
        assert ("mult_adds" in row.over, "params" in row.over) == (row.mult_adds > 1.5e6, row.params > 20000)
        if row.trial is not None:
            tried = run.trials[run.trials["number"] == row.trial].iloc[0]
            assert (row.unseen == ("over the limit on activations",)) == (tried["activations"] > 5000)
            assert bool(row.over) == (not tried["feasible"])
    assert rows.over.startswith("over the budget (FLOPs ≤ 1.5M")


@pytest.mark.slow
def test_nothing_is_marked_where_all_is_within(make_run):
    run = load(make_run(target_flops=1e9))
    assert "over the budget" not in said(*terminal.summary(run))
    assert candidates(run).over == ""


def test_the_best_at_the_references_cost_is_said_where_it_is_another_network(plain_run):
    run = load(plain_run)
    for one, said_so in ((run.selected["budget"].mult_adds, False), (run.front["mult_adds"].iloc[-2] + 1.0, True)):
        known = replace(
            run, references=(replace(run.references[0], architecture=catalogue.load("b0"), mult_adds=float(one)),)
        )
        assert (known.best_at(one).trial not in {pick.trial for pick in run.selected.values()}) == said_so
        assert ("at most tiny's own" in said(*terminal.summary(known))) == said_so
