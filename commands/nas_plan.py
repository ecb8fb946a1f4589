"""`effsearch nas --dry-run`: what would be done, and how long it takes by pieces of it made now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any
from zlib import crc32

from ..records.errors import UserError
from ..search_spaces.architecture import Architecture
from ..search_spaces.quantity import format_count
from ..search_spaces.space import SearchSpace
from .engine import Engine
from .nas_options import OWN, NasOptions
from .options import to_mapping

if TYPE_CHECKING:
    from ..evaluators.evaluation import Evaluation, Evaluator

PIECE = 200  # networks that the sampler chooses for this
LONGEST = 5.0  # seconds of that
BESIDES = "starting, tables, figures and the page: 5 to 8 s, as measured on two cores of an AMD EPYC server"


def describe(options: NasOptions, arguments: dict[str, Any], out: Path, as_json: bool, engine: Engine) -> int:
    """Prints it (or one JSON document) and writes nothing. Returns the exit code."""
    from ..reports import terminal
    from ..reports.progress import duration

    space: SearchSpace = arguments["space"]
    own = options.evaluator in OWN
    count, each = (0, 0.0) if own else (_evaluations(arguments), _seconds_of_one(options, arguments))
    evaluating = count * each / (engine.workers or 1)
    choosing, tried = _seconds_of_the_others(arguments, arguments["evaluator"] if own else _free)
    more = " or more" if tried < arguments["trials"] else ""
    chosen = f"about {duration(choosing)}{more} here, by {tried:,} made just now"
    evaluated = f"{count:,}, of {each:.1f} s by one made just now: about {duration(evaluating)} here"
    described = {
        "space": f"{space.name}, {len(space.dimensions)} dimensions, {space.size:.3g} networks",
        "evaluator": str(options.evaluator),
        "budgets": budgets_in_words(arguments),
        "search": f"{arguments['trials']:,} networks by {options.sampler}, {options.batch} at a time, "
        f"seed {options.seed}",
        "engine": engine.in_words,
        **({"choosing and rating": chosen} if own else {"evaluations": evaluated, "choosing networks": chosen}),
        "besides": BESIDES,
        "run directory": str(out),
    }
    if as_json:
        document = {"dry_run": True, "evaluation_seconds": evaluating, "choosing_seconds": choosing}
        print(json.dumps({**document, **to_mapping(options)}, indent=1))
    else:
        terminal.show(terminal.pairs(described.items()))
    return 0


def budgets_in_words(arguments: Mapping[str, Any]) -> str:
    """ "mult_adds <= 400M, latency <= 12 ms"."""
    units = {name: f" {one.unit}" for name, one in arguments["costs"].items() if hasattr(one, "unit")}
    rows = arguments["budgets"].items()
    return ", ".join(f"{name} <= {format_count(value)}{units.get(name, '')}" for name, value in rows)


def _evaluations(arguments: Mapping[str, Any]) -> int:
    """Of the search, the networks it is compared with, and the confirmation."""
    from ..nas.confirm import CANDIDATES

    again = int(arguments["confirm"] or 0) * (CANDIDATES + (arguments["baseline"] is not None))
    return int(arguments["trials"]) + len(arguments["references"]) + again


def _seconds_of_one(options: NasOptions, arguments: Mapping[str, Any]) -> float:
    """Of the baseline, or of a random network where there is none."""
    import numpy as np

    from ..workers.local import LocalExecutor

    space: SearchSpace = arguments["space"]
    network = arguments["baseline"] or space.decode(space.sample(np.random.default_rng(options.seed)))
    started = perf_counter()
    ((_, result),) = LocalExecutor(retries=0).run(arguments["evaluator"], [network], seed=options.seed)
    if result.failure is not None:
        raise UserError(f"the evaluator failed on a network of {space.name}: {result.failure}")
    return perf_counter() - started


def _seconds_of_the_others(arguments: Mapping[str, Any], evaluator: Evaluator) -> tuple[float, int]:
    """What a search takes with this evaluator, by the first of its networks; and how many those were.

    The first batch has the start in it, so the rate is that of the others.
    """
    from ..nas import search

    names = ("budgets", "objectives", "costs", "reward", "sampler", "batch", "seed")
    settings = {name: arguments[name] for name in names}
    began, trials, moments = perf_counter(), int(arguments["trials"]), []
    result = search(
        arguments["space"], evaluator, **settings, trials=min(trials, PIECE), max_seconds=LONGEST,
        on_batch=lambda progress: moments.append((progress.done, perf_counter())),
    )  # fmt: skip
    tried = len(result.trials)
    if result.exhausted or not moments or tried == trials:
        return perf_counter() - began, tried
    (first, started), (last, ended) = moments[0], moments[-1]
    rate = (ended - started) / (last - first) if last > first else (ended - began) / last
    return started - began + rate * (trials - first), tried


def _free(architecture: Architecture, *, seed: int = 0) -> Evaluation:
    """Made up, at no cost."""
    from ..evaluators.evaluation import Evaluation

    return Evaluation(30 + crc32(architecture.key.encode()) % 4000 / 100, std=1.0, seed=seed)
