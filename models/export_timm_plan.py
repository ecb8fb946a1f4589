"""How timm's EfficientNet, MobileNetV3 or ResNet is asked for a network, or why it cannot be.

Read off timm 1.0: what is said here of timm is that version's behaviour.
"""

from __future__ import annotations

from ..search_spaces.architecture import Architecture, Block, blocks
from .export_python_layers import gates, torch_name
from .export_text import listed, text
from .export_timm_names import Plan, efficientnet_names, told
from .export_timm_resnet import resnet
from .export_timm_rows import cannot_express, rows

DEEPEST = 32  # total stride from which on timm's classes dilate instead, unless told otherwise


def plan(architecture: Architecture, eps: float, momentum: float) -> Plan:
    """UserError says what of the network timm's classes do not have."""
    operations = {stage.operation for stage in architecture.stages}
    norm = f"partial(nn.BatchNorm2d, eps={eps!r}, momentum={momentum!r})"
    if operations <= {"basic", "bottleneck"}:
        return resnet(architecture, norm)
    if operations & {"basic", "bottleneck"}:
        raise cannot_express("ResNet blocks beside others")
    return _efficientnet(architecture, norm)


def _efficientnet(architecture: Architecture, norm: str) -> Plan:
    first, *middle, last = blocks(architecture)
    act, late = first.activation, bool(last.hidden)  # late: MobileNetV3's head, a layer behind the pooling
    head_conv = last.operation == "head"
    if first.pool != "none":
        raise cannot_express("pooling behind the stem of an EfficientNet")
    if (head_conv or late) and last.activation != act:
        raise cannot_express(f"stem with {act} before a head with {last.activation}")
    if late and first.kernel != 3:
        raise cannot_express(f"stem of kernel {first.kernel} before a head with a hidden layer")
    strings, skipped = rows(architecture, middle, act)
    gated, drop_path = _gated(middle), architecture.drop_path
    if late and head_conv:  # there it is a stage of its own, which the ramp of the drop path counts too
        strings.append([f"cn_r1_k1_s1_c{last.output}"])
        drop_path *= (len(middle) + 1) / len(middle)
    home = "MobileNetV3" if late else "EfficientNet"
    arguments = {
        "block_args": "blocks",
        "num_classes": str(architecture.classes),
        "in_chans": str(architecture.input_channels),
        "stem_size": str(first.output),
        **({} if first.kernel == 3 else {"stem_kernel_size": str(first.kernel)}),
        "fix_stem": "True",
        "num_features": str(last.hidden or (last.output if head_conv else 0)),
        **({"se_from_exp": "False"} if late else {}),
        **_deeper(architecture, late),
        **({"se_layer": "gated"} if gated else {}),
        "round_chs_fn": "int",
        "act_layer": torch_name(act),
        "norm_layer": norm,
        "drop_rate": repr(architecture.dropout),
        "drop_path_rate": repr(drop_path),
    }
    constants = ["\n".join(["STAGES = [", *(f"{listed('[', map(text, stage), 4)}," for stage in strings), "]"])]
    before = ["    blocks = decode_arch_def(STAGES)", *gated]
    if skipped:
        constants.append("# stage and block: those with a skip, which no string gives them")
        constants.append(listed("SKIPS = [", map(repr, skipped)))
        before += ["    for stage, block in SKIPS:", '        blocks[stage][block]["noskip"] = False']
    module = "mobilenetv3" if late else "efficientnet"
    return Plan(
        home=home,
        imports=[
            "from functools import partial",
            "",
            "from timm.models import load_checkpoint",
            *(["from timm.models._efficientnet_blocks import SqueezeExcite"] if gated else []),
            f"from timm.models.{module} import {home}, decode_arch_def",
            "from torch import nn",
        ],
        constants=constants,
        before=before,
        arguments=arguments,
        after=_stem_stride(architecture),
        names=efficientnet_names(middle, last),
    )


def _deeper(architecture: Architecture, late: bool) -> dict[str, str]:
    """timm counts a stem of stride 2."""
    total = 2
    for stage in architecture.stages:
        total *= stage.stride
    if total <= DEEPEST:
        return {}
    if late:
        raise cannot_express(f"total stride over {DEEPEST} before a head with a hidden layer")
    return {"output_stride": str(total)}


def _gated(middle: list[Block]) -> list[str]:
    """timm's own is that of the kind "input": the block's activation and a sigmoid."""
    kinds = {block.se_kind for block in middle if block.squeeze}
    if len(kinds) > 1:
        raise cannot_express("two kinds of SE in one network")
    if kinds != {"expanded"}:
        return []
    act, gate = gates(next(block for block in middle if block.squeeze))
    return [f"    gated = partial(SqueezeExcite, force_act_layer={act}, gate_layer={gate})"]


def _reductions(architecture: Architecture) -> list[int]:
    """Strides of the maps that timm offers as features."""
    strides = [stage.stride for stage in architecture.stages]
    total = architecture.stem.stride
    found = [total] if strides[0] > 1 else []
    for place, stride in enumerate(strides):
        total *= stride
        if place + 1 == len(strides) or strides[place + 1] > 1:
            found.append(total)
    return found


def _stem_stride(architecture: Architecture) -> list[str]:
    """Lines that set another stride than timm's 2."""
    stride = architecture.stem.stride
    if stride == 2:
        return []
    return [f"    network.conv_stem.stride = ({stride}, {stride})", *told(_reductions(architecture))]
