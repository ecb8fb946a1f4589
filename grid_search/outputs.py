"""The derived files of a grid: tables, coefficients, the family."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from ..models import check_cost
from ..records import atomic
from ..search_spaces import codec
from ..search_spaces.architecture import Architecture
from .budget_family import ladder_by, rounding_for
from .grid_result import GridResult
from .scaled_family import LADDER, family_table

FORMAT, VERSION = "effsearch-coefficients", 1


def write_grid(result: GridResult, base: Architecture, evaluator: str) -> tuple[str, ...]:
    """grid.csv, surface.csv, coefficients.json, base.yaml and family/ into the run directory.

    Returns the names of the family that are too large to be built and were left out."""
    if result.run_dir is None:
        return ()
    write_table(result.run_dir / "grid.csv", result.table)
    if len(result.surface):
        write_table(result.run_dir / "surface.csv", result.surface)
    document = json.dumps(coefficients_document(result, base, evaluator), indent=1) + "\n"
    atomic.write_text(result.run_dir / "coefficients.json", document)
    atomic.write_text(result.run_dir / "base.yaml", codec.dumps(base))
    members, missing = ladder_by(rounding_for(base), base, result.coefficients)
    write_family(
        result.run_dir / "family", base, tuple(members.values()), [{"b0": 0.0, **LADDER}[one] for one in members]
    )
    return missing


def coefficients_document(result: GridResult, base: Architecture, evaluator: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        **asdict(result.coefficients),
        "product": round(result.coefficients.flops_factor, 6),
        "phi": result.settings["phi"],
        "base": base.name,
        "base_key": base.key,
        "evaluator": evaluator,
        "rated_by": result.settings["points"],
        "confidence_set": [list(triple) for triple in result.confidence_set],
        "published": dict(result.published),
        "alternatives": [asdict(one) for one in result.alternatives],
        "conclusion": result.conclusion,
        "warning": result.warning,
    }


def write_family(folder: Path, base: Architecture, members: Sequence[Architecture], phis: Sequence[float]) -> None:
    """NAME.yaml for every member, and family.csv. Every network is built without memory and counted by torch first."""
    for network in members:
        check_cost(network)
    folder.mkdir(parents=True, exist_ok=True)
    for network in members:
        atomic.write_text(folder / f"{network.name}.yaml", codec.dumps(network))
    write_table(folder / "family.csv", family_table(base, members, phis))


def write_table(path: Path, table: pd.DataFrame) -> None:
    atomic.write_text(path, table.to_csv(index=False, lineterminator="\n"))
