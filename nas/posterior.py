"""How good the networks of a search really are, given all its noisy results: a Gaussian process on hand features.

A short training scatters by 0.3 to 1 point with its seed, so the best of 100 results is the luckiest of them. Networks
with like features have like accuracies, so the others' results say how lucky.

    -log(100 - accuracy) = constant + linear in the logarithms of the costs (`features.Features`: in all, and by stage)
                         + linear in the choices + a smooth function of both + a part of the network's own + noise

Every part has a normal prior; its size is what maximises the marginal likelihood under a weak prior of its own, found
by a walk over a grid: no random number, the same result for the same data. The noise is that of Evaluation.std where
that is given (the logarithm's slope applied), and more where the residuals ask for more. A network's own part is taken
as OWN of the spread: from single trainings it cannot be told from noise. Results that are far below the others (a
training that diverged) are drawn in to FAR robust deviations, or one of them would set the scale of everything.

docs/assisted.md has the check on 4,100 networks trained on ImageNet (experiments/benchmarks).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .features import Features, Floats

# Typical sizes, in standard deviations of the transformed accuracies: totals, stages, genes, smooth part, noise
TYPICAL = (0.5, 0.6, 0.6, 0.3, 0.3)
FACTORS = (0.5, 2**-0.5, 2**0.5, 2.0)  # steps of the walk over the grid
ROUNDS = 3
OWN = 0.1
LENGTH = 1.2  # squared distance at which the smooth part's correlation has fallen to 1/e
FAR = 4.0
LEAST = 0.05  # error in percent below which the logarithm is cut
FITTED = 300  # results that the sizes are fitted on, evenly out of more


@dataclass(frozen=True)
class Belief:
    """mean and one standard deviation of accuracy without noise, in percent, (n,) each."""

    mean: Floats
    std: Floats


@dataclass(frozen=True)
class Posterior:
    """What was learnt from `known` networks. `residuals`: transformed and standardised results less the constant."""

    known: Features
    sizes: tuple[float, ...]
    own: float
    noise: Floats
    residuals: Floats
    inverse: Floats  # of the covariance of the results, (n, n)
    constant: float
    middle: float
    spread: float

    def of_known(self) -> Belief:
        """Of the networks of the fit, their own part included."""
        covariance = self._smooth(self.known, self.known) + self.own**2 * np.eye(len(self.known))
        mean = covariance @ (self.inverse @ self.residuals)
        shrunk = np.einsum("ij,jk,ik->i", covariance, self.inverse, covariance)
        return self._percent(mean, np.diag(covariance) - shrunk)

    def predict(self, features: Features) -> Belief:
        """Of other networks."""
        covariance = self._smooth(features, self.known)
        variance = self._variance(features) + self.own**2 - ((covariance @ self.inverse) * covariance).sum(axis=1)
        return self._percent(covariance @ (self.inverse @ self.residuals), variance)

    def believing(self, features: Features) -> Posterior:
        """As if these networks had been evaluated and were as good as predicted: less is left to learn beside them."""
        if not len(features):
            return self
        across = self._smooth(features, self.known)
        noise = np.full(len(features), float(np.median(self.noise)))
        own = self._smooth(features, features) + np.diag(self.own**2 + noise**2)
        solved = across @ self.inverse
        corner = np.linalg.inv(own - solved @ across.T)
        beside = -corner @ solved
        inverse = np.block([[self.inverse + solved.T @ corner @ solved, beside.T], [beside, corner]])
        residuals = np.concatenate([self.residuals, solved @ self.residuals])
        return replace(
            self,
            known=self.known.joined(features),
            noise=np.concatenate([self.noise, noise]),
            residuals=residuals,
            inverse=inverse,
        )

    def _smooth(self, first: Features, second: Features) -> Floats:
        return _covariance(_parts(first, second), self.sizes)

    def _variance(self, features: Features) -> Floats:
        lengths = [(group**2).sum(axis=1) for group in (features.totals, features.stages, features.genes)]
        total = self.sizes[3] ** 2 * np.ones(len(features))
        for size, length in zip(self.sizes, lengths, strict=False):
            total += size**2 * length
        return total

    def _percent(self, mean: Floats, variance: Floats) -> Belief:
        error = np.exp(-(self.middle + self.spread * (self.constant + mean)))
        std = self.spread * np.sqrt(np.maximum(variance, 0.0)) * error
        return Belief(np.clip(100.0 - error, 0.0, 100.0), std)


def fit(features: Features, accuracy: Floats, std: Floats) -> Posterior:
    """From results in percent, (n,), n at least 1, and their noise, one standard deviation or NaN where not known."""
    error = np.maximum(100.0 - accuracy, LEAST)
    values = _drawn_in(-np.log(error))
    middle = float(values.mean())
    spread = float(values.std())
    spread = spread if spread > 1e-9 else 1.0
    values = (values - middle) / spread
    given = np.nan_to_num(std, nan=0.0) / error / spread
    chosen = np.unique(np.linspace(0, len(values) - 1, min(len(values), FITTED)).round().astype(np.int64))
    some = features.rows(chosen)
    sizes = _fit_sizes(_parts(some, some), values[chosen], given[chosen])
    noise = np.sqrt(given**2 + sizes[4] ** 2)
    covariance = _covariance(_parts(features, features), sizes) + np.diag(OWN**2 + noise**2)
    inverse: Floats = np.linalg.inv(covariance).astype(np.float64)
    constant = float(inverse.sum(axis=0) @ values / inverse.sum())
    return Posterior(features, sizes[:4], OWN, noise, values - constant, inverse, constant, middle, spread)


def _fit_sizes(parts: list[Floats], values: Floats, given: Floats) -> tuple[float, ...]:
    sizes: tuple[float, ...] = TYPICAL
    best = _evidence(parts, values, given, sizes)
    for _ in range(ROUNDS):
        before = sizes
        for position in range(len(sizes)):
            for factor in FACTORS:
                tried = tuple(size * (factor if i == position else 1.0) for i, size in enumerate(sizes))
                evidence = _evidence(parts, values, given, tried)
                if evidence > best + 1e-9:
                    sizes, best = tried, evidence
        if sizes == before:
            break
    return sizes


def _evidence(parts: list[Floats], values: Floats, given: Floats, sizes: tuple[float, ...]) -> float:
    """Logarithm of the marginal likelihood, the constant integrated out, and of the prior: sizes are log-normal around
    TYPICAL, within a factor of e two times out of three."""
    covariance = _covariance(parts, sizes) + np.diag(OWN**2 + sizes[4] ** 2 + given**2)
    triangle = np.linalg.cholesky(covariance)
    solved = np.linalg.solve(triangle, np.column_stack([values, np.ones(len(values))]))
    ones = float(solved[:, 1] @ solved[:, 1])
    rest = solved[:, 0] - float(solved[:, 1] @ solved[:, 0]) / ones * solved[:, 1]
    prior = sum(float(np.log(size / typical)) ** 2 for size, typical in zip(sizes, TYPICAL, strict=True))
    return float(-0.5 * rest @ rest - np.log(np.diag(triangle)).sum() - 0.5 * np.log(ones) - 0.5 * prior)


def _parts(first: Features, second: Features) -> list[Floats]:
    """Covariances of size 1: linear in totals, stages and genes, and smooth."""
    linear = [
        first.totals @ second.totals.T,
        first.stages @ second.stages.T,
        first.genes @ second.genes.T,
    ]
    left, right = (np.hstack([one.genes, 0.5 * one.totals, 0.5 * one.stages]) for one in (first, second))
    squares = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None] - 2 * left @ right.T
    return [*linear, np.exp(-np.maximum(squares, 0.0) / LENGTH)]


def _covariance(parts: list[Floats], sizes: tuple[float, ...]) -> Floats:
    total = sizes[0] ** 2 * parts[0]
    for size, part in zip(sizes[1:], parts[1:], strict=False):
        total = total + size**2 * part
    return total


def _drawn_in(values: Floats) -> Floats:
    middle = float(np.median(values))
    deviation = 1.4826 * float(np.median(np.abs(values - middle)))
    return np.maximum(values, middle - FAR * deviation) if deviation > 0 else values
