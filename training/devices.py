"""Where a training computes, and in which precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from ..records.errors import UserError
from ..search_spaces.checks import shown


def choose_device(name: str | None = None) -> torch.device:
    """The device of that name ("cpu", "cuda", "cuda:1", "mps"); the first GPU, else the CPU, where None.

    UserError for a device that this machine does not have.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UserError(
            f"the device {shown(name)} cannot be used here: {str(error).splitlines()[0]:.200}",
            hint="cpu always works; cuda needs an NVIDIA GPU and a torch built for it",
        ) from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise UserError(f"the device is {shown(name)}; allowed: cpu, cuda, cuda:N, mps")
    return device


def precision(kind: str, device: torch.device) -> AbstractContextManager[object]:
    """ "bf16": autocast; "fp32": none; "auto": autocast on a GPU that has bfloat16 units, none elsewhere."""
    if kind == "auto":
        kind = "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"
    return torch.autocast(device.type, dtype=torch.bfloat16) if kind == "bf16" else nullcontext()
