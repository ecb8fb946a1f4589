"""The search space that a latency table is about, as the options name it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..records.errors import UserError
from ..search_spaces import loading
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import shown
from ..search_spaces.quantity import parse_count
from ..search_spaces.space import Point, SearchSpace

DRAWS = 100  # for each network wanted


@dataclass(frozen=True)
class Place:
    """The options as they were given; None: not given."""

    space: str | None = None
    around: str | None = None
    data: str | None = None
    target_flops: str | None = None
    resolution: int | None = None

    def load(self, default: str = "mnasnet-b0") -> SearchSpace:
        """UserError for options that do not go together."""
        if self.data is not None:
            return self._of_images(self.data)
        if self.target_flops is not None:
            raise UserError("--target-flops is for --data: there it says how large the networks of the space are")
        name = self.space or ("mnasnet" if self.around else default)
        if self.around is None:
            return _at(loading.load_space(name), self.resolution)
        if name != "mnasnet":
            raise UserError(f"--around is for the space mnasnet; --space is {shown(self.space)}")
        reference: Architecture = loading.load_network(self.around)
        if self.resolution:
            reference = replace(reference, resolution=self.resolution)
        return loading.load_space("mnasnet", reference=reference)

    def _of_images(self, data: str) -> SearchSpace:
        """As `effsearch nas --data` makes it."""
        from .nas_options import NasOptions, settled
        from .nas_training import prepare_training

        if self.target_flops is None:
            raise UserError("--data needs --target-flops: how large the networks are", hint="for example 3M")
        options = settled(
            NasOptions(
                data=data, target_flops=self.target_flops, space=self.space, around=self.around,
                resolution=self.resolution,
            )
        )  # fmt: skip
        _, space, _ = prepare_training(options, parse_count(self.target_flops, "--target-flops"), 1)
        return space


def _at(space: SearchSpace, resolution: int | None) -> SearchSpace:
    """The same space with its networks at another resolution."""
    if resolution is None:
        return space

    def build(point: Point) -> Architecture:
        return replace(space.build(point), resolution=resolution)

    return replace(space, build=build, read=None)


def draw(space: SearchSpace, count: int, seed: int, without: frozenset[str] = frozenset()) -> list[Architecture]:
    """Different random networks, none with a key in `without`. UserError where the space has not so many."""
    random = np.random.default_rng(seed)
    found: dict[str, Architecture] = {}
    for _ in range(DRAWS * count):
        network = space.decode(space.sample(random))
        if network.key not in without:
            found.setdefault(network.key, network)
        if len(found) == count:
            return list(found.values())
    raise UserError(
        f"the space {space.name} has too few networks: {count} were wanted, {len(found)} found", hint="ask for fewer"
    )
