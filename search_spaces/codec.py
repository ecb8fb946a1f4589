"""Architecture <-> YAML or JSON, strict and versioned.

Version 1: `format: effsearch-architecture`, `version: 1`, then the fields of Architecture; `stem` and `head` mappings,
`stages` a list of mappings. A key left out has the value that the class gives it; an unknown key is an error.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

from .architecture import Architecture, Head, Stage, Stem, plain
from .checks import InvalidValue, nearest, shown
from .cost import cost
from .quantity import format_count
from .strict_yaml import load_mapping, parse_mapping

FORMAT, VERSION = "effsearch-architecture", 1
Part = TypeVar("Part", Stem, Stage, Head)


def load(path: str | Path) -> Architecture:
    """Read a .yaml, .yml or .json file. InvalidValue names the file, the place in it, the value and what is allowed."""
    return from_mapping(load_mapping(path), str(path))


def loads(text: str) -> Architecture:
    """Read YAML text."""
    return from_mapping(parse_mapping(text))


def dump(architecture: Architecture, path: str | Path) -> None:
    """Write a file; JSON where the name ends in .json. The caller sees to it that a half-written file does no harm."""
    path = Path(path)
    written = json.dumps(to_mapping(architecture), indent=1) + "\n" if path.suffix == ".json" else dumps(architecture)
    path.write_text(written, encoding="utf-8")


def dumps(architecture: Architecture) -> str:
    """YAML text: one line a stage, and the cost as a comment."""
    mapping, total = to_mapping(architecture), cost(architecture)
    rows = mapping.pop("stages")
    lines = [
        f"# {total.params:,} parameters, {format_count(total.mult_adds)} mult-adds at {architecture.resolution} px",
        *(f"{key}: {_inline(value)}" for key, value in mapping.items()),
        "stages:",
        *(f"  - {_inline(row)}" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def to_mapping(architecture: Architecture) -> dict[str, Any]:
    content = asdict(architecture)
    return {"format": FORMAT, "version": VERSION, **{key: plain(value) for key, value in content.items()}}


def from_mapping(mapping: dict[str, Any], where: str = "architecture") -> Architecture:
    """Strict reading; `where` names the source in messages."""
    if mapping.get("format") != FORMAT:
        raise InvalidValue(
            f"{where}: format is {shown(mapping.get('format'))}; it must be {FORMAT}",
            hint="effsearch profile b0 --yaml shows such a file",
        )
    version = mapping.get("version")
    if version != VERSION or isinstance(version, bool):
        newer = isinstance(version, int) and version > VERSION
        raise InvalidValue(
            f"{where}: version is {shown(version)}; this program reads {VERSION}",
            hint="update effsearch to read it" if newer else None,
        )
    content = {key: value for key, value in mapping.items() if key not in ("format", "version")}
    _known_keys(content, Architecture, where)
    stages = content["stages"]
    if not isinstance(stages, list):
        raise InvalidValue(f"{where}: stages is {shown(stages)}; it must be a list of mappings")
    content["stem"] = _part(Stem, content["stem"], where, "stem")
    content["head"] = _part(Head, content["head"], where, "head")
    content["stages"] = tuple(_part(Stage, row, where, f"stages[{i}]") for i, row in enumerate(stages))
    try:
        return Architecture(**content)
    except InvalidValue as error:
        raise InvalidValue(f"{where}: {error}", hint=error.hint) from None


def _part(kind: type[Part], content: object, where: str, place: str) -> Part:
    if not isinstance(content, dict):
        raise InvalidValue(f"{where}: {place} is {shown(content)}; it must be a mapping")
    _known_keys(content, kind, f"{where}: {place}")
    try:
        return kind(**content)
    except InvalidValue as error:
        message = str(error).removeprefix(f"{place}.")
        raise InvalidValue(f"{where}: {place}.{message}", hint=error.hint) from None


def _known_keys(content: dict[str, Any], kind: type, where: str) -> None:
    known = [field.name for field in fields(kind)]
    for key in content:
        if key not in known:
            raise InvalidValue(
                f"{where}: unknown key {shown(key)}; allowed: {', '.join(known)}", hint=nearest(str(key), known)
            )
    for field in fields(kind):
        if field.default is MISSING and field.name not in content:
            raise InvalidValue(f"{where}: {field.name} is missing")


def _inline(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")
