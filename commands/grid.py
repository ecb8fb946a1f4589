"""`effsearch grid`: from a base network to coefficients, their confidence set and the family."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..records.errors import UserError
from ..records.run_directory import holds_run
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import shown
from . import report, study
from .base import load_base
from .data_options import open_data, suit
from .grid_options import GridOptions, load_evaluator, settled, split_of
from .interrupted import Interrupted
from .options import merge, stored_options, to_mapping
from .study import free_run, go_on

if TYPE_CHECKING:
    from ..evaluators.evaluation import Evaluator
    from ..grid_search.grid_result import GridResult
    from ..grid_search.law import ScalingLaw
    from ..grid_search.where import Where


def run(
    given: Mapping[str, Any],
    *,
    out: Path | None,
    resume: bool,
    config: Path | None,
    where: Where,
    pilot: bool,
    sigma: float | None,
    as_json: bool,
    dry_run: bool,
) -> int:
    """Search, write the tables, the family and the page, print the summary (or one JSON document)."""
    stored = stored_options(GridOptions, out, resume, config)
    if not resume:
        stored.pop("data_name", None)  # of the run that the options are from
    options = settled(merge(GridOptions, given, stored), given)
    base = load_base(options.base, options.select)
    if "select" in given and not holds_run(options.base):
        raise UserError(f"--select chooses among the networks of a run; --base is {shown(options.base)}")
    if options.is_study:
        return study.run(options, base, where, out, resume, pilot, sigma, as_json, dry_run)
    for name, value in (("--pilot", pilot), ("--sigma", sigma is not None)):
        if value:
            raise UserError(f"{name} is for the design simplex; --design is {options.design}")
    return _run(options, base, where, out, resume, as_json, dry_run)


def _run(
    options: GridOptions, base: Architecture, where: Where, out: Path | None, resume: bool, as_json: bool, dry_run: bool
) -> int:
    from ..grid_search.run_grid import check_settings

    base, rating = _rating(options, base, threads=max(1, int(where.cpus)))
    check_settings(base, options.phi, options.step, options.tolerance, options.factor, where.engine, options.seed)
    if dry_run:
        return _describe(options, base.name, where.engine, as_json)
    if out is None:
        out = free_run(f"grid-{base.name}-phi{options.phi:g}")
    return _search(options, base, rating, where, out, resume, as_json)


def _rating(options: GridOptions, base: Architecture, threads: int) -> tuple[Architecture, ScalingLaw | Evaluator]:
    """And the base as it suits what rates it."""
    if options.evaluator == "law":
        from ..grid_search import law

        return base, law.load(options.law)
    if options.trains and options.data is not None:
        base = suit(base, open_data(options.data, **split_of(options)), options.resolution)
    return base, load_evaluator(options, threads)


def _search(
    options: GridOptions,
    base: Architecture,
    rating: ScalingLaw | Evaluator,
    where: Where,
    out: Path,
    resume: bool,
    as_json: bool,
) -> int:
    from ..grid_search import outputs, search
    from ..reports.progress import CountDisplay

    try:
        result = search(
            base, rating, phi=options.phi, step=options.step, tolerance=options.tolerance, factor=options.factor,
            engine=where.engine, ray_address=where.ray_address, workers=where.workers, cpus_per_trial=where.cpus,
            gpus_per_trial=where.gpus, seed=options.seed, run_dir=out, resume=resume,
            on_progress=CountDisplay("triples"), config=to_mapping(options),
        )  # fmt: skip
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted and saved; continue with: {go_on(out, where)}") from None
    missing = outputs.write_grid(result, base, str(options.evaluator))
    if missing:
        print(f"note: {', '.join(missing)} would be too large and were left out of the family", file=sys.stderr)
    page = report.write(out)
    for note in (result.notice, result.warning):
        if note:
            print(f"note: {note}", file=sys.stderr)
    if as_json:
        document = outputs.coefficients_document(result, base, str(options.evaluator))
        print(json.dumps({"run": str(out), "report": str(page), **document}, indent=1))
    else:
        _show(result, base, out)
    return 0


def _show(result: GridResult, base: Architecture, out: Path) -> None:
    from ..grid_search.budget_family import ladder_by, rounding_for
    from ..grid_search.scaled_family import LADDER, family_table
    from ..reports import grid_terminal, terminal

    members, _ = ladder_by(rounding_for(base), base, result.coefficients)
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
        "rated by": f"the scaling law {options.law}" if options.evaluator == "law" else str(options.evaluator),
        "engine": engine,
    }
    if as_json:
        print(json.dumps({"dry_run": True, "triples": len(triples), **to_mapping(options)}, indent=1))
    else:
        terminal.show(terminal.pairs(described.items()))
    return 0
