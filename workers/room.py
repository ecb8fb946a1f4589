"""How many evaluations the nodes of a cluster hold at once, and which part of a GPU each gets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Nodes = Sequence[Mapping[str, Any]]  # as ray.nodes() describes those that are alive
NAMES = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}  # an option of Ray -> a resource of a node
UNITS = 10_000  # Ray counts in ten-thousandths


def room(nodes: Nodes, options: Mapping[str, float]) -> int:
    """How many workers with these options the nodes hold at once; at least one option must be positive."""
    need = {NAMES[name]: max(1, round(amount * UNITS)) for name, amount in options.items() if amount}
    return sum(
        min(round(node["Resources"].get(name, 0) * UNITS) // amount for name, amount in need.items()) for node in nodes
    )


def gpu_share(nodes: Nodes, workers: int | None) -> float:
    """The part of a GPU with which so many workers run at once; a whole one where that is open, 0 without GPUs."""
    gpus = sum(int(node["Resources"].get("GPU", 0)) for node in nodes)
    if gpus == 0:
        return 0.0
    together = 1 if workers is None else max(1, math.ceil(workers / gpus))
    return math.floor(UNITS / together) / UNITS


def in_words(options: Mapping[str, float]) -> str:
    """ "1 CPU, 0.25 GPU"."""
    units = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "bytes of memory"}
    return ", ".join(f"{amount:,g} {units[name]}" for name, amount in options.items() if amount)
