"""What is built costs what was computed: fvcore counts random networks of the spaces and scaled ones, torch some.

The catalogue at its own resolutions is in test_models_cost.py. Here the pictures are small: fvcore runs the network to
count it, and what it counts grows with the maps in the same way.
"""

import gc
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from effsearch.models import check_cost
from effsearch.models.check import fvcore_mult_adds
from effsearch.search_spaces import Architecture, Multipliers, catalogue, fit_images, load, scale
from effsearch.search_spaces.cost import cost

DRAWN = 250  # of each of the two spaces
SCALED = 100
SMALLEST, LARGEST = 9, 48  # pixels: odd ones too, where a stride leaves a remainder
BY_TORCH = 50  # every so many: torch's counter at the network's own resolution


@pytest.fixture(autouse=True)
def few_collections() -> Iterator[None]:
    """Tracing makes so many objects that looking for garbage among all of torch's takes a fifth of the time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnasnet-b0", "mnasnet"])
def test_random_networks_of_a_space_cost_what_fvcore_counts(name: str) -> None:
    space, rng = load(name), np.random.default_rng(20)
    drawn = [space.decode(space.sample(rng)) for _ in range(DRAWN)]
    assert len({one.key for one in drawn}) == DRAWN
    _assert_counted(drawn, rng)


@pytest.mark.slow
def test_scaled_networks_cost_what_fvcore_counts() -> None:
    rng = np.random.default_rng(21)
    scaled = list(_scaled(rng))
    assert len({one.key for one in scaled}) == SCALED
    _assert_counted(scaled, rng)


def _scaled(rng: np.random.Generator) -> Iterator[Architecture]:
    """Half of them by multipliers, half fitted to a budget for small pictures; all from networks of the catalogue."""
    light = [name for name in catalogue.names() if cost(catalogue.load(name)).mult_adds < 2e9]
    for number in range(SCALED):
        base = catalogue.load(light[number % len(light)])
        if number % 2:
            depth, width, resolution = rng.uniform((0.5, 0.35, 0.5), (1.4, 1.3, 1.3))
            yield scale(base, Multipliers(float(depth), float(width), float(resolution)))
        else:
            classes = int(rng.integers(2, 200))
            budget = float(10 ** rng.uniform(7, 7.7))
            yield fit_images(base, budget, resolution=int(rng.integers(28, 65)), input_channels=1, classes=classes)


def _assert_counted(drawn: list[Architecture], rng: np.random.Generator) -> None:
    for number, architecture in enumerate(drawn):
        small = replace(architecture, resolution=int(rng.integers(SMALLEST, LARGEST + 1)))
        assert fvcore_mult_adds(small) == cost(small).mult_adds, architecture
        if number % BY_TORCH == 0:
            check_cost(architecture)  # CostMismatch where they differ
