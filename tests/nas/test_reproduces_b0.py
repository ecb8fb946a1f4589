"""The default search ends in a B0-class network, whatever the seed."""

import pytest

from effsearch import evaluators, nas, search_spaces

B0_MULT_ADDS = 385_814_752


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_the_budgets_pick_is_at_least_b0(seed):
    surrogate, b0 = evaluators.load("surrogate"), search_spaces.catalogue.load("b0")
    result = nas.search(search_spaces.load("mnasnet-b0"), surrogate, target_flops=400e6, seed=seed)
    picked = result.selected["budget"]
    assert search_spaces.cost.cost(picked).mult_adds <= 400e6
    assert surrogate(picked).accuracy >= surrogate(b0).accuracy
    table = result.trials
    within_b0s_own = table.loc[table["mult_adds"] <= B0_MULT_ADDS, "accuracy"].max()
    assert within_b0s_own >= surrogate(b0).accuracy
    reward = nas.Reward(400e6)
    best = table.loc[table["number"] == result.picks["reward"], "reward"].iloc[0]
    assert best >= reward(surrogate(b0).accuracy, float(B0_MULT_ADDS))
