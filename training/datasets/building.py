"""A source -> the files of a cache: measured, decoded in parallel, split, counted."""

from __future__ import annotations

import hashlib
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...records.errors import UserError
from . import decoding
from .findings import summarise
from .pixel_file import PixelFile, digest, header, mean_and_deviation
from .plan import LEFT_OUT, plan
from .source import ROLES, TEST, TRAIN, VALIDATION, Source, Unusable

Progress = Callable[[int, int], None]

LARGEST_DEFAULT = 256
_PORTION = 16  # pictures that a worker takes at a time


@dataclass(frozen=True)
class Options:
    """What a cache is made for."""

    size: int | None
    validation: float
    seed: int


def build(
    source: Source, folder: Path, options: Options, workers: int, on_progress: Progress | None = None
) -> dict[str, Any]:
    """Writes {train,validation,test}-{images,labels}.npy into `folder`; gives what is to be said about them.

    Raises:
        UserError: too many pictures are broken, too little is left, or the disk is too small.
    """
    with decoding.quiet(), ThreadPoolExecutor(workers) as pool:
        run = _Build(source, folder, options, pool, 4 * workers)
        run.measure()
        while not run.decode(on_progress):
            pass  # once more, without the pictures that turned out to be broken
        return run.finish()


class _Build:
    def __init__(self, source: Source, folder: Path, options: Options, pool: ThreadPoolExecutor, ahead: int) -> None:
        self.source, self.folder, self.options, self.pool, self.ahead = source, folder, options, pool, ahead
        self.count = len(source.labels)
        self.broken: dict[int, Unusable] = {}
        self.short = np.zeros(self.count, np.int64)
        self.grey = np.zeros(self.count, np.bool_)

    def measure(self) -> None:
        """The headers: what is no picture, how large the others are, and whether all are grey."""
        square = True
        for index, found in self._each(self._measured, range(self.count)):
            if isinstance(found, Unusable):
                self.broken[index] = found
            else:
                self.short[index], self.grey[index] = min(found.width, found.height), found.grey
                square = square and found.width == found.height
        self._refuse_many_broken()
        good = self._usable()
        self.channels = 1 if self.grey[good].all() else 3
        sizes = self.short[good]
        self.size = self.options.size or (
            int(sizes[0]) if square and (sizes == sizes[0]).all() else min(median_low(sizes.tolist()), LARGEST_DEFAULT)
        )

    def decode(self, on_progress: Progress | None) -> bool:
        """False where a class lost its last training picture, so that the split has to be made anew."""
        self.plan = plan(self.source, self._usable(), self.options.validation, self.options.seed)
        (wanted,) = np.nonzero(self.plan.parts != LEFT_OUT)
        self._require_space(len(wanted))
        self.files = [PixelFile(self.folder / f"{role}-images.npy", self.size, self.channels) for role in ROLES]
        with ExitStack() as stack:
            for file in self.files:
                stack.enter_context(file)
            for done, (index, found) in enumerate(self._each(self._decoded, wanted.tolist()), 1):
                if isinstance(found, Unusable):
                    self.broken[index] = found
                else:
                    pixels, hashed = found
                    self.files[self.plan.parts[index]].append(pixels, hashed, int(self.plan.labels[index]))
                if on_progress is not None and (done % 64 == 0 or done == len(wanted)):
                    on_progress(done, len(wanted))
        self._refuse_many_broken()
        kept = set(self.files[TRAIN].labels)
        if len(kept) < len(self.plan.classes):
            return False
        if not self.files[VALIDATION].labels:
            raise UserError("no validation picture can be used", "see which are broken, or give a larger --validation")
        return True

    def finish(self) -> dict[str, Any]:
        for role, file in zip(ROLES, self.files, strict=True):
            labels = np.array(file.labels, "<i8")
            (self.folder / f"{role}-labels.npy").write_bytes(header(labels.shape, "<i8") + labels.tobytes())
        if not self.files[TEST].labels:
            for what in ("images", "labels"):
                (self.folder / f"test-{what}.npy").unlink()
        mean, deviation = mean_and_deviation(self.files[TRAIN].histogram)
        return {
            "classes": list(self.plan.classes),
            "channels": self.channels,
            "size": self.size,
            "counts": [len(file.labels) for file in self.files],
            "mean": list(mean),
            "std": list(deviation),
            "fingerprint": self._fingerprint(),
            "summary": summarise(self.source, self.plan, self.files, self.broken, self.short, self.grey).to_mapping(),
        }

    def _each(self, function: Callable[[int], Any], numbers: Sequence[int]) -> Iterator[tuple[int, Any]]:
        """(number, result) in order, computed a few portions ahead."""
        waiting: deque[tuple[Sequence[int], Future[list[Any]]]] = deque()
        for start in range(0, len(numbers), _PORTION):
            some = numbers[start : start + _PORTION]
            waiting.append((some, self.pool.submit(lambda some: [function(index) for index in some], some)))
            if len(waiting) >= self.ahead:
                some, result = waiting.popleft()
                yield from zip(some, result.result(), strict=True)
        for some, result in waiting:
            yield from zip(some, result.result(), strict=True)

    def _measured(self, index: int) -> decoding.Header | Unusable:
        try:
            return decoding.measure(self.source.open(index))
        except Unusable as error:
            return error

    def _decoded(self, index: int) -> tuple[NDArray[np.uint8], bytes] | Unusable:
        try:
            pixels = decoding.decode(self.source.open(index), self.size, self.channels)
        except Unusable as error:
            return error
        return pixels, digest(pixels)

    def _usable(self) -> NDArray[np.bool_]:
        usable = np.ones(self.count, np.bool_)
        usable[list(self.broken)] = False
        return usable

    def _refuse_many_broken(self) -> None:
        if 2 * len(self.broken) > self.count or not self.count:
            index = min(self.broken, default=None)
            first = "" if index is None else f"; the first: {self.source.name(index)}: {self.broken[index]}"
            raise UserError(f"{len(self.broken):,} of {self.count:,} pictures cannot be used{first}")

    def _require_space(self, images: int) -> None:
        need = images * (self.size * self.size * self.channels + 8) + (1 << 20)
        free = shutil.disk_usage(self.folder).free
        if need > free:
            raise UserError(
                f"the pixels of {images:,} images of {self.size} x {self.size} need {need / 1e9:,.1f} GB in "
                f"{self.folder.parent}, which has {free / 1e9:,.1f} GB free",
                "give a smaller --size, or set EFFSEARCH_CACHE to a folder on a larger disk",
            )

    def _fingerprint(self) -> str:
        shape = repr((self.size, self.channels, self.plan.classes, [len(one.labels) for one in self.files]))
        hashed = hashlib.blake2b(digest_size=8)
        hashed.update(shape.encode("utf-8", "surrogatepass"))
        for file in self.files:
            hashed.update(np.array(file.labels, "<i8").tobytes())
            hashed.update(b"".join(file.digests))
        return hashed.hexdigest()
