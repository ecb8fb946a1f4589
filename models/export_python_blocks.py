"""The blocks of an exported module, as `export_python_layers` has its layers.

The attributes are those of models/blocks.py, so that the names of the weights are equal.
"""

from __future__ import annotations

from collections.abc import Callable

from .export_python_layers import Used
from .export_text import call


def block_classes(used: Used) -> list[str]:
    """Sources of the classes of the blocks, in order."""
    parts = [_residual(used)] if used.residual else []
    return parts + [write(used) for operation, write in BLOCKS.items() if used.of(operation)]


def _residual(used: Used) -> str:
    depth = "        self.drop_path = StochasticDepth()\n" if used.drop_path else ""
    changed = "self.drop_path(changed)" if used.drop_path else "changed"
    return f'''class Residual(nn.Module):
    """branch(maps) + skip(maps); without a skip, the branch alone."""

    def __init__(self, skip: nn.Module | None) -> None:
        super().__init__()
        self.skip = skip
{depth}
    def branch(self, maps: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, maps: Tensor) -> Tensor:
        changed = self.branch(maps)
        if self.skip is None:
            return changed
        return {changed} + self.skip(maps)
'''


def _mbconv(used: Used) -> str:
    expands = {block.hidden != block.input for block in used.of("mbconv")}
    expand = [] if expands == {False} else [_conv(used, "expand", "inputs", "inside")]
    if len(expands) > 1:
        expand = ["        self.expand: nn.Module = nn.Identity()", "        if inside != inputs:", _inner(*expand)]
    flow = "self.expand(maps)" if expand else "maps"
    parameters, squeeze, flow = _squeeze(used, "mbconv", "inside", f"self.depthwise({flow})")
    layers = [
        *expand,
        _conv(used, "depthwise", "inside", "inside", "kernel", "stride", "groups=inside"),
        *squeeze,
        _conv(used, "project", "inside", "outputs", act="nn.Identity"),
    ]
    says = "Inverted bottleneck: 1x1 up, depthwise, 1x1 down."
    return _block(used, "MBConv", says, [*WIDTHS, *KERNEL, *parameters], layers, f"self.project({flow})")


def _sepconv(used: Used) -> str:
    parameters, squeeze, flow = _squeeze(used, "sepconv", "inputs", "self.depthwise(maps)")
    layers = [
        _conv(used, "depthwise", "inputs", "inputs", "kernel", "stride", "groups=inputs"),
        *squeeze,
        _conv(used, "pointwise", "inputs", "outputs"),
    ]
    says = "Depthwise, 1x1, an activation after both."
    return _block(used, "SepConv", says, [*ENDS, *KERNEL, *parameters], layers, f"self.pointwise({flow})")


def _full(used: Used) -> str:
    parameters, squeeze, flow = _squeeze(used, "conv", "outputs", "self.conv(maps)")
    layers = [_conv(used, "conv", "inputs", "outputs", "kernel", "stride"), *squeeze]
    return _block(used, "Conv", "One full convolution.", [*ENDS, *KERNEL, *parameters], layers, flow)


def _basic(used: Used) -> str:
    layers = [
        _conv(used, "conv1", "inputs", "outputs", "kernel", "stride"),
        _conv(used, "conv2", "outputs", "outputs", "kernel", act="nn.Identity"),
        f"        self.act = {_act(used)}()",
    ]
    says = "ResNet's block of two convolutions."
    return _block(used, "Basic", says, [*ENDS, *KERNEL], layers, "self.conv2(self.conv1(maps))") + AFTER


def _bottleneck(used: Used) -> str:
    layers = [
        _conv(used, "reduce", "inputs", "inside"),
        _conv(used, "conv", "inside", "inside", "kernel", "stride"),
        _conv(used, "restore", "inside", "outputs", act="nn.Identity"),
        f"        self.act = {_act(used)}()",
    ]
    says = "ResNet's block of 1x1, kernel x kernel, 1x1."
    flow = "self.restore(self.conv(self.reduce(maps)))"
    return _block(used, "Bottleneck", says, [*WIDTHS, *KERNEL], layers, flow) + AFTER


BLOCKS: dict[str, Callable[[Used], str]] = {
    "mbconv": _mbconv,
    "sepconv": _sepconv,
    "conv": _full,
    "basic": _basic,
    "bottleneck": _bottleneck,
}
ENDS = ("inputs: int", "outputs: int")
WIDTHS = ("inputs: int", "inside: int", "outputs: int")
KERNEL = ("kernel: int", "stride: int = 1")
AFTER = """
    def forward(self, maps: Tensor) -> Tensor:
        return self.act(super().forward(maps))
"""


def _block(used: Used, name: str, says: str, parameters: list[str], layers: list[str], flow: str) -> str:
    parameters = ["self", *parameters]
    if used.several:
        parameters.append(f"act: type[nn.Module] = {used.act}")
    if used.residual:
        parameters.append("skip: nn.Module | None = None")
    base, method, given = ("Residual", "branch", "skip") if used.residual else ("nn.Module", "forward", "")
    return (
        f"class {name}({base}):\n"
        f'    """{says}"""\n\n'
        f"{call('def __init__', parameters, 4, ') -> None:')}\n"
        f"        super().__init__({given})\n"
        + "".join(f"{layer}\n" for layer in layers)
        + f"\n    def {method}(self, maps: Tensor) -> Tensor:\n        return {flow}\n"
    )


def _conv(used: Used, target: str, *given: str, act: str = "") -> str:
    if act or used.several:
        given = (*given, f"act={act or 'act'}")
    return call(f"self.{target} = ConvNorm", given, 8)


def _inner(lines: str) -> str:
    return "\n".join(f"    {line}" for line in lines.splitlines())


def _act(used: Used) -> str:
    return "act" if used.several else used.act


def _squeeze(used: Used, operation: str, channels: str, flow: str) -> tuple[list[str], list[str], str]:
    """Parameters, layers, and what the maps pass; nothing where no block of the kind has SE."""
    if not any(block.squeeze for block in used.of(operation)):
        return [], [], flow
    flow = f"self.squeeze({flow})"
    if len(used.gates) > 1:
        return ["squeeze: nn.Module | None = None"], ["        self.squeeze = squeeze or nn.Identity()"], flow
    layers = [
        "        self.squeeze: nn.Module = nn.Identity()",
        "        if squeeze:",
        f"            self.squeeze = SqueezeExcite({channels}, squeeze)",
    ]
    return ["squeeze: int = 0"], layers, flow
