"""`effsearch latency build` and `predict`: a table of measured blocks, and what it says of a network."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..records.errors import UserError
from ..search_spaces import checks, latency_file
from ..search_spaces.architecture import Architecture
from ..search_spaces.block_signature import LONGEST, network_blocks, signatures, space_blocks
from ..search_spaces.checks import shown
from ..search_spaces.latency_table import BLOCKWISE, LatencyTable
from ..search_spaces.latency_trust import UNCORRECTED
from . import latency_shown as words
from .base import load_base
from .latency_measuring import check_new, held, measuring, note_doubts, other_machine
from .latency_space import Place, draw

ROW = LONGEST + 100  # bytes of a block in the file, at most


def build(
    where: Place, *, device: str, batch: int, threads: int, engine: str, rounds: int, calibration: int, seed: int,
    out: Path, as_json: bool,
) -> int:  # fmt: skip
    """Measure a space's blocks and some whole networks, write the table. Returns the exit code."""
    if engine not in BLOCKWISE:
        raise UserError(
            f"--engine is {shown(engine)}; a table is measured with folded, eager or compile",
            hint="effsearch profile NETWORK --latency --engine onnxruntime measures a whole network",
        )
    checks.integer("--seed", seed, 0, 2**63)
    checks.integer("--rounds", rounds, 1, 10**6)
    check_new(out)
    space = where.load()
    blocks, networks = space_blocks(space), draw(space, calibration, seed)
    from ..models.latency import conditions_for, machine
    from ..models.latency_blocks import build_table

    conditions = conditions_for(device, batch, threads, engine)
    with held(out, ROW * len(blocks)) as write:
        with measuring(f"{len(blocks):,} blocks, {len(networks)} networks", conditions) as (tell, known):
            table = build_table(space.name, blocks, networks, conditions, rounds=rounds, seed=seed, tell=tell)
        table = dataclasses.replace(table, machine={**machine(conditions.device), **known, **table.machine})
        write(latency_file.dumps(table))
    if table.correction is None:
        print(
            f"note: the table has no correction ({table.machine[UNCORRECTED]}); measure again on a machine that does "
            "nothing else, or with more --rounds",
            file=sys.stderr,
        )
    if as_json:
        print(json.dumps({"table": str(out), **words.described(table)}, indent=1))
        return 0
    words.show([
        ("blocks", f"{len(table.entries):,} of {table.space}"),
        ("measured", f"{table.conditions}, {rounds} round{'s' if rounds > 1 else ''}, {known['seconds']} s"),
        ("on", words.made_on(table)),
        ("correction", words.correction(table)),
        ("table", str(out)),
    ])  # fmt: skip
    return 0


def predict(network: str, path: Path, *, measure: bool, rounds: int, as_json: bool) -> int:
    """Print what the table says of a network. Returns the exit code."""
    architecture, table = load_base(network), latency_file.load(path)
    missing = table.missing(network_blocks(architecture))
    if missing and measure:
        table = _completed(table, architecture, rounds, path)
        print(f"note: {len(missing)} blocks were measured and added to {path}", file=sys.stderr)
    note_doubts(table, path)
    milliseconds, plain = table(architecture), table.plain(architecture)
    if as_json:
        document: dict[str, Any] = {
            "name": architecture.name, "key": architecture.key, "milliseconds": milliseconds,
        }  # fmt: skip
        stages = [{"stage": name, "milliseconds": each} for name, each in _stages(table, architecture)]
        document |= {"sum_of_blocks": plain, "stages": stages, "table": words.described(table)}
        print(json.dumps(document, indent=1))
        return 0
    from ..reports import terminal

    rows = terminal.table_of("stage", ">blocks alone, ms", ">share")
    for name, each in _stages(table, architecture):
        rows.add_row(name, f"{each:.3f}", f"{each / plain:.1%}")
    terminal.show(rows, "")
    words.show([
        ("network", f"{architecture.name}, {architecture.resolution} px"),
        ("latency", f"{milliseconds:.4g} ms predicted"),
        ("sum of its blocks", f"{plain:.4g} ms; correction: {words.correction(table)}"),
        ("measured", f"{table.conditions}, on {words.made_on(table)}"),
    ])  # fmt: skip
    return 0


def _completed(table: LatencyTable, architecture: Architecture, rounds: int, path: Path) -> LatencyTable:
    """The table with the blocks of a network that it lacked, measured here and written. UserError on another
    machine."""
    from ..models.latency import conditions_for
    from ..models.latency_blocks import measure_blocks

    other = other_machine(table)
    if other:
        raise UserError(f"blocks cannot be added to the table: {other}", hint="leave --measure out, or do it there")
    conditions = conditions_for(**dataclasses.asdict(table.conditions))
    missing = table.missing(network_blocks(architecture))
    with held(path, ROW * (len(table.entries) + len(missing))) as write:
        with measuring(f"{len(missing)} blocks", conditions) as (tell, _):
            added = measure_blocks(missing, architecture.classes, conditions, rounds=rounds, tell=tell)
        table = table.with_entries(added)
        write(latency_file.dumps(table))
    return table


def _stages(table: LatencyTable, architecture: Architecture) -> Iterator[tuple[str, float]]:
    """Stem, stages, head: milliseconds of their blocks."""
    sums: dict[int, float] = {}
    for text, block in signatures(architecture):
        sums[block.stage] = sums.get(block.stage, 0.0) + table.entries[text].median
    names = {0: "stem", len(architecture.stages) + 1: "head"}
    for number, total in sums.items():
        yield names.get(number, str(number)), total
