"""A Python module that holds the network and needs torch alone: `build()` makes it.

The names of the weights are those of `models.build`, so that files of weights fit both.
"""

from __future__ import annotations

import io
import runpy
from itertools import groupby

import torch

from ..search_spaces.architecture import Architecture, Block, blocks
from .export_check import Difference, compare
from .export_job import Job, constants, heading
from .export_python_blocks import block_classes
from .export_python_layers import Used, gates, layer_classes, torch_name
from .export_text import call, exploded

PIXELS = 96  # at most, to compare on: the module takes any size
NAMES = {"mbconv": "MBConv", "sepconv": "SepConv", "conv": "Conv", "basic": "Basic", "bottleneck": "Bottleneck"}


def write(job: Job) -> tuple[Difference, ...]:
    job.path.write_text(source(job), encoding="utf-8")
    if job.weights_path:
        buffer = io.BytesIO()  # torch.save says RuntimeError where a disk is full
        torch.save(job.network.state_dict(), buffer)
        job.weights_path.write_bytes(buffer.getbuffer())
    network = runpy.run_path(str(job.path))["build"](job.weights_path and str(job.weights_path))
    if job.weights_path is None:
        network.load_state_dict(job.network.state_dict())
    differences = compare(job.network, network.eval(), min(job.architecture.resolution, PIXELS))
    job.facts |= {"needs": "torch", "checked in": f"torch {torch.__version__}"}
    return differences


def source(job: Job) -> str:
    """The module's text."""
    norm = job.batch_norm
    used = Used.by(job.architecture, norm.eps, norm.momentum or 0.0)
    pools = any(block.skip == "pool" for block in used.middle)
    torch_imports = ["from torch import Tensor, nn", *(["from torch.nn import functional"] if pools else [])]
    imports = ["import math", "from collections import OrderedDict", "", "import torch", *torch_imports]
    lines = [*heading(job, "torch alone", "fresh weights"), "from __future__ import annotations", "", *imports]
    known = constants(job)
    parts = ["\n".join([*lines, *([""] if known else []), *known, ""])]
    parts += [
        *layer_classes(used),
        *block_classes(used),
        _network(job.architecture, used),
        _initialise(job.architecture),
        BUILD,
    ]
    return "\n\n".join(parts)


def _network(architecture: Architecture, used: Used) -> str:
    first, *middle, last = blocks(architecture)
    stem = {"conv": _conv(used, first)}
    if first.pool == "max":
        stem["pool"] = "nn.MaxPool2d(3, stride=2, padding=1)"
    stages = []
    for _, stage in groupby(middle, key=lambda block: block.stage):
        rows = [_row(used, block) for block in stage]
        stages.append(exploded("nn.Sequential", rows, 12).lstrip())
    ramp = [
        "        blocks = [block for stage in self.stages for block in stage]",
        "        for number, block in enumerate(blocks):",
        f"            block.drop_path.rate = {used.drop_path!r} * number / len(blocks)",
    ]
    return "\n".join([
        "class Network(nn.Module):",
        f'    """Images (N, {architecture.input_channels}, H, W) of any size -> logits (N, {architecture.classes})."""',
        "",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        _named("stem", stem),
        exploded("self.stages = nn.Sequential", stages, 8),
        _named("head", _head(architecture, used, last)),
        *(ramp if used.drop_path else []),
        "",
        "    def forward(self, images: Tensor) -> Tensor:",
        "        return self.head(self.stages(self.stem(images)))",
        "",
    ])  # fmt: skip


def _head(architecture: Architecture, used: Used, last: Block) -> dict[str, str]:
    parts = {"conv": _conv(used, last)} if last.operation == "head" else {}
    parts |= {"pool": "nn.AdaptiveAvgPool2d(1)", "flatten": "nn.Flatten()"}
    if last.hidden:
        parts |= {"hidden": f"nn.Linear({last.output}, {last.hidden})", "act": f"{torch_name(last.activation)}()"}
    parts["dropout"] = f"nn.Dropout({architecture.dropout!r})"
    parts["classifier"] = f"nn.Linear({last.hidden or last.output}, {architecture.classes})"
    return parts


def _conv(used: Used, block: Block) -> str:
    """Of the stem or the head."""
    given = [str(block.input), str(block.output)]
    given += [f"kernel={block.kernel}"] if block.kernel != 1 else []
    given += [f"stride={block.stride}"] if block.stride != 1 else []
    return f"ConvNorm({', '.join(given + _own_act(used, block))})"


def _own_act(used: Used, block: Block) -> list[str]:
    act = torch_name(block.activation)
    return [] if act == used.act else [f"act={act}"]


def _named(target: str, parts: dict[str, str]) -> str:
    return exploded(
        f"self.{target} = nn.Sequential",
        [exploded("OrderedDict", [f"{name}={part}" for name, part in parts.items()], 12).lstrip()],
        8,
    )


def _row(used: Used, block: Block) -> str:
    """A block's constructor, behind 16 spaces."""
    inside = [str(block.hidden)] if block.operation in ("mbconv", "bottleneck") else []
    given = [str(block.input), *inside, str(block.output), f"kernel={block.kernel}"]
    if block.stride != 1:
        given.append(f"stride={block.stride}")
    if block.squeeze and len(used.gates) > 1:
        width = {"mbconv": block.hidden, "sepconv": block.input, "conv": block.output}[block.operation]
        given.append(f"squeeze=SqueezeExcite({width}, {block.squeeze}, {', '.join(gates(block))})")
    elif block.squeeze:
        given.append(f"squeeze={block.squeeze}")
    given += _own_act(used, block)
    stride = [f"stride={block.stride}"] if block.stride != 1 else []
    ends = [str(block.input), str(block.output), *stride]
    if block.skip == "identity":
        given.append("skip=nn.Identity()")
    elif block.skip == "projection":
        given.append(f"skip=ConvNorm({', '.join([*ends, 'act=nn.Identity'])})")
    elif block.skip == "pool":
        given.append(f"skip=PoolSkip({', '.join(ends)})")
    return call(NAMES[block.operation], given, 16, "),").lstrip().removesuffix(",")


def _initialise(architecture: Architecture) -> str:
    resnet = {stage.operation for stage in architecture.stages} <= {"basic", "bottleneck"}
    return INITIALISE + (HIDDEN if architecture.head.hidden else "") + (LIKE_RESNETS if resnet else "")


INITIALISE = '''def initialise(network: nn.Module) -> None:
    """Fresh weights: convolutions by their fan out, the classifier by its outputs."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            kernels = math.prod(module.kernel_size) * module.out_channels
            nn.init.normal_(module.weight, std=math.sqrt(2 * module.groups / kernels))
        elif isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.out_features)
            nn.init.uniform_(module.weight, -bound, bound)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
'''

HIDDEN = """    hidden = network.head.hidden
    nn.init.normal_(hidden.weight, std=math.sqrt(2 / hidden.out_features))
"""

LIKE_RESNETS = """    network.head.classifier.reset_parameters()
"""

BUILD = '''def build(weights: str | None = None) -> Network:
    """The network: with fresh weights, or those of a .pth or .safetensors file."""
    network = Network()
    if weights is None:
        initialise(network)
    elif weights.endswith(".safetensors"):
        from safetensors.torch import load_model

        load_model(network, weights)
    else:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        network.load_state_dict(state)
    return network
'''
