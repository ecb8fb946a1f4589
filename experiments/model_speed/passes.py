"""EfficientNet-B0 from three libraries, as one timed pass each."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

from ...models import fold_norms
from ...training.devices import precision
from ..training_speed.networks import CLASSES, LIBRARIES, network
from .torchvision_import import import_torchvision

PASSES = ("forward", "forward and backward")
MODES = ("eager", "compiled")
OURS = LIBRARIES[0]
FOLDED = f"{OURS}, folded"
TIMED = {PASSES[0]: (*LIBRARIES, FOLDED), PASSES[1]: LIBRARIES}


def timed_pass(
    library: str, kind: str, mode: str, *, pixels: int, batch: int, device: torch.device, bits: str
) -> Callable[[], None]:
    """One of PASSES on random images, in channels-last; it waits for the device at the end.

    "forward" is inference: evaluation mode, no gradients. "forward and backward" is a training step without the
    optimiser. Compiled by torch's default compiler, for this very shape, at the first call. FOLDED is our network
    without batch normalisations (`models.fold_norms`), for inference only.
    ImportError where the library is missing.
    """
    if library not in (OURS, FOLDED):
        import_torchvision()
    module = (fold_norms(network(OURS)) if library == FOLDED else network(library)).to(device)
    module.train(kind != PASSES[0])
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types leave it out
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch, 3, pixels, pixels, generator=generator).to(device)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(CLASSES, (batch,), generator=generator).to(device)
    computed = torch.compile(module, dynamic=False) if mode == "compiled" else module

    def forward() -> None:
        with torch.inference_mode(), precision(bits, device):
            computed(images)
        _wait(device)

    def both() -> None:
        module.zero_grad(set_to_none=True)
        with precision(bits, device):
            logits = computed(images)
        functional.cross_entropy(logits.float(), labels).backward()  # type: ignore[no-untyped-call]
        _wait(device)

    return forward if kind == PASSES[0] else both


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
