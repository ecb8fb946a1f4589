"""ONNX, by torch's exporter: input "images" (batch, channels, pixels, pixels), output "logits" (batch, classes).

The batch may have any size. Checked by onnx and compared in ONNX Runtime before it counts as written.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from ..records.errors import UserError
from ..search_spaces import checks
from .export_check import Difference, compare
from .export_job import Job, metadata

OPSET, NEWEST = 18, 24  # the oldest that torch's exporter writes, which the most runtimes read; the newest tested
OLDEST_TORCH = (2, 6)  # the first whose exporter takes what is asked of it here
LARGEST = 2_000_000_000  # bytes that one ONNX file (a protobuf message) can hold


def write(job: Job) -> tuple[Difference, ...]:
    opset = OPSET if job.opset is None else job.opset
    checks.integer("opset", opset, OPSET, NEWEST)
    onnx, runtime = _packages()
    size = sum(tensor.numel() * tensor.element_size() for tensor in job.network.state_dict().values())
    if size > LARGEST:
        raise UserError(f"the weights are {size / 1e9:.1f} GB; one ONNX file holds 2 GB", hint="export it to pt2")
    model = _traced(job, opset)
    _describe(model, metadata(job))
    written = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 0)
    if written != opset:
        raise UserError(f"torch {torch.__version__} wrote opset {written}, not {opset}", hint=f"try --opset {written}")
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, str(job.path))
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(str(job.path), options, providers=["CPUExecutionProvider"])

    def run(images: Tensor) -> Tensor:
        return torch.from_numpy(session.run(["logits"], {"images": images.numpy()})[0])

    differences = compare(job.network, run, job.resolution)
    shape = f"batch x {job.architecture.input_channels} x {job.resolution} x {job.resolution}"
    job.facts |= {
        "input": f"images, float32, {shape}",
        "output": f"logits, float32, batch x {job.architecture.classes}",
        "opset": opset,
        "checked in": f"ONNX Runtime {runtime.__version__}",
    }
    return differences


def _packages() -> tuple[Any, Any]:
    """onnx and onnxruntime; UserError where one is missing, or torch too old for its exporter."""
    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < OLDEST_TORCH:
        wanted = ".".join(map(str, OLDEST_TORCH))
        raise UserError(f"exporting to onnx needs torch {wanted}, this is {torch.__version__}", "pip install -U torch")
    found = {}
    for name in ("onnx", "onnxscript", "onnxruntime"):
        try:
            found[name] = import_module(name)
        except ImportError as error:
            raise UserError(
                f"exporting to onnx needs {name}, which cannot be imported: {str(error).splitlines()[0]:.100}",
                hint="pip install 'effsearch[export]'",
            ) from error
    import_module("onnx.checker")
    return found["onnx"], found["onnxruntime"]


def _traced(job: Job, opset: int) -> Any:
    """The network as onnx's ModelProto."""
    images = torch.zeros(2, job.architecture.input_channels, job.resolution, job.resolution)
    import_module("torch._dynamo")  # else an interrupt while the exporter imports it ends as another error
    with _quiet():
        program: Any = torch.onnx.export(
            job.network,
            (images,),
            dynamo=True,
            external_data=False,
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            opset_version=opset,
            verbose=False,
        )
    return program.model_proto


def _describe(model: Any, texts: dict[str, str]) -> None:
    """Our texts into the file, and out with the exporter's, which hold the paths of this machine's sources."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
    for node in graph.node:
        node.doc_string = ""
    for name, text in texts.items():
        model.metadata_props.add(key=name, value=text)


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's warnings are about itself."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
