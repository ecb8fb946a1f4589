"""`grid_search.search`: rate the constrained grid, by Ray Tune or in this process, and say what it shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from ..evaluators.evaluation import Evaluator
from ..records.errors import UserError
from ..records.run_log import RunLog
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import number, shown
from ..search_spaces.scaling import Coefficients
from .assess import Alternative, alternatives, membership, membership_by_std, published_row, sentence
from .grid import Floats, constrained_grid, normalised
from .law import FITTED_ON, ScalingLaw
from .points import LawPoints, NetworkPoints, PointEvaluator, PointResult, Triple
from .tables import grid_table, surface_table

CHUNK = 256  # triples between two calls of on_progress with the engine "local"
CALIBRATED = "The law is calibrated on published results of this family; it reproduces, it does not discover."


@dataclass(frozen=True)
class GridResult:
    """table: one row a triple, best first (see `tables`). surface: the law over the whole simplex of FLOPs shares.

    confidence_set: triples that cannot be told apart from the best. published: rank, loss (percentage points) and
    whether it is in the set, of 1.2, 1.1, 1.15. warning: where the law was not fitted on such a base, else None.
    """

    table: pd.DataFrame
    surface: pd.DataFrame
    coefficients: Coefficients
    confidence_set: tuple[Triple, ...]
    published: Mapping[str, Any]
    alternatives: tuple[Alternative, ...]
    conclusion: str
    warning: str | None
    settings: Mapping[str, Any]
    run_dir: Path | None
    notice: str | None


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
    on_progress
        called with (rated so far, all).

    Raises
    ------
    UserError, InvalidValue
        for a grid that cannot be, an unknown engine, a run directory that cannot be used, or when every point fails.
    """
    number("phi", phi, 0.05, 20)
    if engine not in ("ray", "local"):
        raise UserError(f"engine is {shown(engine)}; allowed: ray, local")
    growth = factor**phi
    triples = constrained_grid(step, tolerance, factor)
    points = _points(base, predictor_or_evaluator, growth, seed)
    settings = {
        "base": base.key, "points": points.source, "phi": phi, "step": step, "tolerance": tolerance, "factor": factor,
        "seed": seed,
    }  # fmt: skip
    described = yaml.safe_dump(dict(config or settings), sort_keys=False)
    with RunLog.open(run_dir, resume=resume, settings=settings, config=described, seed=seed) as log:
        state = "failed"
        try:
            rated = _rate(triples, points, log, engine, ray_address, workers, on_progress)
            state = "done"
        except KeyboardInterrupt:
            state = "interrupted"
            raise
        finally:
            log.finish(state)
        ordered = [rated[triple] for triple in _triples(triples)]
        law = predictor_or_evaluator if isinstance(predictor_or_evaluator, ScalingLaw) else None
        path = log.run.path if log.run else None
        return _result(base, triples, ordered, points, law, growth, phi, settings, path, log.notice)


def _points(base: Architecture, rating: ScalingLaw | Evaluator, growth: float, seed: int) -> PointEvaluator:
    return LawPoints(rating, growth) if isinstance(rating, ScalingLaw) else NetworkPoints(base, rating, growth, seed)


def _rate(
    triples: Floats,
    points: PointEvaluator,
    log: RunLog,
    engine: str,
    address: str | None,
    workers: int | None,
    on_progress: Callable[[int, int], None] | None,
) -> dict[Triple, PointResult]:
    rated = {result.triple: result for result in _known(log)}
    wanted = _triples(triples)
    missing = [triple for triple in wanted if triple not in rated]

    def take(result: PointResult) -> None:
        log.append(result.to_entry())
        rated[result.triple] = result
        if on_progress:
            on_progress(sum(triple in rated for triple in wanted) if len(wanted) < 1000 else len(rated), len(wanted))

    if missing and engine == "ray":
        from . import tune

        tune.run(points, missing, take, address=address, workers=workers)
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


def _result(
    base: Architecture,
    triples: Floats,
    results: Sequence[PointResult],
    points: PointEvaluator,
    law: ScalingLaw | None,
    growth: float,
    phi: float,
    settings: Mapping[str, Any],
    run_dir: Path | None,
    notice: str | None,
) -> GridResult:
    errors = np.array([math.inf if one.failure else one.error for one in results])
    best, published = int(errors.argmin()), published_row(triples)
    inside = membership(law, normalised(triples, growth)) if law else membership_by_std(results)
    table = grid_table(base, triples, results, inside, phi, growth)
    chosen = [float(one) for one in triples[best]]
    loss = float(errors[published] - errors[best])
    foreign = law is not None and base.key != _fitted_base_key()
    caveat = CALIBRATED if law else "Every triple was rated on one network built for the same FLOPs."
    conclusion = sentence(
        chosen, int(inside.sum()), len(triples), loss, bool(inside[published]),
        {"by": points.source, "caveat": caveat},
    )  # fmt: skip
    return GridResult(
        table=table,
        surface=surface_table(law, growth) if law else pd.DataFrame(),
        coefficients=Coefficients(*chosen),
        confidence_set=tuple(triple for triple, kept in zip(_triples(triples), inside, strict=True) if kept),
        published={
            "alpha": 1.2, "beta": 1.1, "gamma": 1.15,
            "rank": int((errors < errors[published]).sum()) + 1, "loss": loss, "in_set": bool(inside[published]),
        },
        alternatives=alternatives(triples, best, growth, law) if law else (),
        conclusion=conclusion,
        warning=_warning(base) if foreign else None,
        settings=settings,
        run_dir=run_dir,
        notice=notice,
    )  # fmt: skip


def _warning(base: Architecture) -> str:
    return (
        f"the law was fitted on EfficientNet-B0 and its family, not on {base.name}: read the coefficients as B0's. "
        "Published results of MobileNetV2 and ResNet-50 prefer less resolution (see the alternatives)"
    )


def _fitted_base_key() -> str:
    from ..search_spaces import catalogue

    return catalogue.load(FITTED_ON).key


def _triples(triples: Floats) -> list[Triple]:
    return [(float(a), float(b), float(c)) for a, b, c in triples]
