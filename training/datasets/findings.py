"""What is said about a data set once it is built: counts, skipped pictures, duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median_low

import numpy as np
from numpy.typing import NDArray

from ...records.errors import printable
from .pixel_file import PixelFile
from .plan import LEFT_OUT, Plan
from .source import TEST, TRAIN, VALIDATION, Source, Unusable
from .summary import MOST_NAMES, ClassCount, Duplicates, Skipped, Summary


def summarise(
    source: Source,
    plan: Plan,
    files: Sequence[PixelFile],
    broken: Mapping[int, Unusable],
    short: NDArray[np.int64],
    grey: NDArray[np.bool_],
) -> Summary:
    """The Summary of what stands in `files`.

    Args:
        broken: pictures that could not be decoded.
        short, grey: (N,), the shorter side of each picture of the source and whether it is grey.
    """
    used = plan.parts != LEFT_OUT
    used[list(broken)] = False
    sides = sorted(short[used].tolist())
    counts = [np.bincount(np.array(one.labels, np.int64), minlength=len(plan.classes)).tolist() for one in files]
    reasons = {index: error.reason for index, error in broken.items()} | plan.left_out
    duplicates = find_duplicates(files)
    grey_count = int(grey[used].sum())
    return Summary(
        kind=source.kind,
        classes=tuple(ClassCount(*one) for one in zip(plan.classes, *counts, strict=True)),
        imbalance=max(counts[TRAIN]) / min(counts[TRAIN]),
        sizes=(sides[0], median_low(sides), sides[-1]),
        grey=grey_count,
        skipped=_grouped(reasons, source),
        ignored=source.ignored,
        duplicates=duplicates,
        notes=(*map(printable, source.notes), *plan.notes, *_sentences(duplicates, grey_count, len(sides))),
    )


def find_duplicates(files: Sequence[PixelFile]) -> Duplicates:
    """Images whose stored pixels are equal, by their hashes."""
    train, validation, test = (files[part].digests for part in (TRAIN, VALIDATION, TEST))
    in_training = set(train)
    seen = in_training | set(validation)
    label_of: dict[bytes, int] = {}
    torn = set()
    for file in files:
        for hashed, label in zip(file.digests, file.labels, strict=True):
            if label_of.setdefault(hashed, label) != label:
                torn.add(hashed)
    return Duplicates(
        within_training=len(train) - len(in_training),
        validation_in_training=sum(one in in_training for one in validation),
        test_in_others=sum(one in seen for one in test),
        across_classes=len(torn),
    )


def _grouped(reasons: Mapping[int, str], source: Source) -> tuple[Skipped, ...]:
    """The most frequent reason first; MOST_NAMES names in all, the first ones."""
    named = set(sorted(reasons)[:MOST_NAMES])
    groups: dict[str, list[int]] = {}
    for index in sorted(reasons):
        groups.setdefault(reasons[index], []).append(index)
    return tuple(
        Skipped(reason, len(members), tuple(source.name(index) for index in members if index in named))
        for reason, members in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    )


def _sentences(found: Duplicates, grey: int, images: int) -> list[str]:
    notes = []
    if 0 < grey < images:
        notes.append(f"grey pictures that were converted to RGB: {grey:,} of {images:,}")
    if found.validation_in_training:
        notes.append(
            f"validation images that are training images, too: {found.validation_in_training:,}; "
            "accuracy on them says little about new pictures"
        )
    if found.test_in_others:
        notes.append(f"test images that are training or validation images, too: {found.test_in_others:,}")
    if found.across_classes:
        notes.append(f"images that stand in two classes or more: {found.across_classes:,}; no network gets them right")
    return notes
