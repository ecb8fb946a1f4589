"""RMSpropTF against the documented rule and timm's; the groups and settings of every optimiser."""

import copy
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from effsearch.training import recipe as recipes
from effsearch.training.optimiser import build_optimiser
from effsearch.training.recipe import Recipe
from effsearch.training.rmsprop_tf import RMSpropTF

ORACLE = Path(__file__).parents[1] / "models" / "torchvision_oracle.py"
pytestmark = pytest.mark.slow  # torch imports its compiler with the first optimiser
SETTINGS = {"lr": 0.016, "alpha": 0.9, "eps": 1e-3, "momentum": 0.9, "weight_decay": 1e-2}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.SiLU(), nn.Flatten(), nn.Linear(144, 5))


def train(module: nn.Module, optimiser: torch.optim.Optimizer, steps: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        images = torch.randn(8, 3, 8, 8, generator=generator).to(next(module.parameters()))
        labels = torch.randint(5, (8,), generator=generator)
        optimiser.zero_grad()
        nn.functional.cross_entropy(module(images), labels).backward()
        optimiser.step()
    return [weight.detach().clone() for weight in module.parameters()]


def test_rmsprop_follows_tensorflows_documented_rule():
    """mean_square = rho mean_square + (1 - rho) g^2; mom = momentum mom + lr g / sqrt(mean_square + epsilon); w -= mom,

    from mean_square 1 and mom 0, with an L2 loss of weight_decay / 2 * w^2 in g; the rate changes on the way.
    """
    random = np.random.default_rng(0)
    weight = random.normal(size=(4, 3))
    ours = torch.tensor(weight, requires_grad=True)
    optimiser = RMSpropTF([ours], **SETTINGS)
    square, moment = np.ones_like(weight), np.zeros_like(weight)
    for step in range(100):
        rate = 0.016 / (1 + step)
        gradient = random.normal(size=weight.shape)
        ours.grad = torch.tensor(gradient)
        optimiser.param_groups[0]["lr"] = rate
        optimiser.step()
        gradient = gradient + 1e-2 * weight
        square = 0.9 * square + 0.1 * gradient**2
        moment = 0.9 * moment + rate * gradient / np.sqrt(square + 1e-3)
        weight = weight - moment
    np.testing.assert_allclose(ours.detach().numpy(), weight, rtol=1e-10)


@pytest.mark.parametrize("changes", [{}, {"momentum": 0.0}, {"weight_decay": 0.0, "eps": 1e-8}, {"alpha": 0.99}])
def test_rmsprop_equals_timms(changes):
    spec = spec_from_file_location("torchvision_oracle", ORACLE)
    oracle = module_from_spec(spec)
    spec.loader.exec_module(oracle)
    oracle.load("timm")
    from timm.optim import RMSpropTF as Theirs

    settings = {**SETTINGS, **changes, "lr": 1e-3}
    one = network().double()
    other = copy.deepcopy(one)
    generator = torch.Generator().manual_seed(1)
    ours, theirs = RMSpropTF(one.parameters(), **settings), Theirs(other.parameters(), **settings)
    for _ in range(60):
        images = torch.randn(8, 3, 8, 8, generator=generator, dtype=torch.float64)
        for module, optimiser in ((one, ours), (other, theirs)):
            optimiser.zero_grad()
            module(images).square().mean().backward()
            optimiser.step()
    for found, expected in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_rmsprop_goes_on_from_its_state():
    straight = network()
    uninterrupted = RMSpropTF(straight.parameters(), **SETTINGS)
    first = copy.deepcopy(straight)
    before = RMSpropTF(first.parameters(), **SETTINGS)
    train(first, before, 3)
    second = network()
    second.load_state_dict(first.state_dict())
    after = RMSpropTF(second.parameters(), lr=5.0)
    after.load_state_dict(copy.deepcopy(before.state_dict()))
    train(straight, uninterrupted, 3)
    for found, expected in zip(train(second, after, 3), train(straight, uninterrupted, 3), strict=True):
        assert torch.equal(found, expected)


def test_rmsprop_leaves_weights_without_gradient_and_returns_the_closures_loss():
    moved, still = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    optimiser = RMSpropTF([moved, still], weight_decay=0.1)

    def closure() -> float:
        optimiser.zero_grad()
        loss = moved.square().sum()
        loss.backward()
        return loss.item()

    assert optimiser.step(closure) == 2.0
    assert (moved < 1).all()
    assert (still == 1).all()


@pytest.mark.parametrize(
    "wrong", [{"alpha": 1.0}, {"momentum": -0.1}, {"lr": -1.0}, {"eps": float("nan")}, {"weight_decay": -1.0}]
)
def test_rmsprop_refuses_settings_out_of_range(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is"):
        RMSpropTF([torch.ones(1, requires_grad=True)], **wrong)


def test_rmsprop_refuses_a_sparse_gradient():
    weight = torch.ones(3, requires_grad=True)
    weight.grad = torch.ones(3).to_sparse()
    with pytest.raises(RuntimeError, match="dense real"):
        RMSpropTF([weight]).step()


@pytest.mark.parametrize("optimiser", ["rmsprop_tf", "sgd", "adamw"])
def test_only_kernels_decay_and_every_weight_is_trained_once(optimiser):
    module = network()
    module[0].bias.requires_grad_(False)
    found = build_optimiser(module, Recipe("a", 10, 256, optimiser=optimiser, weight_decay=0.05))
    decays = {id(weight): group["weight_decay"] for group in found.param_groups for weight in group["params"]}
    assert sum(len(group["params"]) for group in found.param_groups) == len(decays) == 5
    for weight in module.parameters():
        if weight.requires_grad:
            assert decays[id(weight)] == (0.05 if weight.ndim > 1 else 0)


def test_the_rate_is_that_of_the_batch():
    module, recipe = network(), Recipe("a", 10, 64, learning_rate=0.4)
    assert {group["lr"] for group in build_optimiser(module, recipe).param_groups} == {0.1}
    assert {group["lr"] for group in build_optimiser(module, recipe, batch=512).param_groups} == {0.8}


def test_the_papers_optimiser_is_built_with_the_papers_settings():
    group = build_optimiser(network(), recipes.load("paper")).param_groups[0]
    assert (group["alpha"], group["momentum"], group["eps"], group["weight_decay"]) == (0.9, 0.9, 1e-3, 1e-5)
    assert group["lr"] == pytest.approx(0.256)


@pytest.mark.parametrize(
    ("optimiser", "plain"),
    [
        ("sgd", lambda groups: torch.optim.SGD(groups, 0.1, momentum=0.8, nesterov=True, foreach=False)),
        ("adamw", lambda groups: torch.optim.AdamW(groups, 0.1, betas=(0.8, 0.999), eps=1e-6, foreach=False)),
    ],
)
def test_torchs_own_are_those_with_the_recipes_settings(optimiser, plain):
    """Compared with the plain loop of the same update, so that the fused one is held against it too."""
    recipe = Recipe(
        "a", 10, 256, optimiser=optimiser, learning_rate=0.1, momentum=0.8, epsilon=1e-6, weight_decay=0.03,
        nesterov=optimiser == "sgd",
    )  # fmt: skip
    one = network().double()
    other = copy.deepcopy(one)
    kernels = [weight for weight in other.parameters() if weight.ndim > 1]
    rest = [weight for weight in other.parameters() if weight.ndim == 1]
    theirs = plain([{"params": kernels, "weight_decay": 0.03}, {"params": rest, "weight_decay": 0.0}])
    for found, expected in zip(train(one, build_optimiser(one, recipe), 5), train(other, theirs, 5), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)
