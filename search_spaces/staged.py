"""Spaces made of stages that are chosen independently around a reference network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import product

import numpy as np

from .architecture import Architecture, Stage
from .checks import InvalidValue, shown
from .space import Choice, Dimension, Point, SearchSpace
from .tables import stage_tables

Genes = Mapping[str, tuple[Choice, ...]]
Variants = dict[Stage, Point]


def staged_space(
    name: str,
    reference: Architecture,
    genes: Sequence[Genes],
    write: Callable[[Stage, Mapping[str, Choice]], Stage],
) -> SearchSpace:
    """A space with the dimensions gene_1, gene_2, ... for every gene, in this order.

    Parameters
    ----------
    genes
        for each stage of the reference, gene -> choices; the same genes for all, the choices may differ.
    write
        (the reference's stage, gene -> choice) -> the stage. Different choices must give different stages. It may
        change the channels, but not the stride, so that the maps of all networks have the same sizes.
    """
    variants = [_variants(stage, choices, write) for stage, choices in zip(reference.stages, genes, strict=True)]
    numbered = range(1, len(genes) + 1)
    dimensions = [Dimension(f"{gene}_{i}", genes[i - 1][gene]) for gene in genes[0] for i in numbered]
    order = [dimension.name for dimension in dimensions]

    def build(point: Point) -> Architecture:
        chosen = ({gene: point[f"{gene}_{i}"] for gene in genes[0]} for i in numbered)
        stages = tuple(write(stage, choice) for stage, choice in zip(reference.stages, chosen, strict=True))
        return replace(reference, stages=stages)

    def read(architecture: Architecture) -> Point:
        if len(architecture.stages) != len(genes):
            counts = f"{len(architecture.stages)} stages; the search space {name} has {len(genes)}"
            raise InvalidValue(f"{architecture.name} has {counts}")
        point: Point = {}
        for i, (stage, known) in enumerate(zip(architecture.stages, variants, strict=True), 1):
            if stage not in known:
                raise InvalidValue(f"{architecture.name} is not in {name}: in stage {i} {_foreign(stage, known)}")
            point |= {f"{gene}_{i}": choice for gene, choice in known[stage].items()}
        return {dimension: point[dimension] for dimension in order}

    weights = [np.zeros(len(order), dtype=np.int64) for _ in genes]
    for i, choices in enumerate(genes):
        step = 1
        for gene in reversed(list(choices)):
            weights[i][order.index(f"{gene}_{i + 1}")] = step
            step *= len(choices[gene])
    tables = stage_tables(reference, weights, [list(known) for known in variants])
    return SearchSpace(name, tuple(dimensions), build, read, tables)


def _variants(stage: Stage, genes: Genes, write: Callable[[Stage, Mapping[str, Choice]], Stage]) -> Variants:
    """Stage -> its choices, in the order in which the first gene changes slowest."""
    points = [dict(zip(genes, values, strict=True)) for values in product(*genes.values())]
    variants = {write(stage, point): point for point in points}
    if len(variants) != len(points):
        raise InvalidValue(f"{len(points)} choices give only {len(variants)} different stages around {shown(stage)}")
    if any(variant.stride != stage.stride for variant in variants):
        raise InvalidValue(f"a choice changes the stride of the stage {shown(stage)}")
    return variants


def _foreign(stage: Stage, known: Variants) -> str:
    """Which value of a stage no variant has, for a message."""
    for field in fields(Stage):
        value = getattr(stage, field.name)
        allowed = sorted({getattr(variant, field.name) for variant in known})
        if value not in allowed:
            return f"{field.name} is {value}; allowed: {', '.join(map(str, allowed))}"
    return "the values are allowed one by one, but not together"
