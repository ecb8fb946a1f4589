"""From a path to a Dataset: recognise it, look it up in the cache, read the pictures only where it is not there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from ...search_spaces.checks import integer, number
from . import cache as caches
from . import decoding
from .building import Options, build
from .dataset import Dataset
from .detection import detect
from .source import Found


def load_dataset(
    path: Path | str,
    *,
    size: int | None = None,
    validation: float = 0.1,
    seed: int = 0,
    cache: Path | str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
) -> Dataset:
    """The images at `path`, decoded to squares of uint8; a second call maps what the first has written.

    Args:
        path: a folder or file; `source.UNDERSTOOD` lists what is recognised.
        size: pixels a side. By default what all pictures have where they are equal and square, else the median
            shorter side, at most 256.
        validation: share of the training images put aside, stratified, where the source has no validation images of
            its own beside its test images.
        seed: of that split.
        cache: folder for the caches, instead of $EFFSEARCH_CACHE or ~/.cache/effsearch.
        on_progress: called with (decoded, all) now and then; not at all where the cache has it.
        workers: threads that decode; all CPUs by default.

    Raises:
        UserError: nothing is recognised, pictures are broken (more than half), or the cache cannot be written.
        InvalidValue: an argument is out of its range.
    """
    if size is not None:
        integer("size", size, 1, 4096)
    number("validation", validation, 0.001, 0.9)
    integer("seed", seed, 0, 2**63 - 1)
    if workers is not None:
        integer("workers", workers, 1, 1024)
    path = Path(path).absolute()
    name = path.name if path.name not in ("", "..") else path.resolve().name
    found = detect(path)
    options = Options(size, float(validation), seed)
    folder = caches.root(cache) / key(name, found, options)
    return caches.open_or_build(
        folder, name, lambda into: build(found.read(), into, options, workers or _cpus(), on_progress)
    )


def key(name: str, found: Found, options: Options) -> str:
    """The name of a cache folder, 16 hex digits.

    Hashed: the source's name; names, sizes and times of change of its files; size, share and seed; the versions of
    the decoder and of the cache. A picture that changes gets a new time, so the pixels need not be read to notice.
    """
    hashed = hashlib.blake2b(digest_size=8)
    settings = (caches.VERSION, decoding.VERSION, name, found.kind, options)
    hashed.update(repr(settings).encode("utf-8", "surrogatepass"))
    for one in found.files:
        hashed.update(repr(one).encode("utf-8", "surrogatepass"))
    return hashed.hexdigest()


def _cpus() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
