"""Whole channels, layers and pixels from real factors, as the official EfficientNet code rounds them."""

from __future__ import annotations

import math


def round_filters(channels: float, multiple: int = 8) -> int:
    """Nearest multiple, at least one, and never below 0.9 of the exact number of channels."""
    rounded = max(multiple, int(channels + multiple / 2) // multiple * multiple)
    return rounded if rounded >= 0.9 * channels else rounded + multiple


def round_repeats(repeats: float) -> int:
    """Layers, rounded up; 1e-9 is forgiven, so that 1.1 * 10 is 11 layers and not 12."""
    return max(1, math.ceil(repeats - 1e-9))


def expanded(channels: int, factor: float) -> int:
    """channels * factor where that is a whole number (MobileNetV3's 88 / 24), else as `round_filters` says."""
    exact = channels * factor
    nearest = round(exact)
    return nearest if nearest > 0 and abs(exact - nearest) < 1e-6 else round_filters(exact)


def strided(size: int, stride: int) -> int:
    """Map size after "same" padding: size / stride, rounded up. So 258 px cost 15 % more than 256 (9x9 last maps)."""
    return -(-size // stride)
