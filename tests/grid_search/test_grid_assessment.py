"""What cannot be told apart from the best triple, and what other laws say; both computed again here."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from effsearch.grid_search import ScalingLaw, assess, search
from effsearch.grid_search import law as laws
from effsearch.grid_search.assess import alternatives, membership, membership_by_std, published_row
from effsearch.grid_search.grid import constrained_grid, normalised
from effsearch.grid_search.points import PointResult


def rated(error: float, std: float | None, failure: str | None = None) -> PointResult:
    return PointResult((1.2, 1.1, 1.15), error, std, 0.0, "by hand", failure)


@pytest.fixture(scope="module")
def found(b0):
    return search(b0, laws.load())


def test_the_set_holds_the_best_and_the_published_triple_and_not_everything(found):
    best = (found.coefficients.alpha, found.coefficients.beta, found.coefficients.gamma)
    assert best in found.confidence_set
    assert (1.2, 1.1, 1.15) in found.confidence_set
    assert found.published["in_set"] is True
    assert 0 <= found.published["loss"] <= 0.05
    assert 2 <= len(found.confidence_set) < len(found.table) / 2
    assert set(found.confidence_set) == {
        (row["alpha"], row["beta"], row["gamma"]) for _, row in found.table.iterrows() if row["in_set"]
    }


def test_the_published_triple_has_its_rank_and_loss(found):
    row = found.table[found.table["published"]].iloc[0]
    assert (row["alpha"], row["beta"], row["gamma"]) == (1.2, 1.1, 1.15)
    assert found.table["published"].sum() == 1
    assert found.published["rank"] == 1 + (found.table["error"] < row["error"]).sum()
    assert found.published["loss"] == pytest.approx(row["error"] - found.table["error"].min())
    assert {name: found.published[name] for name in ("alpha", "beta", "gamma")} == {
        "alpha": 1.2, "beta": 1.1, "gamma": 1.15,
    }  # fmt: skip


def test_membership_is_a_vote_of_the_refits(literal):
    """In: within 0.05 point of the best in at least 5 % of the refits. Counted refit by refit."""
    law, triples = laws.load(), constrained_grid()
    points = normalised(triples, 2)
    votes = np.zeros(len(points), dtype=int)
    for refit in law.samples:
        errors = [literal(refit, *point) for point in points]
        votes += np.array(errors) <= min(errors) + 0.05
    assert membership(law, points).tolist() == (votes >= math.ceil(0.05 * len(law.samples))).tolist()


def test_the_set_grows_with_the_resolution_of_the_measurement(monkeypatch):
    law, points = laws.load(), normalised(constrained_grid(), 2)
    members = []
    for resolution in (0.0, 0.01, 0.05, 0.2, 5.0):
        monkeypatch.setattr(assess, "RESOLUTION", resolution)
        members.append(membership(law, points))
    for smaller, larger in pairwise(members):
        assert (smaller <= larger).all()
        assert smaller.sum() < larger.sum()
    assert members[-1].all()


def test_the_set_of_evaluations_by_hand():
    results = [
        rated(20.0, 0.1),
        rated(20.06, None),  # 0.06 <= 0.05 + 1.645 * 0.1
        rated(20.28, 0.1),  # 0.28 <= 0.05 + 1.645 * 0.1414 = 0.2826
        rated(20.29, 0.1),
        rated(20.23, None),  # 0.23 > 0.05 + 0.1645
        rated(21.0, 0.7),  # 1.0 <= 0.05 + 1.645 * 0.7071
        rated(math.nan, None, "failed"),
    ]
    assert membership_by_std(results).tolist() == [True, True, True, False, False, True, False]


def test_evaluations_without_std_count_as_exact():
    results = [rated(20.04, None), rated(20.0, None), rated(20.06, None)]
    assert membership_by_std(results).tolist() == [True, True, False]


@pytest.mark.parametrize("used", ["additive", "resnet-50"])
def test_every_other_law_is_asked_about_the_same_grid(literal, used):
    triples = constrained_grid()
    chosen = 7
    found = alternatives(triples, chosen, 2.0, laws.load(used))
    assert [one.law for one in found] == [name for name in laws.names() if name != used]
    published = published_row(triples)
    assert triples[published].tolist() == [1.2, 1.1, 1.15]
    for one in found:
        law: ScalingLaw = laws.load(one.law)
        values = [literal(law.coefficients, *point) for point in normalised(triples, 2)]
        errors = np.exp(values) if law.logarithmic else np.array(values)
        assert one.best == tuple(triples[int(errors.argmin())])
        assert one.published_loss == pytest.approx(errors[published] - errors.min(), abs=1e-9)
        assert one.chosen_loss == pytest.approx(errors[chosen] - errors.min(), abs=1e-9)
        assert one.published_loss >= 0
        assert one.chosen_loss >= 0


def test_other_networks_prefer_less_resolution(found):
    """FACTS.md: MobileNetV2's and ResNet-50's results prefer gamma near 1; other forms move alpha."""
    best = {one.law: one.best for one in found.alternatives}
    assert set(best) == set(laws.names()) - {"additive"}
    assert best["mobilenet-v2"][2] < found.coefficients.gamma
    assert best["resnet-50"][2] < found.coefficients.gamma


def test_the_conclusion_says_what_was_found_and_its_limits(found):
    text = found.conclusion
    assert "1.25, 1.1, 1.15" in text
    assert f"{len(found.confidence_set)} of {len(found.table)}" in text
    assert "reproduces" in text
    assert "discover" in text
