"""Several processes that train one network together, as `torchrun` starts them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed

Shared = TypeVar("Shared")


@dataclass(frozen=True)
class Team:
    """rank of size processes; local_rank is the GPU's number on this machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def leads(self) -> bool:
        """The one process that writes files and prints."""
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def any(self, value: bool, device: torch.device) -> bool:
        """Whether it is true in one of the processes at least."""
        if self.size == 1:
            return value
        return bool(self.total(torch.tensor(int(value), device=device)).item())

    def share(self, value: Shared) -> Shared:
        """The value of the process that leads, in all of them."""
        if self.size == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values)
        return values[0]

    def align(self, tensors: Iterable[Tensor]) -> None:
        """Give the tensors of all processes the values of the one that leads."""
        if self.size > 1:
            for tensor in tensors:
                value = tensor.detach().contiguous()
                distributed.broadcast(value, 0)
                tensor.detach().copy_(value)


@contextmanager
def team(device: str | None = None) -> Iterator[Team]:
    """The processes that torchrun started (its environment variables), or this one alone. On GPUs where there are some,
    unless `device` is "cpu"."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or "RANK" not in os.environ:
        yield Team()
        return
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    on_gpus = torch.cuda.is_available() and device != "cpu"
    if on_gpus:
        torch.cuda.set_device(local_rank)
    distributed.init_process_group("nccl" if on_gpus else "gloo")
    try:
        yield Team(int(os.environ["RANK"]), size, local_rank)
    finally:
        distributed.destroy_process_group()
