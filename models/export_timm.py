"""A Python file with which timm builds the network: `build()`; it needs timm alone.

The arguments are found in export_timm_plan.py. The weights, where they are written, have timm's names.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from importlib import import_module

from torch import Tensor, nn

from ..records.errors import UserError, cannot
from .export_check import Difference, compare
from .export_job import Job, constants, heading
from .export_timm_names import Plan
from .export_timm_plan import plan

PIXELS = 96  # at most, to compare on: the network takes any size


def write(job: Job) -> tuple[Difference, ...]:
    """UserError where timm cannot express the network. Compared where timm can be imported."""
    norm = job.batch_norm
    found = plan(job.architecture, norm.eps, norm.momentum or 0.0)
    job.path.write_text(source(job, found), encoding="utf-8")
    state = renamed(found, job.network.state_dict())
    if job.weights_path:
        _save(state, job)
    job.facts |= {"needs": "timm", "built as": f"timm's {found.home}"}
    try:
        version = import_module("timm").__version__
    except Exception as error:  # a torchvision that does not fit torch raises RuntimeError
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        job.notes.append(f"timm cannot be imported here ({reason:.80}), so the file was not run and compared")
        return ()
    network = runpy.run_path(str(job.path))["build"](job.weights_path and str(job.weights_path))
    if job.weights_path is None:
        network.load_state_dict(state)
    differences = compare(job.network, _run(network.eval()), min(job.architecture.resolution, PIXELS))
    job.facts["checked in"] = f"timm {version}"
    return differences


def source(job: Job, found: Plan) -> str:
    """The file's text."""
    known = [*constants(job), *found.constants]
    lines = [
        *heading(job, "timm", "fresh weights, as timm initialises them"),
        *found.imports,
        "",
        *known,
        *([""] if known else []),
        "",
        f"def build(weights: str | None = None, **changes) -> {found.home}:",
        '    """The network; `changes` are arguments of timm\'s class, such as num_classes=10."""',
        *found.before,
        "    arguments = {",
        *(f'        "{name}": {value},' for name, value in found.arguments.items()),
        "    }",
        f"    network = {found.home}(**{{**arguments, **changes}})",
        *found.after,
        "    if weights is not None:",
        "        load_checkpoint(network, weights)",
        "    return network",
    ]
    return "\n".join(lines) + "\n"


def renamed(found: Plan, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights under timm's names."""
    result = {}
    for name, value in state.items():
        module, _, leaf = name.rpartition(".")
        theirs = found.names[module]
        hidden_as_convolution = module == "head.hidden" and leaf == "weight"
        result[f"{theirs}.{leaf}"] = value[:, :, None, None] if hidden_as_convolution else value
    return result


def _save(state: dict[str, Tensor], job: Job) -> None:
    try:
        from safetensors.torch import save_file
    except ImportError as error:
        raise UserError(
            "weights for timm are written as safetensors, which is not installed", hint="pip install safetensors"
        ) from error
    from safetensors import SafetensorError

    try:
        save_file({name: value.contiguous() for name, value in state.items()}, str(job.weights_path))
    except SafetensorError as error:
        raise cannot("write", job.weights_name or "the weights", OSError(str(error))) from error


def _run(network: nn.Module) -> Callable[[Tensor], Tensor]:
    def run(images: Tensor) -> Tensor:
        logits: Tensor = network(images)
        return logits

    return run
