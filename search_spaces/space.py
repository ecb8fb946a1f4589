"""Search spaces: named dimensions with choices, and how a point of them becomes an Architecture."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .architecture import Architecture
from .checks import InvalidValue, nearest, shown
from .cost import cost
from .tables import StageTables

Choice = int | float | str | bool
Point = dict[str, Choice]
Indices = NDArray[np.int64]
Counts = NDArray[np.int64]

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Dimension:
    """One thing to choose: a name and at least one choice, all different."""

    name: str
    choices: tuple[Choice, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", tuple(self.choices))
        if not self.choices or len(set(self.choices)) != len(self.choices):
            raise InvalidValue(f"dimension {self.name}: choices {shown(self.choices)} are empty or repeat")


@dataclass(frozen=True)
class SearchSpace:
    """Points (dict, dimension name -> choice) and the networks they stand for.

    Parameters
    ----------
    build
        Point -> Architecture; `decode` checks the point first and names the network after it.
    read
        Architecture -> Point, its inverse; None: `encode` is not offered.
    tables
        Costs of the stages by their choices, where the space is made of independent stages; makes `costs` fast.
    """

    name: str
    dimensions: tuple[Dimension, ...]
    build: Callable[[Point], Architecture]
    read: Callable[[Architecture], Point] | None = None
    tables: StageTables | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimensions", tuple(self.dimensions))
        names = [dimension.name for dimension in self.dimensions]
        if not names or len(set(names)) != len(names):
            raise InvalidValue(f"search space {self.name}: dimension names {shown(names)} are missing or repeat")

    @cached_property
    def size(self) -> int:
        """Number of points."""
        return math.prod(len(dimension.choices) for dimension in self.dimensions)

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that tell two spaces of one name apart: their dimensions, and two of their networks."""
        ends = [self.point([0] * len(self.dimensions)), self.point([-1] * len(self.dimensions))]
        content = repr(([(one.name, one.choices) for one in self.dimensions], [self.build(end).key for end in ends]))
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @cached_property
    def _positions(self) -> tuple[dict[Choice, int], ...]:
        return tuple({choice: i for i, choice in enumerate(dim.choices)} for dim in self.dimensions)

    def sample(self, rng: np.random.Generator) -> Point:
        return self.point(self.sample_indices(rng, 1)[0])

    def sample_indices(self, rng: np.random.Generator, count: int) -> Indices:
        """`count` uniform points as choice positions, shape (count, dimensions)."""
        lengths = [len(dimension.choices) for dimension in self.dimensions]
        return rng.integers(0, lengths, size=(count, len(lengths)), dtype=np.int64)

    def point(self, row: Iterable[int]) -> Point:
        """The point of one row of choice positions."""
        return {dim.name: dim.choices[int(i)] for dim, i in zip(self.dimensions, row, strict=True)}

    def indices(self, points: Iterable[Mapping[str, Choice]]) -> Indices:
        """Choice positions of points, shape (points, dimensions). InvalidValue for an unknown name or choice."""
        rows = [self._row(point) for point in points]
        return np.array(rows, dtype=np.int64).reshape(len(rows), len(self.dimensions))

    def number(self, point: Mapping[str, Choice]) -> int:
        """The point's number in 0 .. size - 1: its choice positions read as digits, the first the largest."""
        number = 0
        for dimension, index in zip(self.dimensions, self._row(point), strict=True):
            number = number * len(dimension.choices) + index
        return number

    def decode(self, point: Mapping[str, Choice]) -> Architecture:
        """The network of a point, named after the space and the point's number (base 36)."""
        number, code = self.number(point), ""
        while number or not code:
            number, digit = divmod(number, 36)
            code = DIGITS[digit] + code
        return replace(self.build(dict(point)), name=f"{self.name}-{code}")

    def encode(self, architecture: Architecture) -> Point:
        """The point whose network this is, whatever its name. InvalidValue where the space does not hold it."""
        if self.read is None:
            raise InvalidValue(f"search space {self.name} cannot read points from networks: it was given no `read`")
        point = self.read(architecture)
        built = self.build(point)
        if replace(built, name=architecture.name) != architecture:
            different = [
                f"{field} is {shown(getattr(architecture, field))}, here {shown(getattr(built, field))}"
                for field in ("resolution", "input_channels", "classes", "stem", "head", "dropout", "drop_path")
                if getattr(built, field) != getattr(architecture, field)
            ]
            reason = "; ".join(different) or "its stages differ in what the space keeps fixed"
            raise InvalidValue(f"{architecture.name} is not in the search space {self.name}: {reason}")
        return point

    def neighbours(self, point: Mapping[str, Choice]) -> list[Point]:
        """Every point that differs in one dimension."""
        self._row(point)
        return [
            {**point, dimension.name: choice}
            for dimension in self.dimensions
            for choice in dimension.choices
            if choice != point[dimension.name]
        ]

    def costs(self, indices: Indices) -> Counts:
        """Parameters, mult-adds and activations (columns) of choice positions, shape (points, 3)."""
        if self.tables is not None:
            return self.tables.costs(indices)
        counted = (cost(self.build(self.point(row))) for row in indices)
        rows = [(one.params, one.mult_adds, one.activations) for one in counted]
        return np.array(rows, dtype=np.int64).reshape(len(rows), 3)

    def _row(self, point: Mapping[str, Choice]) -> list[int]:
        if len(point) != len(self.dimensions):
            raise self._complaint(point)
        try:
            return [
                index[point[dimension.name]] for dimension, index in zip(self.dimensions, self._positions, strict=True)
            ]
        except (KeyError, TypeError):
            raise self._complaint(point) from None

    def _complaint(self, point: Mapping[str, Choice]) -> InvalidValue:
        known = [dimension.name for dimension in self.dimensions]
        for name in point:
            if name not in known:
                return InvalidValue(
                    f"a point of {self.name} has the unknown dimension {shown(name)}", hint=nearest(str(name), known)
                )
        for dimension in self.dimensions:
            if dimension.name not in point:
                return InvalidValue(f"a point of {self.name} lacks the dimension {dimension.name}")
            value = point[dimension.name]
            if value not in dimension.choices:
                allowed = ", ".join(map(str, dimension.choices))
                return InvalidValue(f"{dimension.name} is {shown(value)} in {self.name}; allowed: {allowed}")
        return InvalidValue(f"a point of {self.name} has a value that cannot be used: {shown(dict(point))}")
