"""The surrogate from its committed coefficients alone: values, errors, refusals, speed."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from time import perf_counter

import numpy as np
import pytest

from effsearch.evaluators.surrogate import COEFFICIENTS, Surrogate, measured_space
from effsearch.evaluators.surrogate_features import design
from effsearch.evaluators.surrogate_model import load, write
from effsearch.records.errors import UserError
from effsearch.search_spaces import Head, Stem, catalogue

B0 = catalogue.load("b0")
SPACE = measured_space()
both_schedules = pytest.mark.parametrize("epochs", [16, 50])


def sample(count, seed=0):
    return SPACE.sample_indices(np.random.default_rng(seed), count)


def network(row):
    return SPACE.decode(SPACE.point(row))


def timeless(evaluation):
    return replace(evaluation, seconds=0.0)


def test_b0_is_predicted_at_65_7_to_66_1_percent_after_16_epochs():
    assert 65.7 <= Surrogate(16)(B0).accuracy <= 66.1


def test_b0_after_50_epochs_lies_between_the_proxy_and_the_350_epochs_of_the_paper():
    assert 66.1 < Surrogate()(B0).accuracy < 76.7


def test_b0_is_above_99_9_percent_of_random_networks_of_its_size():
    rows = sample(50_000)
    mult_adds = SPACE.costs(rows)[:, 1]
    near = rows[(mult_adds >= 380e6) & (mult_adds <= 410e6)]
    assert len(near) > 3_000
    surrogate = Surrogate(16)
    assert np.mean(surrogate.predict(near).mean < surrogate(B0).accuracy) >= 0.999


@both_schedules
def test_50_random_points_agree_with_the_documented_formula_written_as_loops(epochs):
    """Coefficients of -log(asymptote - top1); sigma by the delta method; then the linear correction."""
    content = json.loads(COEFFICIENTS.read_text(encoding="utf-8"))
    rows = sample(50, seed=2)
    predicted = Surrogate(epochs).predict(rows)
    for row, mean, sigma in zip(rows, *predicted, strict=True):
        point = SPACE.point(row)
        features = design(row[None])[0].tolist()
        score = sum(weight * feature for weight, feature in zip(content["mean"], features, strict=True))
        spread = sum(weight * feature**2 for weight, feature in zip(content["variance"], features, strict=True))
        gap = math.exp(-score)
        expected, deviation = content["asymptote"] - gap, gap * math.sqrt(spread)
        if epochs == 50:
            layers = sum(point[f"repeats_{stage}"] for stage in range(1, 8))
            large = sum(point[f"kernel_{stage}"] == 5 for stage in range(1, 8))
            regressors = (1.0, expected, layers, large)
            expected = sum(weight * value for weight, value in zip(content["correction"], regressors, strict=True))
            away = [value - centre for value, centre in zip(regressors, content["correction_centre"], strict=True)]
            leverage = sum(
                away[i] * content["correction_covariance"][i][j] * away[j] for i in range(4) for j in range(4)
            )
            excess = max(deviation**2 - content["correction_proxy_variance"], 0.0)
            slope = content["correction"][1]
            deviation = math.sqrt(content["correction_residual"] ** 2 + leverage + slope**2 * excess)
        assert mean == pytest.approx(expected, abs=1e-9)
        assert sigma == pytest.approx(deviation, abs=1e-9)


def test_more_depth_is_favoured_and_5x5_kernels_are_disfavoured_by_the_50_epoch_correction():
    _, proxy, layers, large_kernels = load(COEFFICIENTS)["correction"]
    assert proxy > 0
    assert layers > 0
    assert large_kernels < 0


def test_16_epoch_predictions_stay_below_the_asymptote_even_after_climbing():
    surrogate = Surrogate(16)
    assert (surrogate.predict(sample(20_000)).mean < 72).all()
    point = SPACE.encode(B0)
    for _ in range(5):
        point = max(SPACE.neighbours(point), key=lambda one: surrogate.predict(SPACE.indices([one])).mean[0])
    best = surrogate.predict(SPACE.indices([point])).mean[0]
    assert surrogate(B0).accuracy < best < 72


@both_schedules
def test_sigma_is_positive_everywhere_and_larger_for_extreme_networks(epochs):
    surrogate = Surrogate(epochs)
    sigma = surrogate.predict(sample(20_000)).sigma
    assert np.isfinite(sigma).all()
    assert (sigma > 0).all()
    rows = sample(1_000, seed=3)
    lengths = np.array([len(dimension.choices) for dimension in SPACE.dimensions])
    several = lengths > 2
    typical = np.where(several, 1, rows)
    extreme = np.where(several, (rows > 0) * (lengths - 1), rows)
    assert surrogate.predict(extreme).sigma.mean() > 1.02 * surrogate.predict(typical).sigma.mean()


@both_schedules
def test_predictions_of_many_equal_those_one_by_one(epochs):
    """1,200 points: more than two of the blocks that are computed together, the last one not full."""
    rows = sample(1_200, seed=4)
    surrogate = Surrogate(epochs)
    together = np.column_stack(surrogate.predict(rows))
    single = np.concatenate([np.column_stack(surrogate.predict(row[None])) for row in rows])
    np.testing.assert_allclose(together, single, rtol=1e-12)
    evaluations = surrogate.many([network(row) for row in rows[:50]])
    np.testing.assert_allclose([(one.accuracy, one.std) for one in evaluations], single[:50], rtol=1e-12)
    assert timeless(evaluations[7]).accuracy == pytest.approx(surrogate(network(rows[7])).accuracy, rel=1e-12)


def test_20_000_predictions_take_less_time_than_1_000_single_calls():
    rows = sample(20_000)
    surrogate = Surrogate()
    networks = [network(row) for row in rows[:1_000]]
    surrogate(networks[0])
    started = perf_counter()
    surrogate.predict(rows)
    together = perf_counter() - started
    started = perf_counter()
    for one in networks:
        surrogate(one)
    assert together < perf_counter() - started


def test_no_points_give_no_predictions():
    mean, sigma = Surrogate().predict(np.zeros((0, 28), dtype=np.int64))
    assert mean.shape == sigma.shape == (0,)
    assert Surrogate().many([]) == []


@pytest.mark.parametrize("shape", [(28,), (1, 27), (1, 29), (2, 14, 1), (28, 1), (0,)])
def test_indices_of_a_wrong_shape_are_refused(shape):
    with pytest.raises(UserError, match=r"shape .* no points of mnasnet-b0"):
        Surrogate().predict(np.zeros(shape, dtype=np.int64))


@pytest.mark.parametrize("gene", range(28))
def test_indices_out_of_range_are_refused(gene):
    rows = np.zeros((3, 28), dtype=np.int64)
    rows[1, gene] = len(SPACE.dimensions[gene].choices) - 1
    Surrogate().predict(rows)
    for wrong in (rows[1, gene] + 1, -1):
        rows[1, gene] = wrong
        with pytest.raises(UserError, match="no points of mnasnet-b0"):
            Surrogate().predict(rows)


def test_the_schedules_have_different_fidelities_sources_and_accuracies():
    long, short = Surrogate(50)(B0), Surrogate(16)(B0)
    assert Surrogate()(B0).fidelity == long.fidelity
    assert "50 epochs" in long.fidelity
    assert "16-epoch" in short.fidelity
    assert long.source != short.source
    assert long.accuracy != short.accuracy


@pytest.mark.parametrize("epochs", [0, 15, 49, 51, 350, -50, "50", "many", None, math.nan, True])
def test_other_epochs_are_refused(epochs):
    with pytest.raises(UserError, match=r"epochs is .*50 .*16"):
        Surrogate(epochs)


@pytest.mark.parametrize(
    ("stage", "change", "message"),
    [
        (1, {"channels": 24}, "in stage 1 channels is 24; allowed: 16"),
        (3, {"kernel": 7}, "in stage 3 kernel is 7; allowed: 3, 5"),
        (4, {"expand": 3}, "in stage 4 expand is 3; allowed: 1.*4.*6"),
        (5, {"repeats": 4}, "in stage 5 repeats is 4; allowed: 1, 2, 3"),
        (7, {"skip": "none"}, "in stage 7 skip is none; allowed: identity"),
        (2, {"operation": "sepconv", "expand": 1}, "in stage 2 operation is sepconv; allowed: mbconv"),
    ],
)
def test_a_network_outside_is_refused_by_stage_and_field_with_a_hint(stage, change, message):
    stages = list(B0.stages)
    stages[stage - 1] = replace(stages[stage - 1], **change)
    foreign = replace(B0, name="mine", stages=tuple(stages))
    with pytest.raises(UserError, match=f"mnasnet-b0 alone: mine is not in .*{message}") as caught:
        Surrogate()(foreign)
    assert "--evaluator capacity" in caught.value.hint
    with pytest.raises(UserError, match=message):
        Surrogate().many([B0, foreign])


@pytest.mark.parametrize("change", [{"resolution": 240}, {"classes": 10}, {"stem": Stem(40)}, {"head": Head(640)}])
def test_a_network_that_differs_beside_the_stages_is_refused_by_that_field(change):
    (field,) = change
    with pytest.raises(UserError, match=f"mnasnet-b0 alone: .*{field} is"):
        Surrogate()(replace(B0, **change))


@both_schedules
def test_the_name_of_a_network_changes_nothing(epochs):
    surrogate = Surrogate(epochs)
    assert timeless(surrogate(B0)) == timeless(surrogate(replace(B0, name="anything else")))


@both_schedules
def test_a_second_evaluator_gives_the_same_and_the_seed_is_only_noted(epochs):
    networks = [network(row) for row in sample(20, seed=8)]
    first = [timeless(one) for one in Surrogate(epochs).many(networks)]
    assert [timeless(one) for one in Surrogate(epochs).many(networks)] == first
    seeded = [timeless(one) for one in Surrogate(epochs).many(networks, seed=7)]
    assert seeded == [replace(one, seed=7) for one in first]


def test_predicting_changes_no_input():
    rows = sample(600)
    before = rows.copy()
    Surrogate().predict(rows)
    np.testing.assert_array_equal(rows, before)


def test_the_coefficients_are_small_and_no_number_has_more_than_6_digits():
    text = COEFFICIENTS.read_text(encoding="utf-8")
    assert len(text.encode()) <= 100_000
    numbers = []
    json.loads(text, parse_float=numbers.append, parse_int=numbers.append)
    assert len(numbers) == 2 * 646 + 4 + 16 + 4 + 3
    assert all(len(number.normalize().as_tuple().digits) <= 6 for number in map(Decimal, numbers))


def test_the_coefficients_come_back_from_the_file_they_are_written_to(tmp_path):
    coefficients = load(COEFFICIENTS)
    write(coefficients, tmp_path / "again.json")
    assert load(tmp_path / "again.json") == coefficients
    assert (tmp_path / "again.json").read_bytes() == COEFFICIENTS.read_bytes()


def test_written_coefficients_have_six_digits(tmp_path):
    coefficients = {
        **load(COEFFICIENTS),
        "asymptote": 72.123456789,
        "correction": [1.23456789e-9, -2.0, 0.0, 1e300 / 3],
    }
    write(coefficients, tmp_path / "rounded.json")
    rounded = load(tmp_path / "rounded.json")
    assert rounded["asymptote"] == 72.1235
    assert rounded["correction"] == [1.23457e-09, -2.0, 0.0, 3.33333e299]


def loaded_modules(code):
    """The modules that a fresh Python has after running code."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"]
    return set(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split())


def test_predicting_imports_neither_torch_pandas_optuna_nor_ray():
    loaded = loaded_modules(
        "from effsearch.evaluators.surrogate import Surrogate\n"
        "from effsearch.search_spaces import catalogue\n"
        "Surrogate()(catalogue.load('b0'))"
    )
    assert "effsearch.evaluators.surrogate_model" in loaded
    assert not loaded & {"torch", "pandas", "optuna", "ray", "scipy", "matplotlib", "fvcore", "typer"}


def test_the_package_of_evaluators_imports_nothing_heavy():
    loaded = loaded_modules("import effsearch.evaluators")
    assert "effsearch.evaluators" in loaded
    assert not loaded & {"numpy", "torch", "pandas", "optuna", "ray"}
