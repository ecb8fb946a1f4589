"""What a study says: the best triple, the set that holds it, what the known triples lose, and which one to take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..search_spaces.scaling import Coefficients
from .assess import RESOLUTION
from .best_set import CONFIDENCE, could_be_best, losses
from .grid import PUBLISHED, Floats, shares
from .shares import EQUAL, coefficients_of, multipliers_of
from .surface import Surface

CLOSE = 0.1  # percentage points of error
AS_LIKELY = 0.9
PUBLISHED_NAME, EQUAL_NAME = "published", "equal shares"
UNUSUAL = 0.05  # p of the lack of fit that is said


@dataclass(frozen=True)
class Known:
    """A triple given beforehand. shares: of its direction. loss: mean, points of error. loss_at_most: 95 % bound.
    near: probability that it is within CLOSE of the best. in_set: whether it could be the best."""

    name: str
    triple: tuple[float, float, float]
    shares: tuple[float, float, float]
    loss: float
    loss_at_most: float
    near: float
    in_set: bool


@dataclass(frozen=True)
class StudyResult:
    """The surface on a lattice, and what follows from it. Losses in points of error.

    lattice
        shares (points, 3); mean response; in_set; near: probability to be within CLOSE of the best; activations:
        those of the direction by the base's, depth * width * resolution^2 (nominal).
    chosen
        the recommended one's place in the lattice.
    best, recommended
        alpha, beta, gamma. recommended: of the set's members that are at least AS_LIKELY times as likely as the best
        to be within CLOSE of the truly best, the one with the fewest activations. All cost the same mult-adds; among
        such networks activations decide the memory, and the time of an accelerator (arXiv 2003.13678).
    loss_at_most
        95 % bound of what `recommended` loses against the truly best; never below RESOLUTION, since no form of surface
        is better than that.
    known
        the published triple and equal shares; without those that a fixed dimension rules out.
    """

    surface: Surface
    lattice: Floats
    mean: Floats
    in_set: NDArray[np.bool_]
    near: Floats
    activations: Floats
    chosen: int
    best: Coefficients
    recommended: Coefficients
    loss_at_most: float
    known: tuple[Known, ...]
    conclusion: str

    @property
    def flat(self) -> bool:
        """Nothing can be told apart."""
        return bool(self.in_set.all())

    @property
    def confidence_set(self) -> tuple[tuple[float, float, float], ...]:
        """alpha, beta, gamma of the members."""
        design = self.surface.design
        triples = coefficients_of(self.lattice[self.in_set], design.growth, design.phi)
        return tuple((float(a), float(b), float(c)) for a, b, c in triples)


def study_result(surface: Surface, *, parts: int = 24, close: float = CLOSE) -> StudyResult:
    """Read the surface on the lattice of 1/parts of the free shares."""
    design = surface.design
    rows = design.lattice(parts)
    extra = _known_shares(surface)
    mean = surface.predict(rows)
    samples = surface.sampled(rows)
    others = np.array([one for _, one in extra]).reshape(-1, 3)
    every = np.vstack([rows, others])
    inside = could_be_best(surface.predict(every), surface.sampled(every), surface.near(every))
    in_set = inside[: len(rows)]
    unit = surface.per_point
    lost = losses(samples) / unit
    best = int(mean.argmin())
    in_set[best] = True
    activations = np.exp(np.log(multipliers_of(rows, design.growth)) @ np.array([1.0, 1.0, 2.0]))
    near = np.asarray((lost <= close).mean(axis=0))
    chosen = recommended_row(in_set, near, best, activations)
    known = tuple(
        _known(name, one, surface, samples, float(mean[best]), bool(member), close)
        for (name, one), member in zip(extra, inside[len(rows) :], strict=True)
    )
    at_most = max(RESOLUTION, float(np.quantile(lost[:, chosen], CONFIDENCE)))
    triples = coefficients_of(rows, design.growth, design.phi)
    first, second = (Coefficients(*(float(one) for one in triples[row])) for row in (best, chosen))
    return StudyResult(
        surface, rows, mean, in_set, near, activations, chosen, first, second, at_most,
        known, _sentence(surface, first, second, at_most, in_set, known, close),
    )  # fmt: skip


def recommended_row(in_set: NDArray[np.bool_], near: Floats, best: int, activations: Floats) -> int:
    """The cheapest member that is about as likely as the best to be near the truly best; the best itself is one, and
    the only one where the set is everything: then likelihoods say nothing."""
    if in_set.all():
        return best
    allowed = in_set & (near >= AS_LIKELY * near[best])
    allowed[best] = True
    return int(np.where(allowed, activations, np.inf).argmin())


def _known_shares(surface: Surface) -> list[tuple[str, Floats]]:
    if surface.design.fixed:
        return []
    published = shares(np.array([[PUBLISHED.alpha, PUBLISHED.beta, PUBLISHED.gamma]]))[0]
    return [(PUBLISHED_NAME, published), (EQUAL_NAME, EQUAL)]


def _known(
    name: str, row: Floats, surface: Surface, samples: Floats, lowest: float, member: bool, close: float
) -> Known:
    lost = losses(samples, surface.sampled(row[None]))[:, 0] / surface.per_point
    triple = coefficients_of(row[None], surface.design.growth, surface.design.phi)[0]
    mean = max(0.0, float(surface.predict(row[None])[0] - lowest) / surface.per_point)
    a, b, c = (float(one) for one in triple)
    d, w, r = (float(one) for one in row)
    near = float((lost <= close).mean())
    at_most = max(RESOLUTION, float(np.quantile(lost, CONFIDENCE)))
    return Known(name, (a, b, c), (d, w, r), mean, at_most, near, member)


def _sentence(
    surface: Surface,
    best: Coefficients,
    chosen: Coefficients,
    at_most: float,
    in_set: NDArray[np.bool_],
    known: tuple[Known, ...],
    close: float,
) -> str:
    share = in_set.mean()
    words = [f"Best by {surface.results} trainings: {_written(best)}."]
    if in_set.all():
        words.append("The results tell no direction from another: every triple may be the best.")
    else:
        words.append(f"{100 * share:.0f} % of all directions may be the best (95 % confidence).")
    words.append(f"Recommended: {_written(chosen)}, which loses at most {at_most:.2f} point (95 %).")
    words += [
        f"{one.name.capitalize()} ({', '.join(f'{value:.3g}' for value in one.triple)}) is within {close:g} point of "
        f"the best with probability {one.near:.2f}."
        for one in known
    ]
    check = surface.lack_of_fit
    if check is None:
        words.append("Without seeds that differ the surface cannot be checked.")
    elif check.p < UNUSUAL:
        words.append(
            f"The networks scatter about the surface more than seeds do (F = {check.f:.1f}, p = {check.p:.2g}); the "
            "intervals are widened for it."
        )
    return " ".join(words)


def _written(triple: Coefficients) -> str:
    return f"{triple.alpha:.2f}, {triple.beta:.2f}, {triple.gamma:.2f}"
