"""Checkpoints: a Trainer's state in one file. Read as data alone (weights_only), so that a foreign one runs nothing."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import torch

from ..records import atomic
from ..records.errors import UserError, cannot

FORMAT, VERSION = "effsearch-checkpoint", 1
LAST = "last.pt"
AFRESH = "delete it to train from the first epoch again, or restore a copy"
# what torch.load raises for bytes that are no checkpoint, besides its own: bytes may decode to any opcode
UNREADABLE = (
    OSError, EOFError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, ImportError, AssertionError,
    OverflowError, MemoryError, struct.error, pickle.UnpicklingError,
)  # fmt: skip


def save(path: Path, state: dict[str, Any], settings: dict[str, Any]) -> None:
    """Whole or not at all; `settings` say which training it belongs to."""
    document = {"format": FORMAT, "version": VERSION, "settings": settings, "state": state}
    try:
        with atomic.replacing(path) as temporary:
            torch.save(document, temporary)
    except (OSError, RuntimeError) as error:  # torch raises RuntimeError for a full disk
        problem = error if isinstance(error, OSError) else OSError(str(error))
        raise cannot("write the checkpoint", path, problem) from error


def load(path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The state in a checkpoint of the same settings, its tensors on the CPU. UserError where it is damaged, foreign,
    or another training's."""
    try:
        document = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} is no checkpoint that can be read: {first:.150}", hint=AFRESH) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UserError(f"{path} is not a checkpoint of effsearch", hint=AFRESH)
    if document.get("version") != VERSION:
        raise UserError(f"{path} has version {document.get('version')!r:.20}; this effsearch reads {VERSION}")
    if not isinstance(document.get("settings"), dict) or not isinstance(document.get("state"), dict):
        raise UserError(f"{path} lacks a part of a checkpoint", hint=AFRESH)
    for name, value in settings.items():
        stored = document["settings"].get(name)
        if stored != value:
            raise UserError(
                f"{path} is of a training with {name} {stored!r:.100}, not {value!r:.100}",
                hint="resume with the options of the run, or start a new one with another --out",
            )
    state: dict[str, Any] = document["state"]
    return state
