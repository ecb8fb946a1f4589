"""Every option of `effsearch nas` that makes a run what it is: what config.yaml holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..search_spaces.checks import InvalidValue, nearest, shown
from ..search_spaces.strict_yaml import load_mapping

FORMAT, VERSION, COMMAND = "effsearch-config", 1, "nas"


@dataclass(frozen=True)
class NasOptions:
    """The defaults are those of the command. Lists are tuples of text."""

    target_flops: str = "400M"
    space: str = "mnasnet-b0"
    around: str | None = None
    evaluator: str = "surrogate"
    epochs: int | None = None
    sampler: str = "nsga2"
    reward: str = "soft"
    limit: tuple[str, ...] = ()
    cost: tuple[str, ...] = ()
    objective: tuple[str, ...] = ("accuracy", "mult_adds")
    compare: tuple[str, ...] | None = None
    trials: int = 3000
    batch: int = 50
    seed: int = 0

    def to_mapping(self) -> dict[str, Any]:
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {"format": FORMAT, "version": VERSION, "command": COMMAND, **plain}


def read_options(path: Path | str) -> dict[str, Any]:
    """The options in a config.yaml. InvalidValue names the file, the option, its value and what is allowed."""
    content = load_mapping(path)
    for name, expected in (("format", FORMAT), ("version", VERSION), ("command", COMMAND)):
        found = content.pop(name, None)
        if found != expected or isinstance(found, bool):
            raise InvalidValue(f"{path}: {name} is {shown(found)}; it must be {expected}")
    kinds = {field.name: str(field.type) for field in fields(NasOptions)}
    for name, value in content.items():
        if name not in kinds:
            raise InvalidValue(f"{path}: unknown option {shown(name)}", hint=nearest(name, kinds))
        if not _fits(value, kinds[name]):
            raise InvalidValue(f"{path}: {name} is {shown(value)}; it must be {_words(kinds[name])}")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}


def merge(given: Mapping[str, Any], stored: Mapping[str, Any]) -> NasOptions:
    """Options from the command line go before those of a file, those before the defaults."""
    return NasOptions(**{**stored, **given})


def _fits(value: object, kind: str) -> bool:
    if value is None:
        return "None" in kind
    if "tuple" in kind:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if kind.startswith("int"):
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, str)


def _words(kind: str) -> str:
    if "tuple" in kind:
        return "a list of text"
    return "a whole number" if kind.startswith("int") else "text (in quotes)"
