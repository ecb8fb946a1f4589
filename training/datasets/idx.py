"""MNIST's idx files (Fashion-MNIST, EMNIST, KMNIST, ...), gzipped or not.

Format (yann.lecun.com/exdb/mnist): two zero bytes, the type (8: uint8), the number of dimensions, each dimension as
four bytes, big-endian, then the values.
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...records.errors import UserError, cannot
from .arrays import as_images, source_of_arrays
from .source import TEST, TRAIN, Found, Source, stamps

_NAME = re.compile(r"(?P<set>.*?)(?P<role>train|test|t10k)-(?P<what>images|labels)[-.]idx[13]-ubyte(\.gz)?")
_NAMES = {TRAIN: "train", TEST: "t10k"}
_MOST_PACKED = 1100  # gzip makes at most 1032 bytes out of one

Files = Mapping[tuple[int, str], Path]


def find(path: Path) -> Found | None:
    """The idx files in a folder; None where there are none. UserError where they are not one set."""
    files: dict[tuple[int, str], Path] = {}
    sets = set()
    for file in sorted(path.iterdir()):  # an unpacked file comes before its .gz
        match = _NAME.fullmatch(file.name)
        if match and file.is_file():
            sets.add(match["set"])
            files.setdefault((TRAIN if match["role"] == "train" else TEST, match["what"]), file)
    if not files:
        return None
    if len(sets) > 1:
        raise UserError(f"{path} holds {len(sets)} sets of idx files: {', '.join(sorted(sets))}", "give each a folder")
    for role in (TRAIN, TEST):
        for what, dimensions in (("images", 3), ("labels", 1)):
            if (role, what) not in files and (role == TRAIN or any(one == TEST for one, _ in files)):
                raise UserError(f"{path} has idx files, but no {_NAMES[role]}-{what}-idx{dimensions}-ubyte (or .gz)")
    return Found("idx files", stamps(files.values()), lambda: _read(files))


def _read(files: Files) -> Source:
    parts = {}
    for role in (TRAIN, TEST):
        if (role, "images") in files:
            file = files[role, "images"]
            labels = _array(files[role, "labels"], 1).astype(np.int64).tolist()
            parts[role] = as_images(_array(file, 3), str(file)), labels
    return source_of_arrays("idx files", parts, str(files[TRAIN, "images"].parent))


def _array(file: Path, dimensions: int) -> NDArray[np.uint8]:
    """The values of one file. UserError where it is none, has another number of dimensions or another length."""
    packed = file.suffix == ".gz"
    try:
        with gzip.open(file) if packed else file.open("rb") as stream:
            head = stream.read(4 + 4 * dimensions)
            if len(head) < 4 + 4 * dimensions or head[:4] != bytes((0, 0, 8, dimensions)):
                raise UserError(f"{file} is no idx file of uint8 in {dimensions} dimensions: it starts {head[:4]!r}")
            shape = tuple(int(one) for one in np.frombuffer(head, ">u4", offset=4))
            count = math.prod(shape)
            if count > file.stat().st_size * (_MOST_PACKED if packed else 1):
                raise UserError(f"{file} says that it holds {shape} values, and is too short for them")
            content = stream.read(count)
            if len(content) < count or stream.read(1):
                raise UserError(f"{file} says that it holds {shape} values, and is not as long as that")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{file} is damaged: {error}", "fetch it again") from error
    except OSError as error:
        raise cannot("read", file, error) from error
    return np.frombuffer(content, np.uint8).reshape(shape)
