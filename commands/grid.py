"""`effsearch grid`: from a base network to coefficients, their confidence set and the family."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..records.errors import UserError
from ..records.run_directory import RunDirectory, holds_run
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import shown
from . import report
from .base import load_base
from .interrupted import Interrupted
from .options import merge, stored_options, to_mapping

if TYPE_CHECKING:
    from ..evaluators.evaluation import Evaluator
    from ..grid_search.grid_result import GridResult
    from ..grid_search.law import ScalingLaw


@dataclass(frozen=True)
class GridOptions:
    """Every option that makes a grid what it is; the defaults are those of the command."""

    COMMAND: ClassVar[str] = "grid"

    base: str = "b0"
    select: str = "budget"
    phi: float = 1.0
    step: float = 0.05
    tolerance: float = 0.08
    factor: float = 2.0
    evaluator: str = "law"
    law: str = "additive"
    seed: int = 0


def run(
    given: Mapping[str, Any],
    *,
    out: Path | None,
    resume: bool,
    config: Path | None,
    engine: str | None,
    workers: int | None,
    ray_address: str | None,
    as_json: bool,
    dry_run: bool,
) -> int:
    """Search, write the tables, the family and the page, print the summary (or one JSON document)."""
    from ..grid_search.run_grid import check_settings

    stored = stored_options(GridOptions, out, resume, config)
    options = merge(GridOptions, given, stored)
    base = load_base(options.base, options.select)
    if "select" in given and not holds_run(options.base):
        raise UserError(f"--select chooses among the networks of a run; --base is {shown(options.base)}")
    if "law" in given and options.evaluator != "law":
        raise UserError(f"--law is for the evaluator law; --evaluator is {shown(options.evaluator)}")
    rating = _rating(options)
    engine = engine or "ray"
    check_settings(base, options.phi, options.step, options.tolerance, options.factor, engine, options.seed)
    if dry_run:
        return _describe(options, base.name, engine, as_json)
    if out is None:
        free = RunDirectory.create_free("runs", _file_name(f"grid-{base.name}-phi{options.phi:g}"))
        out = Path("runs") / free.path.name
        free.close()  # an empty folder of ours: the search takes it over

    return _search(options, base, rating, engine, workers, ray_address, out, resume, as_json)


def _file_name(name: str) -> str:
    """With what cannot stand in a folder's name left out."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", name)[:100]


def _rating(options: GridOptions) -> ScalingLaw | Evaluator:
    if options.evaluator == "law":
        from ..grid_search import law

        return law.load(options.law)
    from .. import evaluators

    return evaluators.load(options.evaluator)


def _search(
    options: GridOptions,
    base: Architecture,
    rating: ScalingLaw | Evaluator,
    engine: str,
    workers: int | None,
    ray_address: str | None,
    out: Path,
    resume: bool,
    as_json: bool,
) -> int:
    from ..grid_search import outputs, search
    from ..reports.progress import CountDisplay

    command = ["effsearch", "grid", "--resume", "--out", str(out), "--engine", engine]
    command += ["--workers", str(workers)] if workers else []
    command += ["--ray-address", ray_address] if ray_address else []
    try:
        result = search(
            base, rating, phi=options.phi, step=options.step, tolerance=options.tolerance, factor=options.factor,
            engine=engine, ray_address=ray_address, workers=workers, seed=options.seed, run_dir=out, resume=resume,
            on_progress=CountDisplay("triples"), config=to_mapping(options),
        )  # fmt: skip
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted and saved; continue with: {shlex.join(command)}") from None
    missing = outputs.write_grid(result, base, options.evaluator)
    if missing:
        print(f"note: {', '.join(missing)} would be too large and were left out of the family", file=sys.stderr)
    page = report.write(out)
    for note in (result.notice, result.warning):
        if note:
            print(f"note: {note}", file=sys.stderr)
    if as_json:
        document = outputs.coefficients_document(result, base, options.evaluator)
        print(json.dumps({"run": str(out), "report": str(page), **document}, indent=1))
    else:
        _show(result, base, out)
    return 0


def _show(result: GridResult, base: Architecture, out: Path) -> None:
    from ..grid_search.scaled_family import LADDER, family_table, ladder
    from ..reports import grid_terminal, terminal

    members, _ = ladder(base, result.coefficients)
    table = family_table(base, tuple(members.values()), [{"b0": 0.0, **LADDER}[one] for one in members])
    terminal.show(*grid_terminal.summary(result.table, result.conclusion, result.alternatives))
    terminal.show(*grid_terminal.family(table), f"\nfiles: {out}")
    print(f"page:  {out / report.NAME}")
    print(f"next:  effsearch profile {shlex.quote(str(out / 'family' / 'b2.yaml'))} --check")


def _describe(options: GridOptions, base: str, engine: str, as_json: bool) -> int:
    """--dry-run: how many triples and networks."""
    from ..grid_search.grid import constrained_grid
    from ..reports import terminal

    triples = constrained_grid(options.step, options.tolerance, options.factor)
    within = f"within {options.tolerance:g} of {options.factor:g}, on steps of {options.step:g}"
    described = {
        "base": base,
        "grid": f"{len(triples):,} triples {within}",
        "rated by": f"the scaling law {options.law}" if options.evaluator == "law" else options.evaluator,
        "engine": engine,
    }
    if as_json:
        print(json.dumps({"dry_run": True, "triples": len(triples), **to_mapping(options)}, indent=1))
    else:
        terminal.show(terminal.pairs(described.items()))
    return 0
