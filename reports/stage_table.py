"""The found network beside its reference, stage by stage, with what each costs."""

from __future__ import annotations

from dataclasses import dataclass

from ..search_spaces.architecture import Architecture, Stage
from ..search_spaces.cost import Cost, stage_costs
from .labels import differences, stage_labels


@dataclass(frozen=True)
class Part:
    """A stage, the stem or the head: in words, its cost, and the stage where it is one."""

    words: str
    cost: Cost
    stage: Stage | None


@dataclass(frozen=True)
class StageRow:
    """name: stem, 1, 2 .. or head. found, reference: None where a network has no such part.

    different: in words, "" where the parts are equal or there is no reference.
    """

    name: str
    found: Part | None
    reference: Part | None
    different: str


def stage_rows(found: Architecture, reference: Architecture | None) -> tuple[StageRow, ...]:
    first, second = parts(found), parts(reference) if reference else {}
    longest = max(first, second, key=len)
    return tuple(
        StageRow(
            name, first.get(name), second.get(name), _different(first.get(name), second.get(name)) if reference else ""
        )
        for name in longest
    )


def parts(architecture: Architecture) -> dict[str, Part]:
    """Name -> part, in the order in which an image passes them."""
    names = ("stem", *map(str, range(1, len(architecture.stages) + 1)), "head")
    stages = (None, *architecture.stages, None)
    values = zip(stage_labels(architecture), stage_costs(architecture), stages, strict=True)
    return {name: Part(*value) for name, value in zip(names, values, strict=True)}


def _different(found: Part | None, reference: Part | None) -> str:
    if found is None or reference is None:
        return "only in one"
    if found.stage and reference.stage:
        return differences(found.stage, reference.stage)
    return "" if found.words == reference.words else f"{found.words} / {reference.words}"
