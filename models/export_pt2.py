"""PyTorch's own format: `torch.export.load(FILE).module()` runs it, with torch alone.

Input (batch, channels, pixels, pixels) with any batch. The texts are in the archive as "effsearch.json".
"""

from __future__ import annotations

import io
import json
import warnings

import torch

from .export_check import Difference, compare
from .export_job import Job, metadata


def write(job: Job) -> tuple[Difference, ...]:
    images = torch.zeros(2, job.architecture.input_channels, job.resolution, job.resolution)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(
            job.network, (images,), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},), strict=False
        )
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # the paths of this machine's sources
        buffer = io.BytesIO()  # a path would go into the archive, and this one is temporary
        torch.export.save(program, buffer, extra_files={"effsearch.json": json.dumps(metadata(job), indent=1)})
        job.path.write_bytes(buffer.getbuffer())
        module = torch.export.load(str(job.path)).module()
    differences = compare(job.network, module, job.resolution)
    shape = f"batch x {job.architecture.input_channels} x {job.resolution} x {job.resolution}"
    job.facts |= {
        "input": f"float32, {shape}",
        "output": f"logits, float32, batch x {job.architecture.classes}",
        "checked in": f"torch {torch.__version__}",
    }
    return differences
