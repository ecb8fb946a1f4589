"""Student's t distribution for whole degrees of freedom, in plain Python (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""

from __future__ import annotations

import math


def inside(t: float, degrees: int) -> float:
    """Probability that |T| <= t, t at least 0, degrees at least 1."""
    angle = math.atan(t / math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for number in range(degrees // 2):
        total += term
        factor = 2 * number + 1 + odd
        term *= cosine**2 * factor / (factor + 1)
    if odd:
        return 2 / math.pi * (angle + sine * total)
    return sine * total


def quantile(probability: float, degrees: int) -> float:
    """t with P(|T| <= t) = probability, 0 to below 1; by bisection, to 12 digits."""
    if not 0 <= probability < 1 or degrees < 1:
        raise ValueError(f"probability is {probability}, degrees {degrees}; 0 to below 1, and at least 1")
    low, high = 0.0, 1.0
    while inside(high, degrees) < probability:
        low, high = high, 2 * high
    for _ in range(200):
        middle = (low + high) / 2
        if high - low <= 1e-13 * high:
            break
        low, high = (middle, high) if inside(middle, degrees) < probability else (low, middle)
    return (low + high) / 2
