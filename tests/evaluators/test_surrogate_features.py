"""The feature map against a slow one written from its docstring: contrasts by polynomial fits, products by loops."""

import math
from itertools import combinations, product

import numpy as np
import pytest

from effsearch.evaluators import surrogate_features
from effsearch.evaluators.surrogate_features import CHOICES, CONTRASTS, design, prior_deviations
from effsearch.search_spaces import load

SPACE = load("mnasnet-b0")
GENES = {"e": (1, 4, 6), "k": (3, 5), "l": (1, 2, 3), "se": (0, 1)}
DESCRIPTORS = (("e",), ("k",), ("l",), ("se",), ("e", "l"))


def choices_of(gene, stage):
    return (1, 2, 3, 4) if (gene, stage) == ("l", 6) else GENES[gene]


def contrast(gene, stage, degree):
    """What is left of x ** degree after the best polynomial of a lower degree, scaled to mean square 1."""
    positions = np.array(choices_of(gene, stage), dtype=float)
    if gene in ("e", "l"):
        positions = np.log(positions)
    power = positions**degree
    rest = power - np.polynomial.Polynomial.fit(positions, power, degree - 1)(positions)
    return rest / math.sqrt(np.mean(rest**2))


def features():
    """Every feature as the contrasts (gene, stage, degree) that it multiplies, in the order of the docstring."""
    found = [()]
    for gene, stage in product(GENES, range(1, 8)):
        found += [((gene, stage, degree),) for degree in range(1, len(choices_of(gene, stage)))]
    for stage, size in product(range(1, 8), (2, 3, 4)):
        found += [tuple((gene, stage, 1) for gene in subset) for subset in combinations(GENES, size)]
    for first, second in combinations(range(1, 8), 2):
        for left, right in product(DESCRIPTORS, DESCRIPTORS):
            found.append((*((gene, first, 1) for gene in left), *((gene, second, 1) for gene in right)))
    return found


def test_the_features_are_1_constant_43_contrasts_77_products_inside_and_525_across_stages():
    assert len(features()) == 1 + 43 + 77 + 525 == surrogate_features.FEATURES
    assert design(np.zeros((1, 28), dtype=np.int64)).shape == (1, 646)
    assert prior_deviations().shape == (646,)


def test_the_choices_are_those_of_the_search_space_in_its_order():
    assert [len(choices) for choices in CHOICES] == [len(dimension.choices) for dimension in SPACE.dimensions]
    for choices, dimension in zip(CHOICES, SPACE.dimensions, strict=True):
        squeeze = dimension.name.startswith("se_")
        assert choices == tuple(bool(choice) if squeeze else choice for choice in dimension.choices), dimension.name


def test_50_random_points_agree_with_the_slow_feature_map():
    rows = SPACE.sample_indices(np.random.default_rng(5), 50)
    order = list(product(GENES, range(1, 8)))
    tables = {factor: contrast(*factor) for factors in features() for factor in factors}
    slow = [
        [math.prod(tables[factor][row[order.index(factor[:2])]] for factor in factors) for factors in features()]
        for row in rows
    ]
    np.testing.assert_allclose(design(rows), slow, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("gene", range(28))
def test_contrasts_are_orthonormal_and_centred_over_uniform_choices(gene):
    table = CONTRASTS[gene]
    count = len(CHOICES[gene])
    assert table.shape == (count, count - 1)
    np.testing.assert_allclose(table.T @ table / count, np.eye(count - 1), atol=1e-12)
    np.testing.assert_allclose(table.mean(axis=0), 0, atol=1e-12)


def test_linear_contrasts_grow_with_the_choice():
    for table in CONTRASTS:
        assert (np.diff(table[:, 0]) > 0).all()


def test_all_features_of_two_stages_are_orthonormal_over_all_their_choices():
    """All 36 x 36 choices of stages 1 and 2, the others fixed. The joint descriptor e * l makes no exception."""
    lengths = [len(CHOICES[gene]) for gene in range(28)]
    varied = [gene for gene in range(28) if gene % 7 in (0, 1)]
    rows = np.zeros((36 * 36, 28), dtype=np.int64)
    rows[:, varied] = list(product(*(range(lengths[gene]) for gene in varied)))
    inner = [index for index, factors in enumerate(features()) if {stage for _, stage, _ in factors} <= {1, 2}]
    columns = design(rows)[:, inner]
    # a product e1 * l1 stands inside stage 1 only, so no two of these are equal
    assert len(inner) == 1 + 2 * 6 + 2 * 11 + 25
    np.testing.assert_allclose(columns.T @ columns / len(rows), np.eye(len(inner)), atol=1e-10)


def test_features_of_a_batch_are_those_of_its_points():
    rows = SPACE.sample_indices(np.random.default_rng(6), 40)
    np.testing.assert_array_equal(design(rows), np.concatenate([design(row[None]) for row in rows]))


def test_prior_deviations_are_products_of_the_weights_of_their_factors():
    prior = surrogate_features
    gene_weight = dict(zip(GENES, prior.PRIOR_GENES, strict=True))

    def expected(factors):
        stages = sorted({stage for _, stage, _ in factors})
        if len(factors) < 2:
            return prior.PRIOR_CONTRASTS[factors[0][2] - 1] if factors else prior.PRIOR_CONSTANT
        weight = math.prod(prior.PRIOR_STAGES[stage - 1] * gene_weight[gene] for gene, stage, _ in factors)
        if len(stages) == 1:
            return prior.PRIOR_INSIDE[len(factors)] * weight
        joint = len(factors) - 2  # each e * l adds one factor to the two of a pair
        return (
            prior.PRIOR_ACROSS * prior.PRIOR_DISTANCE ** (stages[1] - stages[0] - 1) * prior.PRIOR_JOINT**joint * weight
        )

    np.testing.assert_allclose(prior_deviations(), [expected(factors) for factors in features()], rtol=1e-12)
