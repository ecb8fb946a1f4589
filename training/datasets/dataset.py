"""A data set as a training sees it: three parts of equal-sized images, mapped from the cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .summary import Summary


@dataclass(frozen=True, eq=False)
class Part:
    """One split: image i has the label labels[i]. Both arrays are read-only maps of the cache's files.

    Args:
        images: (N, size, size, channels), uint8.
        labels: (N,), int64, indices into the data set's classes.
    """

    images: NDArray[np.uint8] = field(repr=False)
    labels: NDArray[np.int64] = field(repr=False)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images, labels and what is known about them.

    Networks are compared on `validation`; `test` is for the final training only, and None where there is none.
    A pickled data set is the path of its cache: the process that unpickles it maps the same files, and the
    pixels are in memory once.

    Args:
        path: the cache folder.
        classes: their names; a label is an index into them.
        channels: 1 (all images are grey) or 3 (RGB).
        size: height and width in pixels.
        mean, std: of the training pixels, one number a channel, on a scale of 0 to 1; std is at least 1/255.
        fingerprint: of the pixels, the labels, the split and the size; 16 hex digits. Equal on every machine.
    """

    name: str
    path: Path
    classes: tuple[str, ...]
    channels: int
    size: int
    train: Part
    validation: Part
    test: Part | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fingerprint: str
    summary: Summary = field(repr=False)

    def __reduce__(self) -> tuple[Callable[[Path], Dataset], tuple[Path]]:
        from .cache import open_cache

        return open_cache, (self.path,)
