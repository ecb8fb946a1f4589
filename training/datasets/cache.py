"""The cache of a data set: a folder with the pixels and labels as .npy files and meta.json, mapped and never unpickled.

A folder gets its name when it is complete, by a rename; of two processes that build the same one the second waits for
the first, and where the file system has no locks, the first to end wins.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...records import strict_json
from ...records.errors import UserError, cannot
from ...records.lock import RunLock
from .dataset import Dataset, Part
from .pixel_file import header
from .source import ROLES
from .summary import Summary

_IN_USE = PermissionError if os.name == "nt" else BlockingIOError  # how RunLock is told that another has it

META = "meta.json"
FORMAT, VERSION = "effsearch-dataset", 1

_FIELDS = {
    "format": str, "version": int, "name": str, "classes": list, "channels": int, "size": int, "counts": list,
    "mean": list, "std": list, "fingerprint": str, "labels_hash": str, "summary": dict,
}  # fmt: skip


class Damaged(ValueError):  # noqa: N818  (a state of the cache; nobody is told of it as an error)
    """A cache that is not as it was written."""


def root(given: Path | str | None = None) -> Path:
    """The folder of all caches: `given`, or $EFFSEARCH_CACHE, or ~/.cache/effsearch; `datasets` below it."""
    chosen = given or os.environ.get("EFFSEARCH_CACHE") or Path.home() / ".cache" / "effsearch"
    return Path(chosen).expanduser().absolute() / "datasets"


def open_cache(path: Path | str) -> Dataset:
    """The data set in a cache folder. Reads meta.json and the labels; pixels are mapped, not read.

    Raises:
        UserError: there is none, or it is damaged.
    """
    try:
        return read(Path(path).absolute())
    except FileNotFoundError as error:
        raise UserError(f"there is no data set in the cache {path}", "load it again from the images") from error
    except Damaged as error:
        raise UserError(f"the cache {path} is damaged: {error}", "remove it, and load the images again") from error
    except OSError as error:
        raise cannot("read the cache", path, error) from error


def read(path: Path) -> Dataset:
    """As open_cache. Raises FileNotFoundError where there is no meta.json, Damaged where anything is not as written."""
    data = (path / META).read_bytes()
    try:
        meta = _checked(strict_json.parse(data))
        summary = Summary.from_mapping(meta["summary"])
        parts = [_part(path, role, count, meta) for role, count in zip(ROLES, meta["counts"], strict=True)]
    except (ValueError, TypeError, OSError) as error:
        raise Damaged(str(error)) from error
    train, validation, test = parts
    if train is None or validation is None:
        raise Damaged("it holds no training or no validation images")
    if labels_hash([one.labels for one in parts if one is not None]) != meta["labels_hash"]:
        raise Damaged("the labels are not those that were written")
    return Dataset(
        name=meta["name"],
        path=path,
        classes=tuple(meta["classes"]),
        channels=meta["channels"],
        size=meta["size"],
        train=train,
        validation=validation,
        test=test,
        mean=tuple(meta["mean"]),
        std=tuple(meta["std"]),
        fingerprint=meta["fingerprint"],
        summary=summary,
    )


def open_or_build(path: Path, name: str, build: Callable[[Path], dict[str, Any]]) -> Dataset:
    """The cache at `path`; where it is missing or damaged, `build` writes the parts into the folder it is given.

    Raises:
        UserError: of `build`, or where the cache cannot be written.
    """
    try:
        with contextlib.suppress(FileNotFoundError, Damaged):
            return read(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _turn(path):
            with contextlib.suppress(FileNotFoundError, Damaged):
                return read(path)  # another process has built it while this one waited
            _publish(path, name, build)
            return read(path)
    except OSError as error:
        hint = "set EFFSEARCH_CACHE to a folder that can be written and has the space"
        raise cannot("write the cache", path, error, hint) from error


def labels_hash(parts: Iterable[NDArray[np.int64]]) -> str:
    hashed = hashlib.blake2b(digest_size=16)
    for labels in parts:
        hashed.update(labels.tobytes())
    return hashed.hexdigest()


def _publish(path: Path, name: str, build: Callable[[Path], dict[str, Any]]) -> None:
    temporary = path.with_name(f".tmp-{path.name}-{secrets.token_hex(6)}")
    temporary.mkdir()
    try:
        content = build(temporary)
        labels = [
            np.load(temporary / f"{role}-labels.npy") for role, n in zip(ROLES, content["counts"], strict=True) if n
        ]
        meta = {"format": FORMAT, "version": VERSION, "name": name, "labels_hash": labels_hash(labels), **content}
        with (temporary / META).open("wb") as file:
            file.write(strict_json.dump(meta, indent=1) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        _put(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _put(temporary: Path, path: Path) -> None:
    """Renames; a damaged cache goes first, a good one of another process stays."""
    for _ in range(10):
        try:
            temporary.rename(path)
        except OSError:
            if not path.exists():
                raise
            with contextlib.suppress(FileNotFoundError, Damaged):
                read(path)
                return
            aside = path.with_name(f".tmp-{path.name}-{secrets.token_hex(6)}")
            with contextlib.suppress(FileNotFoundError):
                path.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
        else:
            return


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Waits while another process builds this cache; removes what a killed one left."""
    lock = RunLock(path.with_name(path.name + ".lock"))
    held = False
    while not held:
        try:
            lock.acquire()
            held = True
        except UserError as error:
            if not isinstance(error.__cause__, _IN_USE) or not os.access(path.parent, os.W_OK):
                break  # a file system without locks; the rename is enough
            with contextlib.suppress(FileNotFoundError, Damaged):
                read(path)
                break
            time.sleep(0.1)
    try:
        if held:
            for left in path.parent.glob(f".tmp-{path.name}-*"):
                shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        lock.release()


def _checked(meta: object) -> dict[str, Any]:
    """ValueError where it is not what _publish writes."""
    if not isinstance(meta, dict) or meta.keys() != _FIELDS.keys():
        raise ValueError(f"{META} has other fields than {', '.join(_FIELDS)}")
    for name, kind in _FIELDS.items():
        if type(meta[name]) is not kind:
            raise ValueError(f"{name} in {META} is no {kind.__name__}")
    if (meta["format"], meta["version"]) != (FORMAT, VERSION):
        raise ValueError(f"{META} is {meta['format']} {meta['version']}, not {FORMAT} {VERSION}")
    lists = {"classes": str, "counts": int, "mean": float, "std": float}
    if any(type(one) is not kind for name, kind in lists.items() for one in meta[name]):
        raise ValueError(f"a list in {META} holds something else")
    if (
        meta["channels"] not in (1, 3)
        or meta["size"] < 1
        or min(meta["counts"], default=-1) < 0
        or [len(meta[name]) for name in ("counts", "mean", "std")] != [3, meta["channels"], meta["channels"]]
    ):
        raise ValueError(f"numbers in {META} do not fit each other")
    return meta


def _part(path: Path, role: str, count: int, meta: dict[str, Any]) -> Part | None:
    """ValueError or OSError where the files are not what meta.json says."""
    if count == 0:
        return None
    images = _mapped(path / f"{role}-images.npy", "|u1", (count, meta["size"], meta["size"], meta["channels"]))
    labels = _mapped(path / f"{role}-labels.npy", "<i8", (count,))
    if labels.min() < 0 or labels.max() >= len(meta["classes"]):
        raise ValueError(f"a label of {role} has no class")
    return Part(images, labels)


def _mapped(path: Path, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
    start = header(shape, kind)
    with path.open("rb") as file:
        if file.read(len(start)) != start or os.fstat(file.fileno()).st_size != len(start) + np.dtype(
            kind
        ).itemsize * math.prod(shape):
            raise ValueError(f"{path.name} is not the array {shape} that was written")
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
