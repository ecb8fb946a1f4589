"""Small networks that between them have every kind of block, SE, skip, activation, stem and head."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from random_norms import randomise_norms

from effsearch.models import Network, build
from effsearch.search_spaces import Architecture, Head, Stage, Stem

SMALL = {"resolution": 33, "input_channels": 2, "classes": 5}


def small(name: str, stages: tuple[Stage, ...], stem: Stem | None = None, head: Head | None = None) -> Architecture:
    return Architecture(name, stem or Stem(8), stages, head or Head(16), **SMALL)


GATED = {"se_ratio": 0.25, "se_kind": "expanded"}
KINDS = {
    network.name: network
    for network in (
        small("mbconv", (Stage("mbconv", 8, 1, 1, 3, 1), Stage("mbconv", 16, 2, 2, 5, 4, se_ratio=0.25))),
        small("plain-mbconv", (Stage("mbconv", 8, 2, 2, 3, 1, se_ratio=0.5),)),
        small("no-skips", (Stage("mbconv", 8, 2, 2, 3, 3, skip="none"), Stage("conv", 8, 2, skip="none"))),
        small("sepconv", (Stage("sepconv", 8, 2, se_ratio=0.25), Stage("sepconv", 16, 2, 2, 5, skip="none"))),
        small("conv", (Stage("conv", 8, 2), Stage("conv", 12, 2, 2, 5))),
        small("conv-se", (Stage("conv", 8, 2, se_ratio=0.25), Stage("conv", 12, 2, 2, 5))),
        small("pool-skip", (Stage("mbconv", 16, 2, 2, 3, 2, skip="pool"), Stage("conv", 8, 2, 2, skip="pool"))),
        small("projection", (Stage("mbconv", 16, 2, 2, 3, 2, skip="projection"),)),
        small("basic", tuple(Stage("basic", 8 * i, 1, min(i, 2), skip="projection", activation="relu")
                             for i in range(1, 5)), Stem(64, 7, 2, "relu", "max"), Head(0)),
        small("bottleneck", tuple(Stage("bottleneck", 16 * i, 1, min(i, 2), 3, 0.25, skip="projection",
                                        activation="relu") for i in range(1, 5)), Stem(64, 7, 1, "relu"), Head(0)),
        small("both-resnets", (Stage("basic", 16, 1, 1, 5, skip="pool"), Stage("bottleneck", 24, 2, 2, 3, 0.5))),
        small("late-head", (Stage("mbconv", 8, 1, 1, 3, 1, **GATED, activation="relu"),
                            Stage("mbconv", 16, 2, 2, 5, 88 / 24, activation="relu"),
                            Stage("mbconv", 24, 2, 2, 5, 3, **GATED, activation="hard_swish")),
              Stem(24, activation="hard_swish"), Head(32, 24, "hard_swish")),
        small("late-head-alone", (Stage("mbconv", 16, 2, 2, 3, 2),), None, Head(0, 12)),
        small("two-kinds-of-se", (Stage("mbconv", 8, 2, 1, 3, 2, **GATED),
                                  Stage("sepconv", 16, 2, 2, 3, se_ratio=0.25, activation="relu6"))),
        small("one-kind-two-acts", (Stage("mbconv", 8, 2, 1, 3, 3, se_ratio=0.3, activation="relu6"),
                                    Stage("mbconv", 24, 1, 2, 7, 3, se_ratio=0.3))),
        small("deep-strides", tuple(Stage("mbconv", 8, 1, 2, 3, 2) for _ in range(5)), Stem(8, 5, 1)),
        small("stem-four", (Stage("conv", 8, 1, 1, 1),), Stem(8, 7, 4), Head(0)),
    )
}  # fmt: skip


@st.composite
def networks(draw: st.DrawFn) -> Architecture:
    """Any small network at all."""
    acts = st.sampled_from(("silu", "relu", "relu6", "hard_swish"))
    stages = []
    for _ in range(draw(st.integers(1, 3))):
        operation = draw(st.sampled_from(("mbconv", "sepconv", "conv", "basic", "bottleneck")))
        resnet = operation in ("basic", "bottleneck")
        stages.append(
            Stage(
                operation,
                draw(st.integers(1, 24)),
                draw(st.integers(1, 3)),
                draw(st.integers(1, 2)),
                draw(st.sampled_from((1, 3, 5))),
                draw(st.sampled_from((0.25, 1, 1.5, 3))) if operation in ("mbconv", "bottleneck") else 1,
                se_ratio=0 if resnet else draw(st.sampled_from((0, 0.25, 1))),
                se_kind=draw(st.sampled_from(("input", "expanded"))),
                skip=draw(st.sampled_from(("identity", "projection", "pool", "none"))),
                activation=draw(acts),
            )
        )
    stem = Stem(
        draw(st.integers(1, 12)), draw(st.sampled_from((3, 5))), draw(st.integers(1, 3)), draw(acts),
        draw(st.sampled_from(("none", "max"))),
    )  # fmt: skip
    head = Head(draw(st.integers(0, 9)), draw(st.integers(0, 9)), draw(acts))
    rates = {"dropout": draw(st.sampled_from((0.0, 0.3))), "drop_path": draw(st.sampled_from((0.0, 0.2)))}
    return Architecture("any", stem, tuple(stages), head, resolution=draw(st.integers(8, 20)), classes=3, **rates)


def built(architecture: Architecture, **options: float) -> Network:
    """Built, with norms that do something: behind fresh ones a wrong order would hide."""
    network = build(architecture, **options)
    randomise_norms(network)
    return network


def images_for(network: Network, batch: int = 2, size: int | None = None) -> torch.Tensor:
    pixels = size or network.architecture.resolution
    return torch.randn(batch, network.architecture.input_channels, pixels, pixels)
