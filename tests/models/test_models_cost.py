"""What is built costs what `search_spaces.cost` computes, by torch's count, by fvcore's and by the publications."""

import sys
import warnings

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effsearch.models import CostMismatch, MeasuredCost, build, check, check_cost, measured_cost
from effsearch.search_spaces import catalogue
from effsearch.search_spaces.architecture import (
    ACTIVATIONS,
    OPERATIONS,
    SE_KINDS,
    SKIPS,
    Architecture,
    Head,
    Stage,
    Stem,
)
from effsearch.search_spaces.cost import Cost, cost

QUICK = {"efficientnet-b0", "mobilenet-v3-small", "resnet-18"}  # fvcore computes: up to seconds for the others
CATALOGUE = [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in catalogue.names()]


@st.composite
def stages(draw):
    operation = draw(st.sampled_from(OPERATIONS))
    return Stage(
        operation,
        channels=draw(st.integers(1, 40)),
        repeats=draw(st.integers(1, 3)),
        stride=draw(st.integers(1, 2)),
        kernel=draw(st.sampled_from((1, 3, 5, 7))),
        expand=draw(st.sampled_from((0.25, 1, 2.5, 6))) if operation in ("mbconv", "bottleneck") else 1,
        se_ratio=0 if operation in ("basic", "bottleneck") else draw(st.sampled_from((0, 0.0625, 0.25, 1))),
        se_kind=draw(st.sampled_from(SE_KINDS)),
        skip=draw(st.sampled_from(SKIPS)),
        activation=draw(st.sampled_from(ACTIVATIONS)),
    )


architectures = st.builds(
    Architecture,
    name=st.just("drawn"),
    stem=st.builds(
        Stem,
        channels=st.integers(1, 40),
        kernel=st.sampled_from((1, 3, 5, 7)),
        stride=st.integers(1, 4),
        pool=st.sampled_from(("none", "max")),
    ),
    stages=st.lists(stages(), min_size=1, max_size=5),
    head=st.builds(Head, channels=st.sampled_from((0, 1, 100)), hidden=st.sampled_from((0, 1, 30))),
    resolution=st.integers(1, 97),
    input_channels=st.integers(1, 4),
    classes=st.integers(1, 20),
)


# Counted on torchvision's networks at the official resolutions; test_models_oracles.py counts them again.
@pytest.mark.parametrize(
    ("name", "params", "millions", "digit"),
    [
        ("b0", 5_288_548, 385.8, 0.1),
        ("b1", 7_794_184, 686.8, 0.1),
        ("b2", 9_109_994, 993.6, 0.1),
        ("b3", 12_233_232, 1_827, 1),
        ("b4", 19_341_616, 4_394, 1),
        ("b5", 30_389_784, 10_266, 1),
        ("b6", 43_040_704, 19_068, 1),
        ("b7", 66_347_960, 37_746, 1),
    ],
)
def test_published_family(name, params, millions, digit):
    measured = measured_cost(catalogue.load(name))
    assert measured.params == params
    assert measured.torch_mult_adds / 1e6 == pytest.approx(millions, abs=digit / 2)


def test_b0_to_the_last_mult_add():
    expected = MeasuredCost(params=5_288_548, torch_mult_adds=385_814_752, fvcore_mult_adds=385_814_752)
    assert measured_cost(catalogue.load("b0"), fvcore=True) == expected


@pytest.mark.parametrize("name", CATALOGUE)
def test_catalogue_costs_what_is_computed(name):
    architecture = catalogue.load(name)
    computed = cost(architecture)
    assert measured_cost(architecture) == MeasuredCost(computed.params, computed.mult_adds)


@pytest.mark.parametrize("name", CATALOGUE)
def test_fvcore_agrees_on_the_catalogue(name):
    architecture = catalogue.load(name)
    assert measured_cost(architecture, fvcore=True).fvcore_mult_adds == cost(architecture).mult_adds


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(architectures)
def test_any_network_costs_what_is_computed(architecture):
    computed = cost(architecture)
    measured = measured_cost(architecture, fvcore=True)
    assert measured == MeasuredCost(computed.params, computed.mult_adds, computed.mult_adds)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(architectures, st.integers(1, 70), st.integers(1, 70))
def test_any_network_takes_any_image(architecture, height, width):
    network = build(architecture).eval()
    with torch.no_grad():
        logits = network(torch.randn(2, architecture.input_channels, height, width))
    assert logits.shape == (2, architecture.classes)


def test_check_returns_the_counts():
    architecture = catalogue.load("b0")
    assert check_cost(architecture) == MeasuredCost(5_288_548, 385_814_752)
    assert check_cost(architecture, fvcore=True).fvcore_mult_adds == 385_814_752


def test_mismatch_names_every_number(monkeypatch):
    monkeypatch.setattr(check, "cost", lambda architecture: Cost(params=7, mult_adds=8))
    with pytest.raises(CostMismatch) as raised:
        check_cost(catalogue.load("b0"), fvcore=True)
    message = str(raised.value)
    assert "efficientnet-b0" in message
    assert "params: 5,288,548 built, 7 computed" in message
    assert "mult_adds by torch: 385,814,752 built, 8 computed" in message
    assert "mult_adds by fvcore: 385,814,752 built, 8 computed" in message


def test_mismatch_leaves_out_what_agrees(monkeypatch):
    monkeypatch.setattr(check, "cost", lambda architecture: Cost(params=5_288_548, mult_adds=8))
    with pytest.raises(CostMismatch, match="mult_adds by torch") as raised:
        check_cost(catalogue.load("b0"))
    assert "params" not in str(raised.value)


def test_measuring_is_quiet_and_leaves_the_random_numbers_alone(recwarn, capfd, caplog):
    before, filters = torch.get_rng_state(), list(warnings.filters)
    measured_cost(catalogue.load("b0"), fvcore=True)
    assert torch.equal(torch.get_rng_state(), before)
    assert warnings.filters == filters
    assert not recwarn.list
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_missing_fvcore_is_said_kindly(monkeypatch):
    monkeypatch.setitem(sys.modules, "fvcore.nn", None)
    with pytest.raises(ModuleNotFoundError, match="pip install fvcore"):
        check_cost(catalogue.load("b0"), fvcore=True)
