"""`grid_search.search`: rate the constrained grid, by Ray Tune or in this process, and say what it shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ..evaluators.evaluation import Evaluator
from ..records.errors import UserError
from ..records.run_log import RunLog
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import InvalidValue, integer, number, shown
from ..search_spaces.scaling import Coefficients, scale
from .grid import Floats, constrained_grid, products
from .grid_result import GridResult, assess
from .law import ScalingLaw
from .points import LawPoints, NetworkPoints, PointEvaluator, PointResult, PointWork, Triple
from .where import ENGINES, Where

CHUNK = 256  # triples rated at once by the engine "local" with a law
MANY = 200  # triples; of fewer, each is a trial of its own where networks are rated


def search(
    base: Architecture,
    predictor_or_evaluator: ScalingLaw | Evaluator,
    *,
    phi: float = 1.0,
    step: float = 0.05,
    tolerance: float = 0.08,
    factor: float = 2.0,
    engine: str = "local",
    ray_address: str | None = None,
    workers: int | None = None,
    cpus_per_trial: float = 1.0,
    gpus_per_trial: float | None = None,
    seed: int = 0,
    run_dir: Path | str | None = None,
    resume: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    config: Mapping[str, Any] | None = None,
) -> GridResult:
    """Search alpha, beta, gamma >= 1 with |alpha * beta^2 * gamma^2 - factor| <= tolerance on multiples of `step`.

    Parameters
    ----------
    predictor_or_evaluator
        a ScalingLaw, on nominal multipliers; or an evaluator, on networks built for factor^phi times the base's counted
        mult-adds.
    phi
        how far the base is scaled for the comparison.
    engine
        "ray" (Ray Tune) or "local" (this process); the tables are equal.
    cpus_per_trial, gpus_per_trial
        of an evaluation; None shares the GPUs out evenly. A law needs none.
    on_progress
        called with (rated so far, all).

    Raises
    ------
    UserError, InvalidValue
        for a grid that cannot be, an unknown engine, a run directory that cannot be used, or when every point fails.
    """
    triples = check_settings(base, phi, step, tolerance, factor, engine, seed)
    where = Where(engine, ray_address, workers, cpus_per_trial, gpus_per_trial)
    phi, step, tolerance, factor = float(phi), float(step), float(tolerance), float(factor)
    growth = factor**phi
    points = _points(base, predictor_or_evaluator, growth, seed)
    settings = {
        "base": base.key, "points": points.source, "phi": phi, "step": step, "tolerance": tolerance, "factor": factor,
        "seed": seed,
    }  # fmt: skip
    described = yaml.safe_dump(dict(config or settings), sort_keys=False) if config or not resume else None
    with RunLog.open(run_dir, resume=resume, settings=settings, config=described, seed=seed) as log:
        state = "failed"
        try:
            rated = _rate(triples, points, log, where, on_progress)
            state = "done"
        except KeyboardInterrupt:
            state = "interrupted"
            raise
        finally:
            log.finish(state)
    ordered = [rated[triple] for triple in _as_tuples(triples)]
    law = predictor_or_evaluator if isinstance(predictor_or_evaluator, ScalingLaw) else None
    result = assess(base, triples, ordered, law, growth, settings)
    return replace(result, run_dir=log.run.path if log.run else None, notice=log.notice)


def check_settings(
    base: Architecture, phi: float, step: float, tolerance: float, factor: float, engine: str, seed: int
) -> Floats:
    """The grid's triples. UserError or InvalidValue, before anything is done, for settings that cannot work."""
    number("phi", phi, 0.05, 20)
    integer("seed", seed, 0, 2**63)
    if engine not in ENGINES:
        raise UserError(f"engine is {shown(engine)}; allowed: {', '.join(ENGINES)}")
    triples = constrained_grid(step, tolerance, factor)
    for triple in triples[np.unique([*triples.argmax(axis=0), *triples.argmin(axis=0)])]:
        for exponent in (phi, phi * math.log(factor) / math.log(float(products(triple[None])[0]))):
            try:
                scale(base, Coefficients(*(float(one) for one in triple)).at(exponent))
            except InvalidValue as error:
                raise UserError(
                    f"phi is {phi:g}; that scales {base.name} too far for the triple "
                    f"{', '.join(f'{one:g}' for one in triple)}: {error}",
                    hint="give a smaller --phi or --factor",
                ) from error
    return triples


def _points(base: Architecture, rating: ScalingLaw | Evaluator, growth: float, seed: int) -> PointEvaluator:
    return LawPoints(rating, growth) if isinstance(rating, ScalingLaw) else NetworkPoints(base, rating, growth, seed)


def _rate(
    triples: Floats,
    points: PointEvaluator,
    log: RunLog,
    where: Where,
    on_progress: Callable[[int, int], None] | None,
) -> dict[Triple, PointResult]:
    rated = {result.triple: result for result in _known(log)}
    wanted = _as_tuples(triples)
    missing = [triple for triple in wanted if triple not in rated]
    done = len(wanted) - len(missing)

    def take(result: PointResult) -> None:
        nonlocal done
        log.append(result.to_entry())
        rated[result.triple] = result
        done += 1
        if on_progress:
            on_progress(done, len(wanted))

    if missing and where.engine == "ray":
        from . import tune

        by_law = isinstance(points, LawPoints)
        tune.run(
            PointWork(points), missing, lambda entry: take(PointResult.from_entry(entry)),
            replace(where, cpus=1.0, gpus=0.0) if by_law else where, together=by_law or len(missing) > MANY,
        )  # fmt: skip
    elif missing:
        size = CHUNK if isinstance(points, LawPoints) else 1
        for start in range(0, len(missing), size):
            for result in points.rate(missing[start : start + size]):
                take(result)
    log.sync()
    if all(rated[triple].failure is not None for triple in wanted):
        raise UserError(f"the evaluator failed on every point: {rated[wanted[0]].failure}")
    return rated


def _known(log: RunLog) -> list[PointResult]:
    results = []
    for where, entry in log.entries():
        try:
            results.append(PointResult.from_entry(dict(entry)))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{where} is no point of a grid: {type(error).__name__}: {error}") from error
    return results


def _as_tuples(triples: Floats) -> list[Triple]:
    return [(float(a), float(b), float(c)) for a, b, c in triples]
