"""A study from its plan to its tables: what is trained how often, what is found, and what a resume keeps."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from effsearch import evaluators
from effsearch.evaluators import Evaluation
from effsearch.grid_search import study, study_outputs
from effsearch.grid_search.run_study import Pilot
from effsearch.grid_search.study_networks import build_networks, channel_step_of
from effsearch.grid_search.study_plan import plan_study
from effsearch.grid_search.study_runs import StudyRun
from effsearch.grid_search.where import Where
from effsearch.records import ledger
from effsearch.records.errors import UserError
from effsearch.search_spaces import Architecture, codec
from effsearch.search_spaces.architecture import Head, Stage, Stem
from effsearch.search_spaces.checks import InvalidValue
from effsearch.search_spaces.cost import cost

HERE = Where("local")
GAINS = (0.6, 1.0, 0.2)  # of layers, channels and pixels: best with much width and no resolution


@pytest.fixture(scope="module")
def thin() -> Architecture:
    stages = tuple(
        Stage("mbconv", channels, repeats, stride, expand=expand, se_ratio=0.25)
        for channels, repeats, stride, expand in ((16, 1, 1, 1), (24, 3, 2, 4), (48, 4, 2, 4))
    )
    return Architecture("thin", Stem(16, stride=1), stages, Head(192), 20, 1, 10, 0.0, 0.0)


@dataclass
class Oracle:
    """Percent error by layers, the head's channels and pixels, with noise of its own for each (network, seed); notes
    what it is asked. `stop`: KeyboardInterrupt at this call. `fails`: (pixels, seed) that raise."""

    noise: float = 0.05
    stop: int | None = None
    fails: tuple[tuple[int, int], ...] = ()
    asked: list[tuple[str, int]] = field(default_factory=list)
    source = "oracle"

    def __call__(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        if len(self.asked) == self.stop:
            raise KeyboardInterrupt
        self.asked.append((architecture.key, seed))
        if (architecture.resolution, seed) in self.fails:
            raise RuntimeError("no GPU here\nand more")
        rng = np.random.default_rng([seed, int(architecture.key[:8], 16)])
        depth = sum(stage.repeats for stage in architecture.stages) / 8
        multipliers = (depth, (architecture.head.channels / 192) ** 2, (architecture.resolution / 20) ** 2)
        error = 6 + sum(gain / one for gain, one in zip(GAINS, multipliers, strict=True))
        error += 0.1 * seed + self.noise * rng.standard_normal()
        return Evaluation(100 - error, loss=error / 28, seed=seed, seconds=2.0, source=self.source)


def test_every_network_is_trained_once_a_seed_and_the_best_direction_is_found(thin):
    oracle, told = Oracle(), []
    found = study(thin, oracle, where=HERE, on_progress=lambda *counts: told.append(counts))
    assert found is not None
    assert len(oracle.asked) == len(set(oracle.asked)) == 51
    assert told == [(done, 51) for done in range(1, 52)]
    shares = found.result.lattice[found.result.in_set]
    rows = 2.0 ** (found.result.lattice * [1, 1, 1])  # depth, width^2, resolution^2 at growth 2
    truth = (np.array(GAINS) / rows).sum(axis=1)
    assert found.result.lattice[truth.argmin()].tolist() in shares.tolist()
    assert truth[found.result.chosen] - truth.min() < 0.05
    assert found.coefficients.gamma < 1.1 < found.coefficients.beta
    assert found.result.surface.seed_effects == pytest.approx({0: -0.1, 1: 0.0, 2: 0.1}, abs=0.05)
    means = found.runs.groupby("point")["error"].mean()
    assert found.points.set_index("point")["error"].to_dict() == pytest.approx(means.to_dict())


@pytest.mark.slow
def test_a_study_that_was_stopped_goes_on_where_it_was(thin, tmp_path):
    whole = study(thin, Oracle(), where=HERE, run_dir=tmp_path / "whole")
    first, second = Oracle(stop=20), Oracle()
    with pytest.raises(KeyboardInterrupt):
        study(thin, first, where=HERE, run_dir=tmp_path / "run")
    resumed = study(thin, second, where=HERE, run_dir=tmp_path / "run", resume=True)
    assert not set(first.asked) & set(second.asked)
    assert len(first.asked) + len(second.asked) == 51
    for name in ("runs", "points", "surface"):
        assert_frame_equal(getattr(resumed, name), getattr(whole, name), check_exact=True)
    assert study_outputs.study_document(resumed, "x") == study_outputs.study_document(whole, "x")


@pytest.mark.slow
def test_seeds_may_be_added_and_the_fit_read_otherwise_without_training_again(thin, tmp_path):
    more, none = Oracle(), Oracle(stop=0)
    study(thin, Oracle(), where=HERE, seeds=2, run_dir=tmp_path / "run")
    wider = study(thin, more, where=HERE, seeds=3, run_dir=tmp_path / "run", resume=True)
    assert {seed for _, seed in more.asked} == {2}
    assert wider.result.surface.results == 51
    read = study(thin, none, where=HERE, run_dir=tmp_path / "run", resume=True, response="loss", prior="none")
    assert (read.result.surface.response, read.result.surface.prior) == ("loss", "none")
    same = next(one for one in wider.readings if (one.response, one.form, one.prior) == ("loss", "additive", "none"))
    assert same.best == pytest.approx(tuple(vars(read.result.best).values()))


@pytest.mark.slow
def test_the_pilot_trains_six_says_what_they_tell_and_the_study_goes_on(thin, tmp_path):
    pilots: list[Pilot] = []
    first, second = Oracle(noise=0.3), Oracle(noise=0.3)
    stopped = study(thin, first, where=HERE, run_dir=tmp_path / "run", pilot_only=True, on_pilot=pilots.append)
    assert stopped is None
    assert len(first.asked) == 6
    assert len({key for key, _ in first.asked}) == 2
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["state"] == "interrupted"
    study(thin, second, where=HERE, run_dir=tmp_path / "run", resume=True, on_pilot=pilots.append)
    assert len(second.asked) == 45
    assert pilots[0] == pilots[1]
    assert pilots[0].seconds == 2.0
    assert pilots[0].assessment.hours == pytest.approx(51 * 2 / 3600)
    assert 0.05 < pilots[0].noise.sigma < 0.9
    assert pilots[0].assessment.seeds_needed > 3


@pytest.mark.slow
def test_what_fails_is_left_out_and_said(thin, tmp_path):
    found = study(thin, Oracle(fails=((28, 1), (24, 2))), where=HERE, run_dir=tmp_path / "run")
    failed = found.runs[found.runs["state"] == "failed"]
    assert set(failed["failure"]) == {"RuntimeError: no GPU here"}
    assert found.result.surface.results == 51 - len(failed) < 51
    runs = found.points.set_index("point")["runs"]
    assert (runs["d0-w0-r100"], runs["centre"], runs["d50-w0-r50"]) == (2, 3, 2)
    with pytest.raises(UserError, match="every training failed; centre: RuntimeError: no GPU here"):
        study(thin, Oracle(fails=tuple((pixels, seed) for pixels in range(40) for seed in range(3))), where=HERE)


@pytest.mark.slow
def test_a_fixed_coefficient_stays_in_every_network_and_in_the_family(thin, tmp_path):
    found = study(thin, Oracle(), where=HERE, fixed={"gamma": 1}, run_dir=tmp_path / "run")
    assert set(found.points["pixels"]) == {20}
    assert found.coefficients.gamma == 1
    assert study_outputs.write_study(found, "own.py:oracle") == ()
    for path in (tmp_path / "run" / "family").glob("*.yaml"):
        assert codec.load(path).resolution == 20
    document = json.loads((tmp_path / "run" / "coefficients.json").read_text())
    assert document["published"] is None
    assert document["fixed"] == {"gamma": 1}


@pytest.mark.slow
def test_the_family_costs_factor_to_the_phi_as_counted(thin, tmp_path):
    found = study(thin, Oracle(), where=HERE, run_dir=tmp_path / "run")
    study_outputs.write_study(found, "own.py:oracle")
    for name, phi in {"b1": 0.5, "b2": 1, "b3": 2, "b4": 3.5, "b5": 5, "b6": 6, "b7": 7}.items():
        member = codec.load(tmp_path / "run" / "family" / f"{name}.yaml")
        assert cost(member).mult_adds == pytest.approx(2**phi * cost(thin).mult_adds, rel=0.03)


def test_no_network_is_trained_for_two_points():
    """Two layers of 8 channels at 8 pixels have few networks of twice the cost."""
    tiny = Architecture("tiny", Stem(8, stride=1), (Stage("conv", 8, 2, 2),), Head(16), 8, 1, 10, 0.0, 0.0)
    plan = plan_study(tiny, channel_step=8, lattice=6)
    keys = [network.key for network in plan.networks.values()]
    assert plan.same
    assert len(keys) == len(set(keys))
    assert {name for name, _ in plan.runs} == set(plan.networks)
    assert not set(plan.same) & set(plan.networks)
    assert any("one network" in note for note in plan.notes())


def test_widths_of_a_thin_base_move_in_finer_steps(thin, b0, mobilenet):
    assert (channel_step_of(b0), channel_step_of(mobilenet), channel_step_of(thin)) == (8, 8, 4)
    plan, coarse = plan_study(thin), plan_study(thin, channel_step=8)
    for place in plan.design.points:
        if place.is_base:
            continue
        assert abs(plan.built(place.name).ln_flops_ratio) <= math.log(1.03) + 1e-3

    def widths(plan):
        named = sorted((one.shares[1], plan.built(one.name).multipliers[1]) for one in plan.design.points)
        return [[built for share, built in named if share == wanted] for wanted in (0.25, 0.5, 0.75)]

    fine = widths(plan)
    assert all(max(lower) < min(upper) for lower, upper in pairwise(fine))
    assert min(widths(coarse)[0]) < 1.01  # where 1.09 was asked for
    assert all(network.stem.channels % 4 == 0 for network in plan.networks.values())


def test_a_held_resolution_is_made_up_for_by_channels_and_not_by_layers(thin):
    plan = plan_study(thin, fixed={"gamma": 1.0})
    for point in plan.design.points:
        built = plan.built(point.name).multipliers
        assert abs(8 * built[0] - 8 * point.multipliers[0]) <= 1.5, point.name
    assert plan.built("d0-w100-r0").multipliers[0] == 1
    assert "base" in plan.networks
    assert "base" not in plan_study(thin, fixed={"gamma": 1.2}).networks


def test_images_without_more_pixels_are_said(thin):
    assert plan_study(thin).notes(28) == ()
    (note,) = plan_study(thin).notes(20)
    assert "20 pixels" in note
    assert "--fix gamma=1" in note
    assert plan_study(thin, fixed={"gamma": 1.0}).notes(20) == ()


@pytest.mark.parametrize("name", ["b0", "mobilenet"])
def test_other_bases_have_equal_budgets_too(name, request):
    base = request.getfixturevalue(name)
    plan = plan_study(base)
    ratios = [cost(network).mult_adds / cost(base).mult_adds for network in plan.networks.values()]
    assert sorted(ratios)[0] == 1
    assert sorted(ratios)[1:] == pytest.approx([2] * 16, rel=0.03)


@pytest.mark.slow
def test_the_prior_of_another_network_is_warned_of(thin, b0):
    warned = study(thin, Oracle(), where=HERE, seeds=2)
    assert "EfficientNet-B0, not of thin" in warned.warning
    assert study(thin, Oracle(), where=HERE, seeds=2, prior="none").warning is None
    networks = build_networks(b0, plan_study(b0).design).networks
    accuracies = {network.key: 78.0 + place / 10 for place, network in enumerate(networks.values())}

    def rate(architecture, *, seed=0):
        return Evaluation(accuracies[architecture.key] + seed / 7, seed=seed)

    assert study(b0, rate, where=HERE, seeds=2).warning is None


@pytest.mark.slow
def test_readings_without_a_loss_are_of_the_error_only(thin):
    def rate(architecture, *, seed=0):
        return Evaluation(Oracle()(architecture, seed=seed).accuracy, seed=seed)

    found = study(thin, rate, where=HERE)
    assert {one.response for one in found.readings} == {"error"}
    assert len(found.readings) == 3
    with pytest.raises(UserError, match="loss"):
        study(thin, rate, where=HERE, response="loss")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"response": "rmse"}, "response is 'rmse'"),
        ({"prior": "mine"}, "prior is 'mine'"),
        ({"form": "cubic"}, "form is 'cubic'"),
        ({"effect": 0}, "effect is 0"),
        ({"channel_step": 3}, "channel_step is 3"),
        ({"seeds": 0}, "seeds is 0"),
        ({"phi": 30}, "phi is 30"),
        ({"fixed": {"delta": 1}}, "'delta' cannot be fixed"),
        ({"fixed": {"gamma": 2}}, "gamma = 2 takes all"),
        ({"where": Where("slurm")}, "engine is 'slurm'"),
    ],
)
def test_what_cannot_be_is_refused_before_a_folder_is_made(thin, tmp_path, changes, words):
    with pytest.raises((UserError, InvalidValue), match=words):
        study(thin, Oracle(stop=0), **{"where": HERE, "run_dir": tmp_path / "run", **changes})
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_ledger_of_something_else_is_refused(thin, tmp_path):
    study(thin, Oracle(), where=HERE, seeds=1, run_dir=tmp_path / "run")
    path = tmp_path / "run" / "ledger.jsonl"
    lines = path.read_text().splitlines()
    bad = [
        ({"kind": "point"}, "its kind is 'point'"),
        ({"point": 3}, "must be text"),
        ({"key": "0" * 16}, "this study does not hold"),
        ({"accuracy": None, "wrong": 1}, "unexpected keyword"),
    ]
    for change, words in bad:
        path.write_text("\n".join([*lines[:2], json.dumps({**json.loads(lines[2]), **change}), *lines[3:]]) + "\n")
        with pytest.raises(UserError, match=words):
            study(thin, Oracle(stop=0), where=HERE, seeds=1, run_dir=tmp_path / "run", resume=True)
    with pytest.raises(UserError, match="the run was started with phi"):
        study(thin, Oracle(stop=0), where=HERE, seeds=1, phi=2, run_dir=tmp_path / "run", resume=True)


def test_a_run_survives_the_ledger(tmp_path):
    run = StudyRun("centre", "0" * 16, Evaluation.failed("diverged: loss is nan", seed=7, seconds=1.5))
    with ledger.Ledger.open(tmp_path / "ledger.jsonl") as file:
        file.append(run.to_entry())
    (entry,) = ledger.read(tmp_path / "ledger.jsonl")
    again = StudyRun.from_entry(entry)
    assert (again.name, again.evaluation.failure) == (("centre", 7), "diverged: loss is nan")
    assert math.isnan(again.evaluation.accuracy)


MORTAL = """
import os
from pathlib import Path
from effsearch import evaluators
from effsearch.evaluators import Evaluation

def rate(architecture, *, seed=0):
    died = Path(os.environ["TEST_DIED"])
    if architecture.resolution == 28 and seed == 1 and not died.exists():
        died.touch()
        os._exit(3)
    if architecture.resolution == 26 and seed == 0:
        os._exit(3)
    if architecture.resolution == 25 and seed == 0:
        raise ValueError("no GPU here\\nand more")
    return Evaluation(90 - 100 / architecture.head.channels + seed / 10, seed=seed, seconds=1.0, source="mortal")
"""


@pytest.mark.slow
def test_ray_tune_gives_the_same_tables_and_tries_again_what_dies(thin, tmp_path, monkeypatch):
    """One network's process dies at the first try, another one's every time, a third raises."""
    pytest.importorskip("ray")
    (tmp_path / "mortal.py").write_text(MORTAL)
    monkeypatch.setenv("TEST_DIED", str(tmp_path / "died"))
    rate = evaluators.load(f"{tmp_path / 'mortal.py'}:rate")
    ray = study(thin, rate, seeds=2, where=Where("ray", workers=2), run_dir=tmp_path / "ray")
    assert (tmp_path / "died").exists()
    failed = ray.runs[ray.runs["state"] == "failed"]
    assert failed.set_index("point")["failure"].to_dict() == {
        "d25-w0-r75": "ValueError: no GPU here, 3 times",
        "d0-w25-r75": "the worker process died, 3 times",
    }
    (tmp_path / "ray" / "ledger.jsonl").rename(tmp_path / "ledger.jsonl")
    again = [entry for entry in ledger.read(tmp_path / "ledger.jsonl") if entry["kind"] == "run"]
    assert len({(entry["point"], entry["seed"]) for entry in again}) == len(again) == 34
    known = {(StudyRun.from_entry(entry).key, entry["seed"]): StudyRun.from_entry(entry) for entry in again}

    def remembered(architecture, *, seed=0):
        return known[architecture.key, seed].evaluation

    local = study(thin, remembered, seeds=2, where=HERE)
    assert_frame_equal(ray.runs, local.runs, check_exact=True)
    assert_frame_equal(ray.surface, local.surface, check_exact=True)
