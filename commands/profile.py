"""`effsearch profile`: what a network costs, stage by stage, whether others count the same, and how long it takes."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..records.errors import UserError
from ..records.run_directory import holds_run
from ..search_spaces import codec
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import shown
from ..search_spaces.cost import cost, stage_costs
from ..search_spaces.memory import BYTES, memory
from .base import load_base
from .latency_measuring import note_if_busy

if TYPE_CHECKING:
    from ..models.latency import Timing
    from ..reports.progress import Meter

APART = 1.5  # upper over lower quartile; beyond, a note says so


def run(
    network: str,
    *,
    select: str | None = None,
    as_json: bool,
    check: bool,
    as_yaml: bool,
    latency: bool = False,
    how: Mapping[str, Any] | None = None,
) -> int:
    """select: which network of a run. how: of the latency: device, batch ("1,32"), threads, engine, runs; None where
    they were not given."""
    given = {name: value for name, value in (how or {}).items() if value is not None}
    if as_yaml and as_json:
        raise UserError("--yaml and --json both say how to print; give one")
    if given and not latency:
        raise UserError(f"--{next(iter(given))} is for --latency", hint="give --latency too")
    if select is not None and not holds_run(network):
        raise UserError(f"--select chooses among the networks of a run; the network is {shown(network)}")
    architecture = load_base(network, select or "budget")
    if as_yaml:
        print(codec.dumps(architecture), end="")
        return 0
    counted = _counted_by_others(architecture) if check else None
    timings, under = _measured(architecture, given) if latency else ([], {})
    if as_json:
        document = _document(architecture, counted)
        if latency:
            rows = [_row(one) for one in timings]
            document["latency"] = {**under, "unit": "ms", "batches": rows}
        print(json.dumps(document, indent=1))
        return 0
    from ..reports import terminal

    terminal.show(*terminal.profile(architecture))
    if counted:
        total = cost(architecture).mult_adds
        others = [(name, f"{value:,} mult-adds, {_compared(value, total)}") for name, value in counted.items()]
        terminal.show("", terminal.pairs(others))
    if latency:
        table = terminal.table_of(">images at once", ">median, ms", ">quartiles, ms", ">runs", ">images/s")
        for one in timings:
            spread = f"{one.low:.4g} to {one.high:.4g}"
            table.add_row(str(one.batch), f"{one.median:.4g}", spread, str(one.runs), f"{one.images_per_second:.4g}")
        terminal.show("", table, terminal.pairs([("measured", _in_words(under))]))
    return 0


def _measured(architecture: Architecture, given: Mapping[str, Any]) -> tuple[list[Timing], dict[str, Any]]:
    """A Timing for each batch size, and under which conditions on which machine."""
    from ..models.latency import conditions_for, machine, measure
    from ..reports.progress import Meter

    batches = [_batch(text) for text in str(given.get("batch", "1")).split(",")]
    where = {name: given[name] for name in ("device", "threads", "engine") if name in given}
    conditions = [conditions_for(batch=batch, **where) for batch in batches]
    first = conditions[0]
    threads = {} if first.device != "cpu" else {"threads": first.threads}
    under = {"device": first.device, **threads, "engine": first.engine, **machine(first.device)}
    timings = []
    for place, one in enumerate(conditions, 1):
        which = f" ({place} of {len(conditions)})" if len(conditions) > 1 else ""
        with Meter() as meter:
            tell = _teller(meter, f"batch {one.batch}{which}")
            timings.append(measure(architecture, one, runs=given.get("runs"), tell=tell))
    for each in timings:
        _note_disturbance(each)
    return timings, under


def _teller(meter: Meter, what: str) -> Callable[[int, int], None]:
    """What shows on the meter how far the runs of one batch size are."""
    from ..reports.progress import duration

    begun = perf_counter()

    def tell(done: int, total: int) -> None:
        nonlocal begun
        if done == 0:
            begun = perf_counter()
            meter.show(done, total, f"{what}: warming up")
        else:
            left = (perf_counter() - begun) / done * (total - done)
            meter.show(done, total, f"{what}: run {done} of {total}, {duration(left)} to go")

    return tell


def _note_disturbance(timing: Timing) -> None:
    what = f"batch {timing.batch}: "
    if not note_if_busy(timing.on_processor, what) and timing.spread > APART:
        print(
            f"note: {what}the upper quartile is {timing.spread:.1f} times the lower one: the runs were disturbed, or "
            "are too few; repeat it, or give more --runs",
            file=sys.stderr,
        )


def _row(timing: Timing) -> dict[str, Any]:
    return {
        **dataclasses.asdict(timing), "spread": timing.spread, "images_per_second": timing.images_per_second,
    }  # fmt: skip


def _in_words(under: Mapping[str, Any]) -> str:
    """ "cpu, 2 threads, eager, on AMD EPYC, torch 2.13.0"."""
    threads = under.get("threads")
    words = [under["device"], *([f"{threads} thread{'s' if threads > 1 else ''}"] if threads else []), under["engine"]]
    return f"{', '.join(words)}, on {under['processor']}, torch {under['torch']}"


def _batch(text: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit() and len(text) < 10):
        raise UserError(f"--batch is {text!r:.40}; it must be whole numbers with commas between", hint="such as 1,32")
    return int(text)


def _counted_by_others(architecture: Architecture) -> dict[str, int]:
    """CostMismatch where they do not agree with us."""
    from ..models import check_cost

    measured = check_cost(architecture, fvcore=True)
    return {"fvcore (conv + linear)": measured.fvcore_mult_adds or 0, "torch / 2": measured.torch_mult_adds}


def _compared(value: int, total: int) -> str:
    return "equal" if value == total else f"{value - total:+,}"


def _document(architecture: Architecture, counted: dict[str, int] | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": architecture.name,
        "key": architecture.key,
        "resolution": architecture.resolution,
        **dataclasses.asdict(cost(architecture)),
        "stages": [dataclasses.asdict(one) for one in stage_costs(architecture)],
        "memory": _memory(architecture),
    }
    return document | ({"checked": counted} if counted else {})


def _memory(architecture: Architecture) -> dict[str, Any]:
    """Bytes to classify one image; the stage is 0 for the stem, 1.. for the stages, then the head."""
    needed = memory(architecture)
    return {
        "unit": "bytes",
        "weights": {kind: needed.weights(kind) for kind in BYTES},
        "activations": {kind: needed.activations(kind) for kind in BYTES},
        "peak": {"stage": needed.stage, "operation": needed.operation},
    }
