"""A study's tables: its trainings, its networks, its surface."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..search_spaces.cost import cost
from .best_set import losses
from .designs import BASE
from .observations import Observation
from .shares import coefficients_of, in_growths
from .study_plan import StudyPlan
from .study_runs import StudyRun
from .study_verdict import StudyResult

SHARES = ("share_depth", "share_width", "share_resolution")
TRIPLE = ("alpha", "beta", "gamma")
MULTIPLIERS = ("depth", "width", "resolution")
INTERVAL = (0.025, 0.975)


def runs_table(runs: Sequence[StudyRun]) -> pd.DataFrame:
    """point, seed, state (complete or failed), error and accuracy (percent), accuracy_std, loss (nats), seconds,
    source, fidelity, failure, key (of the network)."""
    rows = []
    for run in runs:
        result = run.evaluation
        rows.append(
            {
                "point": run.point,
                "seed": result.seed,
                "state": "complete" if result.failure is None else "failed",
                "error": 100.0 - result.accuracy,
                "accuracy": result.accuracy,
                "accuracy_std": np.nan if result.std is None else result.std,
                "loss": np.nan if result.loss is None else result.loss,
                "seconds": result.seconds,
                "source": result.source,
                "fidelity": result.fidelity,
                "failure": result.failure or "",
                "key": run.key,
            }
        )
    return pd.DataFrame(rows)


def points_table(plan: StudyPlan, seen: Sequence[Observation], result: StudyResult) -> pd.DataFrame:
    """One row a network, in the design's order.

    share_*: planned, of the growth (0 for the base). alpha, beta, gamma: of those. depth, width, resolution: as built,
    against the base's; built_*: their shares, which add up to more or less than 1 where rounding took or gave. pixels,
    layers, params, mult_adds, flops_ratio (by what was wanted), network. runs: that succeeded. error, loss: means;
    error_std: of the mean, by the study's noise where the response is the error. fitted: the surface at the network's
    direction, in units of the response, NaN for the base.
    """
    design, noise = plan.design, result.surface.noise.sigma
    base_cost = cost(plan.base).mult_adds
    rows = []
    for point in design.points:
        network, built = plan.networks[point.name], plan.built(point.name)
        counted = cost(network)
        mine = [one for one in seen if one.point == point.name]
        shares = np.array([point.shares])
        triple = coefficients_of(shares, design.growth, design.phi)[0]
        direction = in_growths(np.array([built.multipliers]), design.growth)[0]
        nats = [one.loss for one in mine if one.loss is not None]
        rows.append(
            {
                "point": point.name,
                **dict(zip(SHARES, point.shares, strict=True)),
                **dict(zip(TRIPLE, triple, strict=True)),
                **dict(zip(MULTIPLIERS, built.multipliers, strict=True)),
                **{f"built_{name}": value for name, value in zip(MULTIPLIERS, direction, strict=True)},
                "pixels": network.resolution,
                "layers": sum(stage.repeats for stage in network.stages),
                "params": counted.params,
                "mult_adds": counted.mult_adds,
                "flops_ratio": counted.mult_adds / (base_cost * (1.0 if point.is_base else design.growth)),
                "runs": len(mine),
                "error": np.mean([one.error for one in mine]) if mine else np.nan,
                "error_std": noise / np.sqrt(len(mine)) if mine and result.surface.response == "error" else np.nan,
                "loss": np.mean(nats) if nats else np.nan,
                "fitted": np.nan if point.name == BASE else float(result.surface.predict(shares)[0]),
                "network": network.key,
            }
        )
    return pd.DataFrame(rows)


def study_surface_table(result: StudyResult) -> pd.DataFrame:
    """The fit in steps of 1/24 of what is shared: share_*, alpha, beta, gamma; fitted, low, high (95 %): the response,
    each direction by itself; loss, loss_low, loss_high: points of error lost against the best direction, mean and 95 %;
    in_set; near: probability to be within 0.1 point of the best; activations: by the base's, nominal."""
    surface, rows = result.surface, result.lattice
    samples = surface.sampled(rows)
    low, high = np.quantile(samples, INTERVAL, axis=0)
    lost_low, lost_high = np.quantile(losses(samples) / surface.per_point, INTERVAL, axis=0)
    triples = coefficients_of(rows, surface.design.growth, surface.design.phi)
    columns = {name: rows[:, place] for place, name in enumerate(SHARES)}
    columns |= {name: triples[:, place] for place, name in enumerate(TRIPLE)}
    return pd.DataFrame(
        {
            **columns,
            "fitted": result.mean,
            "low": low,
            "high": high,
            "loss": (result.mean - result.mean.min()) / surface.per_point,
            "loss_low": lost_low,
            "loss_high": lost_high,
            "in_set": result.in_set,
            "near": result.near,
            "activations": result.activations,
        }
    )
