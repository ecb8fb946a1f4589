"""A network as a file that runs without effsearch: which forms there are, and how one is written and compared.

Every form is written under a temporary name, read again, compared with the network on random images, and only then put
in its place, so that a file that is there computes what the network computes.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..records import atomic
from ..records.errors import UserError, cannot
from ..search_spaces import checks
from ..search_spaces.checks import InvalidValue, nearest, shown
from . import export_onnx, export_pt2, export_python, export_timm
from .export_check import Difference
from .export_job import Job, Origin
from .memory_errors import memory_errors
from .network import Network


@dataclass(frozen=True)
class Form:
    """One kind of file. weights: the ending of the file of weights beside it; "" where they are inside."""

    suffix: str
    weights: str
    write: Callable[[Job], tuple[Difference, ...]]


SMALLER = "give a smaller --resolution"
SHADOWED = ("torch", "timm", "torchvision", "safetensors", "numpy")
FORMS = {
    "onnx": Form(".onnx", "", export_onnx.write),
    "pt2": Form(".pt2", "", export_pt2.write),
    "timm": Form(".py", ".safetensors", export_timm.write),
    "python": Form(".py", ".pth", export_python.write),
}


@dataclass(frozen=True)
class Exported:
    """What was written.

    files: the export, then the file of weights where there is one. facts: name -> text or number, for a person.
    differences: what the file computes against what the network does; empty where it could not be run here.
    notes: sentences a person should read.
    """

    form: str
    files: tuple[Path, ...]
    facts: dict[str, Any]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


def export(
    network: Network,
    path: Path | str,
    to: str,
    *,
    origin: Origin | None = None,
    weights: bool = True,
    resolution: int | None = None,
    opset: int | None = None,
    force: bool = False,
) -> Exported:
    """Write a built network to `path` as "onnx", "pt2", "timm" or "python", in evaluation mode.

    Args:
        origin: what is known of the weights, written into the file.
        weights: timm and python only: write the weights too, into a file beside `path`. The others hold them.
        resolution: pixels of the inputs of onnx and pt2; None: the origin's, else the architecture's.
        opset: onnx only: version of its operators, 18 to 24; None: 18.
        force: replace files that are there.

    Raises:
        UserError or InvalidValue: the form cannot express the network, a package is missing, the file cannot be
            written or is there already, or it computes something else than the network.
    """
    form = form_named(to)
    path = _checked_path(path, to, form)
    weights_path = path.with_suffix(form.weights) if form.weights and weights else None
    if opset is not None and to != "onnx":
        raise UserError(f"opset is {opset}, but {to} has no operator sets", hint="it belongs to onnx")
    if resolution is not None:
        if form.weights:
            raise UserError(f"resolution is {resolution}, but what is written for {to} takes images of any size")
        checks.integer("resolution", resolution, 1, 8192)
    for file in (path, *([weights_path] if weights_path else [])):
        _refuse_existing(file, force)
    if network.head is None:
        raise UserError("a network without its head (features_only) cannot be exported")
    if next(network.parameters()).is_meta:
        raise UserError('a network on the device "meta" has no weights to export', hint="build it on the CPU")
    origin = origin or Origin()
    job = Job(
        network=copy.deepcopy(network).to("cpu", torch.float32).eval(),
        name=path.name,
        weights_name=weights_path.name if weights_path else None,
        origin=origin,
        resolution=resolution or origin.resolution or network.architecture.resolution,
        opset=opset,
    )
    try:
        with ExitStack() as stack:
            stack.enter_context(memory_errors("to export it", SMALLER))
            stack.enter_context(torch.random.fork_rng(devices=[]))
            job.path = stack.enter_context(atomic.replacing(path))
            if weights_path is not None:
                job.weights_path = stack.enter_context(atomic.replacing(weights_path))
            differences = form.write(job)
    except OSError as error:
        refused = weights_path if weights_path and error.filename == str(weights_path) else path
        raise cannot("write", refused, error, "give another --out") from error
    files = (path, weights_path) if weights_path else (path,)
    return Exported(to, files, job.facts, differences, tuple(job.notes))


def form_named(name: str) -> Form:
    if name not in FORMS:
        raise InvalidValue(
            f"there is no form {shown(name)} to export to; known: {', '.join(FORMS)}", hint=nearest(name, FORMS)
        )
    return FORMS[name]


def _checked_path(path: Path | str, to: str, form: Form) -> Path:
    path = Path(path)
    if path.suffix.lower() != form.suffix:
        named = path.name.strip(".") and path.name.lower() != form.suffix
        raise UserError(
            f"the file is to be {shown(str(path))}; a file for {to} ends in {form.suffix}",
            hint=f"try {path.with_suffix(form.suffix) if named else path.parent / f'network{form.suffix}'}",
        )
    if form.suffix == ".py" and path.stem in (*SHADOWED, *sys.stdlib_module_names):
        raise UserError(f"a file {path.name} would hide the module {path.stem} from programs beside it")
    return path


def _refuse_existing(path: Path, force: bool) -> None:
    try:
        path.lstat()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise cannot("write", shown(str(path)), error) from error
    if not force:
        raise UserError(f"{path} is there already", hint="give another --out, or --force to replace it")
