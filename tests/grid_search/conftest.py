"""The base networks, and evaluators that can be counted, interrupted and made to fail."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from effsearch.evaluators import Evaluation
from effsearch.search_spaces import Architecture, catalogue


def accuracy_of(name: str) -> float:
    """Of a network that is named after its triple: 60 to 70 percent, scattered."""
    return 60 + zlib.crc32(name.encode()) % 10_000 / 1000


@dataclass
class Counting:
    """Notes the names of the networks that it rates; raises KeyboardInterrupt at call `stop`, from 0."""

    stop: int | None = None
    fails: Callable[[str], bool] = lambda name: False
    std: float | None = None
    names: list[str] = field(default_factory=list)
    source = "counting"

    def __call__(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        if len(self.names) == self.stop:
            raise KeyboardInterrupt
        self.names.append(architecture.name)
        if self.fails(architecture.name):
            return Evaluation.failed("out of memory", seed=seed, source=self.source, seconds=1.0)
        return Evaluation(
            accuracy_of(architecture.name), self.std, seed=seed, fidelity="made up", seconds=1.0, source=self.source
        )


@pytest.fixture(scope="session")
def b0() -> Architecture:
    return catalogue.load("b0")


@pytest.fixture(scope="session")
def mobilenet() -> Architecture:
    return catalogue.load("mobilenet-v2")


@pytest.fixture(scope="session")
def counting() -> type[Counting]:
    return Counting


@pytest.fixture(scope="session")
def accuracy() -> Callable[[str], float]:
    return accuracy_of


@pytest.fixture(scope="session")
def timeless() -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A table without what may differ between two equal runs."""
    return lambda table: table.drop(columns="seconds")


@pytest.fixture(scope="session")
def literal() -> Callable[..., float]:
    """The law's formula as its module's docstring writes it."""

    def literal(coefficients: np.ndarray, depth: float, width: float, resolution: float) -> float:
        c, a, b, e, p, q, r = (float(one) for one in coefficients)
        return c + a * depth**-p + b * width ** (-2 * q) + e * resolution ** (-2 * r)

    return literal
