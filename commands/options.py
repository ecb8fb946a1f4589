"""The options that make a run what it is: one frozen dataclass a command, stored as config.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from ..records.errors import UserError
from ..records.run_directory import RunDirectory
from ..search_spaces.checks import InvalidValue, nearest, shown
from ..search_spaces.strict_yaml import load_mapping

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    class CommandOptions(DataclassInstance, Protocol):
        """A dataclass of text, numbers, tuples of text and None, for the command COMMAND."""

        COMMAND: ClassVar[str]


FORMAT, VERSION = "effsearch-config", 1
Options = TypeVar("Options", bound="CommandOptions")


def to_mapping(options: CommandOptions) -> dict[str, Any]:
    """What config.yaml holds."""
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(options).items()}
    return {"format": FORMAT, "version": VERSION, "command": options.COMMAND, **plain}


def read_options(path: Path | str, kind: type[Options]) -> dict[str, Any]:
    """The options in a config.yaml. InvalidValue names the file, the option, its value and what is allowed."""
    content = load_mapping(path)
    for name, expected in (("format", FORMAT), ("version", VERSION), ("command", kind.COMMAND)):
        found = content.pop(name, None)
        if found != expected or isinstance(found, bool):
            other = name == "command" and isinstance(found, str)
            raise InvalidValue(
                f"{path}: {name} is {shown(found)}; it must be {expected}",
                hint=f"it is a run of effsearch {found:.20}" if other else None,
            )
    kinds = {field.name: str(field.type) for field in fields(kind)}
    for name, value in content.items():
        if name not in kinds:
            raise InvalidValue(f"{path}: unknown option {shown(name)}", hint=nearest(name, kinds))
        if not _fits(value, kinds[name]):
            raise InvalidValue(f"{path}: {name} is {shown(value)}; it must be {_words(kinds[name])}")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}


def stored_options(kind: type[Options], out: Path | None, resume: bool, config: Path | None) -> dict[str, Any]:
    """The options of the run in `out` that goes on, under those of the file `config`, where there are such.

    UserError: what goes on is not said, or no run is there.
    """
    if resume and out is None:
        raise UserError("--resume needs to know which run", hint=f"effsearch {kind.COMMAND} --resume --out runs/NAME")
    stored = read_options(config, kind) if config else {}
    if resume and out is not None:
        RunDirectory.open_existing(out)
        stored = {**read_options(out / "config.yaml", kind), **stored}
    return stored


def merge(kind: type[Options], given: Mapping[str, Any], stored: Mapping[str, Any]) -> Options:
    """Options from the command line go before those of a file, those before the defaults."""
    return kind(**{**stored, **given})


def _fits(value: object, kind: str) -> bool:
    if value is None:
        return "None" in kind
    if "tuple" in kind:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if isinstance(value, bool):
        return False
    if kind.startswith(("int", "float")):
        return isinstance(value, int | float) if kind.startswith("float") else isinstance(value, int)
    return isinstance(value, str)


def _words(kind: str) -> str:
    if "tuple" in kind:
        return "a list of text"
    if kind.startswith("float"):
        return "a number"
    return "a whole number" if kind.startswith("int") else "text (in quotes)"
