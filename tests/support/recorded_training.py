"""Run directories written by hand: a training's, and the frame of a whole recipe's. Nothing is trained."""

import csv
import json
from pathlib import Path

import numpy as np

COLUMNS = ("epoch", "step", "learning_rate", "train_loss", "accuracy", "loss", "seconds", "images_per_second")
MANIFEST = {
    "format": "effsearch-manifest", "version": 1, "command": ["effsearch", "train"], "seed": 0,
    "environment": {"python": "3.12.1", "hostname": "here", "cpus": "2"}, "started": "2026-01-02T03:04:05+00:00",
    "ended": "2026-01-02T04:04:05+00:00", "state": "done", "data_sha256": None, "resumed": [],
}  # fmt: skip


def begin(path: Path, settings: dict, *, state: str = "done", command: str = "train") -> Path:
    """A run directory with its manifest and the first lines of its ledger."""
    path.mkdir(parents=True)
    ended = None if state == "running" else MANIFEST["ended"]
    manifest = {**MANIFEST, "state": state, "ended": ended, "command": ["effsearch", command]}
    (path / "manifest.json").write_text(json.dumps(manifest))
    (path / "config.yaml").write_text(json.dumps({"command": command}))
    lines = [{"format": "effsearch-ledger", "version": 1}, {"kind": "settings", **settings}]
    (path / "ledger.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def training(
    path: Path,
    *,
    part: str = "test",
    accuracies: tuple[float, ...] = (40.0, 60.0, 55.0),
    classes: tuple[str, ...] = ("ant", "bee", "cat"),
    **given: object,
) -> Path:
    """A finished training: of 10 images a class, those at the end of the list are recognised worse.

    accuracies: of the validation images, by epoch; the best one is kept. given: other figures in metrics.json.
    """
    kept = int(np.argmax(accuracies))
    settings = {
        "network": "small", "recipe": "proxy", "recipe_fingerprint": "00", "data": "insects", "data_fingerprint": "11",
        "seed": 0, "images": 900, "resolution": 32, "processes": 1,
    }  # fmt: skip
    settings.update({name: value for name, value in given.items() if name in settings})
    begin(path, settings)
    confusion = np.zeros((len(classes), len(classes)), int)
    for place in range(len(classes)):
        wrong = min(place + 1, 10)
        confusion[place, place] = 10 - wrong
        confusion[place, place - 1] += wrong
    images = int(confusion.sum())
    accuracy = 100 * float(np.trace(confusion)) / images
    scored = {"accuracy": accuracy, "interval_95": [accuracy - 5, accuracy + 5], "loss": 0.5, "top5": None}
    scores = {"validation": {**scored, "images": images, "accuracy": accuracies[kept]}}
    scores[part] = {**scored, "images": images}
    metrics = {
        "accuracy": accuracy, "loss": 0.5, "params": 137_936, "mult_adds": 2_500_000, "images_per_second": 1234.5,
        "network_resolution": 32, "network_mult_adds": 2_500_000, "part": part,
        "chosen_on_these_images": part == "validation" and len(accuracies) > 1, "scores": scores, "epoch": kept + 1,
        "epochs": len(accuracies), "seconds": 9.0, "device": "cpu", **settings, "classes": list(classes),
        "mean": [0.5], "std": [0.25],
    }  # fmt: skip
    (path / "metrics.json").write_text(json.dumps({**metrics, **given}))
    with (path / "epochs.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for epoch, value in enumerate(accuracies, 1):
            writer.writerow([epoch, 7 * epoch, 0.1, 2 / epoch, value, 1 / epoch, 3.0, 1234.5])
    with (path / "confusion.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([["true", *classes], *([n, *row] for n, row in zip(classes, confusion.tolist(), strict=True))])
    (path / "README.md").write_text("# small on insects\n")
    return path
