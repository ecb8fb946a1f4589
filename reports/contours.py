"""Where values on a triangular lattice exceed a level: the borders of these regions, for filling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

Vertex = tuple[int, int]
Key = tuple[Vertex, Vertex]  # a vertex twice, or the ends of the edge that the level crosses
Point = tuple[float, float]


def regions(values: Mapping[Vertex, float], level: float) -> list[list[Key]]:
    """Closed borders of the region value >= level, linear between the vertices (i, j) of a lattice.

    Every small triangle is cut at the level. An edge that two pieces share is walked in both directions and cancels
    out, so that what remains is the border of the whole.
    """
    edges: dict[Key, dict[Key, None]] = {}
    for corners in _triangles(values):
        piece = list(_cut(corners, values, level))
        for start, end in zip(piece, piece[1:] + piece[:1], strict=True):
            if start in edges.get(end, {}):
                del edges[end][start]
            else:
                edges.setdefault(start, {})[end] = None
    return list(_loops(edges))


def position(key: Key, values: Mapping[Vertex, float], level: float) -> Point:
    """Where a point of a border lies, in steps of the lattice."""
    start, end = key
    part = (level - values[start]) / (values[end] - values[start]) if crossed(key) else 0.0
    return start[0] + part * (end[0] - start[0]), start[1] + part * (end[1] - start[1])


def crossed(key: Key) -> bool:
    """Whether a point of a border is where the value is the level, not on the edge of the lattice."""
    return key[0] != key[1]


def _triangles(values: Mapping[Vertex, float]) -> Iterator[tuple[Vertex, Vertex, Vertex]]:
    for i, j in values:
        for corners in (((i, j), (i + 1, j), (i, j + 1)), ((i + 1, j), (i + 1, j + 1), (i, j + 1))):
            if all(one in values for one in corners):
                yield corners


def _cut(corners: tuple[Vertex, ...], values: Mapping[Vertex, float], level: float) -> Iterator[Key]:
    for one, other in zip(corners, corners[1:] + corners[:1], strict=True):
        if values[one] >= level:
            yield one, one
        if (values[one] >= level) != (values[other] >= level):
            yield min(one, other), max(one, other)


def _loops(edges: dict[Key, dict[Key, None]]) -> Iterator[list[Key]]:
    for start in list(edges):
        while edges[start]:
            loop, here = [], start
            while edges.get(here):
                loop.append(here)
                here, _ = edges[here].popitem()
            yield loop
