"""What a rated grid comes to: table, chosen coefficients, confidence set, the published triple's place, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..search_spaces import catalogue
from ..search_spaces.architecture import Architecture
from ..search_spaces.scaling import Coefficients
from .assess import Alternative, alternatives, membership, membership_by_std, published_row, sentence
from .grid import PUBLISHED, Floats, normalised
from .law import ScalingLaw
from .points import PointResult, Triple
from .tables import grid_table, surface_table

WRITTEN = {"efficientnet-b0": "EfficientNet-B0", "mobilenet-v2": "MobileNetV2", "resnet-50": "ResNet-50"}
CALIBRATED = "The law is calibrated on published results of this family; it reproduces, it does not discover."
BUILT = "Every triple was rated on one network built for the same FLOPs."


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
    run_dir: Path | None = None
    notice: str | None = None


def assess(
    base: Architecture,
    triples: Floats,
    results: Sequence[PointResult],
    law: ScalingLaw | None,
    growth: float,
    settings: Mapping[str, Any],
) -> GridResult:
    """Of results in the order of the triples; `law` is what rated them, None for an evaluator."""
    errors = np.array([math.inf if one.failure else one.error for one in results])
    best, published = int(errors.argmin()), published_row(triples)
    inside = membership(law, normalised(triples, growth)) if law else membership_by_std(results)
    chosen = [float(one) for one in triples[best]]
    loss = None if results[published].failure else float(errors[published] - errors[best])
    facts = {"by": str(settings["points"]), "caveat": CALIBRATED if law else BUILT}
    return GridResult(
        table=grid_table(base, triples, results, inside, settings["phi"], growth),
        surface=surface_table(law, growth) if law else pd.DataFrame(),
        coefficients=Coefficients(*chosen),
        confidence_set=tuple((float(a), float(b), float(c)) for a, b, c in triples[inside]),
        published={
            "alpha": PUBLISHED.alpha,
            "beta": PUBLISHED.beta,
            "gamma": PUBLISHED.gamma,
            "rank": None if loss is None else int((errors < errors[published]).sum()) + 1,
            "loss": loss,
            "in_set": bool(inside[published]),
        },
        alternatives=alternatives(triples, best, growth, law) if law else (),
        conclusion=sentence(chosen, int(inside.sum()), len(triples), loss, bool(inside[published]), facts),
        warning=_warning(law, base) if law else None,
        settings=settings,
    )


def _warning(law: ScalingLaw, base: Architecture) -> str | None:
    """None where the law was fitted on this very base."""
    if law.base in catalogue.names() and catalogue.load(law.base).key == base.key:
        return None
    return (
        f"the law {law.name} was fitted on {WRITTEN[law.base]} and its scaled versions, not on {base.name}: read the "
        "coefficients as theirs. Published results of MobileNetV2 and ResNet-50 prefer less resolution (see the "
        "alternatives)"
    )
