"""What a finished training leaves for others: the network, its weights and figures, a page that says what they are."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from typing import Any

from ..records import atomic
from ..records.errors import printable
from ..search_spaces import codec
from ..search_spaces.cost import cost
from .result import TrainingResult
from .run_files import save_weights
from .scores import Scores
from .trainer import Trainer

NAMED = 20  # classes on the card
# As entities: what is HTML, a link or a formula. After a backslash: Markdown's marks, and a backslash that is one.
ENTITIES = re.compile(r"[&<>@$\[\]]|:(?=//)|(?<=www)\.", re.IGNORECASE)
MARKS = re.compile(r"[`*_|~#!]|\\(?![A-Za-z0-9 ])")


def write_results(result: TrainingResult, trainer: Trainer) -> None:
    """network.yaml, weights.safetensors, metrics.json, confusion.csv and README.md into the run directory."""
    if result.run_dir is None:
        raise ValueError("the training has no run directory")
    figures = metrics(result, trainer)
    part = final_part(result)
    atomic.write_text(result.run_dir / "network.yaml", codec.dumps(trainer.architecture))
    save_weights(result.module, result.run_dir / "weights.safetensors")
    atomic.write_text(result.run_dir / "confusion.csv", _confusion(result.scores[part], trainer.dataset.classes))
    atomic.write_text(result.run_dir / "metrics.json", json.dumps(figures, indent=1) + "\n")
    atomic.write_text(result.run_dir / "README.md", _card(figures, trainer))


def final_part(result: TrainingResult) -> str:
    """Whose accuracy is the headline: the test images', where they were scored."""
    return "test" if "test" in result.scores else "validation"


def metrics(result: TrainingResult, trainer: Trainer) -> dict[str, Any]:
    """accuracy (percent), loss (nats), params, mult_adds, images_per_second (trained), and where they are from.

    mult_adds: at the resolution it was trained and scored at; network_resolution, network_mult_adds: its own.
    """
    part = final_part(result)
    own = cost(trainer.architecture)
    counted = cost(replace(trainer.architecture, resolution=trainer.resolution))
    chosen = result.kept_epoch != len(result.epochs) or sum(epoch.accuracy is not None for epoch in result.epochs) > 1
    return {
        "accuracy": result.scores[part].accuracy,
        "loss": result.scores[part].loss,
        "params": counted.params,
        "mult_adds": counted.mult_adds,
        "network_resolution": trainer.architecture.resolution,
        "network_mult_adds": own.mult_adds,
        "images_per_second": result.images_per_second,
        "part": part,
        "chosen_on_these_images": part == "validation" and chosen,
        "scores": {name: scores.to_mapping() for name, scores in result.scores.items()},
        "epoch": result.kept_epoch,
        "epochs": len(result.epochs),
        "seconds": result.seconds,
        "device": str(trainer.device),
        "norm_eps": trainer.recipe.norm_eps,
        **{name: value for name, value in trainer.settings.items() if not name.endswith("_fingerprint")},
        "network_key": trainer.architecture.key,
        "data_fingerprint": trainer.dataset.fingerprint,
        **({"began_with": trainer.began_with} if trainer.began_with else {}),
        "classes": list(trainer.dataset.classes),
        "mean": list(trainer.dataset.mean),
        "std": list(trainer.dataset.std),
    }


def _confusion(scores: Scores, classes: tuple[str, ...]) -> str:
    """One row a true class, one column a predicted one."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["true", *classes])
    for name, row in zip(classes, scores.confusion.tolist(), strict=True):
        writer.writerow([name, *row])
    return text.getvalue()


def _card(figures: dict[str, Any], trainer: Trainer) -> str:
    low, high = figures["scores"][figures["part"]]["interval_95"]
    images = figures["scores"][figures["part"]]["images"]
    names = ", ".join(as_text(name) for name in trainer.dataset.classes[:NAMED])
    more = len(trainer.dataset.classes) - NAMED
    trained_on = (
        f"{figures['images']:,} images, {figures['epochs']} epoch{'s' * (figures['epochs'] > 1)}, "
        f"recipe {as_text(trainer.recipe.name)}, seed {figures['seed']}"
    )
    caution = (
        "\n\nThe weights are those of the epoch that did best on these very images, so the figure is optimistic."
        if figures["chosen_on_these_images"]
        else ""
    )
    began = f"| began with the weights | {as_text(trainer.began_with)} |\n" if trainer.began_with else ""
    own = (
        f"| mult-adds at {figures['network_resolution']} px, the network's own | {figures['network_mult_adds']:,} |\n"
        if figures["network_resolution"] != figures["resolution"]
        else ""
    )
    return f"""# {as_text(trainer.architecture.name)} on {as_text(trainer.dataset.name)}

{figures["accuracy"]:.2f} % top-1 on {images:,} {figures["part"]} images (95 % interval {low:.2f} to {high:.2f}, from
the number of images; another seed would scatter too), loss {figures["loss"]:.4f}.{caution}

| | |
|-|-|
| parameters | {figures["params"]:,} |
| mult-adds at {figures["resolution"]} px | {figures["mult_adds"]:,} |
{own}| trained on | {trained_on} |
{began}| pixels | {figures["resolution"]} |
| speed | {figures["images_per_second"]:,.0f} images/s trained on {figures["device"]} |
| classes | {names}{f" and {more} more" if more > 0 else ""} |

{_inputs(figures, trainer)}

```python
from effsearch import models, search_spaces
from safetensors.torch import load_model

network = models.build(search_spaces.codec.load("network.yaml"), norm_eps={trainer.recipe.norm_eps:g})
load_model(network, "weights.safetensors")
network.eval()
```
"""


def _inputs(figures: dict[str, Any], trainer: Trainer) -> str:
    """How a picture becomes an input; the filters are those of `datasets.decoding` and `crop.resize`."""
    stored, trained = trainer.dataset.size, figures["resolution"]
    colours = "one grey channel" if trainer.dataset.channels == 1 else "three channels, RGB"
    again = f"\nThese squares are resized to {trained} x {trained} px (bilinear, antialiased)."
    return f"""Inputs: of an upright picture (an EXIF orientation is applied) in {colours},
the shorter side is resized to {stored} px (bicubic, antialiased) and the centre square of {stored} x {stored} px cut
out.{again if stored != trained else ""}
Values are scaled to 0..1, then normalised by mean {_numbers(figures["mean"])} and std {_numbers(figures["std"])}."""


def as_text(name: str) -> str:
    r"""A name in Markdown as the text that it is: no markup, no HTML, no cell or line of its own, no link.

    A newline is shown as \n, as everywhere.
    """
    marked = MARKS.sub(lambda found: f"\\{found[0]}", printable(name))
    return ENTITIES.sub(lambda found: f"&#{ord(found[0])};", marked)


def _numbers(values: list[float]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)
