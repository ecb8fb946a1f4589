"""Batches of a part of a data set: which images, in which order, moved to the device while the last ones are in use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .datasets.dataset import Part

Indices = NDArray[np.int64]
Batch = tuple[Tensor, Tensor]  # images uint8 (N, H, W, C), labels int64 (N,)


def subset(labels: NDArray[np.int64], count: int | None, seed: int = 0) -> Indices:
    """Positions of `count` images with the classes in their shares; all where None or more than there are.

    Sorted, and the same for the same (labels, count, seed).
    """
    total = len(labels)
    if count is None or count >= total:
        return np.arange(total, dtype=np.int64)
    rng = np.random.default_rng([seed, 0x5B5E7])
    exact = np.bincount(labels) * (count / total)
    shares = np.floor(exact).astype(np.int64)
    for label in np.argsort(shares - exact, kind="stable")[: count - int(shares.sum())]:
        shares[label] += 1
    chosen = [
        rng.choice(np.flatnonzero(labels == label), size=share, replace=False) for label, share in enumerate(shares)
    ]
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def epoch_order(indices: Indices, seed: int, epoch: int) -> Indices:
    """The images of an epoch in their order: a function of (seed, epoch), so that a training can go on anywhere."""
    return np.random.default_rng([seed, epoch, 0x0DE5]).permutation(indices)


def batches(part: Part, groups: Sequence[Indices], device: torch.device) -> Iterator[Batch]:
    """The images of each group, on the device. The next group is read by a second thread meanwhile."""
    if not groups:
        return
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as reader:
        coming = reader.submit(_read, part, groups[0], device)
        for following in [*groups[1:], None]:
            images, labels = coming.result()
            if following is not None:
                coming = reader.submit(_read, part, following, device)
            yield images.to(device, non_blocking=True), labels.to(device, non_blocking=True)


def _read(part: Part, group: Indices, device: torch.device) -> Batch:
    images, labels = torch.from_numpy(part.images[group]), torch.from_numpy(part.labels[group])
    return (images.pin_memory(), labels.pin_memory()) if device.type == "cuda" else (images, labels)
