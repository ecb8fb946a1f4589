"""Small runs to report on."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from effsearch.evaluators import Evaluation
from effsearch.nas import search
from effsearch.search_spaces import Architecture, Dimension, Head, SearchSpace, Stage, Stem
from effsearch.search_spaces.cost import cost

STAGES = (Stage("conv", 8), Stage("conv", 16), Stage("conv", 24))
BASE = Architecture("tiny", Stem(8), STAGES, Head(0), resolution=16, classes=3)
NAMES = [(name, i) for i in range(3) for name in ("channels", "kernel", "repeats")]
CHOICES = {"channels": (8, 16, 24), "kernel": (3, 5, 7), "repeats": (1, 2, 3)}


def build(point) -> Architecture:
    stages = (replace(one, **{name: point[f"{name}_{i}"] for name in CHOICES}) for i, one in enumerate(STAGES))
    return replace(BASE, stages=tuple(stages))


class Rate:
    """Fails for a network in `failing` of them; the same seconds always, so that runs are equal to the byte."""

    def __init__(self, source: str, failing: int | None, fidelity: str) -> None:
        self.source, self.failing, self.fidelity = source, failing, fidelity

    def __call__(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        if self.failing and int(architecture.key, 16) % self.failing == 0:
            return Evaluation.failed("out of memory")
        scatter = zlib.crc32(architecture.key.encode()) % 1000 / 200
        accuracy = 30 + 5 * math.log10(cost(architecture).params) + scatter
        return Evaluation(accuracy, 0.5, fidelity=self.fidelity, source=self.source, seconds=1.0)


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A run directory of a search with these settings."""

    def make(
        *,
        space: str = "tiny",
        evaluator: str = "rated",
        failing: int | None = None,
        fidelity: str = "toy top-1",
        **settings: object,
    ) -> Path:
        dimensions = tuple(Dimension(f"{name}_{i}", CHOICES[name]) for name, i in NAMES)
        path = tmp_path_factory.mktemp("runs") / "run"
        search(
            SearchSpace(space, dimensions, build),
            Rate(evaluator, failing, fidelity),
            run_dir=path,
            **{"trials": 60, "batch": 20, "target_flops": 2e6, "references": [BASE], **settings},
        )
        return path

    return make


@pytest.fixture(scope="session")
def plain_run(make_run: Callable[..., Path]) -> Path:
    return make_run()
