"""Grid results as pandas tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..search_spaces.architecture import Architecture
from ..search_spaces.cost import cost
from ..search_spaces.scaling import Coefficients, scale
from .assess import membership, published_row
from .grid import Floats, budget_exponents, products, shares, simplex, simplex_shares
from .law import ScalingLaw
from .points import PointResult


def grid_table(
    base: Architecture,
    triples: Floats,
    results: Sequence[PointResult],
    inside: NDArray[np.bool_],
    phi: float,
    growth: float,
) -> pd.DataFrame:
    """One row a triple, lowest error first.

    phi_star: the exponent at which the triple spends the budget exactly. error, error_std, loss: percent, at phi_star.
    share_*: what of the growth goes where. resolution, blocks, params, mult_adds, flops_ratio, network: of the network
    that `scale` builds at the plain phi, with its rounding; many triples build the same one.
    """
    base_cost = cost(base).mult_adds
    built = [scale(base, Coefficients(*triple).at(phi)) for triple in triples]
    costs = {network.key: cost(network) for network in built}
    errors = np.array([one.error for one in results])
    depth, width, resolution = shares(triples).T
    published = np.zeros(len(triples), dtype=bool)
    published[published_row(triples)] = True
    table = pd.DataFrame(
        {
            "alpha": triples[:, 0],
            "beta": triples[:, 1],
            "gamma": triples[:, 2],
            "product": products(triples).round(9),
            "phi_star": budget_exponents(triples, growth).round(9),
            "error": errors,
            "error_std": [np.nan if one.std is None else one.std for one in results],
            "loss": errors - np.nanmin(errors),
            "in_set": inside,
            "published": published,
            "share_depth": depth.round(9),
            "share_width": width.round(9),
            "share_resolution": resolution.round(9),
            "resolution": [network.resolution for network in built],
            "blocks": [sum(stage.repeats for stage in network.stages) for network in built],
            "params": [costs[network.key].params for network in built],
            "mult_adds": [costs[network.key].mult_adds for network in built],
            "flops_ratio": [costs[network.key].mult_adds / base_cost for network in built],
            "network": [network.key for network in built],
            "seconds": [one.seconds for one in results],
            "source": [one.source for one in results],
            "failure": [one.failure or "" for one in results],
        }
    )
    return table.sort_values(["error", "alpha", "beta", "gamma"], ignore_index=True)


def surface_table(law: ScalingLaw, growth: float) -> pd.DataFrame:
    """The law over the simplex of FLOPs shares, in steps of 1/24: shares, triple, error, loss, in_set."""
    triples = simplex(growth)
    errors = law.errors(triples)
    table = pd.DataFrame(simplex_shares(), columns=["share_depth", "share_width", "share_resolution"])
    for place, name in enumerate(("alpha", "beta", "gamma")):
        table[name] = triples[:, place]
    return table.assign(error=errors, loss=errors - errors.min(), in_set=membership(law, triples))
