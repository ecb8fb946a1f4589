"""Reads a study's coefficients.json strictly: what is missing or cannot be is an InvalidValue or KeyError."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..search_spaces.checks import InvalidValue, choice, instance, integer, number, shown
from .study_result import Known, LackOfFit, Reading, StudyResult, Triple

RESPONSES, FORMS, PRIORS = ("error", "loss"), ("additive", "quadratic"), ("law", "none")
LARGEST = 1e9
ROUNDED = -1e-6  # of what is at least 0
MOST = 10_000  # entries of a list


def parse_result(path: Path) -> StudyResult:
    """InvalidValue, KeyError, ValueError or TypeError for anything else than a study's."""
    document = json.loads(path.read_text(encoding="utf-8"))
    instance(path.name, document, dict)
    noise = _mapping("noise", document["noise"])
    warning = document["warning"]
    return StudyResult(
        recommended=_triple("alpha, beta, gamma", [document[name] for name in ("alpha", "beta", "gamma")]),
        best=_triple("best", document["best"]),
        phi=_number("phi", document["phi"], 1e-3, 20),
        growth=_number("growth", document["growth"], 1 + 1e-9, 1e30),
        base=_text("base", document["base"]),
        base_key=_text("base_key", document["base_key"]),
        evaluator=_text("evaluator", document["evaluator"]),
        rated_by=_text("rated_by", document["rated_by"]),
        fixed=_fixed(document["fixed"]),
        loss_at_most=_number("loss_at_most", document["loss_at_most"], 0, LARGEST),
        share_in_set=_number("share_in_set", document["share_in_set"], 0, 1),
        flat=_flag("flat", document["flat"]),
        published=_known("published", document["published"]),
        equal_shares=_known("equal_shares", document["equal_shares"]),
        response=_choice("response", document["response"], RESPONSES),
        form=_choice("form", document["form"], FORMS),
        prior=_choice("prior", document["prior"], PRIORS),
        per_point=_number("per_point", document["per_point"], 1e-12, LARGEST),
        trainings=_integer("trainings", document["trainings"]),
        seeds=_integer("seeds", document["seeds"]),
        sigma=_number("sigma", noise["sigma"], 0, LARGEST),
        own=_number("own", noise["own"], 0, LARGEST),
        check=_check(noise["lack_of_fit"]),
        seed_effects=_effects(document["seed_effects"]),
        readings=tuple(_reading(one) for one in _sequence("readings", document["readings"])),
        same_network={
            _text("same_network", one): _text("same_network", other)
            for one, other in _mapping("same_network", document["same_network"]).items()
        },
        warning=None if warning is None else _text("warning", warning),
    )


def _known(name: str, found: Any) -> Known | None:
    if found is None:
        return None
    one = _mapping(name, found)
    return Known(
        _triple(name, [one[part] for part in ("alpha", "beta", "gamma")]), _shares(name, one["shares"]),
        _number(f"{name}: loss", one["loss"], 0, LARGEST),
        _number(f"{name}: loss_at_most", one["loss_at_most"], 0, LARGEST),
        _number(f"{name}: near", one["near"], 0, 1), _flag(f"{name}: in_set", one["in_set"]),
    )  # fmt: skip


def _reading(found: Any) -> Reading:
    one = _mapping("readings", found)
    near = one["published_near"]
    return Reading(
        _choice("response", one["response"], RESPONSES), _choice("form", one["form"], FORMS),
        _choice("prior", one["prior"], PRIORS), _triple("best", one["best"]), _number("share", one["share"], 0, 1),
        max(0.0, _number("chosen_loss", one["chosen_loss"], ROUNDED, LARGEST)),
        None if near is None else _number("published_near", near, 0, 1),
    )  # fmt: skip


def _check(found: Any) -> LackOfFit | None:
    """f may be infinite, where seeds do not scatter at all."""
    if found is None:
        return None
    one = _mapping("lack_of_fit", found)
    number("f", one["f"], 0, float("inf"))
    return LackOfFit(float(one["f"]), _number("p", one["p"], 0, 1))


def _effects(found: Any) -> dict[int, float]:
    return {
        int(seed): _number(f"seed {seed}", value, -LARGEST, LARGEST)
        for seed, value in _mapping("seed_effects", found).items()
    }


def _fixed(found: Any) -> dict[str, float]:
    fixed = {name: _number(name, value, 1, 100) for name, value in _mapping("fixed", found).items()}
    if len(fixed) > 1 or not set(fixed) <= {"alpha", "beta", "gamma"}:
        raise InvalidValue(f"fixed is {shown(found)}; it must be one of alpha, beta, gamma at most")
    return fixed


def _triple(name: str, found: Any) -> Triple:
    first, second, third = (_number(name, one, 0.5, 1e6) for one in _sequence(name, found))
    return first, second, third


def _shares(name: str, found: Any) -> Triple:
    first, second, third = (_number(f"{name}: shares", one, -1e-6, 1 + 1e-6) for one in _sequence(name, found))
    return first, second, third


def _number(name: str, value: Any, low: float, high: float) -> float:
    number(name, value, low, high)
    return float(value)


def _integer(name: str, value: Any) -> int:
    integer(name, value, 1)
    return int(value)


def _flag(name: str, value: Any) -> bool:
    instance(name, value, bool)
    return bool(value)


def _text(name: str, value: Any) -> str:
    instance(name, value, str)
    return str(value)


def _choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    choice(name, value, allowed)
    return str(value)


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    instance(name, value, dict)
    return dict(value)


def _sequence(name: str, value: Any) -> Sequence[Any]:
    instance(name, value, list)
    if len(value) > MOST:
        raise InvalidValue(f"{name} has {len(value)} entries; at most {MOST}")
    return list(value)
