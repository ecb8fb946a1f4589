"""The pixels of one part, written as they come: an .npy file that says at the end how many images it got."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

DIGEST = 16  # bytes

Pixels = NDArray[np.uint8]


class PixelFile:
    """A context manager; `append` images one by one.

    Attributes:
        labels: of the images so far.
        digests: hashes of the images' pixels so far, DIGEST bytes each.
        histogram: (channels, 256), how often each value occurs; the mean and the deviation follow from it exactly.
    """

    def __init__(self, path: Path, size: int, channels: int) -> None:
        self.path = path
        self.shape = (size, size, channels)
        self.labels: list[int] = []
        self.digests: list[bytes] = []
        self.histogram = np.zeros((channels, 256), np.int64)
        self._waiting: list[Pixels] = []

    def __enter__(self) -> PixelFile:
        self._file = self.path.open("wb")
        self._file.write(header((0, *self.shape)))
        return self

    def append(self, pixels: Pixels, digest: bytes, label: int) -> None:
        self.labels.append(label)
        self.digests.append(digest)
        self._waiting.append(pixels)
        if len(self._waiting) * pixels.size > 1 << 22:
            self._write()

    def _write(self) -> None:
        if not self._waiting:
            return
        block = np.stack(self._waiting)
        self._waiting.clear()
        self._file.write(block.tobytes())
        for channel, counts in enumerate(self.histogram):
            counts += np.bincount(block[..., channel].ravel(), minlength=256)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file as file:
            if error is None:
                self._write()
                file.seek(0)
                file.write(header((len(self.labels), *self.shape)))
                file.flush()
                os.fsync(file.fileno())


def digest(pixels: Pixels) -> bytes:
    return hashlib.blake2b(pixels.tobytes(), digest_size=DIGEST).digest()


def header(shape: tuple[int, ...], kind: str = "|u1") -> bytes:
    """The start of an .npy file of version 1.0, always 128 bytes long (numpy.org/doc/stable/reference/generated/
    numpy.lib.format.html), so that the number of images can be put in afterwards."""
    text = repr({"descr": kind, "fortran_order": False, "shape": shape}).encode("ascii")
    return b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + text.ljust(117) + b"\n"


def mean_and_deviation(histogram: NDArray[np.int64]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Of each channel, on a scale of 0 to 1; a deviation below 1/255 counts as that, to be divided by."""
    values = np.arange(256) / 255
    mean = (histogram * values).sum(1) / histogram.sum(1)
    variance = (histogram * (values - mean[:, None]) ** 2).sum(1) / histogram.sum(1)
    deviation = np.maximum(np.sqrt(variance), 1 / 255)
    return tuple(map(float, mean)), tuple(map(float, deviation))
