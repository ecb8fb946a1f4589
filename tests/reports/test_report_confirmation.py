"""A run with confirmations says first what they say; a run without looks as it always did."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from effsearch.evaluators import Evaluation
from effsearch.nas import search
from effsearch.records.errors import UserError
from effsearch.reports import confirm_figure, confirm_verdict, run, terminal
from effsearch.reports.confirm_view import Confirmed, Row
from effsearch.reports.live import load
from effsearch.reports.meaning import meaning
from effsearch.reports.measure import measure
from effsearch.reports.nas_page import page_of
from effsearch.reports.nas_view import nas_view
from effsearch.reports.next_steps import next_steps
from effsearch.search_spaces import Architecture, Dimension, Head, SearchSpace, Stage, Stem
from effsearch.search_spaces.cost import cost

FIDELITY = "fashion-mnist validation top-1, 3 epochs, 10,000 images, 28 px"
SOURCE = f"training, {FIDELITY}, recipe 0123456789abcdef, data fedcba9876543210"


class Trained:
    """More parameters are better; a seed adds noise; `better`: a point added for all but the baseline."""

    source = SOURCE

    def __init__(self, noise, better=0.0, baseline="", fails=lambda key, seed: False, stop=math.inf):
        self.noise, self.better, self.baseline, self.fails, self.stop = noise, better, baseline, fails, stop
        self.asked = 0

    def __call__(self, architecture, *, seed=0):
        self.asked += 1
        if self.asked > self.stop:
            raise KeyboardInterrupt
        if self.fails(architecture.key, seed):
            return Evaluation.failed("no <memory>", seed=seed)
        noise = np.random.default_rng([int(architecture.key, 16), seed]).normal(0, self.noise)
        accuracy = 60 + 5 * math.log10(cost(architecture).params) + noise
        accuracy += 0 if architecture.key == self.baseline else self.better
        return Evaluation(accuracy, 0.3, seed=seed, fidelity=FIDELITY, source=SOURCE, seconds=1.0)


STAGES = (Stage("conv", 8), Stage("conv", 16), Stage("conv", 24))
BASE = Architecture("tiny", Stem(8), STAGES, Head(0), resolution=16, classes=3)
CHOICES = {"channels": (8, 16, 24), "kernel": (3, 5, 7), "repeats": (1, 2, 3)}


def build(point):
    stages = (replace(one, **{name: point[f"{name}_{i}"] for name in CHOICES}) for i, one in enumerate(STAGES))
    return replace(BASE, stages=tuple(stages))


SPACE = SearchSpace("tiny", tuple(Dimension(f"{name}_{i}", CHOICES[name]) for i in range(3) for name in CHOICES), build)
MIDDLE = replace(build({one.name: one.choices[1] for one in SPACE.dimensions}), name="efficientnet-b0")


@pytest.fixture(scope="module")
def confirmed(tmp_path_factory):
    """The run directory of a search that was confirmed against the middle of the space."""

    def make(noise=0.5, *, confirm=3, baseline=True, picks="posterior", **evaluator):
        path = tmp_path_factory.mktemp("runs") / "run"
        rate = Trained(noise, baseline=MIDDLE.key, **evaluator)
        try:
            search(
                SPACE, rate, run_dir=path, confirm=confirm, baseline=MIDDLE if baseline else None, trials=40, batch=20,
                target_flops=2e6, sampler="random", picks=picks,
            )  # fmt: skip
        except KeyboardInterrupt:
            assert rate.stop < math.inf
        return path

    return make


@pytest.fixture(scope="module")
def usual(confirmed):
    return confirmed()


def text_of(page):
    return " ".join(re.sub("<[^>]*>", " ", page.split("<main>")[1]).split())


def row(**values):
    usual = {
        "role": "budget", "name": "n", "key": "k", "trial": 1, "mult_adds": 1e6, "params": 1e5,
        "accuracies": {1000: 70.0, 1001: 71.0}, "mean": 70.5, "std": 0.7, "standard_error": 0.5, "difference": 0.5,
        "low": 0.1, "high": 0.9, "side": "above", "chosen": True, "failure": "", "observed": 72.0,
    }  # fmt: skip
    return Row(**{**usual, **values})


def test_the_page_says_the_confirmed_figures_first(usual):
    view, known = nas_view(load(usual)), run.load(usual).confirmation
    assert f"{known.chosen.mean:.2f} ± {known.chosen.standard_error:.2f} %" in view.verdict.headline
    assert "mean of 3 seeds" in view.verdict.headline
    assert "EfficientNet-B0" in view.verdict.headline
    page = page_of(usual)
    words = text_of(page)
    assert words.index("Evaluated again with fresh seeds") < words.index("What to run next")
    assert words.index("95 % interval") < words.index("Accuracy against FLOPs")
    assert "the best 3 of the search" in words
    assert "best of 3 confirmed, which again favours the luckier" in words
    assert "1000, 1001, 1002" in words
    for one in known.rows:
        for value in one.accuracies.values():
            assert f"{value:.2f}" in words
    assert 'id="confirmed-title"' in page
    assert "<script" not in page


def test_a_training_is_not_called_predicted_nor_imagenet(usual):
    words = text_of(page_of(usual))
    assert "fashion-mnist validation top-1 (3 epochs, 10,000 images, 28 px)" in words
    assert "predict" not in words.lower()
    assert "ImageNet" not in words
    assert "no part of effsearch" not in words
    assert "Every network was trained from fresh weights" in words


@pytest.mark.slow
def test_the_headline_takes_the_side_of_the_interval(confirmed):
    above = confirm_verdict.said(run.load(confirmed(0.05, better=3.0))).headline
    below = confirm_verdict.said(run.load(confirmed(0.05, better=-9.0))).headline
    open_ = confirm_verdict.said(run.load(confirmed(4.0))).headline
    assert re.search(r"\d points above EfficientNet-B0, 95 % interval \+", above)
    assert re.search(r"\d points below EfficientNet-B0, 95 % interval -", below)
    assert "not told apart from EfficientNet-B0" in open_


def test_the_interval_on_the_page_is_that_of_the_result(usual):
    known = run.load(usual).confirmation
    chosen = known.chosen
    differences = [chosen.accuracies[seed] - known.baseline.accuracies[seed] for seed in known.seeds]
    low, high = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert (chosen.low, chosen.high) == pytest.approx((low, high))
    assert f"{low:+.2f} to {high:+.2f}" in text_of(page_of(usual))
    assert f"{', '.join(f'{one:+.2f}' for one in differences)}" in text_of(page_of(usual))


def test_the_figure_draws_every_seed_the_mean_and_the_interval(usual):
    known, words = run.load(usual).confirmation, measure(run.load(usual))
    shown = confirm_figure.lines(known, words)
    assert [line.style for line in shown.rows].count("budget") == 1
    assert shown.zero == "EfficientNet-B0"
    for line, one in zip(shown.rows, known.candidates, strict=True):
        assert line.mean == pytest.approx(np.mean(line.values))
        assert (line.low, line.high) == (one.low, one.high)
    drawn = str(confirm_figure.draw(shown))
    assert drawn.count('class="seed"') == 9
    assert drawn.count('class="thick"') == 3
    assert drawn.count('class="level"') == 1


def test_the_found_network_and_the_baseline_have_their_means_everywhere(usual):
    whole = run.load(usual)
    assert whole.selected["budget"].accuracy == whole.confirmation.chosen.mean
    assert whole.references[0].accuracy == whole.confirmation.baseline.mean
    assert whole.references[0].architecture == MIDDLE
    assert nas_view(whole).intervals == ()


@pytest.mark.slow
def test_without_a_baseline_the_means_are_drawn(confirmed):
    path = confirmed(baseline=False)
    known, words = run.load(path).confirmation, measure(run.load(path))
    shown = confirm_figure.lines(known, words)
    assert (shown.zero, len(shown.rows)) == ("", 3)
    assert all(line.low is None for line in shown.rows)
    assert "not compared with a baseline" in text_of(page_of(path))


@pytest.mark.slow
def test_one_seed_promises_nothing(confirmed):
    words = text_of(page_of(confirmed(confirm=1)))
    assert "with one seed, which says little" in words
    assert "One seed gives no interval" in words
    assert "nan" not in words


@pytest.mark.slow
def test_failures_are_said(confirmed):
    known = run.load(confirmed()).confirmation
    first = known.candidates[0].key
    path = confirmed(fails=lambda key, seed: seed >= 1000 and key == first)
    words = text_of(page_of(path))
    assert "failed with 3 of 3 seeds and is left out: no &lt;memory&gt;" in words
    baseline = text_of(page_of(confirmed(fails=lambda key, seed: key == MIDDLE.key)))
    assert "EfficientNet-B0 could not be evaluated" in baseline
    everyone = text_of(page_of(confirmed(fails=lambda key, seed: seed >= 1000 and key != MIDDLE.key)))
    assert "None of the 3 best networks could be confirmed: no &lt;memory&gt;" in everyone


@pytest.mark.slow
def test_evaluations_that_do_not_vary_are_said_to_be_so(confirmed):
    words = text_of(page_of(confirmed(0.0)))
    assert "these evaluations do not vary with the seed" in words


@pytest.mark.slow
def test_a_confirmation_that_is_not_finished_is_announced(confirmed):
    path = confirmed(stop=45)
    whole = load(path)
    assert whole.confirmation is None
    assert "5 of these evaluations are in the ledger" in " ".join(nas_view(whole).notices)


@pytest.mark.slow
def test_a_broken_confirm_csv_is_an_error_in_one_line(confirmed):
    path = confirmed()
    (path / "confirm.csv").write_text("role,name\nbudget,x\n")
    with pytest.raises(UserError, match="no whole search"):
        run.load(path)


def test_the_terminal_shows_it_before_the_picks(usual):
    console = Console(width=200, file=StringIO())
    console.print(*terminal.summary(run.load(usual)))
    words = console.file.getvalue()
    assert words.index("95 % interval") < words.index("reward")
    assert words.count("EfficientNet-B0") >= 1
    assert "seed 1002" in words


@pytest.mark.slow
def test_picks_by_the_posterior_without_confirmation_say_what_is_expected(confirmed):
    path = confirmed(confirm=0)
    whole = run.load(path)
    best = whole.selected["budget"]
    words = text_of(page_of(path))
    assert f"they expect {best.expected:.2f} ± {best.expected_std:.2f} %" in words
    assert "partly the luckiest:" not in words


def test_the_meaning_states_how_many_were_compared(usual):
    whole = run.load(usual)
    said = dict(meaning(whole, measure(whole)))
    assert "choosing the best of 3" in said["The 95 % interval"]


def test_the_next_step_of_a_training_is_a_full_one(usual):
    commands = [
        step.command for step in next_steps(run.load(usual), {"command": "nas", "trials": 40, "data": "my photos"})
    ]
    assert any(command.startswith("effsearch train ") and "--data 'my photos'" in command for command in commands)
    assert not any("mine.py" in command for command in commands)


@pytest.mark.slow
@pytest.mark.parametrize("picks", ["observed", "posterior"])
def test_json_of_the_values_has_no_nan(confirmed, picks):
    known = run.load(confirmed(confirm=1, picks=picks)).confirmation
    json.dumps([vars(one) for one in known.rows], allow_nan=False)


def test_values_of_a_confirmation():
    known = Confirmed((1000, 1001), (row(), row(role="2nd", chosen=False)), None, None)
    assert known.chosen is known.candidates[0]
    assert known.rows == known.candidates
    words = [one.words for one in (*known.rows, row(role="2nd"), row(chosen=False), row(role="baseline", chosen=False))]
    assert words == ["found", "2nd of the search", "found, 2nd of the search", "the search's pick", "baseline"]
    assert confirm_figure.lines(Confirmed((1000,), (row(mean=None, accuracies={}),), None, None), measure_of()) is None


def measure_of():
    from effsearch.reports.measure import Measure

    return Measure("own", "accuracy", " %", "toy top-1")


@pytest.mark.slow
def test_a_run_without_confirmation_has_no_trace_of_it(plain_run):
    page = page_of(plain_run)
    assert "confirmed" not in page.lower()
    assert "fresh seeds" not in page
    assert ".seed" not in page
