"""A network for inference: its batch normalisations inside the convolutions before them."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .layers import ConvNorm

M = TypeVar("M", bound=nn.Module)


def fold_norms(module: M) -> M:
    """A copy in evaluation mode that computes the same, to rounding, without batch normalisations.

    A convolution with weights w and no bias, then a normalisation with mean m, variance v, scale g and offset b, is the
    convolution with weights w g / sqrt(v + eps) and bias b - m g / sqrt(v + eps). Export tools and ONNX Runtime do the
    same. The copy's state dict has other names, so weights are loaded before; train the original, and convert to half
    precision afterwards. TypeError: a module with normalisations that do not stand behind a convolution of ours.
    """
    inference = copy.deepcopy(module).eval()
    for layer in inference.modules():
        if isinstance(layer, ConvNorm) and isinstance(layer.norm, _BatchNorm):
            layer.conv = fuse_conv_bn_eval(layer.conv, layer.norm)
            layer.norm = nn.Identity()
    for name, layer in inference.named_modules():
        if "norm" in type(layer).__name__.lower() and not isinstance(layer, ConvNorm):
            raise TypeError(f"{type(module).__name__} has a {type(layer).__name__}, {name}, which cannot be folded")
    return inference
