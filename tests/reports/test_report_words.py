"""The words of a report follow from its numbers."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effsearch.reports import meaning, strip_figure, svg, text
from effsearch.reports.labels import differences
from effsearch.reports.measure import measure
from effsearch.reports.next_steps import next_steps
from effsearch.reports.placement import Box, Wanted, place
from effsearch.reports.run import Rated, Run
from effsearch.reports.stage_table import stage_rows
from effsearch.reports.verdict import difference, relative, verdict
from effsearch.search_spaces import Stage, catalogue
from effsearch.search_spaces.cost import cost

B0 = catalogue.load("b0")
SETTINGS = {
    "space": "mnasnet-b0", "evaluator": "surrogate, 50 epochs", "objectives": ["accuracy", "mult_adds"],
    "budgets": {"mult_adds": 4e8}, "sampler": "nsga2", "batch": 50, "seed": 3,
    "reward": {"target": 4e8, "under": -0.07, "over": -0.07, "cost": "mult_adds"},
}  # fmt: skip


def rated(accuracy: float, std: float | None, mult_adds: float = 3.8e8, name: str = "budget") -> Rated:
    return Rated(name, B0, accuracy, std, mult_adds, 5e6, accuracy, 1)


def run_of(best: Rated | None, reference: Rated | None, **settings: object) -> Run:
    row = {"number": 1, "state": "complete", "accuracy": 70.0, "accuracy_std": 0.3, "mult_adds": 3e8, "params": 5e6}
    table = pd.DataFrame([{**row, "feasible": best is not None, "key": "k"}] * 4)
    selected = {} if best is None else {"budget": best}
    fidelity = str(settings.pop("fidelity", "ImageNet top-1, 50 epochs (predicted)"))
    references = () if reference is None else (replace(reference, name="efficientnet-b0"),)
    return Run(
        Path("/x/runs/a b"), "done", MappingProxyType({**SETTINGS, **settings}), fidelity, table, table.head(0),
        selected, references,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (rated(73.0, 0.3), rated(72.7, 0.4), "within one standard deviation, so not a proven difference"),
        (rated(73.3, 0.3), rated(72.7, 0.4), "between one and two standard deviations, so not a proven difference"),
        (rated(74.0, 0.3), rated(72.7, 0.4), "more than two standard deviations, for a training to confirm"),
        (rated(71.0, 0.3), rated(72.7, 0.4), "more than two standard deviations, so a clear difference"),
        (rated(74.0, None), rated(72.7, 0.4), "no standard deviation is known, so it is not a proven difference"),
        (rated(74.0, 0.3), rated(72.7, None), "no standard deviation is known, so it is not a proven difference"),
    ],
)
def test_how_sure_a_difference_is(first, second, words):
    assert difference(first, second).sureness() == words
    assert words in verdict(run_of(first, second)).headline


def test_the_combined_deviation_is_the_root_of_the_sum_of_squares():
    between = difference(rated(73.0, 0.3), rated(72.5, 0.4))
    assert between.sigma == pytest.approx(0.5)
    assert between.deviations == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("best", "claimed"),
    [
        (rated(73.0, 0.35, 3.7e8), True),
        (rated(72.5, 0.35, 3.8e8), True),  # a little below, within one deviation
        (rated(72.0, 0.35, 3.8e8), False),  # more than one deviation below
        (rated(73.0, 0.35, 4.1e8), False),  # 6 % more FLOPs
        (rated(73.0, None, 3.7e8), False),  # not known how sure
        (rated(75.0, 0.35, 3.7e8), False),  # another class
    ],
)
def test_b0_class_is_claimed_where_the_numbers_bear_it_out(best, claimed):
    words = " ".join(verdict(run_of(best, rated(72.7, 0.35, 385_814_752))).details)
    assert ("“B0-class”" in words) == claimed


def test_b0_class_never_says_no_more_flops_of_a_network_that_has_more():
    words = " ".join(verdict(run_of(rated(73.0, 0.35, 3.95e8), rated(72.7, 0.35, 3.858e8))).details)
    assert "“B0-class”" in words
    assert "no more FLOPs" not in words


def test_another_cost_is_said_in_the_headline():
    headline = verdict(run_of(rated(70.0, 0.3, 2e8), rated(72.7, 0.3, 4e8))).headline
    assert "2.70 points below EfficientNet-B0 with 50 % fewer FLOPs" in headline


def test_no_difference_and_no_reference():
    assert "as good as EfficientNet-B0" in verdict(run_of(rated(72.7, 0.3), rated(72.7, 0.3))).headline
    assert verdict(run_of(rated(72.7, 0.3), None)).headline.endswith("FLOPs.")


@pytest.mark.parametrize(
    ("ratio", "words"), [(0.9716, "2.8 % fewer"), (1.2, "20 % more"), (1.0001, "as many"), (0.5, "50 % fewer")]
)
def test_relative_numbers(ratio, words):
    assert relative(ratio) == words


@pytest.mark.parametrize(
    ("evaluator", "fidelity", "kind", "of"),
    [
        ("surrogate, 9 epochs", "Y top-1, 9 epochs (predicted)", "surrogate", "predicted Y top-1 (9 epochs)"),
        ("capacity", "training-free capacity score (no accuracy)", "capacity", "capacity score"),
        ("capacity", "CIFAR-10 top-1", "own", "CIFAR-10 top-1"),  # a user's function of that name
        ("mine.py:train", "CIFAR-10 top-1, 3 epochs", "own", "CIFAR-10 top-1 (3 epochs)"),
        ("mine.py:train", "", "own", ""),
    ],
)  # fmt: skip
def test_what_the_accuracies_are(evaluator, fidelity, kind, of):
    words = measure(run_of(None, None, evaluator=evaluator, fidelity=fidelity))
    assert (words.kind, words.of) == (kind, of)


@pytest.mark.parametrize(("kind", "about"), [("surrogate", "4,100"), ("capacity", "is none"), ("own", "no part of")])
def test_what_the_numbers_mean_depends_on_the_evaluator(kind, about):
    texts = {
        one: " ".join(statement for _, statement in meaning.meaning(run, measure(run)))
        for one, run in {
            "surrogate": run_of(None, None),
            "capacity": run_of(None, None, evaluator="capacity", fidelity="a score (no accuracy)"),
            "own": run_of(None, None, evaluator="mine.py:f", fidelity="mine"),
        }.items()
    }
    assert [one for one, text in texts.items() if about in text] == [kind]


def test_commands_are_quoted_and_fit_the_run():
    run = run_of(rated(73, 0.3), None)
    commands = [step.command for step in next_steps(run, {"command": "nas", "trials": 4, "evaluator": "surrogate"})]
    assert "effsearch nas --resume --out 'runs/a b' --trials 8" in commands
    assert "effsearch nas --config 'runs/a b/config.yaml' --seed 4" in commands
    stopped = next_steps(replace(run, state="interrupted"), {"command": "nas", "trials": 9, "evaluator": "surrogate"})
    assert [step.command for step in stopped] == ["effsearch nas --resume --out 'runs/a b'"]
    assert next_steps(run, {}) == ()  # from Python: the command line cannot resume it


def test_differences_are_marked_where_the_stages_differ():
    stages = list(B0.stages)
    stages[2] = replace(stages[2], kernel=3, se_ratio=0)
    changed = replace(B0, stages=tuple(stages))
    cells = strip_figure.cells(changed, B0)
    assert [sorted(cell.different) for cell in cells] == [[], [], [], ["kernel", "se"], [], [], [], [], []]
    assert sum(cell.share for cell in cells) == pytest.approx(1)
    rows = {row.name: row.different for row in stage_rows(changed, B0)}
    assert rows["3"] == differences(stages[2], B0.stages[2]) != ""
    assert [name for name, words in rows.items() if words] == ["3"]


def test_networks_of_different_length_are_aligned_at_both_ends():
    longer = replace(B0, stages=(*B0.stages, Stage("mbconv", 320)))
    cells = strip_figure.cells(longer, B0)
    assert len(cells) == 10
    assert cells[-1].different == frozenset()
    assert cells[-2].different
    shorter = replace(B0, stages=B0.stages[:-1])
    assert strip_figure.cells(shorter, B0)[-1].kind == "Conv, pool"
    names = [row.name for row in stage_rows(shorter, B0)]
    assert names == ["stem", *"1234567", "head"]
    parts = [row.found.cost.mult_adds for row in stage_rows(longer, B0) if row.found]
    assert sum(parts) == cost(longer).mult_adds


def test_labels_with_room_cover_nothing():
    inside = Box(0, 0, 1000, 600)
    wanted = [Wanted(100 + 9.0 * i, 300 + 7.0 * (i % 3), 90, 16, 5) for i in range(9)]
    dots = [Box.around(one.x, one.y, 5) for one in wanted]
    placed = place(wanted, inside=inside, taken=dots)
    boxes = [one.box for one in placed]
    assert all(a.overlap(b) == 0 for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(box.overlap(dot) == 0 for box in boxes for dot in dots)
    assert all(inside.left <= box.left and box.right <= inside.right for box in boxes)
    assert placed == place(wanted, inside=inside, taken=dots)


@given(st.floats(1e5, 1e11), st.floats(1.01, 1e4), st.floats(20, 80))
def test_log_ticks_are_inside_and_apart(low, factor, gap):
    scale = svg.Scale(low, low * factor, 0, 900, log=True)
    ticks = svg.log_ticks(scale, gap)
    assert ticks == sorted(ticks)
    assert all(low * 0.999 <= tick <= low * factor * 1.001 for tick in ticks)
    if factor >= 4:
        assert all(scale(b) - scale(a) >= gap for a, b in pairwise(ticks))
    assert len(ticks) >= 1 or factor < 1.1


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 12))
def test_linear_ticks_are_round_and_inside(low, width, count):
    ticks, decimals = svg.linear_ticks(low, low + width, count)
    assert 1 <= len(ticks) <= count + 1
    assert all(low - width * 1e-6 <= tick <= low + width * (1 + 1e-6) for tick in ticks)
    assert len({f"{tick:.{decimals}f}" for tick in ticks}) == len(ticks)


@pytest.mark.parametrize("values", [[], [70.0], [70.0, 70.0], [float("nan")], [0.0]])
@pytest.mark.parametrize("log", [False, True])
def test_a_range_of_nothing_or_of_one_value_can_be_drawn(values, log):
    low, high = svg.padded(values, 0.05, log=log)
    assert low < high
    assert not log or low > 0


@pytest.mark.parametrize(
    ("given", "page"),
    [
        ("a\nb\u202ec\x00", "a\\nb\\u202ec\\x00"),
        ("x \u05d0\u05d1 \u05d2 1", "x \u2068\u05d0\u05d1 \u05d2\u2069 1"),  # Hebrew cannot move the 1
        ("plain 5 \N{PLUS-MINUS SIGN} 1 \u4f60", "plain 5 \N{PLUS-MINUS SIGN} 1 \u4f60"),
        ("\ud800", "\\ud800"),  # what a file name of broken bytes holds
    ],
)
def test_text_as_a_page_can_show_it(given, page):
    assert text.shown(given) == page


def test_elements_escape_what_they_are_given():
    drawn = svg.tag("text", "<b>&\n", class_='"quoted"', x=1.25, none=None)
    assert drawn == '<text class="&#34;quoted&#34;" x="1.2">&lt;b&gt;&amp;\\n</text>'
