"""A small evolutionary search over choice positions, for a function that is cheap and vectorised."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..search_spaces.space import Indices, SearchSpace
from .features import Floats

Worth = Callable[[Indices], tuple[Floats, Floats]]

GENERATIONS, CHILDREN, PARENTS = 12, 160, 40
STRANGERS = 60  # random points among the first
CROSSED = 0.5  # of the children have two parents


def best_unseen(
    space: SearchSpace, worth: Worth, first: Indices, seen: Indices, random: np.random.Generator, divided: int = 1
) -> Indices:
    """The best point found that is not in `seen`, as a row of choice positions.

    Parameters
    ----------
    worth
        points -> (value to be maximised, violation of limits, 0 where there is none), (points,) each. A point with less
        violation is better, whatever its value.
    first
        points to begin with, beside random ones.
    divided
        by this much smaller generations.
    """
    lengths = np.array([len(dimension.choices) for dimension in space.dimensions])
    known = {row.tobytes() for row in seen}
    pool = np.unique(np.vstack([first, space.sample_indices(random, max(2, STRANGERS // divided))]), axis=0)
    value, over = worth(pool)
    for _ in range(GENERATIONS):
        kept = np.lexsort((-value, over))[:PARENTS]
        pool, value, over = pool[kept], value[kept], over[kept]
        children = np.unique(_children(pool, lengths, random, max(4, CHILDREN // divided)), axis=0)
        fresh = np.array([row.tobytes() not in known for row in children], dtype=bool)
        held = {row.tobytes() for row in pool}
        fresh &= np.array([row.tobytes() not in held for row in children], dtype=bool)
        if fresh.any():
            more = worth(children[fresh])
            pool = np.vstack([pool, children[fresh]])
            value, over = np.concatenate([value, more[0]]), np.concatenate([over, more[1]])
    order = np.lexsort((-value, over))
    unseen = [i for i in order if pool[i].tobytes() not in known]
    best: Indices = pool[unseen[0] if unseen else order[0]]
    return best


def _children(pool: Indices, lengths: Indices, random: np.random.Generator, count: int) -> Indices:
    """Of better parents more often; each has one or a few choices changed."""
    ranks = np.minimum(random.integers(len(pool), size=(2, count)), random.integers(len(pool), size=(2, count)))
    mothers, fathers = pool[ranks[0]], pool[ranks[1]]
    mixed = (random.random(mothers.shape) < 0.5) & (random.random((count, 1)) < CROSSED)
    children = np.where(mixed, fathers, mothers)
    rate = random.choice([1.0, 2.0, 4.0], size=(count, 1)) / len(lengths)
    changed = random.random(children.shape) < rate
    changed[np.arange(count), random.integers(len(lengths), size=count)] |= random.random(count) < 0.5
    steps = 1 + random.integers(0, np.maximum(lengths - 1, 1), size=children.shape)
    mutated: Indices = np.where(changed, (children + steps) % lengths, children)
    return mutated
