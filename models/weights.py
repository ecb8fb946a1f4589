"""Weights from files: effsearch's own, timm's and torchvision's, into the network they belong to.

A file is read as data (safetensors, or torch.load with weights_only) and compared with the network name by name and
shape by shape before anything is changed: the network is loaded whole or left as it was.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..records.errors import UserError
from ..search_spaces.checks import InvalidValue
from .network import Network
from .weight_files import read
from .weight_names import OURS, Names, names_for

SHOWN = 3  # names in a message
COUNTER = "num_batches_tracked"  # of a BatchNorm: nothing depends on it, and old files lack it


def load_weights(
    network: nn.Module, path: str | Path, *, classifier: bool | None = True, norm_eps: float | None = None
) -> str:
    """Load a file's weights into a `Network`; the result says whose names the file has: "effsearch", "timm", ...

    Args:
        network: from `models.build`; without a head (features_only) the file's head is left out.
        path: .safetensors, or .pth, .pt, .bin or .tar as torch.save writes them: a state dict, or one under
            "state_dict" or "model"; the prefixes of DistributedDataParallel and torch.compile are taken off.
        classifier: False leaves the network its own last layer, for other classes, None where the file has another
            number of classes; InvalidValue where that is on the device "meta".
        norm_eps: set this in all batch normalisations. It belongs to the weights and is in no file: 1e-3 for what
            TensorFlow trained (timm's tf_...), 1e-5 for most of what was trained in PyTorch.

    UserError, with the network unchanged: a file that cannot be read, is another network's, or holds no numbers.
    """
    if not isinstance(network, Network):
        raise TypeError(f"the network is a {type(network).__name__}; it must be a Network, as models.build makes it")
    state = read(path)
    names = names_for(network.architecture, state)
    if names is None:
        begins = ", ".join(f"{key:.40}" for key in list(state)[:SHOWN])
        raise UserError(
            f"{path} is no file for {network.architecture.name}: it has {len(state):,} tensors, which begin {begins}",
            hint="weights of timm, torchvision and effsearch are known; the network must be of the same kind",
        )
    if names.library != OURS and names.blocks[0] != names.blocks[1]:
        raise UserError(
            f"{path} is of another network: it has {names.blocks[0]} blocks, {network.architecture.name} has "
            f"{names.blocks[1]}"
        )
    values = _matched(network, state, names, str(path), classifier)
    _put(network, values)
    if norm_eps is not None:
        for module in network.modules():
            if isinstance(module, _BatchNorm):  # SyncBatchNorm too
                module.eps = norm_eps
    return names.library


def _matched(
    network: Network, state: dict[str, Tensor], names: Names, path: str, classifier: bool | None
) -> dict[str, Tensor]:
    """Our names -> the file's tensors, in our shapes. UserError where one does not fit, is missing or left over."""
    left = dict(state)
    missing, wrong, found = [], [], {}
    if classifier is None:
        classifier = _classes(network, state, names) == network.architecture.classes
    if not classifier and network.head is not None and network.head.classifier.weight.is_meta:
        raise InvalidValue("the network is on the device meta and has no last layer to keep, as classifier wants")
    for ours, own in network.state_dict().items():
        theirs = _their_name(ours, names)
        value = left.pop(theirs, None) if theirs else None
        if not classifier and ours.startswith("head.classifier."):
            continue
        if value is None:
            if not ours.endswith(COUNTER):
                missing.append(theirs or ours)
            continue
        if value.ndim == 4 and own.ndim == 2 and value.shape[2:] == (1, 1):
            value = value.flatten(1)  # a 1x1 convolution after the pooling is a fully connected layer
        if value.shape != own.shape:
            wrong.append(f"{theirs} {_shape(value)} for {_shape(own)}")
        elif value.dtype not in _allowed(own):
            wrong.append(f"{theirs} of {str(value.dtype).removeprefix('torch.')}")
        else:
            found[ours] = value.to(own.dtype)
    extra = [key for key in left if not (network.head is None and _is_head(key, names))]
    if missing or wrong or extra:
        _refuse(network, names, path, missing, wrong, extra, state)
    _check_numbers(found, names, path)
    return found


def _their_name(ours: str, names: Names) -> str | None:
    """None for a layer that the library's networks of this kind do not have."""
    if names.library == OURS:
        return ours
    module, _, leaf = ours.rpartition(".")
    theirs = names.modules.get(module)
    return theirs and f"{theirs}.{leaf}"


def _is_head(key: str, names: Names) -> bool:
    heads = [theirs for ours, theirs in names.modules.items() if ours.startswith("head.")] or ["head"]
    return any(key.startswith(f"{head}.") for head in heads)


def _allowed(own: Tensor) -> tuple[torch.dtype, ...]:
    if own.is_floating_point():
        return torch.float32, torch.float16, torch.bfloat16, torch.float64
    return (own.dtype,)


def _refuse(
    network: Network, names: Names, path: str, missing: list[str], wrong: list[str], extra: list[str],
    state: dict[str, Tensor],
) -> None:  # fmt: skip
    said = [
        f"{len(listed):,} {what} ({', '.join(f'{one:.80}' for one in listed[:SHOWN])}{', ...' * (len(listed) > SHOWN)})"
        for what, listed in (("missing", missing), ("of another shape or type", wrong), ("left over", extra))
        if listed
    ]
    hint = None
    theirs = _classes(network, state, names)
    if theirs is not None and wrong and not missing and not extra:
        own = network.architecture.classes
        if theirs != own:
            hint = (
                f"the file has {theirs:,} classes, the network {own:,}: build it with classes={theirs} (in a "
                f".yaml file, classes: {theirs}), or load with classifier=False to keep its own last layer"
            )
    raise UserError(
        f"{path} does not fit {network.architecture.name}, of its {len(network.state_dict()):,} tensors: "
        + "; ".join(said),
        hint=hint,
    )


def _classes(network: Network, state: dict[str, Tensor], names: Names) -> int | None:
    """Of the file's last layer; None where it has none, or the network has no head."""
    bias = None if network.head is None else state.get(_their_name("head.classifier.bias", names) or "")
    return None if bias is None else bias.numel()


def _check_numbers(values: dict[str, Tensor], names: Names, path: str) -> None:
    for ours, value in values.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise UserError(f"{path} holds NaN or infinite numbers, in {_their_name(ours, names)}")
        if ours.endswith("running_var") and bool((value < 0).any()):
            raise UserError(f"{path} holds a negative variance, in {_their_name(ours, names)}")


def _put(network: Network, values: dict[str, Tensor]) -> None:
    """Copied where the network has memory; taken over, as float32, where it is on the device "meta"."""
    with torch.no_grad():
        for ours, own in network.state_dict(keep_vars=True).items():
            value = values.get(ours)
            if own.is_meta:
                home, _, leaf = ours.rpartition(".")
                module = network.get_submodule(home)
                filled = torch.zeros(own.shape, dtype=own.dtype) if value is None else value.clone()
                parameter = isinstance(own, nn.Parameter)
                setattr(module, leaf, nn.Parameter(filled, own.requires_grad) if parameter else filled)
            elif value is not None:
                own.copy_(value)


def _shape(value: Tensor) -> str:
    return f"({', '.join(map(str, value.shape))})"
