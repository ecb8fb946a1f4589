"""A network for inference: its batch normalisations inside the convolutions before them."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .layers import ConvNorm

M = TypeVar("M", bound=nn.Module)


def fold_norms(module: M) -> M:
    """A copy in evaluation mode that computes the same, to rounding, without batch normalisations.

    A convolution with weights w and no bias, then a normalisation with mean m, variance v, scale g and offset b, is the
    convolution with weights w g / sqrt(v + eps) and bias b - m g / sqrt(v + eps). Export tools and ONNX Runtime do the
    same. The copy's state dict has other names, so weights are loaded before; train the original.
    """
    inference = copy.deepcopy(module).eval()
    for layer in inference.modules():
        if isinstance(layer, ConvNorm) and isinstance(layer.norm, nn.BatchNorm2d):
            layer.conv = fuse_conv_bn_eval(layer.conv, layer.norm)
            layer.norm = nn.Identity()
    return inference
