"""The reward ACC * (FLOPs / T)^w, against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effsearch.nas import Reward
from effsearch.search_spaces import InvalidValue, catalogue
from effsearch.search_spaces.cost import cost

B0 = 385_814_752


def test_efficientnet_b0_at_400m():
    assert cost(catalogue.load("b0")).mult_adds == B0
    # ln(0.96453688) = -0.0361072; times -0.07 = 0.00252751; exp = 1.00253070
    assert Reward(400e6)(77.1, B0) == pytest.approx(77.1 * 1.00253070, abs=1e-5)
    assert Reward(400e6)(77.1, B0) == pytest.approx(77.29512, abs=1e-4)
    assert Reward.hard(400e6)(77.1, B0) == 77.1


def test_the_default_is_the_papers():
    assert Reward() == Reward(target=400e6, under=-0.07, over=-0.07, cost="mult_adds")
    assert Reward.hard() == Reward(target=400e6, under=0.0, over=-1.0)


def test_half_and_double_the_cost():
    soft, hard = Reward(400e6), Reward.hard(400e6)
    assert soft(70.0, 200e6) == pytest.approx(70 * 2**0.07)
    assert soft(70.0, 800e6) == pytest.approx(70 / 2**0.07)
    assert soft(70.0, 200e6) / 70 == pytest.approx(1.05, abs=0.001)  # "5 % more accuracy"
    assert hard(70.0, 200e6) == 70
    assert hard(70.0, 800e6) == pytest.approx(35)


@pytest.mark.parametrize("reward", [Reward(400e6), Reward.hard(400e6), Reward(400e6, -0.1, -2)])
def test_at_the_target_it_is_the_accuracy_and_it_does_not_jump(reward):
    assert reward(76.3, 400e6) == 76.3
    assert reward(76.3, math.nextafter(400e6, 0)) == pytest.approx(76.3, rel=1e-12)
    assert reward(76.3, math.nextafter(400e6, 1e9)) == pytest.approx(76.3, rel=1e-12)


def test_another_cost_has_another_target():
    assert Reward(10.0, cost="latency")(50.0, 20.0) == pytest.approx(50 / 2**0.07)


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(1, 1e12)), min_size=1, max_size=10),
    st.floats(-10, 0),
    st.floats(-10, 0),
)
def test_arrays_give_what_scalars_give(rows, under, over):
    reward = Reward(400e6, under, over)
    accuracy, costs = np.array(rows).T
    together = reward(accuracy, costs)
    assert together.shape == (len(rows),)
    one_by_one = [reward(float(a), float(c)) for a, c in rows]
    assert together.tolist() == pytest.approx(one_by_one, rel=1e-12)
    assert all(type(value) is float for value in one_by_one)


@given(st.floats(1, 100), st.floats(1e6, 1e10), st.floats(1e6, 1e10))
def test_more_cost_never_pays(accuracy, first, second):
    low, high = sorted((first, second))
    for reward in (Reward(400e6), Reward.hard(400e6)):
        assert reward(accuracy, low) >= reward(accuracy, high)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"under": 0.01}, "under is 0.01"),
        ({"over": 1}, "over is 1"),
        ({"under": -11}, "under is -11"),
        ({"over": math.nan}, "over is nan"),
        ({"over": -math.inf}, "over is -inf"),
        ({"under": "soft"}, "under is 'soft'"),
        ({"over": True}, "over is True"),
        ({"target": 0}, "target is 0"),
        ({"target": -400e6}, "target is -4"),
        ({"target": math.inf}, "target is inf"),
        ({"target": math.nan}, "target is nan"),
    ],
)
def test_what_makes_no_reward_is_refused_by_name(values, name):
    with pytest.raises(InvalidValue, match="must be a number from") as raised:
        Reward(**values)
    assert name in str(raised.value)
