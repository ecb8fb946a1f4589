"""What a study will train: the design, its networks, and what is to be said about them beforehand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..records.errors import UserError
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import InvalidValue, choice, number
from .designs import BASE, Design, simplex
from .observations import RESPONSES, Observation
from .power import Assessment, assess
from .shares import Realised, realised
from .study_networks import RESOLUTION, STEPS, build_networks, channel_step_of
from .study_runs import RunName, StudyRun
from .surface import FORMS, PRIORS

OFF_BUDGET = 0.03
SAID_AT_MOST = 4  # names
FEWEST = 3  # networks besides the base


@dataclass(frozen=True)
class StudyPlan:
    """networks: point's name -> network, in the design's order. lattice: steps that the free shares are in.
    channel_step: of the widths. factor: growth for each unit of phi. same: points left out -> the point that has their
    network."""

    base: Architecture
    design: Design
    networks: Mapping[str, Architecture]
    lattice: int
    channel_step: int
    factor: float
    seed: int
    same: Mapping[str, str]

    @property
    def runs(self) -> tuple[RunName, ...]:
        return tuple((point.name, seed) for point, seed in self.design.runs)

    def built(self, name: str) -> Realised:
        return realised(self.base, self.networks[name], self.design.growth)

    def observation(self, run: StudyRun) -> Observation | None:
        """None for one that failed."""
        return Observation.of(run.point, self.base, self.networks[run.point], run.evaluation, self.design.growth)

    def settings(self, source: str, fixed: Mapping[str, float]) -> dict[str, Any]:
        """What makes a training of this study what it is. Not the seeds' number: a study may be given more."""
        return {
            "study": "simplex", "base": self.base.key, "points": source, "phi": self.design.phi, "factor": self.factor,
            "fixed": dict(fixed), "lattice": self.lattice, "channel_step": self.channel_step,
            "seed": self.seed,
        }  # fmt: skip

    def power(
        self, sigma: float, effect: float, *, seconds: float | None = None, error: float | None = None,
        form: str = "additive", prior: str = "law",
    ) -> Assessment:  # fmt: skip
        """`power.assess` with the multipliers as built."""
        multipliers = [self.built(point.name).multipliers for point in self.design.points]
        return assess(
            self.design, sigma, effect=effect, seconds_per_run=seconds, error=error, form=form, prior=prior,
            multipliers=multipliers,
        )  # fmt: skip

    def notes(self, pixels: int | None = None) -> tuple[str, ...]:
        """What is unlike what was asked for. `pixels`: those of the images, where they are known."""
        return tuple(note for note in (self._merged(), self._off_budget(), self._few_pixels(pixels)) if note)

    def _merged(self) -> str | None:
        if not self.same:
            return None
        pairs = [f"{one} is {other}" for one, other in self.same.items()]
        return f"built in whole layers, channels and pixels, some points are one network: {_listed(pairs)}"

    def _off_budget(self) -> str | None:
        off = {name: math.expm1(self.built(name).ln_flops_ratio) for name in self.networks if name != BASE}
        missed = [f"{name} ({100 * one:+.1f} %)" for name, one in off.items() if abs(one) > OFF_BUDGET]
        if not missed:
            return None
        return f"rounding leaves the FLOPs wanted by more than 3 %: {_listed(missed)}; the fit takes what was built"

    def _few_pixels(self, pixels: int | None) -> str | None:
        most = max(network.resolution for network in self.networks.values())
        if pixels is None or most <= pixels or RESOLUTION in self.design.fixed:
            return None
        return (
            f"the images have {pixels} pixels, the networks up to {most}: beyond {pixels} they are enlarged and hold "
            "nothing new, so the study tells what enlarging does; --fix gamma=1 leaves depth and width to share"
        )


def plan_study(
    base: Architecture,
    *,
    phi: float = 1.0,
    factor: float = 2.0,
    fixed: Mapping[str, float] | None = None,
    lattice: int = 4,
    seeds: int = 3,
    seed: int = 0,
    channel_step: int | None = None,
) -> StudyPlan:
    """The simplex design on a base. UserError or InvalidValue for what cannot be designed or built."""
    design = simplex(factor, phi, fixed=fixed, step=lattice, seeds=seeds, first_seed=seed)
    if channel_step is not None:
        choice("channel_step", channel_step, STEPS)
    step = channel_step_of(base) if channel_step is None else channel_step
    try:
        found = build_networks(base, design, step)
    except InvalidValue as error:
        raise UserError(
            f"phi is {phi:g}; {base.name} cannot be built at {design.growth:g} times its FLOPs: {error}",
            hint="give a smaller --phi or --factor",
        ) from error
    if len([name for name in found.networks if name != BASE]) < FEWEST:
        raise UserError(
            f"the design's points build {len(found.networks)} different networks of {base.name}; nothing to compare",
            hint="fix a smaller value, give a larger --factor or --phi, or a smaller --channel-step",
        )
    return StudyPlan(base, _without(design, found.same), found.networks, lattice, step, float(factor), seed, found.same)


def check_analysis(response: str, prior: str, form: str, effect: float) -> None:
    """InvalidValue for a name or number that cannot be."""
    choice("response", response, RESPONSES)
    choice("prior", prior, PRIORS)
    choice("form", form, FORMS)
    number("effect", effect, 1e-3, 100)


def _without(design: Design, names: Mapping[str, str]) -> Design:
    return replace(
        design,
        points=tuple(point for point in design.points if point.name not in names),
        runs=tuple((point, seed) for point, seed in design.runs if point.name not in names),
    )


def _listed(words: list[str]) -> str:
    more = len(words) - SAID_AT_MOST
    return ", ".join(words[:SAID_AT_MOST]) + (f" and {more} more" if more > 0 else "")
