"""What to run after reading a grid's report: commands that can be copied."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from ..search_spaces.quantity import format_count
from .grid_laws import LAWS, knows_base
from .grid_run import GridRun
from .next_steps import Step, spoken_path

FINE = 0.01
LARGEST = 2.5  # factor; beyond, so fine a grid would be huge
PAPER = "Write the official B0 to B7 to compare with, exactly as published"


def next_steps(run: GridRun, config: Mapping[str, Any]) -> tuple[Step, ...]:
    """config: what config.yaml holds; grids that were not started by `effsearch grid` cannot be repeated by it."""
    folder = spoken_path(run.path)
    steps = []
    if (run.path / "family" / "b2.yaml").is_file():
        network = f"{folder}/family/b2.yaml"
        steps.append(
            Step("Count the network of phi = 1 with fvcore and torch as well", _join("profile", network, "--check"))
        )
    base = run.family[run.family["phi"] == 0]["mult_adds"]
    if len(base) and (run.path / "base.yaml").is_file():
        sizes = ",".join(format_count(float(base.iloc[0]) * times, 3) for times in (2, 4))
        steps.append(Step(
            "Write networks for FLOPs of your own by these coefficients",
            _join("family", "--base", f"{folder}/base.yaml", "--coefficients", folder, "--flops", sizes,
                  "--out", "sized"),
        ))  # fmt: skip
    if config.get("command") == "grid":
        steps += _again(run, _join("grid", "--config", f"{folder}/config.yaml"), config)
    steps.append(Step(PAPER, _join("family", "--preset", "paper", "--out", "official")))
    return tuple(steps)


def _again(run: GridRun, command: str, config: Mapping[str, Any]) -> list[Step]:
    """The same grid, finer, by another law, or by trainings."""
    if run.law is None:
        if run.is_score:
            return [Step("Rate the triples by the scaling law instead", f"{command} --evaluator law")]
        seed = int(config.get("seed") or 0) + 1
        return [Step("Rate them again with another seed, to see the scatter", f"{command} --seed {seed}")]
    steps = []
    small = float(run.settings["factor"]) <= LARGEST and float(run.settings["tolerance"]) <= 0.2
    if small and float(run.settings["step"]) > FINE:
        steps.append(Step("Search finer steps: it changes the digits, not what is known", f"{command} --step {FINE:g}"))
    law = LAWS.get(run.law)
    other = next((name for name, one in LAWS.items() if knows_base(run, one.base)), None)
    if law and other and not knows_base(run, law.base):
        steps.append(Step("Use the law of this base's own published results", f"{command} --law {other}"))
    elif run.law == "additive":
        steps.append(Step("Use the law with an exponent for each dimension", f"{command} --law separate"))
    mine = f"{command} --evaluator mine.py:train_briefly"
    steps.append(Step("Rate the triples by trainings of your own (mine.py is a file of yours)", mine))
    return steps


def _join(*words: str) -> str:
    return shlex.join(["effsearch", *words])
