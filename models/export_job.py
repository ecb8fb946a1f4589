"""What the writers of the forms are given: the network, what is known of it, where it goes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from torch.nn.modules.batchnorm import _BatchNorm

from ..records.errors import UserError
from ..search_spaces.architecture import Architecture
from ..search_spaces.cost import cost
from ..search_spaces.quantity import format_count
from .export_text import constant
from .network import Network


@dataclass(frozen=True)
class Origin:
    """What is known of the weights.

    weights: where they are from, in words ("random, seed 0"). classes: names in the order of the outputs. mean, std:
    of the normalisation that the training put its images through, values from 0 to 1, one number a channel.
    resolution: pixels it was made for, None: the network's.
    """

    weights: str = ""
    resolution: int | None = None
    classes: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


@dataclass
class Job:
    """One export. `path` and `weights_path` are where to write: temporary files beside `name` and `weights_name`.

    network: a copy, on the CPU, in evaluation mode. facts, notes: filled by the writer.
    """

    network: Network
    name: str
    weights_name: str | None
    origin: Origin
    resolution: int
    opset: int | None
    path: Path = field(default_factory=Path)
    weights_path: Path | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def architecture(self) -> Architecture:
        return self.network.architecture

    @property
    def batch_norm(self) -> _BatchNorm:
        """One of the network's; all have the same eps and momentum."""
        for module in self.network.modules():
            if isinstance(module, _BatchNorm):
                return module
        raise UserError(
            "the batch normalisations of this network are folded into its convolutions, which only onnx and pt2 take",
            hint="export the network as it was before fold_norms",
        )


def metadata(job: Job) -> dict[str, str]:
    """For formats that carry texts: name -> text; what is not text is JSON."""
    architecture, origin = job.architecture, job.origin
    total = cost(replace(architecture, resolution=job.resolution))
    found = {
        "effsearch.version": own_version(),
        "effsearch.architecture": architecture.name,
        "effsearch.architecture_key": architecture.key,
        "effsearch.params": str(total.params),
        "effsearch.mult_adds": str(total.mult_adds),
        "effsearch.weights": origin.weights,
    }
    for name in ("classes", "mean", "std"):
        values = getattr(origin, name)
        if values:
            found[f"effsearch.{name}"] = json.dumps(list(values))
    return found


def constants(job: Job) -> list[str]:
    """Lines of Python: CLASSES, MEAN and STD, those that are known."""
    return [
        constant(name.upper(), values) for name in ("classes", "mean", "std") if (values := getattr(job.origin, name))
    ]


def heading(job: Job, needs: str, fresh: str) -> list[str]:
    """Lines of Python: the docstring of a module with `build`."""
    architecture, channels, pixels = job.architecture, job.architecture.input_channels, job.resolution
    total = cost(replace(architecture, resolution=pixels))
    lines = [
        f'"""{harmless(architecture.name)}: a network for images, {architecture.classes:,} classes.',
        "",
        f"{total.params:,} parameters, {format_count(total.mult_adds)} multiply-adds for {pixels} x {pixels} pixels.",
        f"Written by effsearch {harmless(own_version())} from architecture {architecture.key}; needs {needs}.",
        "",
        f"    network = build()  # {fresh}",
        f"    logits = network(images)  # (N, {channels}, {pixels}, {pixels}) -> (N, {architecture.classes})",
    ]
    if job.weights_name:
        lines[5:5] = [f'    network = build("{harmless(job.weights_name)}").eval()']
        lines[4:4] = [f"Weights: {harmless(job.origin.weights, 75)}."] if job.origin.weights else []
    if job.origin.mean and job.origin.std:
        lines += ["", "Inputs: values from 0 to 1, less MEAN, divided by STD, one number a channel."]
    return [*lines, '"""', ""]


def own_version() -> str:
    try:
        return version("effsearch")
    except PackageNotFoundError:  # a source checkout
        return "unknown"


def harmless(text: str, longest: int = 60) -> str:
    """A name from anywhere, fit to stand in the docstring of a program: letters, digits and a few marks."""
    cleaned = re.sub(r"[^A-Za-z0-9 ._,:%()+/@=-]", "?", text)
    return cleaned if len(cleaned) <= longest else cleaned[: longest - 3] + "..."
