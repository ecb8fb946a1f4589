"""What to run after reading a report: commands that can be copied."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import latency_words
from .measure import measure
from .run import Run


@dataclass(frozen=True)
class Step:
    """Why, and the command."""

    why: str
    command: str


def spoken_path(path: Path) -> str:
    """runs/NAME where the folder is called runs (seen from its parent), else the whole path."""
    return f"runs/{path.name}" if path.parent.name == "runs" else str(path)


def next_steps(run: Run, config: Mapping[str, Any]) -> tuple[Step, ...]:
    """config: what config.yaml holds; searches that were not started by `effsearch nas` cannot be resumed by it."""
    folder = spoken_path(run.path)
    by_command = config.get("command") == "nas"
    asked = int(config.get("trials") or len(run.trials)) if by_command else len(run.trials)
    steps = []
    useless = bool(len(run.trials)) and bool((run.trials["state"] == "failed").all())
    if by_command and run.state != "done" and len(run.trials) < asked and not useless:
        why = "If it was killed and runs no more, finish it" if run.state == "running" else "Finish this search"
        steps.append(Step(f"{why}; it goes on where it stopped", _join("nas", "--resume", "--out", folder)))
    if by_command and useless:
        steps.append(Step("Mend the evaluator, and try it on one network", _try(config)))
        again = _join("nas", "--config", f"{folder}/config.yaml")
        steps.append(Step("Then search anew: the failures of this run stay failures", again))
    if (run.path / "selected" / "budget.yaml").is_file():
        network = f"{folder}/selected/budget.yaml"
        steps.append(Step("Count the network with fvcore and torch as well", _join("profile", network, "--check")))
        if latency := latency_words.options(run):
            why = "Measure its latency, on the machine that the table is of"
            steps.append(Step(why, _join("profile", network, "--latency", *latency)))
        if config.get("data"):
            why = "Train it in full on these images"
            steps.append(Step(why, _join("train", network, "--data", str(config["data"]))))
        elif measure(run).kind != "training":
            steps.append(_rate(network, config) if by_command else _own(network))
    if by_command and run.state == "done" and len(run.trials):
        more = str(2 * max(asked, len(run.trials)))
        why = "Search on, to twice as many networks, and keep these"
        steps.append(Step(why, _join("nas", "--resume", "--out", folder, "--trials", more)))
        seed = str(int(run.settings["seed"]) + 1)
        why = "Search again with another seed, to see how much of this is luck"
        steps.append(Step(why, _join("nas", "--config", f"{folder}/config.yaml", "--seed", seed)))
    return tuple(steps)


def _rate(network: str, config: Mapping[str, Any]) -> Step:
    evaluator = str(config.get("evaluator"))
    if evaluator in ("surrogate", "capacity"):
        return _own(network)
    again = _join("evaluate", network, "--evaluator", evaluator, "--seed", "1")
    return Step("Rate it once more with another seed, to see the scatter", again)


def _try(config: Mapping[str, Any]) -> str:
    if config.get("data"):
        return _join("evaluate", "b0", "--data", str(config["data"]))
    return _join("evaluate", "b0", "--evaluator", str(config.get("evaluator")))


def _own(network: str) -> Step:
    """The file is the reader's to write; docs/evaluators.md has an example."""
    return Step(
        "Rate it by a training of your own (mine.py is a file of yours)",
        _join("evaluate", network, "--evaluator", "mine.py:train_briefly"),
    )


def _join(*words: str) -> str:
    return shlex.join(["effsearch", *words])
