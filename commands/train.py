"""`effsearch train`: a network trained on images, with checkpoints, weights and figures in a run directory."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..records.errors import UserError, printable
from ..records.run_directory import RunDirectory, free_name, holds_run
from ..search_spaces.checks import integer
from ..search_spaces.quantity import format_count
from . import report
from .base import load_base
from .data_options import open_data, suit
from .few_steps import warn_of_few_steps
from .interrupted import Interrupted
from .options import merge, stored_options, to_mapping

if TYPE_CHECKING:
    from ..training import TrainingResult
    from ..training.initial_weights import Taken


@dataclass(frozen=True)
class TrainOptions:
    """The defaults are those of the command. None leaves the choice to the recipe, the network or the data."""

    COMMAND: ClassVar[str] = "train"

    network: str = ""
    select: str = "budget"
    data: str = ""
    recipe: str = "modern"
    epochs: int | None = None
    batch: int | None = None
    images: int | None = None
    weights: str | None = None
    norm_eps: float | None = None
    resolution: int | None = None
    size: int | None = None
    validation: float = 0.1
    seed: int = 0


def run(
    given: Mapping[str, Any],
    *,
    out: Path | None,
    resume: bool,
    config: Path | None,
    device: str | None,
    as_json: bool,
    dry_run: bool,
) -> int:
    """Train, print the figures (or one JSON document). Returns the exit code."""
    stored = stored_options(TrainOptions, out, resume, config)
    options = merge(TrainOptions, given, stored)
    for name, value in (("network", options.network), ("--data", options.data)):
        if not value:
            raise UserError(
                f"which {'network' if name == 'network' else 'images'}? {name} was not given",
                hint="effsearch train b0 --data DIR",
            )
    if out is None and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError("several processes need to know where to write", hint="give --out runs/NAME")
    return _train(options, out, resume, device, as_json, dry_run)


def _train(
    options: TrainOptions, out: Path | None, resume: bool, device: str | None, as_json: bool, dry_run: bool
) -> int:
    import torch

    from ..models import build
    from ..reports.training_progress import TrainingDisplay
    from ..reports.training_run import load
    from ..reports.training_words import failures
    from ..training import Diverged, load_recipe
    from ..training.devices import choose_device
    from ..training.initial_weights import InitialWeights
    from ..training.loop import train

    network = load_base(options.network, options.select)
    recipe = load_recipe(options.recipe)
    if options.norm_eps is not None and options.weights is None:
        raise UserError("--norm-eps belongs to weights from a file", hint="give --weights, or set norm_eps in a recipe")
    changes = {name: value for name in ("epochs", "batch", "norm_eps") if (value := getattr(options, name)) is not None}
    recipe = recipe.with_changes(**changes)
    integer("seed", options.seed, 0, 2**63)
    if options.images is not None:
        integer("images", options.images, 1, 2**31)
    choose_device(device)  # what is wrong shows before the images are read and a folder is made
    stored_at = str(Path(options.data).absolute())  # a run may be resumed from another folder
    weights = options.weights and str(Path(options.weights).absolute())
    options = replace(options, data=stored_at, weights=weights)
    dataset = open_data(options.data, size=options.size, validation=options.validation)
    pixels = recipe.resolution if options.resolution is None else options.resolution
    network = suit(network, dataset, pixels)
    if weights:
        began = InitialWeights.of(weights).load(build(network))  # for --dry-run, and before a folder is made
        if _leads():
            _note_weights(began, recipe.norm_eps, known=options.norm_eps is not None)
    arguments: dict[str, Any] = {"seed": options.seed, "device": device, "images": options.images}
    if _leads() and not weights:
        warn_of_few_steps(recipe, min(options.images or len(dataset.train), len(dataset.train)), "the training")
    if dry_run:
        return _describe(options, network, dataset, recipe, arguments, out, as_json)
    if out is None:
        free = RunDirectory.create_free("runs", _stem(network.name, dataset.name, options.seed))
        out = Path("runs") / free.path.name
        free.close()
    command = [*_program(), "train", "--resume", "--out", str(out), *(["--device", device] if device else [])]
    try:
        with TrainingDisplay() as display:
            result = train(
                network, dataset, recipe, **arguments, weights=weights, run_dir=out, resume=resume,
                config=to_mapping(options), test=True, score_every=1, on_step=display if _leads() else None,
            )  # fmt: skip
    except Diverged as error:
        raise UserError(
            f"the training diverged: {error}",
            hint="try a recipe with a lower learning_rate or with clip_norm",
            exit_code=1,
        ) from error
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"the GPU has no memory left: {str(error).splitlines()[0]:.200}",
            hint="give a smaller --batch, or accumulate in the recipe",
            exit_code=1,
        ) from error
    except KeyboardInterrupt:
        if not holds_run(out):
            raise
        if not _leads():
            raise SystemExit(130) from None
        raise Interrupted(f"interrupted and saved; continue with: {shlex.join(command)}") from None
    if result.notice:
        print(f"note: {result.notice}", file=sys.stderr)
    if _leads():
        page = report.write(out)
        _print(result, out, as_json)
        for sentence in failures(load(out)):
            print(f"note: {printable(sentence[0].lower() + sentence[1:])}", file=sys.stderr)
        print(f"page:  {page}", file=sys.stderr if as_json else sys.stdout)
    return 0


def _note_weights(began: Taken, norm_eps: float, *, known: bool) -> None:
    """known: the eps was given."""
    print(f"note: begins with {printable(str(began))}", file=sys.stderr)
    if not known and began.library != "effsearch":
        print(
            f"note: no file has the eps of its batch normalisation: {norm_eps:g} is taken; for what was trained in "
            "PyTorch give --norm-eps 1e-5",
            file=sys.stderr,
        )


def _print(result: TrainingResult, out: Path, as_json: bool) -> None:
    from ..reports import terminal
    from ..reports.training_words import nats

    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    if as_json:
        print(json.dumps({"run": str(out), **metrics}, indent=1))
        return
    rows = [
        (
            f"{name} accuracy",
            f"{scores.accuracy:.2f} %, 95 % interval {scores.interval[0]:.2f} to {scores.interval[1]:.2f} "
            f"({scores.count:,} images)"
            + (", chosen on these" if name == "validation" and len(result.epochs) > 1 else ""),
        )
        for name, scores in result.scores.items()
    ]
    rows += [
        ("loss", f"{nats(metrics['loss'])} ({metrics['part']})"),
        ("epoch kept", f"{result.kept_epoch} of {len(result.epochs)}"),
        ("FLOPs (mult-adds)", format_count(metrics["mult_adds"])),
        ("parameters", format_count(metrics["params"])),
        ("training speed", f"{result.images_per_second:,.0f} images/s on {metrics['device']}"),
        ("hardest classes", _hardest(result, metrics["part"], metrics["classes"])),
        ("files", f"{out}: weights.safetensors, metrics.json, confusion.csv, README.md"),
    ]
    terminal.show(terminal.pairs(rows))


def _hardest(result: TrainingResult, part: str, classes: list[str]) -> str:
    known = [
        (accuracy, name)
        for accuracy, name in zip(result.scores[part].class_accuracies, classes, strict=True)
        if accuracy is not None
    ]
    return ", ".join(f"{printable(name)} {accuracy:.1f} %" for accuracy, name in sorted(known)[:3])


def _describe(
    options: TrainOptions, network: Any, dataset: Any, recipe: Any, arguments: dict[str, Any], out: Path | None,
    as_json: bool,
) -> int:  # fmt: skip
    """--dry-run: what would be trained, and how long by a few steps made now."""
    from ..reports import terminal
    from ..reports.progress import duration
    from ..training.speed import training_speed

    images = min(options.images or len(dataset.train), len(dataset.train))
    speed = training_speed(network, dataset, recipe, device=arguments["device"])
    seconds = images * recipe.epochs / speed
    if as_json:
        document = {"dry_run": True, "images_per_second": speed, "seconds": seconds, **to_mapping(options)}
        print(json.dumps(document, indent=1))
        return 0
    rows = [
        ("network", f"{printable(network.name)}, {network.resolution} px"),
        ("data", f"{printable(dataset.name)}, {images:,} of {len(dataset.train):,} training images"),
        ("recipe", f"{printable(recipe.name)}, {recipe.epochs} epochs, {recipe.batch} images a step"),
        ("speed", f"{speed:,.0f} images/s, by a few steps just now"),
        ("takes", f"about {duration(seconds)} here, scoring left out"),
        ("run directory", str(out or free_name("runs", _stem(network.name, dataset.name, options.seed)))),
    ]
    terminal.show(terminal.pairs(rows))
    return 0


def _program() -> list[str]:
    """What the user types before `train`."""
    size = os.environ.get("WORLD_SIZE", "1")
    return ["effsearch"] if size == "1" else ["torchrun", "--nproc-per-node", size, "-m", "effsearch.cli"]


def _leads() -> bool:
    return os.environ.get("RANK", "0") == "0"


def _stem(network: str, data: str, seed: int) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", f"train-{network}-{data}-seed{seed}")[:100]
