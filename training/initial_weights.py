"""Weights from a file that a training begins with, instead of fresh ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch

from ..models import Network, load_weights
from ..records.errors import cannot


class Taken(NamedTuple):
    """What of a file was taken. library: whose names it has. last_layer: whether that too, for the same classes."""

    file: str
    library: str
    last_layer: bool

    def __str__(self) -> str:
        layers = "all layers" if self.last_layer else "all but the last layer, which is for other classes"
        return f"{self.file}, as {self.library} names them; {layers}"


@dataclass(frozen=True)
class InitialWeights:
    """A file of `models.load_weights`. fingerprint: of its content, so that a training goes on from the same one."""

    path: Path
    fingerprint: str

    @classmethod
    def of(cls, path: Path | str) -> InitialWeights:
        """UserError where the file cannot be read."""
        path, content = Path(path), hashlib.sha256()
        try:
            with path.open("rb") as file:
                while piece := file.read(2**20):
                    content.update(piece)
        except OSError as error:
            raise cannot("read the weights", path, error) from error
        return cls(path, content.hexdigest())

    def load(self, network: Network) -> Taken:
        """Into the network; the last layer too where the file has as many classes.

        UserError, with the network unchanged: a file that cannot be read, or is another network's.
        """
        fresh = network.head.classifier.weight.detach().clone() if network.head else None
        library = load_weights(network, self.path, classifier=None)
        kept = fresh is not None and network.head is not None and torch.equal(fresh, network.head.classifier.weight)
        return Taken(self.path.name, library, not kept)
