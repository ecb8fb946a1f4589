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
        name, what = member
        network = f"{folder}/family/{name}.yaml"
        if config.get("data"):
            steps.append(Step(
                f"Train {what} in full on these images",
                _join("train", network, "--data", str(config["data"])),
            ))  # fmt: skip
        steps.append(Step(f"Count {what} with fvcore and torch as well", _join("profile", network, "--check")))
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


def _member(run: StudyRun) -> tuple[str, str] | None:
    """The member of the family at the study's growth, or b2: its name, and what to call it."""
    same = [str(name) for name in run.family[(run.family["phi"] - run.result.phi).abs() < 1e-9]["name"]]
    for name in (*same, "b2"):
        if name.replace("-", "").isalnum() and (run.path / "family" / f"{name}.yaml").is_file():
            return name, "the network of this growth" if name in same else f"{name} of the family"
    return None


def _otherwise(run: StudyRun, resumed: tuple[str, ...]) -> Step:
    form = "quadratic" if run.result.form == "additive" else "additive"
    return Step("Fit the other form of surface; nothing is trained again", _join(*resumed, "--form", form))


def _join(*words: str) -> str:
    return shlex.join(["effsearch", *words])
