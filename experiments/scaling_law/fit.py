"""Least squares of the laws' forms, leave-one-out errors, and refits for the uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...grid_search.law import formula
from .results import EFFICIENTNET, MOBILENET_V2, RESNET_50, Result

Floats = NDArray[np.float64]
Fit = Callable[[Floats, Floats], Floats]  # multipliers (n, 3), errors (n,) in percent -> coefficients (7,)

REFITS: Final = 200
EXPONENTS: Final = (0.3, 8.0)  # where the exponents are sought


def fit_laws() -> dict[str, dict[str, Any]]:
    """name -> what `grid_search.law` reads. All are disturbed by the additive law's leave-one-out error."""
    additive, errors = _arrays(EFFICIENTNET)
    exponent = float(fit_additive(additive, errors)[4])
    noise = _rms(_left_out(fit_additive, additive, errors, False))

    def with_that_exponent(multipliers: Floats, values: Floats) -> Floats:
        return _linear(multipliers, values, (exponent,) * 3)

    return {
        "additive": _law(fit_additive, EFFICIENTNET, noise),
        "separate": _law(fit_separate, EFFICIENTNET, noise),
        "logarithmic": _law(fit_additive, EFFICIENTNET, noise, logarithmic=True),
        "mobilenet-v2": _law(with_that_exponent, MOBILENET_V2, noise),
        "resnet-50": _law(with_that_exponent, RESNET_50, noise),
    }


def fit_additive(multipliers: Floats, values: Floats) -> Floats:
    """One exponent, sought; the rest is linear."""
    from scipy.optimize import minimize_scalar

    def loss(exponent: float) -> float:
        coefficients = _linear(multipliers, values, (exponent,) * 3)
        return float(((formula(coefficients[None], multipliers, False)[0] - values) ** 2).sum())

    tried = np.linspace(*EXPONENTS, 78)
    best = tried[int(np.argmin([loss(one) for one in tried]))]
    found = minimize_scalar(loss, bounds=(best - 0.1, best + 0.1), method="bounded", options={"xatol": 1e-9})
    return _linear(multipliers, values, (float(found.x),) * 3)


def fit_separate(multipliers: Floats, values: Floats) -> Floats:
    """Three exponents, from the additive fit on; the rest is linear."""
    from scipy.optimize import least_squares

    def residuals(exponents: Floats) -> Floats:
        coefficients = _linear(multipliers, values, tuple(exponents))
        return np.asarray(formula(coefficients[None], multipliers, False)[0] - values)

    start = np.full(3, fit_additive(multipliers, values)[4]).clip(EXPONENTS[0] + 0.01, EXPONENTS[1] - 0.01)
    found = least_squares(residuals, start, bounds=EXPONENTS, xtol=1e-12, ftol=1e-12)
    return _linear(multipliers, values, tuple(found.x))


def _linear(multipliers: Floats, values: Floats, exponents: tuple[float, ...]) -> Floats:
    """Least-squares c, a, b, e for given exponents; none of a, b, e below 0 (more of a dimension never hurts)."""
    powers = multipliers ** -(np.array(exponents) * (1, 2, 2))
    active = [0, 1, 2]
    while True:
        matrix = np.column_stack([np.ones(len(values)), powers[:, active]])
        solution = np.linalg.lstsq(matrix, values, rcond=None)[0]
        negative = [place for place, value in zip(active, solution[1:], strict=True) if value < 0]
        if not negative:
            break
        active = [place for place in active if place not in negative]
    slopes = np.zeros(3)
    slopes[active] = solution[1:]
    return np.array([solution[0], *slopes, *exponents])


def _law(fit: Fit, results: Sequence[Result], noise: float, *, logarithmic: bool = False) -> dict[str, Any]:
    multipliers, errors = _arrays(results)

    def fitted(rows: Floats, values: Floats) -> Floats:
        return fit(rows, np.log(values) if logarithmic else values)

    coefficients = fitted(multipliers, errors)
    predicted = formula(coefficients[None], multipliers, logarithmic)[0]
    rng = np.random.Generator(np.random.PCG64(0))
    samples = [fitted(multipliers, predicted + rng.normal(0, noise, len(errors))) for _ in range(REFITS)]
    enough = len(errors) > 6
    return {
        "logarithmic": logarithmic,
        "coefficients": _six_digits(coefficients),
        "samples": [_six_digits(sample) for sample in samples],
        "noise": float(f"{noise:.6g}"),
        "residual": float(f"{_rms(predicted - errors):.6g}"),
        "leave_one_out": float(f"{_rms(_left_out(fitted, multipliers, errors, logarithmic)):.6g}") if enough else None,
        "rows": len(errors),
    }


def _left_out(fit: Fit, multipliers: Floats, errors: Floats, logarithmic: bool) -> Floats:
    """Prediction minus result for every row by the fit on the others."""
    differences = []
    for row in range(len(errors)):
        rest = np.arange(len(errors)) != row
        coefficients = fit(multipliers[rest], errors[rest])
        differences.append(formula(coefficients[None], multipliers[row : row + 1], logarithmic)[0, 0] - errors[row])
    return np.array(differences)


def _arrays(results: Sequence[Result]) -> tuple[Floats, Floats]:
    multipliers = np.array([(one.depth, one.width, one.resolution) for one in results])
    return multipliers, 100.0 - np.array([one.top1 for one in results])


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _six_digits(values: Floats) -> list[float]:
    return [float(f"{value:.6g}") for value in values]
