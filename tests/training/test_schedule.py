"""The learning rate of every step against values derived by hand, and against torch's own schedulers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effsearch.training import recipe as recipes
from effsearch.training.recipe import Recipe
from effsearch.training.schedule import learning_rate

PLAIN = Recipe("plain", 10, 256, learning_rate=0.4, schedule="constant")


def rates(recipe: Recipe, steps_per_epoch: int) -> list[float]:
    total = recipe.epochs * steps_per_epoch
    return [learning_rate(recipe, step, steps_per_epoch, total) for step in range(total)]


def test_the_papers_staircase():
    """0.256 at a batch of 4096, times 0.97 every 2.4 epochs, from the first step on; 312 steps an epoch on ImageNet."""
    paper = recipes.load("paper")
    found = rates(paper, 312)
    assert found[0] == pytest.approx(0.256 / (5 * 312))
    assert found[5 * 312 - 1] == pytest.approx(0.256)
    assert found[5 * 312] == pytest.approx(0.256 * 0.97**2)  # epoch 5 is in the third stair, 4.8 to 7.2
    for epoch in (6, 7.19, 7.21, 100, 349):
        assert found[round(epoch * 312)] == pytest.approx(0.256 * 0.97 ** math.floor(epoch / 2.4))


def test_the_cosine_at_its_quarters():
    """From 0.4 to 0.04 over 80 steps: cos(0), cos(pi / 4), cos(pi / 2), cos(3 pi / 4)."""
    found = rates(PLAIN.with_changes(schedule="cosine", final_fraction=0.1), 8)
    half = math.sqrt(0.5)
    assert [found[step] for step in (0, 20, 40, 60)] == pytest.approx(
        [0.4, 0.22 + 0.18 * half, 0.22, 0.22 - 0.18 * half]
    )


@pytest.mark.slow  # torch imports its compiler with the first optimiser
def test_the_cosine_is_torchs():
    torch = pytest.importorskip("torch")
    recipe = PLAIN.with_changes(schedule="cosine", final_fraction=0.1)
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.4)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 70, eta_min=0.04)
    expected = []
    for _ in range(70):
        expected.append(theirs.get_last_lr()[0])
        optimiser.step()
        theirs.step()
    assert rates(recipe, 7) == pytest.approx(expected)


def test_the_warm_up_is_linear_and_reaches_the_rate_once():
    found = rates(PLAIN.with_changes(warmup_epochs=0.5, schedule="cosine"), 8)
    assert found[:5] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4])
    assert found[4] > found[5]
    assert 0 < found[-1] < 0.001


def test_a_short_training_warms_up_for_a_quarter_of_its_steps():
    short = rates(recipes.load("modern").with_changes(epochs=2, batch=256, learning_rate=0.4, warmup_epochs=5), 8)
    assert short[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert short[4] == pytest.approx(0.4)
    assert short[5] < 0.4
    assert rates(PLAIN.with_changes(epochs=1, warmup_epochs=5), 1) == pytest.approx([0.4])


def test_a_constant_rate_follows_the_batch():
    assert rates(PLAIN.with_changes(batch=64), 3) == pytest.approx([0.1] * 30)


@given(
    schedule=st.sampled_from(["cosine", "exponential", "constant"]),
    warmup=st.floats(0, 9.9),
    steps=st.integers(1, 9),
    final=st.floats(0, 1),
)
def test_rates_rise_through_the_warm_up_and_never_after_it(schedule, warmup, steps, final):
    recipe = PLAIN.with_changes(schedule=schedule, warmup_epochs=warmup, final_fraction=final)
    found = rates(recipe, steps)
    start = min(round(recipe.warmup_epochs * steps), len(found) // 4)
    assert all(0 < rate <= 0.4 * (1 + 1e-9) for rate in found)
    assert found[:start] == sorted(found[:start])
    assert found[start:] == sorted(found[start:], reverse=True)


def test_steps_past_the_end_stay_at_the_end():
    recipe = PLAIN.with_changes(schedule="cosine", final_fraction=0.25)
    assert learning_rate(recipe, 500, 10, 100) == pytest.approx(0.1)
