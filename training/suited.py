"""A network for a data set: its pictures' size, channels and classes."""

from __future__ import annotations

from ..records.errors import printable
from ..search_spaces.architecture import Architecture
from ..search_spaces.cost import cost
from ..search_spaces.quantity import format_count
from ..search_spaces.small_images import adapt, last_map, strides
from .datasets.dataset import Dataset


def suited(architecture: Architecture, dataset: Dataset, resolution: int | None = None) -> Architecture:
    """The network itself where it has the data's channels and classes and `resolution` is None or its own. Else what
    `adapt` makes of it, at `resolution`, or its own resolution where the stored images have so many pixels, or theirs.
    """
    fits = (architecture.input_channels, architecture.classes) == (dataset.channels, len(dataset.classes))
    if fits and resolution in (None, architecture.resolution):
        return architecture
    if resolution is None:
        resolution = architecture.resolution if fits else min(architecture.resolution, dataset.size)
    return adapt(architecture, resolution=resolution, input_channels=dataset.channels, classes=len(dataset.classes))


def describe_change(before: Architecture, after: Architecture, dataset: Dataset) -> str | None:
    """What `suited` did, in a sentence; None where it changed nothing."""
    if before.key == after.key:
        return None
    changes = [f"{after.resolution} px", f"{after.input_channels} channel{'s' * (after.input_channels > 1)}"]
    changes.append(f"{after.classes} classes")
    if strides(before) != strides(after):
        changes.append(f"strides {' '.join(map(str, strides(after)))} (last maps {last_map(after)} px)")
    price = format_count(cost(after).mult_adds)
    return f"{printable(before.name)} suited to {printable(dataset.name)}: {', '.join(changes)}; {price} FLOPs"
