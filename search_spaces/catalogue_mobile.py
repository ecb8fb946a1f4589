"""MobileNetV1, V2, V3 and MnasNet, as the rows of their papers."""

from __future__ import annotations

from collections.abc import Callable

from .architecture import Architecture, Head, Stage, Stem

# MobileNetV1, arXiv 1704.04861 table 1, its pairs "Conv dw, Conv / s1" joined: stride, channels, repeats.
# Activation and dropout from the reference implementation (slim/nets/mobilenet_v1.py): ReLU6, 0.001.
MOBILENET_V1_ROWS = (
    (1, 64, 1),
    (2, 128, 2),
    (2, 256, 2),
    (2, 512, 6),
    (2, 1024, 2),
)

# MobileNetV2, arXiv 1801.04381 table 2: expand, stride, channels, repeats
MOBILENET_V2_ROWS = (
    (1, 1, 16, 1),
    (6, 2, 24, 2),
    (6, 2, 32, 3),
    (6, 2, 64, 4),
    (6, 1, 96, 3),
    (6, 2, 160, 3),
    (6, 1, 320, 1),
)

# MobileNetV3-Large and -Small, arXiv 1905.02244 tables 1 and 2, a row a block: kernel, expanded channels, channels, SE,
# activation ("HS", "RE"), stride. SE squeezes to a quarter, as in the reference implementation (slim/nets/mobilenet).
MOBILENET_V3_LARGE_ROWS = (
    (3, 16, 16, False, "RE", 1),
    (3, 64, 24, False, "RE", 2),
    (3, 72, 24, False, "RE", 1),
    (5, 72, 40, True, "RE", 2),
    (5, 120, 40, True, "RE", 1),
    (5, 120, 40, True, "RE", 1),
    (3, 240, 80, False, "HS", 2),
    (3, 200, 80, False, "HS", 1),
    (3, 184, 80, False, "HS", 1),
    (3, 184, 80, False, "HS", 1),
    (3, 480, 112, True, "HS", 1),
    (3, 672, 112, True, "HS", 1),
    (5, 672, 160, True, "HS", 2),
    (5, 960, 160, True, "HS", 1),
    (5, 960, 160, True, "HS", 1),
)
MOBILENET_V3_SMALL_ROWS = (
    (3, 16, 16, True, "RE", 2),
    (3, 72, 24, False, "RE", 2),
    (3, 88, 24, False, "RE", 1),
    (5, 96, 40, True, "HS", 2),
    (5, 240, 40, True, "HS", 1),
    (5, 240, 40, True, "HS", 1),
    (5, 120, 48, True, "HS", 1),
    (5, 144, 48, True, "HS", 1),
    (5, 288, 96, True, "HS", 2),
    (5, 576, 96, True, "HS", 1),
    (5, 576, 96, True, "HS", 1),
)

# MnasNet-A1 (arXiv 1807.11626 figure 7) and B1, found without SE (mnasnet_models.py of the reference implementation):
# expand, kernel, stride, channels, repeats, SE
MNASNET_A1_ROWS = (
    (1, 3, 1, 16, 1, 0),
    (6, 3, 2, 24, 2, 0),
    (3, 5, 2, 40, 3, 0.25),
    (6, 3, 2, 80, 4, 0),
    (6, 3, 1, 112, 2, 0.25),
    (6, 5, 2, 160, 3, 0.25),
    (6, 3, 1, 320, 1, 0),
)
MNASNET_B1_ROWS = (
    (1, 3, 1, 16, 1, 0),
    (3, 3, 2, 24, 3, 0),
    (3, 5, 2, 40, 3, 0),
    (6, 5, 2, 80, 3, 0),
    (6, 3, 1, 96, 2, 0),
    (6, 5, 2, 192, 4, 0),
    (6, 3, 1, 320, 1, 0),
)


def _mobilenet_v1(name: str) -> Architecture:
    stages = tuple(
        Stage("sepconv", channels, repeats, stride, skip="none", activation="relu6")
        for stride, channels, repeats in MOBILENET_V1_ROWS
    )
    stem, head = Stem(activation="relu6"), Head(channels=0)
    return Architecture(name, stem, stages, head, dropout=0.001, drop_path=0.0)


def _mobilenet_v2(name: str) -> Architecture:
    stages = tuple(
        Stage("mbconv", channels, repeats, stride, 3, expand, activation="relu6")
        for expand, stride, channels, repeats in MOBILENET_V2_ROWS
    )
    stem, head = Stem(activation="relu6"), Head(activation="relu6")
    return Architecture(name, stem, stages, head, drop_path=0.0)


def _mobilenet_v3(name: str) -> Architecture:
    large = name == "mobilenet-v3-large"
    rows = MOBILENET_V3_LARGE_ROWS if large else MOBILENET_V3_SMALL_ROWS
    head = Head(960, hidden=1280, activation="hard_swish") if large else Head(576, hidden=1024, activation="hard_swish")
    stem = Stem(16, activation="hard_swish")
    inputs = (stem.channels, *(channels for _, _, channels, *_ in rows))
    stages = tuple(
        Stage(
            "mbconv", channels, 1, stride, kernel, expanded / width, 0.25 if squeezed else 0, "expanded",
            activation={"HS": "hard_swish", "RE": "relu"}[activation],
        )
        for width, (kernel, expanded, channels, squeezed, activation, stride) in zip(inputs, rows, strict=False)
    )  # fmt: skip
    return Architecture(name, stem, stages, head, drop_path=0.0)


def _mnasnet(name: str) -> Architecture:
    rows = MNASNET_A1_ROWS if name == "mnasnet-a1" else MNASNET_B1_ROWS
    stages = tuple(
        Stage("mbconv", channels, repeats, stride, kernel, expand, se_ratio, activation="relu")
        for expand, kernel, stride, channels, repeats, se_ratio in rows
    )
    return Architecture(name, Stem(activation="relu"), stages, Head(activation="relu"), drop_path=0.0)


MAKERS: dict[str, Callable[[str], Architecture]] = {
    "mobilenet-v1": _mobilenet_v1,
    "mobilenet-v2": _mobilenet_v2,
    "mobilenet-v3-large": _mobilenet_v3,
    "mobilenet-v3-small": _mobilenet_v3,
    "mnasnet-a1": _mnasnet,
    "mnasnet-b1": _mnasnet,
}
