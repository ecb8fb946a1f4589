"""What a training's page shows, computed from its run: the verdict, the course, the classes that are mixed up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..records.manifest import Manifest
from ..search_spaces.quantity import format_count
from . import provenance
from .course_figure import Course
from .grid_view import Tile
from .provenance import Rows
from .training_run import TrainingRun
from .training_words import failures, is_chance, nats

MOST_CLASSES, MOST_PAIRS = 20, 10
FILES = {
    "weights.safetensors": "the weights",
    "network.yaml": "the network they are of",
    "README.md": "the model card",
    "metrics.json": "every figure",
    "epochs.csv": "one line an epoch",
    "confusion.csv": "true classes against predicted ones",
    "checkpoints/last.pt": "to go on from",
    "ledger.jsonl": "the truth: one line an epoch",
    "manifest.json": "command, seed, versions, host, times",
    "config.yaml": "every option of the training",
}


@dataclass(frozen=True)
class ClassRow:
    """images of a class; accuracy in percent (None without images); most often taken for `instead`, so many times."""

    name: str
    images: int
    accuracy: float | None
    instead: str
    times: int


@dataclass(frozen=True)
class Pair:
    """So many images of class `true` were called `predicted`; share of the class's images in percent."""

    true: str
    predicted: str
    times: int
    share: float


@dataclass(frozen=True)
class TrainingView:
    """classes: the hardest first, at most MOST_CLASSES of `class_count`."""

    name: str
    state: str
    notices: tuple[str, ...]
    headline: str
    details: tuple[str, ...]
    tiles: tuple[Tile, ...]
    courses: tuple[Course, ...]
    classes: tuple[ClassRow, ...]
    class_count: int
    pairs: tuple[Pair, ...]
    manifest: Rows
    settings: Rows
    files: Rows
    path: str


def training_view(run: TrainingRun) -> TrainingView:
    metrics = run.metrics
    return TrainingView(
        name=run.path.name,
        state=run.state,
        notices=failures(run),
        headline=headline(run),
        details=_details(run),
        tiles=_tiles(run),
        courses=courses(run),
        classes=class_rows(run)[:MOST_CLASSES],
        class_count=len(metrics["classes"]),
        pairs=pairs(run),
        manifest=provenance.manifest_rows(Manifest.load(run.path / "manifest.json")),
        settings=provenance.settings_rows(run),
        files=provenance.files(run, FILES),
        path=str(run.path),
    )


def headline(run: TrainingRun) -> str:
    scores = run.metrics["scores"][run.metrics["part"]]
    low, high = scores["interval_95"]
    words = "is not clearly above chance:" if is_chance(run) else "reaches"
    return (
        f"{run.metrics['network']} {words} {scores['accuracy']:.2f} % on {scores['images']:,} {run.metrics['part']} "
        f"images of {run.metrics['data']} (95 % interval {low:.2f} to {high:.2f})."
    )


def _details(run: TrainingRun) -> tuple[str, ...]:
    metrics = run.metrics
    lines = [
        f"Trained on {metrics['images']:,} images at {metrics['resolution']} px with the recipe {metrics['recipe']} "
        f"and seed {metrics['seed']}; the weights are those of epoch {metrics['epoch']} of {metrics['epochs']}."
    ]
    if metrics["chosen_on_these_images"]:
        lines.append("That epoch was chosen on these very images, so the figure is optimistic.")
    elif metrics["part"] == "test":
        validation = metrics["scores"]["validation"]["accuracy"]
        lines.append(
            f"The validation accuracy is {validation:.2f} %; the test images had no part in the training."
            if metrics["epochs"] == 1
            else f"The epoch was chosen on the validation images ({validation:.2f} %); the test images had no part."
        )
    lines.append("The interval is about the number of images. Another seed would scatter too, and is not in it.")
    return (*lines, *other_pixels(run))


def other_pixels(run: TrainingRun) -> tuple[str, ...]:
    """That the network was trained at other pixels than its own, where it was; metrics of old runs do not say."""
    metrics = run.metrics
    own = metrics.get("network_resolution", metrics["resolution"])
    if own == metrics["resolution"]:
        return ()
    return (
        f"Trained and scored at {metrics['resolution']} px, where it has {format_count(metrics['mult_adds'])} FLOPs; "
        f"at the {own} px that the network is written for it has {format_count(metrics['network_mult_adds'])}.",
    )


def _tiles(run: TrainingRun) -> tuple[Tile, ...]:
    metrics = run.metrics
    scores = metrics["scores"][metrics["part"]]
    top5 = scores.get("top5")
    # metrics of old runs: mult-adds at the network's resolution, which they do not say
    note = f"mult-adds at {metrics['resolution']} px" if "network_resolution" in metrics else "mult-adds"
    return (
        Tile("Accuracy", metrics["part"], f"{scores['accuracy']:.2f} %", f"top-5 {top5:.2f} %" if top5 else ""),
        Tile("Loss", "nats", nats(scores["loss"]), f"{scores['images']:,} images"),
        Tile("FLOPs", note, format_count(metrics["mult_adds"]), f"{format_count(metrics['params'], 3)} parameters"),
        Tile("Training speed", "", f"{metrics['images_per_second']:,.0f}", f"images/s on {metrics['device']}"),
    )


def courses(run: TrainingRun) -> tuple[Course, ...]:
    """Validation accuracy and training loss over the epochs; nothing for a single one."""
    scored = run.epochs[run.epochs["accuracy"].notna()]
    found = [
        Course(f"{name}-course", title, axis, _points(table, column), steps="epochs", noun="epochs")
        for name, title, axis, table, column in (
            ("accuracy", "Validation accuracy", "validation accuracy, %", scored, "accuracy"),
            ("loss", "Training loss", "training loss, nats", run.epochs, "train_loss"),
        )
        if len(table) > 1
    ]
    return tuple(found)


def _points(table: pd.DataFrame, column: str) -> tuple[tuple[int, float], ...]:
    return tuple((int(epoch), float(value)) for epoch, value in zip(table["epoch"], table[column], strict=True))


def class_rows(run: TrainingRun) -> tuple[ClassRow, ...]:
    """The hardest first."""
    table = run.confusion.to_numpy(dtype=np.int64)
    names = [str(name) for name in run.confusion.columns]
    rows = []
    for place, name in enumerate(names):
        wrong = table[place].copy()
        wrong[place] = 0
        images, most = int(table[place].sum()), int(wrong.argmax())
        accuracy = 100 * int(table[place, place]) / images if images else None
        rows.append(ClassRow(name, images, accuracy, names[most] if wrong[most] else "", int(wrong[most])))
    return tuple(sorted(rows, key=lambda row: (row.accuracy is None, row.accuracy or 0.0, row.name)))


def pairs(run: TrainingRun) -> tuple[Pair, ...]:
    """The confusions that happen most often."""
    table = run.confusion.to_numpy(dtype=np.int64)
    names = [str(name) for name in run.confusion.columns]
    found = [
        Pair(names[i], names[j], int(table[i, j]), 100 * int(table[i, j]) / int(table[i].sum()))
        for i, j in zip(*np.nonzero(table), strict=True)
        if i != j
    ]
    return tuple(sorted(found, key=lambda pair: (-pair.times, pair.true, pair.predicted))[:MOST_PAIRS])
