"""What is in a data set, and what was left out of it and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

MOST_NAMES = 20  # pictures named among the skipped ones


@dataclass(frozen=True)
class ClassCount:
    """A class and its number of images in each part."""

    name: str
    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class Skipped:
    """Pictures that could not be used for one reason; `names` are the first of them."""

    reason: str
    count: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Duplicates:
    """Images with equal pixels, as stored.

    Args:
        within_training: training images that repeat an earlier one.
        validation_in_training: validation images that are training images, too.
        test_in_others: test images that are training or validation images, too.
        across_classes: images that stand in two classes or more (each counted once, however often it occurs).
    """

    within_training: int
    validation_in_training: int
    test_in_others: int
    across_classes: int


@dataclass(frozen=True)
class Summary:
    """Counts and findings of one data set.

    Args:
        kind: what was read, "class folders", "idx files", ...
        classes: counts, in the order of the labels.
        imbalance: training images of the largest class / of the smallest.
        sizes: smallest, median and largest shorter side of the pictures, in pixels, before they were resized.
        grey: pictures without colour.
        skipped: pictures left out, by reason.
        ignored: files that are no pictures by their names, and hidden ones.
        notes: whole sentences.
    """

    kind: str
    classes: tuple[ClassCount, ...]
    imbalance: float
    sizes: tuple[int, int, int]
    grey: int
    skipped: tuple[Skipped, ...]
    ignored: int
    duplicates: Duplicates
    notes: tuple[str, ...]

    def to_mapping(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @staticmethod
    def from_mapping(value: object) -> Summary:
        """The Summary that `to_mapping` gave. ValueError where it is not exactly that."""
        content = _fields(value, Summary)
        return Summary(
            kind=_typed(content["kind"], str),
            classes=tuple(ClassCount(**_plain(one, ClassCount)) for one in _typed(content["classes"], list)),
            imbalance=float(_typed(content["imbalance"], float)),
            sizes=_three(content["sizes"]),
            grey=_typed(content["grey"], int),
            skipped=tuple(_skipped(one) for one in _typed(content["skipped"], list)),
            ignored=_typed(content["ignored"], int),
            duplicates=Duplicates(**_plain(content["duplicates"], Duplicates)),
            notes=_texts(content["notes"]),
        )


def _fields(value: object, kind: type[Any]) -> Mapping[str, Any]:
    names = {one.name for one in fields(kind)}
    if not isinstance(value, dict) or value.keys() != names:
        raise ValueError(f"a {kind.__name__} has {', '.join(sorted(names))}")
    return value


def _plain(value: object, kind: type[Any]) -> Mapping[str, Any]:
    """Fields that are all whole numbers, but for a name."""
    content = _fields(value, kind)
    for name, one in content.items():
        _typed(one, str if name == "name" else int)
    return content


def _skipped(value: object) -> Skipped:
    content = _fields(value, Skipped)
    return Skipped(_typed(content["reason"], str), _typed(content["count"], int), _texts(content["names"]))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_typed(one, str) for one in _typed(value, list))


def _three(value: object) -> tuple[int, int, int]:
    first, second, third = (_typed(one, int) for one in _typed(value, list))
    return first, second, third


def _typed(value: object, kind: type[Any]) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{value!r:.60} is no {kind.__name__}")
    return value
