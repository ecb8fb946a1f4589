"""The derived files of a study: runs.csv, grid.csv, surface.csv, coefficients.json, base.yaml, family/."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ..records import atomic
from ..search_spaces import codec
from .budget_family import budget_ladder
from .outputs import FORMAT, VERSION, write_family, write_table
from .scaled_family import LADDER
from .study_networks import RESOLUTION
from .study_reading import Study
from .study_verdict import EQUAL_NAME, PUBLISHED_NAME, Known


def write_study(study: Study, evaluator: str) -> tuple[str, ...]:
    """Into the run directory. Returns the names of the family that cannot be built and were left out."""
    if study.run_dir is None:
        return ()
    write_table(study.run_dir / "runs.csv", study.runs)
    write_table(study.run_dir / "grid.csv", study.points)
    write_table(study.run_dir / "surface.csv", study.surface)
    document = json.dumps(study_document(study, evaluator), indent=1, allow_nan=False) + "\n"
    atomic.write_text(study.run_dir / "coefficients.json", document)
    base = study.plan.base
    atomic.write_text(study.run_dir / "base.yaml", codec.dumps(base))
    members, missing = family_of(study)
    phis = [{"b0": 0.0, **LADDER}[name] for name in members]
    write_family(study.run_dir / "family", base, tuple(members.values()), phis)
    return missing


def family_of(study: Study) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The base and its members at exact budgets; and the names of those that cannot be built."""
    plan = study.plan
    return budget_ladder(
        plan.base, study.coefficients, plan.factor, plan.channel_step, keep_resolution=RESOLUTION in plan.design.fixed
    )


def study_document(study: Study, evaluator: str) -> dict[str, Any]:
    """coefficients.json: a grid's names, and what only a study knows."""
    result, surface, plan = study.result, study.result.surface, study.plan
    known = {one.name: one for one in result.known}
    best = result.best
    return {
        "format": FORMAT,
        "version": VERSION,
        **asdict(study.coefficients),
        "product": round(study.coefficients.flops_factor, 6),
        "phi": plan.design.phi,
        "base": plan.base.name,
        "base_key": plan.base.key,
        "evaluator": evaluator,
        "rated_by": study.settings["points"],
        "design": study.settings["study"],
        "rounding": "exact",
        "channel_step": plan.channel_step,
        "keep_resolution": RESOLUTION in plan.design.fixed,
        "growth": plan.design.growth,
        "fixed": study.settings["fixed"],
        "best": [best.alpha, best.beta, best.gamma],
        "loss_at_most": result.loss_at_most,
        "confidence_set": [list(triple) for triple in study.confidence_set],
        "share_in_set": float(result.in_set.mean()),
        "flat": result.flat,
        "published": _known(known.get(PUBLISHED_NAME)),
        "equal_shares": _known(known.get(EQUAL_NAME)),
        "response": surface.response,
        "form": surface.form,
        "prior": surface.prior,
        "per_point": surface.per_point,
        "trainings": surface.results,
        "seeds": plan.design.seeds,
        "noise": _noise(study),
        "seed_effects": {str(seed): value for seed, value in surface.seed_effects.items()},
        "readings": [asdict(one) for one in study.readings],
        "alternatives": [],
        "same_network": dict(plan.same),
        "conclusion": study.conclusion,
        "warning": study.warning,
    }


def _known(one: Known | None) -> dict[str, Any] | None:
    if one is None:
        return None
    alpha, beta, gamma = one.triple
    return {
        "alpha": alpha, "beta": beta, "gamma": gamma, "shares": list(one.shares), "loss": one.loss,
        "loss_at_most": one.loss_at_most, "near": one.near, "in_set": one.in_set,
    }  # fmt: skip


def _noise(study: Study) -> dict[str, Any]:
    """sigma: of one training, own: of a network about the surface, in units of the response."""
    noise = study.result.surface.noise
    check = noise.check
    return {
        "sigma": noise.sigma,
        "own": noise.own,
        "degrees": noise.degrees,
        "lack_of_fit": None if check is None else {"f": check.f, "p": check.p, "degrees": list(check.degrees)},
    }
