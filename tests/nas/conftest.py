"""Small networks to search among, and evaluators that can be counted, interrupted and made to fail."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pandas as pd
import pytest

from effsearch import evaluators
from effsearch.evaluators import Evaluation, Evaluator
from effsearch.search_spaces import Architecture, Dimension, Head, SearchSpace, Stage, Stem, load
from effsearch.search_spaces.cost import cost

STAGES = (Stage("conv", 8), Stage("conv", 16), Stage("conv", 24))
BASE = Architecture("tiny", Stem(8), STAGES, Head(0), resolution=16, classes=3)


def build(point) -> Architecture:
    stages = tuple(
        replace(stage, channels=point[f"channels_{i}"], kernel=point[f"kernel_{i}"], repeats=point[f"repeats_{i}"])
        for i, stage in enumerate(BASE.stages)
    )
    return replace(BASE, stages=stages)


def rated(architecture: Architecture, *, seed: int = 0) -> Evaluation:
    """More parameters are better, with scatter that depends on the network alone."""
    scatter = zlib.crc32(architecture.key.encode()) % 1000 / 200
    return Evaluation(30 + 5 * math.log10(cost(architecture).params) + scatter, 0.5, seed=seed, source="rated")


@dataclass
class Counting:
    """Passes on to `inner`; notes the keys it has answered for; raises KeyboardInterrupt at call `stop`, from 0."""

    inner: Callable[..., Evaluation] = rated
    stop: int | None = None
    keys: list[str] = field(default_factory=list)
    source = "counting"

    def __call__(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        if len(self.keys) == self.stop:
            raise KeyboardInterrupt
        evaluation = self.inner(architecture, seed=seed)
        self.keys.append(architecture.key)
        return evaluation


@pytest.fixture(scope="session")
def tiny() -> SearchSpace:
    """19,683 networks of three stages at 16 pixels."""
    names = [(name, i) for i in range(3) for name in ("channels", "kernel", "repeats")]
    choices = {"channels": (8, 16, 24), "kernel": (3, 5, 7), "repeats": (1, 2, 3)}
    return SearchSpace("tiny", tuple(Dimension(f"{name}_{i}", choices[name]) for name, i in names), build)


@pytest.fixture(scope="session")
def sixty() -> SearchSpace:
    """Sixty points, every one another network."""
    dimensions = (Dimension("a", (0, 1, 2)), Dimension("b", (0, 1, 2, 3)), Dimension("c", (0, 1, 2, 3, 4)))
    return SearchSpace(
        "sixty", dimensions, lambda point: replace(BASE, classes=1 + point["a"] + 3 * point["b"] + 12 * point["c"])
    )


@pytest.fixture(scope="session")
def counting() -> type[Counting]:
    return Counting


@pytest.fixture(scope="session")
def rate() -> Callable[..., Evaluation]:
    return rated


@pytest.fixture(scope="session")
def measured() -> SearchSpace:
    return load("mnasnet-b0")


@pytest.fixture(scope="session")
def surrogate() -> Evaluator:
    return evaluators.load("surrogate")


@pytest.fixture(scope="session")
def timeless() -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A table without what may differ between two equal runs."""
    return lambda table: table.drop(columns="seconds")
