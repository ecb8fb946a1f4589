"""`effsearch grid --design simplex`: coefficients by trainings, with what is known of them."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..records.errors import UserError
from ..records.run_directory import RunDirectory
from ..search_spaces.architecture import Architecture
from . import report
from .data_options import open_data, suit
from .grid_options import GridOptions, load_evaluator, split_of
from .interrupted import Interrupted
from .options import to_mapping

if TYPE_CHECKING:
    from ..grid_search.power import Assessment
    from ..grid_search.run_study import Pilot
    from ..grid_search.study_plan import StudyPlan
    from ..grid_search.study_reading import Study
    from ..grid_search.where import Where


def run(
    options: GridOptions,
    base: Architecture,
    where: Where,
    out: Path | None,
    resume: bool,
    pilot: bool,
    sigma: float | None,
    as_json: bool,
    dry_run: bool,
) -> int:
    """Train, fit, write the tables, the family and the page, print the summary (or one JSON document)."""
    from ..grid_search.study_plan import check_analysis

    if sigma is not None and not dry_run:
        raise UserError("--sigma is for --dry-run; a study measures its noise", hint="add --dry-run")
    check_analysis(options.response, options.prior, options.form, options.effect)
    pixels = None
    if options.trains and options.data is not None:
        dataset = open_data(options.data, **split_of(options))
        base, pixels = suit(base, dataset, options.resolution), dataset.size
    else:
        load_evaluator(options, threads=1)  # what is wrong with it shows before anything is done
    plan = _plan(options, base)
    for note in plan.notes(pixels):
        print(f"note: {note}", file=sys.stderr)
    if dry_run:
        return _describe(options, plan, where, sigma, as_json)
    if out is None:
        out = free_run(f"study-{base.name}-phi{options.phi:g}")
    return _train(options, base, where, out, resume, pilot, as_json)


def free_run(stem: str) -> Path:
    """A new folder in runs/, with what cannot stand in a folder's name left out."""
    free = RunDirectory.create_free("runs", re.sub(r"[^A-Za-z0-9._+-]+", "-", stem)[:100])
    free.close()  # an empty folder of ours: the search takes it over
    return Path("runs") / free.path.name


def go_on(out: Path, where: Where) -> str:
    """The command that continues a run."""
    given = [
        ("--engine", where.engine), ("--workers", where.workers), ("--ray-address", where.ray_address),
        ("--cpus-per-trial", None if where.cpus == 1 else f"{where.cpus:g}"),
        ("--gpus-per-trial", None if where.gpus is None else f"{where.gpus:g}"),
    ]  # fmt: skip
    words = [word for name, value in given if value is not None for word in (name, str(value))]
    return shlex.join(["effsearch", "grid", "--resume", "--out", str(out), *words])


def _plan(options: GridOptions, base: Architecture) -> StudyPlan:
    from ..grid_search.study_plan import plan_study

    return plan_study(
        base, phi=options.phi, factor=options.factor, fixed=options.fixed, lattice=options.lattice,
        seeds=options.seeds, seed=options.seed, channel_step=options.channel_step,
    )  # fmt: skip


def _train(
    options: GridOptions, base: Architecture, where: Where, out: Path, resume: bool, pilot: bool, as_json: bool
) -> int:
    from ..grid_search import study as train
    from ..grid_search import study_outputs
    from ..reports.progress import CountDisplay

    evaluator = load_evaluator(options, threads=max(1, int(where.cpus)))
    try:
        # what Ray, and an evaluator of the user's, print is no part of the result
        with redirect_stdout(sys.stderr):
            found = train(
                base, evaluator, phi=options.phi, factor=options.factor, fixed=options.fixed, lattice=options.lattice,
                channel_step=options.channel_step, seeds=options.seeds, seed=options.seed, response=options.response,
                prior=options.prior, form=options.form, effect=options.effect, where=where, run_dir=out, resume=resume,
                pilot_only=pilot, on_progress=CountDisplay("trainings"), on_pilot=_say_pilot,
                config=to_mapping(options),
            )  # fmt: skip
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted and saved; continue with: {go_on(out, where)}") from None
    if found is None:
        print(f"the pilot is done; go on with: {go_on(out, where)} (and --seeds N for more seeds)", file=sys.stderr)
        if as_json:
            print(json.dumps({"run": str(out), "pilot": True}))
        return 0
    missing = study_outputs.write_study(found, str(options.evaluator))
    if missing:
        print(f"note: left out of the family, since they cannot be built: {', '.join(missing)}", file=sys.stderr)
    page = report.write(out)
    for note in (found.notice, found.warning, _failures(found)):
        if note:
            print(f"note: {note}", file=sys.stderr)
    if as_json:
        document = study_outputs.study_document(found, str(options.evaluator))
        print(json.dumps({"run": str(out), "report": str(page), **document}, indent=1))
    else:
        _show(found, out, page)
    return 0


def _failures(study: Study) -> str | None:
    failed = study.runs[study.runs["state"] == "failed"]
    if not len(failed):
        return None
    first = failed.iloc[0]
    return (
        f"{len(failed)} of {len(study.runs)} trainings failed and are left out of the fit; {first['point']}, seed "
        f"{first['seed']}: {first['failure']}"
    )


def _show(study: Study, out: Path, page: Path) -> None:
    from ..grid_search.scaled_family import LADDER, family_table
    from ..grid_search.study_outputs import family_of
    from ..reports import grid_terminal, study_terminal, terminal

    members, _ = family_of(study)
    table = family_table(study.plan.base, tuple(members.values()), [{"b0": 0.0, **LADDER}[one] for one in members])
    terminal.show(*study_terminal.summary(study.points, study.conclusion, _readings(study)))
    terminal.show(*grid_terminal.family(table), f"\nfiles: {out}")
    print(f"page:  {page}")
    print(f"next:  effsearch profile {shlex.quote(str(out / 'family' / 'b2.yaml'))} --check")


def _readings(study: Study) -> Sequence[tuple[str, ...]]:
    """Response, form, prior, best triple, percent of directions in the set."""
    return [
        (one.response, one.form, one.prior, ", ".join(f"{value:.2f}" for value in one.best), f"{100 * one.share:.0f} %")
        for one in study.readings
    ]


def _say_pilot(pilot: Pilot) -> None:
    noise = pilot.noise
    print(
        f"pilot: a training takes {pilot.seconds:.3g} s ({pilot.together} at once) and scatters by {noise.sigma:.2g} "
        f"point (80 % interval {noise.low:.2g} to {noise.high:.2g}). {pilot.assessment.sentence}",
        file=sys.stderr, flush=True,
    )  # fmt: skip


def _describe(options: GridOptions, plan: StudyPlan, where: Where, sigma: float | None, as_json: bool) -> int:
    """--dry-run: which networks, and what they would tell at a noise of `sigma`."""
    from dataclasses import asdict

    from ..grid_search.terms import law_level
    from ..reports import study_terminal, terminal
    from ..search_spaces.cost import cost

    power: Assessment | None = None
    if sigma is not None:
        power = plan.power(sigma, options.effect, form=options.form, prior=options.prior)
    if as_json:
        document: dict[str, Any] = {"dry_run": True, "trainings": len(plan.runs), **to_mapping(options)}
        document["power"] = None if power is None else {**asdict(power), "sentence": power.sentence}
        print(json.dumps(document, indent=1))
        return 0
    rows = [
        (point.name, plan.networks[point.name], cost(plan.networks[point.name]), plan.built(point.name).multipliers)
        for point in plan.design.points
    ]
    described = {
        "base": plan.base.name,
        "design": f"simplex, {len(plan.networks)} networks x {plan.design.seeds} seeds = {len(plan.runs)} trainings",
        "trained by": str(options.evaluator),
        "engine": f"{where.engine}, {where.together} at once",
    }
    terminal.show(terminal.pairs(described.items()), study_terminal.networks(rows))
    if power is None:
        print("Give --sigma POINTS to see what the design can tell; --pilot measures it with 6 trainings.")
    else:
        level = law_level(plan.design.growth)
        print(f"{power.sentence} (For networks of {level:.0f} % error, as the published ones have. Where errors are")
        print("smaller, so are the differences; --pilot goes by your own.)")
    return 0
