"""Feature map of the accuracy predictor: choice indices of a network -> design matrix.

A network has seven stages with four genes each: expansion e, kernel k, layers l and
squeeze-and-excitation se. A point is a row of 28 choice indices in the order
e1..e7, k1..k7, l1..l7, se1..se7 (index 0 is the first choice of the gene).

Each gene is coded by orthonormal polynomial contrasts over its choices (e and l on a
logarithmic scale), so that every contrast has mean 0 and mean square 1 over uniformly drawn
networks. A stage is described by five numbers: the linear contrasts of e, k, l, se and the
product e * l. The features are, in order:

    1    constant
    43   contrasts, gene by gene (linear, then quadratic, then cubic)
    77   products of two, three or four linear contrasts inside one stage (11 a stage)
    525  products of a descriptor of one stage and a descriptor of a later one (21 x 5 x 5)

Nothing here depends on data. `prior_deviations` states how large the coefficient of each
feature is expected to be; the fit shrinks with it.
"""

from __future__ import annotations

from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STAGES = 7
GENES_PER_STAGE = 4
EXPANSIONS = (1, 4, 6)
KERNELS = (3, 5)
LAYERS = (1, 2, 3)
LAYERS_OF_STAGE_6 = (1, 2, 3, 4)
SQUEEZES = (0, 1)
CHOICES: tuple[tuple[int, ...], ...] = (
    (EXPANSIONS,) * 7 + (KERNELS,) * 7 + (LAYERS,) * 5 + (LAYERS_OF_STAGE_6, LAYERS) + (SQUEEZES,) * 7
)

GENE_SUBSETS = tuple(subset for size in (2, 3, 4) for subset in combinations(range(GENES_PER_STAGE), size))
STAGE_PAIRS = tuple(combinations(range(STAGES), 2))
DESCRIPTORS = ("e", "k", "l", "se", "e*l")

# Expected size of the coefficients (prior standard deviations, in units of the target's own
# standard deviation), chosen by marginal likelihood and rounded.
PRIOR_CONSTANT = 10.0
PRIOR_CONTRASTS = (0.18, 0.012, 0.012)  # linear, quadratic, cubic
PRIOR_GENES = (1.0, 0.28, 0.73, 0.51)  # relative weight in products: e, k, l, se
PRIOR_STAGES = (0.7, 0.7, 0.7, 0.9, 0.9, 1.1, 1.2)  # relative weight of the stage's genes
PRIOR_INSIDE = {2: 0.065, 3: 0.025, 4: 0.025}  # products of so many genes of one stage
PRIOR_ACROSS = 0.028  # products across neighbouring stages,
PRIOR_DISTANCE = 0.69  # times this for each stage further apart,
PRIOR_JOINT = 0.34  # times this for each factor e * l


def _contrasts(choices: tuple[int, ...]) -> Floats:
    """Orthonormal polynomial contrasts, shape (choices, choices - 1), columns by degree."""
    values = np.array(choices, dtype=np.float64)
    positions = np.log(values) if len(choices) > 2 else values
    basis, triangle = np.linalg.qr(np.vander(positions, increasing=True))
    signed: Floats = basis * np.sign(np.diag(triangle)) * np.sqrt(len(choices))
    return signed[:, 1:]


CONTRASTS = tuple(_contrasts(choices) for choices in CHOICES)
FEATURES = (
    1
    + sum(table.shape[1] for table in CONTRASTS)
    + STAGES * len(GENE_SUBSETS)
    + len(STAGE_PAIRS) * len(DESCRIPTORS) ** 2
)


def _products(descriptors: Floats, inside: Floats, across: Floats) -> None:
    """Write the products of `descriptors`, shape (7, 5, n), into `inside` and `across`.

    inside: shape (7 * 11, n), stage by stage; across: shape (21, 5, 5, n), by stage pair.
    """
    row = 0
    for stage in descriptors:
        for subset in GENE_SUBSETS:
            np.multiply(stage[subset[0]], stage[subset[1]], out=inside[row])
            for gene in subset[2:]:
                inside[row] *= stage[gene]
            row += 1
    for pair, (first, second) in enumerate(STAGE_PAIRS):
        np.multiply(descriptors[first][:, None], descriptors[second][None], out=across[pair])


def design(indices: NDArray[np.int64]) -> Floats:
    """Design matrix of choice indices, shape (n, 28) -> (n, 646), no unit.

    Indices must be in range: they are clipped, not checked. The memory is laid out feature by
    feature (the result is a transposed view).
    """
    count = len(indices)
    matrix = np.empty((FEATURES, count))
    descriptors = np.empty((STAGES, len(DESCRIPTORS), count))
    matrix[0] = 1.0
    row = 1
    for gene, table in enumerate(CONTRASTS):
        chosen = indices[:, gene]
        for column in table.T:
            np.take(column, chosen, out=matrix[row], mode="clip")
            row += 1
        descriptors[gene % STAGES, gene // STAGES] = matrix[row - table.shape[1]]
    np.multiply(descriptors[:, 0], descriptors[:, 2], out=descriptors[:, 4])
    end = row + STAGES * len(GENE_SUBSETS)
    across = matrix[end:].reshape(len(STAGE_PAIRS), len(DESCRIPTORS), len(DESCRIPTORS), count)
    _products(descriptors, matrix[row:end], across)
    return matrix.T


def prior_deviations() -> Floats:
    """Prior standard deviation of every coefficient, shape (646,), target standardised.

    A product's deviation is the product of the weights of its factors, times the constant of
    its kind and, across stages, a decay with the distance between the two stages.
    """
    contrasts = [PRIOR_CONTRASTS[degree] for table in CONTRASTS for degree in range(table.shape[1])]
    weights = np.outer(PRIOR_STAGES, PRIOR_GENES)
    joint = PRIOR_JOINT * weights[:, 0] * weights[:, 2]
    inside = [
        PRIOR_INSIDE[len(subset)] * prod(stage[gene] for gene in subset) for stage in weights for subset in GENE_SUBSETS
    ]
    described = np.column_stack([weights, joint])
    across = [
        PRIOR_ACROSS * PRIOR_DISTANCE ** (second - first - 1) * np.outer(described[first], described[second]).ravel()
        for first, second in STAGE_PAIRS
    ]
    return np.concatenate([[PRIOR_CONSTANT], contrasts, inside, *across])
