"""Where a grid or a study rates its networks."""

from __future__ import annotations

import os
from dataclasses import dataclass

ENGINES = ("ray", "local")


@dataclass(frozen=True)
class Where:
    """engine: "ray" (Ray Tune) or "local" (this process, one after the other). ray_address: of a running cluster.
    workers: at once; None is as many as there is room for. cpus, gpus: of one evaluation; gpus None shares them out
    evenly among the workers."""

    engine: str = "ray"
    ray_address: str | None = None
    workers: int | None = None
    cpus: float = 1.0
    gpus: float | None = None

    @property
    def together(self) -> int:
        """Evaluations at once; 1 where only the cluster knows."""
        if self.engine == "local" or (self.ray_address and not self.workers):
            return 1
        return self.workers or max(1, int((os.cpu_count() or 1) / self.cpus))
