"""NumPy's .npz with images and labels. Nothing in it is unpickled."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...records.errors import UserError, cannot
from .arrays import as_images, source_of_arrays
from .source import TEST, TRAIN, VALIDATION, Found, Source, stamps

LARGEST = 32 << 30  # bytes of one array, unpacked

_IMAGES = ("x", "X", "images", "data")
_LABELS = ("y", "Y", "labels", "targets")
_WORDS = {TRAIN: ("train",), VALIDATION: ("val", "valid", "validation"), TEST: ("test",)}
_CLASSES = ("classes", "class_names", "label_names")


def find(file: Path) -> Found:
    return Found("npz arrays", stamps([file]), lambda: _read(file))


def _read(file: Path) -> Source:
    try:
        with zipfile.ZipFile(file) as archive:
            sizes = {one.filename.removesuffix(".npy"): one.file_size for one in archive.infolist()}
        with np.load(file, allow_pickle=False) as arrays:
            pairs = {role: pair for role in _WORDS if (pair := _pair(sizes, role))}
            if TRAIN not in pairs:
                raise UserError(
                    f"{file} holds {', '.join(sorted(sizes)) or 'nothing'}; "
                    "it must hold x_train and y_train (and x_test and y_test), or images and labels"
                )
            parts = {
                role: (
                    as_images(_member(arrays, sizes, images, file), f"{images} in {file}"),
                    _labels(_member(arrays, sizes, labels, file), f"{labels} in {file}"),
                )
                for role, (images, labels) in pairs.items()
            }
            listed = next((name for name in _CLASSES if name in sizes), None)
            names = None if listed is None else _labels(_member(arrays, sizes, listed, file), f"{listed} in {file}")
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        raise UserError(f"{file} cannot be read as .npz: {error}") from error
    except OSError as error:
        raise cannot("read", file, error) from error
    return source_of_arrays("npz arrays", parts, str(file), None if names is None else [str(one) for one in names])


def _pair(names: Iterable[str], role: int) -> tuple[str, str] | None:
    """The names of a role's images and labels: x_train, train_images, ...; without a role they are for training."""
    images = [f(one, word) for word in _WORDS[role] for one in _IMAGES for f in (_after, _before)]
    labels = [f(one, word) for word in _WORDS[role] for one in _LABELS for f in (_after, _before)]
    if role == TRAIN:
        images, labels = [*images, *_IMAGES], [*labels, *_LABELS]
    held = set(names)
    first = next((one for one in images if one in held), None)
    second = next((one for one in labels if one in held), None)
    return (first, second) if first and second else None


def _after(name: str, word: str) -> str:
    return f"{name}_{word}"


def _before(name: str, word: str) -> str:
    return f"{word}_{name}"


def _member(arrays: Any, sizes: dict[str, int], name: str, file: Path) -> NDArray[Any]:
    if sizes[name] > LARGEST:
        raise UserError(f"{name} in {file} holds {sizes[name]:,} bytes; at most {LARGEST:,} are read")
    member: NDArray[Any] = arrays[name]
    return member


def _labels(array: NDArray[Any], where: str) -> list[Any]:
    """(N,) or (N, 1): whole numbers or texts."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "iubUS":
        raise UserError(f"{where} has the shape {array.shape} of {array.dtype}; labels are one number or text an image")
    if array.dtype.kind == "S":
        return [one.decode("utf-8", "replace") for one in array.tolist()]
    return list(array.astype(np.int64).tolist() if array.dtype.kind == "b" else array.tolist())
