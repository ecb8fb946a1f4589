"""Measures blocks one by one and networks as wholes, and makes a LatencyTable of them.

Everything is measured in rounds: in each, every block and network once, in another random order, a few runs together.
A machine that grows slower or is busy for a while then slows all of them alike, and the median over the rounds forgets
a disturbance that is shorter than half of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from torch import nn

from ..search_spaces.architecture import Architecture, Block
from ..search_spaces.block_signature import Blocks
from ..search_spaces.checks import InvalidValue
from ..search_spaces.cost import block_cost
from ..search_spaces.latency_fit import QUIETER, agreement, fit_linear, implausible
from ..search_spaces.latency_table import Conditions, Correction, Entry, LatencyTable
from ..search_spaces.latency_trust import UNCORRECTED
from .blocks import OPERATIONS, Head, Stem
from .latency import quartiles, under
from .latency_engines import Run, network_run, prepared, seeded
from .network import initialise

TOGETHER = 3  # runs that count, after one that does not
KEPT = 250e6  # weights (1 GB) that are kept from round to round; beyond, a block is built again each time

Tell = Callable[[int, int], None]  # (rounds done, of how many)


def build_table(
    space: str,
    blocks: Blocks,
    networks: Sequence[Architecture],
    conditions: Conditions,
    *,
    rounds: int,
    seed: int = 0,
    machine: Mapping[str, str] | None = None,
    tell: Tell | None = None,
) -> LatencyTable:
    """Measures the `blocks` of a space and the calibration `networks` together, and fits the correction to these.

    space: its name. All networks have the classes of the first. Where no plausible correction fits, as on a machine
    that was busy, the table has none, and its `machine` says why.
    """
    with under(conditions):
        jobs = [*_block_jobs(blocks, networks[0].classes, conditions), *_network_jobs(networks, conditions)]
        times = interleaved(jobs, rounds, seed, tell)
    entries = {text: _entry(each) for text, each in zip(blocks, times, strict=False)}
    table = LatencyTable(space, conditions, entries, None, rounds, seed, dict(machine or {}))
    measured = [quartiles(each)[0] for each in times[len(blocks) :]]
    try:
        return calibrated(table, networks, measured)
    except InvalidValue as error:
        return replace(table, machine={**table.machine, UNCORRECTED: str(error)})


def calibrated(table: LatencyTable, networks: Sequence[Architecture], measured: Sequence[float]) -> LatencyTable:
    """The table with the correction that fits networks that were measured whole (milliseconds). InvalidValue: there are
    too few, or the best fit is not plausible."""
    sums = [replace(table, correction=None)(one) for one in networks]
    counts = [sum(stage.repeats for stage in one.stages) + 2 for one in networks]  # with stem and head
    slope, per_block = fit_linear(sums, counts, measured)
    fitted = [slope * total + per_block * count for total, count in zip(sums, counts, strict=True)]
    errors = agreement(fitted, measured).mean_error, agreement(sums, measured).mean_error
    reason = implausible(slope, *errors)
    if min(fitted) <= 0:
        reason = f"it gives {min(fitted):.3g} ms for a network that was measured"
    if reason:
        raise InvalidValue(f"the best correction is not plausible: {reason}", hint=QUIETER)
    return replace(table, correction=Correction(slope, per_block, tuple(one.key for one in networks), *errors))


def measure_blocks(
    blocks: Blocks, classes: int, conditions: Conditions, *, rounds: int, seed: int = 0, tell: Tell | None = None
) -> dict[str, Entry]:
    """signature -> milliseconds."""
    with under(conditions):
        times = interleaved(_block_jobs(blocks, classes, conditions), rounds, seed, tell)
    return {text: _entry(each) for text, each in zip(blocks, times, strict=True)}


def measure_networks(
    networks: Sequence[Architecture], conditions: Conditions, *, rounds: int, seed: int = 0, tell: Tell | None = None
) -> list[float]:
    """The median of each, in milliseconds."""
    with under(conditions):
        times = interleaved(_network_jobs(networks, conditions), rounds, seed, tell)
    return [quartiles(each)[0] for each in times]


def interleaved(
    jobs: Sequence[Callable[[], Run]], rounds: int, seed: int, tell: Tell | None = None
) -> list[list[float]]:
    """Milliseconds of all runs that count, for each job. A job gives the run to measure."""
    shuffle = random.Random(seed)  # noqa: S311  (an order, no secret)
    times: list[list[float]] = [[] for _ in jobs]
    for done in range(1, rounds + 1):
        order = list(range(len(jobs)))
        shuffle.shuffle(order)
        for place in order:
            run = jobs[place]()
            run()
            times[place] += [run() for _ in range(TOGETHER)]
        if tell:
            tell(done, rounds)
    return times


def block_module(block: Block, classes: int) -> nn.Module:
    """As it is in a network, with fresh weights; maps (N, input, input_size, input_size) -> what the next receives."""
    norm = partial(nn.BatchNorm2d, eps=1e-3)
    with seeded():
        module: nn.Module
        if block.operation == "stem":
            module = Stem(block, norm)
        elif block.operation in OPERATIONS:
            module = OPERATIONS[block.operation](block, norm)
        else:
            module = Head(block, norm, classes=classes, dropout=0.0)
        initialise(module)
    return module


def _block_jobs(blocks: Blocks, classes: int, conditions: Conditions) -> list[Callable[[], Run]]:
    def build(block: Block) -> Run:
        shape = (conditions.batch, block.input, block.input_size, block.input_size)
        return prepared(block_module(block, classes), shape, conditions)

    weights = sum(block_cost(block, classes).params for block in blocks.values())
    keep = weights <= KEPT or conditions.engine == "compile"
    return [_once(partial(build, block)) if keep else partial(build, block) for block in blocks.values()]


def _network_jobs(networks: Sequence[Architecture], conditions: Conditions) -> list[Callable[[], Run]]:
    return [_once(partial(network_run, one, conditions)) for one in networks]


def _once(build: Callable[[], Run]) -> Callable[[], Run]:
    """Builds at the first call."""
    kept: list[Run] = []

    def get() -> Run:
        if not kept:
            kept.append(build())
        return kept[0]

    return get


def _entry(times: Sequence[float]) -> Entry:
    return Entry(*quartiles(times), len(times))
