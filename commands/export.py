"""`effsearch export`: a network, with the weights that belong to it, as a file that runs without effsearch."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..records.errors import UserError, printable
from ..records.run_directory import holds_run
from ..search_spaces import checks, codec
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import shown
from ..search_spaces.strict_yaml import load_mapping
from .base import load_base

if TYPE_CHECKING:
    from ..models import Exported, Network, Origin

WEIGHTS, NETWORK, METRICS, CARD = "weights.safetensors", "network.yaml", "metrics.json", "README.md"
NORM_EPS = 1e-3  # of effsearch's networks, where nothing else is said
FILLED = ("onnx", "pt2")  # forms that hold the weights


@dataclass(frozen=True)
class Trained:
    """What a run of `train` left."""

    architecture: Architecture
    weights: Path
    norm_eps: float
    origin: Origin


def run(
    network: str,
    *,
    to: str,
    out: Path,
    select: str | None,
    weights: Path | None,
    norm_eps: float | None,
    seed: int | None,
    resolution: int | None,
    opset: int | None,
    force: bool,
    as_json: bool,
) -> int:
    """Write the file, print what it is (or one JSON document). Returns the exit code."""
    from ..models import export, exporting

    exporting.form_named(to)
    if norm_eps is not None and weights is None:
        raise UserError("--norm-eps belongs to weights from a file", hint="give --weights, or leave it out")
    folder = trained_run(network) if select is None else None
    if folder is None:
        module, origin = _untrained(load_base(network, select or "budget"), weights, norm_eps, seed)
    else:
        if weights is not None or seed is not None:
            option = "--seed" if weights is None else "--weights"
            raise UserError(f"{option} was given, but {network} holds trained weights, which are exported")
        module, origin = _trained(read_trained(folder))
    known = folder is not None or weights is not None
    written = export(module, out, to, origin=origin, weights=known, resolution=resolution, opset=opset, force=force)
    if not known:
        what = "the weights in it are random" if to in FILLED else "no weights were written, build() makes random ones"
        print(f"note: {what}; a run of effsearch train, or --weights FILE, gives others", file=sys.stderr)
    for note in written.notes:
        print(f"note: {printable(note)}", file=sys.stderr)
    _print(module.architecture, origin, written, as_json)
    return 0


def trained_run(name: str) -> Path | None:
    """The folder of a training that `name` stands for: a run of `train`, or the last step of one of `run`."""
    path = Path(name)
    if not holds_run(path):
        return None
    for folder in (path, path / "train"):
        config = folder / "config.yaml"
        if holds_run(folder) and config.is_file() and load_mapping(config).get("command") == "train":
            if not all((folder / file).is_file() for file in (WEIGHTS, NETWORK, METRICS)):
                raise UserError(
                    f"the training in {folder} is not finished: it has no {WEIGHTS}",
                    hint=f"effsearch train --resume --out {printable(str(folder))}",
                )
            return folder
    return None


def read_trained(folder: Path) -> Trained:
    """UserError or InvalidValue names the file and what is wrong in it."""
    from ..models import Origin

    architecture = codec.load(folder / NETWORK)
    path = folder / METRICS
    figures = load_mapping(path, largest=100_000_000)
    if figures.get("network_key") != architecture.key:
        raise UserError(
            f"{path} is of the network {shown(figures.get('network_key'))}, {NETWORK} of {architecture.key}",
            hint="were the files of two runs mixed?",
        )
    resolution = figures.get("resolution")
    checks.integer(f"{path}: resolution", resolution, 1, 8192)
    words = f"of the run {folder.resolve().parent.name if folder.name == 'train' else folder.resolve().name}"
    accuracy, part = figures.get("accuracy"), figures.get("part")
    if isinstance(accuracy, int | float) and part in ("test", "validation"):
        words += f", {accuracy:.2f} % on its {part} images"
    return Trained(
        architecture=architecture,
        weights=folder / WEIGHTS,
        norm_eps=_norm_eps(figures, folder),
        origin=Origin(
            weights=words,
            resolution=int(str(resolution)),
            classes=tuple(_names(figures.get("classes"), architecture.classes, f"{path}: classes")),
            mean=_numbers(figures.get("mean"), architecture.input_channels, f"{path}: mean"),
            std=_numbers(figures.get("std"), architecture.input_channels, f"{path}: std"),
        ),
    )


def _norm_eps(figures: Mapping[str, Any], folder: Path) -> float:
    """Of the batch normalisation: in the figures, else in the code on the model card, else what recipes have."""
    value = figures.get("norm_eps")
    card = folder / CARD
    if value is None and card.is_file():
        with card.open("rb") as file:
            found = re.search(rb"norm_eps=([0-9.e+-]{1,20})\)", file.read(1_000_000))
        try:
            value = float(found[1]) if found else None
        except ValueError:
            value = None
    if value is None:
        return NORM_EPS
    checks.number(f"{folder}: norm_eps", value, 0, 1)
    return float(value)


def _names(value: object, count: int, where: str) -> list[str]:
    if not isinstance(value, list) or len(value) != count or not all(isinstance(name, str) for name in value):
        raise UserError(f"{where} is {shown(value)}; it must be {count:,} names, one for each output")
    return value


def _numbers(value: object, count: int, where: str) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != count:
        raise UserError(f"{where} is {shown(value)}; it must be {count} numbers, one for each channel")
    for number in value:
        checks.number(where, number, -1e6, 1e6)
    return tuple(float(number) for number in value)


def _untrained(
    architecture: Architecture, weights: Path | None, norm_eps: float | None, seed: int | None
) -> tuple[Network, Origin]:
    """With random weights, or those of a file."""
    import torch

    from ..models import Origin, build, load_weights

    if weights is None:
        seed = seed or 0
        checks.integer("seed", seed, 0, 2**63)
        torch.manual_seed(seed)
        return build(architecture), Origin(f"random, seed {seed}")
    if seed is not None:
        raise UserError("--seed is for random weights, and --weights gives others; give one")
    module = build(architecture, device="meta")
    library = load_weights(module, weights, norm_eps=norm_eps)
    own = library == "effsearch"
    if norm_eps is None and not own:
        print(
            f"note: the weights are {library}'s, and no file has the eps of their batch normalisation: {NORM_EPS:g} is "
            "taken; for what was trained in PyTorch give --norm-eps 1e-5",
            file=sys.stderr,
        )
    return module, Origin(f"of {weights.name}")


def _trained(found: Trained) -> tuple[Network, Origin]:
    from ..models import build, load_weights

    module = build(found.architecture, device="meta", norm_eps=found.norm_eps)
    load_weights(module, found.weights)
    return module, found.origin


def _print(architecture: Architecture, origin: Origin, written: Exported, as_json: bool) -> None:
    from ..reports import terminal

    sizes = {str(file): file.stat().st_size for file in written.files}
    if as_json:
        document = {
            "form": written.form,
            "files": sizes,
            "network": architecture.name,
            "key": architecture.key,
            "weights": origin.weights,
            **{name.replace(" ", "_"): value for name, value in written.facts.items()},
            "differences": [dataclasses.asdict(one) for one in written.differences],
            "notes": list(written.notes),
        }
        print(json.dumps(document, indent=1))
        return
    rows = [
        ("network", f"{printable(architecture.name)}, {architecture.classes:,} classes"),
        ("weights", printable(origin.weights)),
        *(("file", f"{printable(file)}, {_size(size)}") for file, size in sizes.items()),
        *((name, str(value)) for name, value in written.facts.items()),
        *(
            ("difference", f"{one.largest:.2g} at most, outputs up to {one.of:.2g} (batch of {one.batch})")
            for one in written.differences
        ),
    ]
    terminal.show(terminal.pairs(rows))


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"
