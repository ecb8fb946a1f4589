"""`effsearch latency`: a table of measured blocks, what it predicts, and how well that holds."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from ..records import atomic
from ..records.errors import UserError
from ..search_spaces import latency_file, loading
from ..search_spaces.architecture import Architecture
from ..search_spaces.block_signature import network_blocks, signatures, space_blocks
from ..search_spaces.checks import shown
from ..search_spaces.latency_fit import Agreement, agreement
from ..search_spaces.latency_table import ENGINES, Conditions, LatencyTable
from .latency_space import Place, draw

BUSY = 0.9  # of the time on the processor; with less, other programs disturbed the measurement
MACHINE = ("processor", "torch")  # what must agree between a table and who adds to it
WAITED = "time on the processor"


def build(
    where: Place, *, device: str, batch: int, threads: int, engine: str, rounds: int, calibration: int, seed: int,
    out: Path, as_json: bool,
) -> int:  # fmt: skip
    """Measure a space's blocks and some whole networks, write the table. Returns the exit code."""
    if engine == "onnxruntime" or engine not in ENGINES:
        raise UserError(
            f"--engine is {shown(engine)}; a table is measured with folded, eager or compile",
            hint="effsearch profile NETWORK --latency --engine onnxruntime measures a whole network",
        )
    _check_target(out)
    space = where.load()
    blocks, networks = space_blocks(space), draw(space, calibration, seed)
    from ..models.latency import conditions_for, machine
    from ..models.latency_blocks import build_table

    conditions = conditions_for(device, batch, threads, engine)
    with _measuring(f"{len(blocks):,} blocks, {len(networks)} networks", conditions) as (tell, known):
        table = build_table(space.name, blocks, networks, conditions, rounds=rounds, seed=seed, tell=tell)
    table = dataclasses.replace(table, machine={**machine(conditions.device), **known})
    atomic.write_text(out, latency_file.dumps(table))
    if table.correction is None:
        print(
            "note: the networks measured whole do not go with the sums of their blocks, so the table has no "
            "correction; measure again on a machine that does nothing else, or with more --rounds",
            file=sys.stderr,
        )
    if as_json:
        print(json.dumps({"table": str(out), **_described(table)}, indent=1))
        return 0
    _show([
        ("blocks", f"{len(table.entries):,} of {table.space}"),
        ("measured", f"{table.conditions}, {rounds} round{'s' if rounds > 1 else ''}, {known['seconds']} s"),
        ("on", _on(table)),
        ("correction", _correction(table)),
        ("table", str(out)),
    ])  # fmt: skip
    return 0


def predict(network: str, path: Path, *, measure: bool, rounds: int, as_json: bool) -> int:
    """Print what the table says of a network. Returns the exit code."""
    architecture, table = loading.load_network(network), latency_file.load(path)
    missing = table.missing(network_blocks(architecture))
    if missing and measure:
        table = _completed(table, architecture, rounds)
        atomic.write_text(path, latency_file.dumps(table))
        print(f"note: {len(missing)} blocks were measured and added to {path}", file=sys.stderr)
    milliseconds, plain = table(architecture), table.plain(architecture)
    if as_json:
        document = {"name": architecture.name, "key": architecture.key, "milliseconds": milliseconds}
        stages = [{"stage": name, "milliseconds": each} for name, each in _stages(table, architecture)]
        print(json.dumps({**document, "sum_of_blocks": plain, "stages": stages, "table": _described(table)}, indent=1))
        return 0
    from ..reports import terminal

    rows = terminal.table_of("stage", ">blocks alone, ms", ">share")
    for name, each in _stages(table, architecture):
        rows.add_row(name, f"{each:.3f}", f"{each / plain:.1%}")
    terminal.show(rows, "")
    _show([
        ("network", f"{architecture.name}, {architecture.resolution} px"),
        ("latency", f"{milliseconds:.4g} ms predicted"),
        ("sum of its blocks", f"{plain:.4g} ms; correction: {_correction(table)}"),
        ("measured", f"{table.conditions}, on {_on(table)}"),
    ])  # fmt: skip
    return 0


def check(path: Path, where: Place, *, networks: int, rounds: int, seed: int, as_json: bool) -> int:
    """Measure random networks, compare. Returns the exit code."""
    table = latency_file.load(path)
    if where == Place() and table.space not in loading.SPACES:
        raise UserError(
            f"the table is of the space {shown(table.space)}, which has no name of ours",
            hint="give the --space, --around or --data that it was built with",
        )
    space = where.load(table.space)
    fitted = frozenset(table.correction.keys if table.correction else ())
    drawn = draw(space, networks, seed, without=fitted)
    for one in drawn:
        table.require(network_blocks(one), f"{one.name}, {one.resolution} px")
    from ..models.latency import conditions_for
    from ..models.latency_blocks import measure_networks

    conditions = conditions_for(**dataclasses.asdict(table.conditions))
    other = _other_machine(table)
    if other:
        print(f"note: {other}", file=sys.stderr)
    with _measuring(f"{len(drawn)} networks", conditions) as (tell, known):
        measured = measure_networks(drawn, conditions, rounds=rounds, seed=seed, tell=tell)
    predicted, plain = [table(one) for one in drawn], [table.plain(one) for one in drawn]
    found, without = agreement(predicted, measured), agreement(plain, measured)
    if as_json:
        rows = [
            {"key": one.key, "predicted": first, "measured": second}
            for one, first, second in zip(drawn, predicted, measured, strict=True)
        ]
        document = {**dataclasses.asdict(found), "without_correction": dataclasses.asdict(without)}
        print(json.dumps({**document, "seconds": float(known["seconds"]), "rows": rows}, indent=1))
        return 0
    _show([
        ("networks", f"{len(drawn)} of {space.name}, none that the correction was fitted to"),
        ("measured", f"{min(measured):.4g} to {max(measured):.4g} ms, {table.conditions}, {known['seconds']} s"),
        ("predicted", _said(found)),
        ("sums of blocks", f"{_said(without)} (without the correction)"),
    ])  # fmt: skip
    return 0


def _completed(table: LatencyTable, architecture: Architecture, rounds: int) -> LatencyTable:
    """The table with the blocks of a network that it lacked, measured here. UserError on another machine."""
    from ..models.latency import conditions_for
    from ..models.latency_blocks import measure_blocks

    other = _other_machine(table)
    if other:
        raise UserError(f"blocks cannot be added to the table: {other}", hint="leave --measure out, or do it there")
    conditions = conditions_for(**dataclasses.asdict(table.conditions))
    missing = table.missing(network_blocks(architecture))
    with _measuring(f"{len(missing)} blocks", conditions) as (tell, _):
        added = measure_blocks(missing, architecture.classes, conditions, rounds=rounds, tell=tell)
    return table.with_entries(added)


def _other_machine(table: LatencyTable) -> str | None:
    """In which way this is not the machine of the table."""
    from ..models.latency import conditions_for, machine

    here = machine(conditions_for(table.conditions.device).device)
    for name in MACHINE:
        if here[name] != table.machine.get(name):
            return f"the table has {name} {shown(table.machine.get(name))}, here it is {shown(here[name])}"
    return None


@contextmanager
def _measuring(what: str, conditions: Conditions) -> Iterator[tuple[Any, dict[str, str]]]:
    """(what to call after each round, and what is known of the measurement at the end); a note where it was
    disturbed."""
    from ..reports.progress import Meter, duration

    begun, used, known = perf_counter(), process_time(), dict[str, str]()

    with Meter() as meter:

        def tell(done: int, total: int) -> None:
            left = (perf_counter() - begun) / done * (total - done)
            meter.show(done, total, f"{what}: round {done} of {total}, {duration(left)} to go")

        yield tell, known
    seconds = perf_counter() - begun
    known["seconds"] = f"{seconds:.1f}"
    if conditions.device == "cpu" and conditions.threads == 1:  # else the two times say nothing
        share = min((process_time() - used) / seconds, 1.0)
        known[WAITED] = f"{100 * share:.0f} %"
        if share < BUSY:
            print(
                f"note: this process had the processor for {100 * share:.0f} % of the time only: other programs "
                "disturbed the measurement; repeat it on a machine that does nothing else",
                file=sys.stderr,
            )


def _check_target(out: Path) -> None:
    """Before minutes are spent."""
    if out.suffix.lower() != ".json":
        raise UserError(f"--out is {shown(str(out))}; a latency table is a file that ends in .json")
    if out.exists():
        raise UserError(f"{out} exists already", hint="remove it, or give another --out")
    if not out.parent.is_dir():
        raise UserError(f"there is no folder {out.parent} for --out", hint="make it first")


def _stages(table: LatencyTable, architecture: Architecture) -> Iterator[tuple[str, float]]:
    """Stem, stages, head: milliseconds of their blocks."""
    sums: dict[int, float] = {}
    for text, block in signatures(architecture):
        sums[block.stage] = sums.get(block.stage, 0.0) + table.entries[text].median
    names = {0: "stem", len(architecture.stages) + 1: "head"}
    for number, total in sums.items():
        yield names.get(number, str(number)), total


def _described(table: LatencyTable) -> Mapping[str, Any]:
    correction = dataclasses.asdict(table.correction) if table.correction else None
    return {
        "space": table.space, "blocks": len(table.entries), **dataclasses.asdict(table.conditions),
        "rounds": table.rounds, "seed": table.seed, "machine": dict(table.machine), "correction": correction,
        "fingerprint": table.fingerprint,
    }  # fmt: skip


def _on(table: LatencyTable) -> str:
    return f"{table.machine.get('processor', 'a machine not named')}, torch {table.machine.get('torch', 'not known')}"


def _correction(table: LatencyTable) -> str:
    one = table.correction
    if one is None:
        return "none"
    return (
        f"{one.slope:.3f} x sum {one.per_block:+.4f} ms a block; mean error {one.error:.1f} % on the "
        f"{len(one.keys)} networks that it was fitted to, {one.plain_error:.1f} % without it"
    )


def _said(one: Agreement) -> str:
    return (
        f"mean error {one.mean_error:.1f} %, worst {one.worst_error:.1f} %, bias {one.bias:+.1f} %, "
        f"Kendall tau {one.tau:.3f}"
    )


def _show(rows: list[tuple[str, str]]) -> None:
    from ..reports import terminal

    terminal.show(terminal.pairs(rows))
