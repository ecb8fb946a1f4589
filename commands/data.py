"""`effsearch data`: what a data set holds, what was left out of it, and what a training would see."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..records.errors import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..training.datasets import Dataset, Summary
    from ..training.datasets.summary import ClassCount

MOST_CLASSES = 20  # rows of the table
PARTS = ("train", "validation", "test")


def run(
    path: Path,
    *,
    size: int | None,
    validation: float,
    seed: int,
    cache: Path | None,
    workers: int | None,
    as_json: bool,
) -> int:
    """Print what is there; decode it first where the cache does not have it yet."""
    from ..reports import terminal
    from ..reports.progress import CountDisplay
    from ..training.datasets import load_dataset

    dataset = load_dataset(
        path,
        size=size,
        validation=validation,
        seed=seed,
        cache=cache,
        workers=workers,
        on_progress=CountDisplay("pictures decoded"),
    )
    if as_json:
        print(json.dumps(_document(dataset), indent=1))
    else:
        terminal.show(*_tables(dataset))
    return 0


def _document(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "cache": str(dataset.path),
        "fingerprint": dataset.fingerprint,
        "channels": dataset.channels,
        "size": dataset.size,
        "classes": len(dataset.classes),
        "images": _images(dataset),
        "mean": list(dataset.mean),
        "std": list(dataset.std),
        "summary": dataset.summary.to_mapping(),
    }


def _images(dataset: Dataset) -> dict[str, int]:
    parts = zip(PARTS, (dataset.train, dataset.validation, dataset.test), strict=True)
    return {name: 0 if part is None else len(part) for name, part in parts}


def _tables(dataset: Dataset) -> Iterable[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    from ..reports import terminal
    from ..reports.terminal import near

    summary = dataset.summary
    images = _images(dataset)
    yield Text.assemble(
        (printable(dataset.name), "bold"),
        f": {summary.kind}, {len(dataset.classes):,} classes, {sum(images.values()):,} images, "
        f"fingerprint {dataset.fingerprint}",
    )
    yield Padding(_class_table(summary.classes), (1, 0, 1, 0))
    smallest, median, largest = summary.sizes
    colour = "grey" if dataset.channels == 1 else "RGB"
    rows = [
        ("stored as", f"{dataset.size} x {dataset.size} {colour}"),
        ("shorter sides", f"{smallest} px" if smallest == largest else f"{smallest} to {largest} px, median {median}"),
        ("imbalance", f"{summary.imbalance:.2f} (training images of the largest class / of the smallest)"),
        ("mean, std", f"{_numbers(dataset.mean)}, {_numbers(dataset.std)}"),
        ("equal images", _duplicates(summary)),
        ("pictures left out", f"{sum(one.count for one in summary.skipped):,}"),
        ("other files", f"{summary.ignored:,}, ignored"),
        ("cache", str(near(dataset.path))),
    ]
    yield terminal.pairs(rows)
    if summary.skipped:
        yield ""
        yield terminal.pairs(
            (f"{one.count:,} {one.reason}", ", ".join(one.names[:5]) + (", ..." if one.count > 5 else ""))
            for one in summary.skipped
        )
    yield ""
    yield from (Text("- " + printable(note)) for note in summary.notes)


def _class_table(classes: Sequence[ClassCount]) -> RenderableType:
    from ..reports import terminal

    table = terminal.table_of("class", *(f">{name}" for name in PARTS))
    shown = classes if len(classes) <= MOST_CLASSES else classes[: MOST_CLASSES - 1]
    for one in shown:
        table.add_row(_name(one.name), f"{one.train:,}", f"{one.validation:,}", f"{one.test:,}")
    rest = classes[len(shown) :]
    if rest:
        table.add_row(
            f"{len(rest):,} more classes", *(f"{sum(getattr(one, name) for one in rest):,}" for name in PARTS)
        )
    table.add_section()
    table.add_row("all", *(f"{sum(getattr(one, name) for one in classes):,}" for name in PARTS))
    return table


def _name(text: str) -> RenderableType:
    from rich.text import Text

    from ..reports.text import clipped

    return Text(clipped(text, 40))


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{one:.3f}" for one in values)


def _duplicates(summary: Summary) -> str:
    found = summary.duplicates
    return (
        f"{found.within_training:,} within training, {found.validation_in_training:,} of validation in training, "
        f"{found.test_in_others:,} of test in the others, {found.across_classes:,} in two classes"
    )
