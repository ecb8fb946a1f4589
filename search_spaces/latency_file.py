"""LatencyTable <-> JSON, strict and versioned.

Version 1: `format: effsearch-latency-table`, `version: 1`, what was measured and where, `blocks` (signature -> [median,
lower quartile, upper quartile in milliseconds, runs]) and `correction` (see latency_fit) with the keys of the networks
that it was fitted to, or null. A file from anywhere is read strictly.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from . import checks
from .block_signature import is_signature
from .checks import InvalidValue, shown
from .latency_table import Conditions, Correction, Entry, LatencyTable
from .strict_yaml import load_mapping

FORMAT, VERSION = "effsearch-latency-table", 1
LARGEST = 20_000_000  # bytes; 2,000 blocks take 0.2 MB


def dumps(table: LatencyTable) -> str:
    """JSON text, one line a block."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "space": table.space,
        **asdict(table.conditions),
        "rounds": table.rounds,
        "seed": table.seed,
        "machine": dict(table.machine),
        "correction": None if table.correction is None else asdict(table.correction),
    }
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    rows = [
        f"  {json.dumps(text)}: {json.dumps([one.median, one.low, one.high, one.runs])}"
        for text, one in sorted(table.entries.items())
    ]
    return "{\n" + ",\n".join(lines) + ',\n"blocks": {\n' + ",\n".join(rows) + "\n}\n}\n"


def load(path: str | Path) -> LatencyTable:
    """Read a .json file. InvalidValue names the file, the place in it, the value and what is allowed."""
    if Path(path).suffix.lower() != ".json":
        raise InvalidValue(f"{path} is no latency table: the file of one ends in .json")
    return from_mapping(load_mapping(path, largest=LARGEST), str(path))


def from_mapping(mapping: Mapping[str, Any], where: str = "latency table") -> LatencyTable:
    """Strict reading; `where` names the source in messages."""
    content = dict(mapping)
    if content.pop("format", None) != FORMAT:
        raise InvalidValue(
            f"{where} is no latency table: format is {shown(mapping.get('format'))}; it must be {FORMAT}",
            hint="effsearch latency build --out FILE.json makes one",
        )
    version = content.pop("version", None)
    if version != VERSION or isinstance(version, bool):
        newer = isinstance(version, int) and version > VERSION
        raise InvalidValue(
            f"{where}: version is {shown(version)}; this program reads {VERSION}",
            hint="update effsearch to read it" if newer else None,
        )
    conditions = [one.name for one in fields(Conditions)]
    known = ["space", *conditions, "rounds", "seed", "machine", "correction", "blocks"]
    _exactly(content, known, where)
    try:
        return LatencyTable(
            space=content["space"],
            conditions=Conditions(**{name: content[name] for name in conditions}),
            entries={text: _entry(text, row) for text, row in _mapping(content["blocks"], "blocks").items()},
            correction=_correction(content["correction"]),
            rounds=content["rounds"],
            seed=content["seed"],
            machine=_machine(content["machine"]),
        )
    except InvalidValue as error:
        raise InvalidValue(f"{where}: {error}", hint=error.hint) from None


def _mapping(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidValue(f"{name} is {shown(value)}; it must be a mapping")
    return value


def _entry(text: str, row: object) -> Entry:
    if not is_signature(text):
        raise InvalidValue(f"blocks: {shown(text)} is no block")
    if not isinstance(row, list) or len(row) != 4:
        raise InvalidValue(f"blocks: {text} is {shown(row)}; it must be [median, low, high, runs]")
    try:
        return Entry(*row)
    except InvalidValue as error:
        raise InvalidValue(f"blocks: {text}: {error}") from None


def _correction(value: object) -> Correction | None:
    if value is None:
        return None
    content = _mapping(value, "correction")
    _exactly(content, [one.name for one in fields(Correction)], "correction")
    return Correction(**content)


def _machine(value: object) -> dict[str, str]:
    content = _mapping(value, "machine")
    if len(content) > 100:
        raise InvalidValue(f"machine has {len(content)} values; 100 are allowed")
    for name, one in content.items():
        checks.text("a name in machine", name)
        checks.text(f"machine: {name}", one, 1000)
    return content


def _exactly(content: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    names = list(known)
    for key in content:
        if key not in names:
            raise InvalidValue(f"{where}: unknown key {shown(key)}; allowed: {', '.join(names)}")
    for name in names:
        if name not in content:
            raise InvalidValue(f"{where}: {name} is missing")
