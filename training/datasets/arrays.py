"""Pictures that come as whole arrays: their shapes, scales and labels brought into one form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...records.errors import UserError
from ...search_spaces.checks import shown
from .source import ROLES, TRAIN, Source

Images = NDArray[np.uint8]

_MOST_CLASSES: Final = 100_000


def source_of_arrays(
    kind: str,
    parts: Mapping[int, tuple[Images, Sequence[Any]]],
    where: str,
    names: Sequence[str] | None = None,
) -> Source:
    """A Source of the images (N, H, W, channels) and labels of each role.

    The classes are the distinct training labels in their order, or `names`, of which an integer label is the index.

    Raises:
        UserError: no training images, or not as many labels as images.
    """
    if TRAIN not in parts:
        raise UserError(f"{where} holds no training images")
    for role, (images, labels) in parts.items():
        if len(images) != len(labels):
            raise UserError(f"{where}: {len(images):,} {ROLES[role]} images, but {len(labels):,} labels")
    starts = np.cumsum([0, *(len(images) for images, _ in parts.values())])
    every = [images for images, _ in parts.values()]
    roles = list(parts)
    classes, numbers = numbered([one for _, labels in parts.values() for one in labels], names, where)

    def find(index: int) -> tuple[int, int]:
        part = int(np.searchsorted(starts, index, side="right")) - 1
        return part, index - int(starts[part])

    def name(index: int) -> str:
        part, place = find(index)
        return f"{ROLES[roles[part]]} image {place}"

    def opened(index: int) -> Images:
        part, place = find(index)
        one: Images = every[part][place]
        return one

    return Source(
        kind,
        classes,
        labels=numbers,
        roles=np.concatenate([np.full(len(images), role, np.int64) for role, images in zip(roles, every, strict=True)]),
        name=name,
        open=opened,
    )


def numbered(
    labels: Sequence[Any], names: Sequence[str] | None, where: str
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Classes, and each label's index among them; -1 for None and for an integer that no name belongs to."""
    known = [one for one in labels if one is not None]
    whole = all(isinstance(one, int | np.integer) for one in known)
    if not whole and not all(isinstance(one, str) for one in known):
        bad = next(one for one in known if not isinstance(one, str | int | np.integer))
        raise UserError(f"{where}: a label is {shown(bad)}; labels must be whole numbers or texts, one an image")
    if names is not None and whole:
        classes = tuple(names)
        numbers = [one if one is not None and 0 <= one < len(classes) else -1 for one in labels]
        return classes, np.array(numbers, np.int64)
    distinct = sorted(set(known))
    if len(distinct) > _MOST_CLASSES:
        raise UserError(f"{where}: {len(distinct):,} different labels; is it the column of the classes?")
    place = {one: index for index, one in enumerate(distinct)}
    return tuple(map(str, distinct)), np.array([place.get(one, -1) for one in labels], np.int64)


def as_images(array: NDArray[Any], where: str) -> Images:
    """(N, H, W, 1 or 3) uint8 of an array of images.

    Shapes: (N, H, W), (N, H, W, 1 or 3), (N, 1 or 3, H, W). Values: uint8 as they are; other whole numbers of 0 to 255
    too; uint16 beyond that on a scale of 65535; floats of 0 to 1 on a scale of 255; booleans as black and white.

    Raises:
        UserError: another shape or scale.
    """
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim == 4 and array.shape[3] not in (1, 3) and array.shape[1] in (1, 3):
        array = array.transpose(0, 2, 3, 1)
    if array.ndim != 4 or array.shape[3] not in (1, 3) or 0 in array.shape[1:]:
        raise UserError(
            f"{where} has the shape {array.shape}; images are (N, H, W), (N, H, W, 1 or 3) or (N, 1 or 3, H, W)"
        )
    scaled = _scale(array, where) if len(array) else None
    if scaled is None:
        return array.astype(np.uint8, copy=False)
    out = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), 1024):
        out[start : start + 1024] = scaled(array[start : start + 1024])
    return out


def _scale(array: NDArray[Any], where: str) -> Callable[[NDArray[Any]], Any] | None:
    """How values become 0 to 255; None where they are."""
    if array.dtype == np.uint8:
        return None
    if array.dtype == np.bool_:
        return lambda part: part * np.uint8(255)
    if array.dtype.kind in "iuf":
        low, high = array.min(), array.max()
        if array.dtype.kind in "iu" and low >= 0 and high <= 255:
            return None
        if array.dtype == np.uint16:
            return lambda part: (part.astype(np.uint32) * 255 + 32767) // 65535
        if array.dtype.kind == "f" and low >= 0 and high <= 1:  # False for NaN
            return lambda part: np.rint(part * 255)
        raise UserError(
            f"{where} holds {array.dtype} from {low} to {high}; "
            "images are uint8, whole numbers of 0 to 255, uint16 or floats of 0 to 1"
        )
    raise UserError(f"{where} holds {array.dtype}; images are numbers")
