"""Tails and quantiles of the F and chi-squared distributions in plain Python, by the incomplete beta function."""

from __future__ import annotations

import math

TINY = 1e-300
MANY = 1e8  # degrees of freedom that stand for infinitely many


def incomplete_beta(x: float, a: float, b: float) -> float:
    """Regularised I_x(a, b), 0 <= x <= 1, a and b above 0: the continued fraction of Numerical Recipes (equation
    6.4.5), evaluated by Lentz's method on the side where it converges fast."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - incomplete_beta(1 - x, b, a)
    front = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 100_000):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _not_zero(1 + factor * d)
            c = _not_zero(1 + factor / c)
            fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return math.exp(front) * fraction / a


def f_tail(value: float, above: float, below: float) -> float:
    """P(F >= value), with `above` and `below` degrees of freedom."""
    if value <= 0:
        return 1.0
    return incomplete_beta(below / (below + above * value), below / 2, above / 2)


def f_quantile(probability: float, above: float, below: float) -> float:
    """F with P(F <= it) = probability, 0 <= probability < 1; by bisection, to 12 digits."""
    low, high = 0.0, 1.0
    while f_tail(high, above, below) > 1 - probability:
        low, high = high, 2 * high
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if f_tail(middle, above, below) > 1 - probability else (low, middle)
    return (low + high) / 2


def chi2_quantile(probability: float, degrees: float) -> float:
    """To about six digits."""
    return degrees * f_quantile(probability, degrees, MANY)


def _not_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
