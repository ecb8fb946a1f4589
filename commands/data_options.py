"""What several commands say about data: the images, and how a network suits them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..search_spaces.architecture import Architecture

if TYPE_CHECKING:
    from ..training.datasets import Dataset


def data_name(path: str) -> str:
    """What a data set is called by default: its file or folder."""
    return Path(path).absolute().name


def open_data(path: str, *, size: int | None = None, validation: float = 0.1) -> Dataset:
    """The data set, with a line on stderr now and then while its images are decoded for the first time."""
    from ..reports.progress import CountDisplay
    from ..training.datasets import load_dataset

    return load_dataset(Path(path), size=size, validation=validation, on_progress=CountDisplay("images read"))


def suit(architecture: Architecture, dataset: Dataset, resolution: int | None = None) -> Architecture:
    """`training.suited`; what it changed is said on stderr."""
    from ..training.suited import describe_change, suited

    changed = suited(architecture, dataset, resolution)
    sentence = describe_change(architecture, changed, dataset)
    if sentence:
        print(f"note: {sentence}", file=sys.stderr)
    return changed
