"""A run with confirmations says first what they say; a run without looks as it always did."""

from __future__ import annotations

import json
import math
import re
import shutil
from dataclasses import replace
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy import stats

from effsearch.commands.nas import _document
from effsearch.evaluators import Evaluation
from effsearch.nas import search
from effsearch.records.errors import UserError
from effsearch.reports import confirm_figure, confirm_verdict, confirm_view, run, terminal
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


class Stops:
    """An executor that is out of time after so many evaluations."""

    def __init__(self, after):
        self.left = after

    def run(self, evaluator, architectures, *, seed=0, deadline=None):
        for number, architecture in enumerate(architectures):
            if self.left == 0:
                return
            self.left -= 1
            yield number, evaluator(architecture, seed=seed)


class Trained:
    """More parameters are better; a seed adds noise; `better`: a point added for all but the baseline."""

    source = SOURCE

    def __init__(self, noise, better=0.0, baseline="", fails=lambda key, seed: False, stop=math.inf, std=0.3):
        self.noise, self.better, self.baseline, self.fails, self.stop = noise, better, baseline, fails, stop
        self.std = std
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
        return Evaluation(accuracy, self.std, seed=seed, fidelity=FIDELITY, source=SOURCE, seconds=1.0)


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

    def make(noise=0.5, *, confirm=3, baseline=True, picks="posterior", trials=40, after=None, **evaluator):
        path = tmp_path_factory.mktemp("runs") / "run"
        rate = Trained(noise, baseline=MIDDLE.key, **evaluator)
        patch = pytest.MonkeyPatch()
        limits = {}
        if after is not None:
            patch.setattr("effsearch.workers.until.is_over", lambda _: True)
            limits = {"executor": Stops(1 + trials + after), "max_seconds": 1000}
        try:
            search(
                SPACE, rate, run_dir=path, confirm=confirm, baseline=MIDDLE if baseline else None, trials=trials,
                batch=20, target_flops=2e6, sampler="random", picks=picks, references=[MIDDLE] if baseline else [],
                **limits,
            )  # fmt: skip
        except KeyboardInterrupt:
            assert rate.stop < math.inf
        finally:
            patch.undo()
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
    assert f"{known.chosen.mean:.2f} ± {math.hypot(known.chosen.standard_error, 0.3):.2f} %" in view.verdict.headline
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
    reach = max(stats.t.ppf(0.975, 2) * stats.sem(differences), stats.norm.ppf(0.975) * math.hypot(0.3, 0.3))
    low, high = np.mean(differences) - reach, np.mean(differences) + reach
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
    assert "these evaluations do not vary with the seed; its mean" in words
    assert "as wide as the number of validation images makes it" in words
    words = text_of(page_of(confirmed(0.0, std=None)))
    assert "these evaluations do not vary with the seed, so there is no interval" in words
    assert "with every seed, without an interval" in words
    assert "nan" not in words


@pytest.mark.slow
def test_few_images_are_not_told_that_evaluations_do_not_vary(confirmed):
    words = text_of(page_of(confirmed(0.5, std=14.0)))
    assert "do not vary" not in words
    assert "not told apart from EfficientNet-B0" in words
    assert "± 14." in words
    assert "± is one standard deviation of a mean, by the seeds and by the number of validation images" in words


def terminal_of(path):
    console = Console(width=250, file=StringIO())
    console.print(*terminal.summary(run.load(path)))
    return console.file.getvalue()


@pytest.mark.slow
def test_a_confirmation_cut_by_the_budget_is_said_everywhere(confirmed):
    path = confirmed(after=9)
    whole = run.load(path)
    assert whole.confirmation.seeds == (1000, 1001)
    line = "confirmation unfinished: 9 of 12 evaluations"
    words, shown, document = text_of(page_of(path)), terminal_of(path), _document(whole)
    assert line in words
    assert "2 of 3 seeds are complete" in words
    assert line in shown
    assert "mean of 2 seeds" in shown
    known = document["confirmation"]
    assert (known["seeds"], known["complete"], known["evaluations"]) == ([1000, 1001], False, {"done": 9, "asked": 12})
    assert known["rows"][0]["difference"] == whole.confirmation.candidates[0].difference


@pytest.mark.slow
def test_without_a_complete_seed_nothing_is_claimed_against_the_baseline(confirmed):
    path = confirmed(after=3, better=3.0)
    whole = run.load(path)
    assert whole.confirmation is None
    words, shown, document = text_of(page_of(path)), terminal_of(path), _document(whole)
    headline = confirm_verdict.said(whole).headline
    assert headline.endswith("confirmation unfinished: 3 of 12 evaluations.")
    assert "EfficientNet" not in headline
    assert headline in words
    assert "confirmation unfinished: 3 of 12 evaluations" in shown
    assert document["confirmation"]["evaluations"] == {"done": 3, "asked": 12}
    assert document["confirmation"]["seeds"] == []
    json.dumps(document, allow_nan=False)


@pytest.mark.slow
@pytest.mark.parametrize("picks", ["observed", "posterior"])
def test_single_trainings_claim_no_significance(confirmed, picks):
    path = confirmed(confirm=0, better=9.0, picks=picks)
    whole = run.load(path)
    best = whole.selected["budget"]
    said = confirm_verdict.said(whole)
    every = " ".join([said.headline, *said.details])
    assert "one training each, not confirmed: seeds scatter besides" in said.headline
    assert "standard deviation" not in every
    assert "times its" not in every
    value = best.accuracy if picks == "observed" else best.expected
    assert f"{value:.2f} ±" in said.headline
    assert f"{value - whole.references[0].accuracy:.2f} point" in said.headline
    assert ("expected" in said.headline) == (picks == "posterior")
    assert "one training each, not confirmed" in terminal_of(path)
    assert _document(whole)["confirmation"] is None


def test_a_confirmed_network_has_its_mean_in_every_column(usual):
    whole = run.load(usual)
    means = {one.key: one.mean for one in whole.confirmation.rows}
    assert means[whole.selected["budget"].architecture.key] == whole.selected["budget"].accuracy
    for one in (*whole.selected.values(), *whole.references):
        assert one.seeds == (3 if one.architecture.key in means else 0)
        if one.seeds:
            assert one.accuracy == means[one.architecture.key]
            assert one.reward is None
    line = next(line for line in terminal_of(usual).splitlines() if line.startswith("accuracy, %"))
    single = sum(not one.seeds for one in (*whole.selected.values(), *whole.references))
    assert line.count(", single") == single
    assert ("single: one result" in terminal_of(usual)) == bool(single)
    selected = _document(whole)["selected"]
    assert {rule: one["seeds"] for rule, one in selected.items()} == {
        rule: one.seeds for rule, one in whole.selected.items()
    }


@pytest.mark.slow
def test_a_baseline_with_the_higher_mean_is_said_to_have_it(confirmed):
    path = confirmed(0.5, better=-9.0)
    said = confirm_verdict.said(run.load(path))
    assert "EfficientNet-B0 has the higher mean" in said.headline
    assert "handed over all the same" in " ".join(said.details)
    above = confirm_verdict.said(run.load(confirmed(0.5, better=9.0)))
    assert "higher mean" not in " ".join([above.headline, *above.details])


@pytest.mark.slow
def test_one_candidate_alone(confirmed):
    words = text_of(page_of(confirmed(trials=1)))
    assert "so the best one of the search was evaluated again" in words
    assert "best 1" not in words


def test_costs_of_the_users_own_stand_in_the_table(usual, tmp_path):
    shutil.copytree(usual, tmp_path / "run")
    table = pd.read_csv(usual / "confirm.csv")
    assert "latency<b>" not in page_of(usual)
    table["cost_latency<b>"] = [3.25, None, 1.5, 7.0][: len(table)]
    table.to_csv(tmp_path / "run" / "confirm.csv", index=False)
    known = confirm_view.load(tmp_path / "run", pd.read_csv(usual / "trials.csv"))
    assert known.others == ("latency<b>",)
    page = page_of(tmp_path / "run")
    assert "<bdi>latency&lt;b&gt;</bdi>" in page
    assert '<td class="number">3.25</td><td class="number">' in page


def test_a_confirmation_of_an_older_format_is_read(usual, tmp_path):
    table = pd.read_csv(usual / "confirm.csv").drop(columns=["error", "floored", "evaluated", "asked"])
    table.to_csv(tmp_path / "confirm.csv", index=False)
    known = confirm_view.load(tmp_path, pd.read_csv(usual / "trials.csv"))
    assert (known.complete, known.unfinished) == (True, "")
    assert known.candidates[0].error == known.candidates[0].standard_error


@pytest.mark.slow
def test_a_confirmation_that_is_not_finished_is_announced(confirmed):
    path = confirmed(stop=46)
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
    assert words.index("95 % interval") < words.index("FLOPs (mult-adds)")
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
