"""Which pictures are for training, validation and test, and which classes there are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...records.errors import UserError, printable
from .source import NO_LABEL, TEST, TRAIN, VALIDATION, Source
from .split import stratified

LEFT_OUT = -1


@dataclass(frozen=True)
class Plan:
    """Args:
    classes: those with training pictures.
    labels: (N,), indices into classes.
    parts: (N,), TRAIN, VALIDATION, TEST or LEFT_OUT.
    left_out: reason by picture.
    notes: where the parts come from.
    """

    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    parts: NDArray[np.int64]
    left_out: dict[int, str]
    notes: tuple[str, ...]


def plan(source: Source, usable: NDArray[np.bool_], share: float, seed: int) -> Plan:
    """Pictures of a `val` folder are the validation part where there is a test part too, else the test part.

    Without both, `share` of the training pictures is put aside, stratified.

    Raises:
        UserError: fewer than two classes, or nothing to validate on.
    """
    left_out = {int(index): source.unlabelled for index in np.nonzero(usable & (source.labels == NO_LABEL))[0]}
    parts = np.where(usable & (source.labels != NO_LABEL), source.roles, LEFT_OUT)
    if not np.any(parts == TRAIN):
        raise UserError("no training picture can be used", "is there a train folder, and does it hold the pictures?")
    trained = np.bincount(source.labels[parts == TRAIN], minlength=len(source.classes)) > 0
    strange = (parts != LEFT_OUT) & ~trained[source.labels]
    left_out |= {int(index): "its class has no training picture" for index in np.nonzero(strange)[0]}
    parts[strange] = LEFT_OUT
    labels = np.where(parts == LEFT_OUT, NO_LABEL, (np.cumsum(trained) - 1)[source.labels])
    classes = tuple(name for name, has in zip(source.classes, trained, strict=True) if has)
    if len(classes) < 2:
        raise UserError(
            f"there is one class only, {printable(classes[0])}: a network has nothing to tell apart",
            "give the folder above the class folders",
        )
    notes = list(_given(parts))
    if not np.any(parts == VALIDATION):
        notes += _put_aside(parts, labels, classes, share, seed)
    return Plan(classes, labels, parts, left_out, tuple(notes))


def _given(parts: NDArray[np.int64]) -> list[str]:
    """What the source's own parts are used as; changes `parts`."""
    has_validation, has_test = bool(np.any(parts == VALIDATION)), bool(np.any(parts == TEST))
    if has_validation and not has_test:
        parts[parts == VALIDATION] = TEST
        return [
            "the test images are the source's own validation images, for it has no others; searches do not see them"
        ]
    if has_validation:
        return ["the validation and test images are the source's own"]
    return ["the test images are the source's own"] if has_test else ["there are no test images"]


def _put_aside(
    parts: NDArray[np.int64], labels: NDArray[np.int64], classes: tuple[str, ...], share: float, seed: int
) -> list[str]:
    (members,) = np.nonzero(parts == TRAIN)
    taken = members[stratified(labels[members], share, seed)]
    if not len(taken):
        raise UserError("no class has two training pictures: there is nothing to validate on")
    parts[taken] = VALIDATION
    notes = [f"the validation images are {100 * share:.4g} % of the training images, stratified, seed {seed}"]
    single = [name for name, count in zip(classes, np.bincount(labels[members]), strict=True) if count == 1]
    if single:
        named = ", ".join(map(printable, single[:5]))
        notes.append(f"classes with a single training image, which stays for training: {len(single)} ({named})")
    return notes
