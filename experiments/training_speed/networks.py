"""EfficientNet-B0 from three libraries, as one training step each."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import torch
from torch import nn
from torch.nn import functional

from ...models import build
from ...search_spaces import catalogue
from ...training.devices import precision

CLASSES = 10
LIBRARIES = ("effsearch", "timm", "torchvision")


def network(library: str) -> nn.Module:
    """B0 with dropout 0.2 and stochastic depth 0.2 where the library calls it so. ImportError where it is missing."""
    if library == "effsearch":
        return build(catalogue.load("b0"), classes=CLASSES)
    if library == "timm":
        made = import_module("timm").create_model(
            "efficientnet_b0", num_classes=CLASSES, drop_rate=0.2, drop_path_rate=0.2
        )
    else:
        made = import_module("torchvision.models").efficientnet_b0(num_classes=CLASSES)
    if not isinstance(made, nn.Module):
        raise TypeError(f"{library} made {type(made).__name__}")
    return made


def training_step(library: str, *, pixels: int, batch: int, device: torch.device, kind: str) -> Callable[[], None]:
    """Forward, loss, backward and one step of SGD with momentum on random images; waits for the device at the end."""
    module = network(library).to(device)
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types leave it out
    optimiser = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch, 3, pixels, pixels, generator=generator).to(device)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(CLASSES, (batch,), generator=generator).to(device)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with precision(kind, device):
            logits = module(images)
        functional.cross_entropy(logits.float(), labels).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return step
