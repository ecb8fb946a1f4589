"""What to run after reading a study's report: commands that can be copied."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from ..search_spaces.quantity import format_count
from .next_steps import Step, spoken_path
from .study_run import StudyRun

MOST_SEEDS = 1000


def next_steps(run: StudyRun, config: Mapping[str, Any]) -> tuple[Step, ...]:
    """config: what config.yaml holds; studies that were not started by `effsearch grid` cannot be continued by it."""
    folder, found = spoken_path(run.path), run.result
    resumed = ("grid", "--resume", "--out", folder)
    steps = []
    by_command = config.get("command") == "grid"
    if by_command and run.state != "done":
        steps.append(Step("Finish this study; it goes on where it stopped", _join(*resumed)))
    if by_command and 2 * found.seeds <= MOST_SEEDS:
        why = "Tell more apart: twice the seeds; what is trained is kept"
        steps.append(Step(why, _join(*resumed, "--seeds", str(2 * found.seeds))))
    member = _member(run)
    if member is not None:
        network = f"{folder}/family/{member}.yaml"
        if config.get("data"):
            steps.append(Step(
                "Train the network of this growth in full on these images",
                _join("train", network, "--data", str(config["data"])),
            ))  # fmt: skip
        why = "Count the network of this growth with fvcore and torch as well"
        steps.append(Step(why, _join("profile", network, "--check")))
    base = run.family[run.family["phi"] == 0]["mult_adds"]
    if len(base) and (run.path / "base.yaml").is_file():
        sizes = ",".join(format_count(float(base.iloc[0]) * times, 3) for times in (2, 4))
        steps.append(Step(
            "Write networks for FLOPs of your own by these coefficients",
            _join("family", "--base", f"{folder}/base.yaml", "--coefficients", folder, "--flops", sizes,
                  "--out", "sized"),
        ))  # fmt: skip
    if by_command:
        steps.append(_otherwise(run, resumed))
    return tuple(steps)


def _member(run: StudyRun) -> str | None:
    """The member of the family at the study's growth, or b2."""
    same = run.family[(run.family["phi"] - run.result.phi).abs() < 1e-9]["name"]
    for name in (*map(str, same), "b2"):
        if name.replace("-", "").isalnum() and (run.path / "family" / f"{name}.yaml").is_file():
            return name
    return None


def _otherwise(run: StudyRun, resumed: tuple[str, ...]) -> Step:
    form = "quadratic" if run.result.form == "additive" else "additive"
    return Step("Fit the other form of surface; nothing is trained again", _join(*resumed, "--form", form))


def _join(*words: str) -> str:
    return shlex.join(["effsearch", *words])
