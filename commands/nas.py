"""`effsearch nas`: from options to a search, its figure, its page and its summary."""

from __future__ import annotations

import dataclasses
import json
import shlex
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from ..records.errors import UserError
from ..records.run_directory import RunDirectory, free_name
from . import report
from .engine import Engine
from .few_steps import warn_of_few_steps_each
from .interrupted import Interrupted
from .nas_latency import KEPT
from .nas_options import NasOptions, prepare, settled
from .nas_plan import budgets_in_words, describe
from .options import merge, stored_options, to_mapping


def run(
    given: Mapping[str, Any],
    *,
    out: Path | None,
    resume: bool,
    config: Path | None,
    as_json: bool,
    dry_run: bool,
    engine: Engine | None = None,
) -> int:
    """Search, write the figure and the page, print the summary (or one JSON document). Returns the exit code."""
    stored = stored_options(NasOptions, out, resume, config)
    engine = engine or Engine()
    executor, seconds = engine.executor(), engine.seconds
    if not resume:
        stored.pop("data_name", None)  # of the run that the options are from
    options = settled(merge(NasOptions, given, stored))
    kept = None if "latency_table" in given else _kept_table(out if resume else None, config)
    search = prepare(options, threads=max(1, int(engine.cpus_per_trial or 1)), kept=kept)
    if options.trains:
        warn_of_few_steps_each(search["evaluator"])
    if dry_run:
        return describe(options, search, out or Path(free_name("runs", _stem(options))), as_json, engine)
    if out is None:
        free = RunDirectory.create_free("runs", _stem(options))
        out = Path("runs") / free.path.name
        free.close()  # an empty folder of ours: the search takes it over
    resumed = ["effsearch", "nas", "--resume", "--out", str(out), *engine.arguments()]
    search |= {"executor": executor, "max_seconds": seconds}
    return _search(options, search, out, resume, as_json, shlex.join(resumed))


def _kept_table(resumed: Path | None, config: Path | None) -> Path | None:
    """The copy of the latency table in the run that goes on, or whose options are taken."""
    folders = [resumed, config.parent if config else None]
    found = (folder / KEPT for folder in folders if folder is not None)
    return next((path for path in found if path.is_file()), None)


def _search(
    options: NasOptions, arguments: dict[str, Any], out: Path, resume: bool, as_json: bool, resumed: str
) -> int:
    from ..nas import search
    from ..reports.progress import CountDisplay, ProgressDisplay

    evaluator = arguments.pop("evaluator")
    try:
        # what Ray, and an evaluator of the user's, print is no part of the result
        with ProgressDisplay() as display, redirect_stdout(sys.stderr):
            result = search(
                arguments.pop("space"), evaluator, **arguments,
                run_dir=out, resume=resume, config=to_mapping(options),
                on_batch=display, on_confirmation=CountDisplay("evaluations of the confirmation"),
            )  # fmt: skip
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted and saved; continue with: {resumed}") from None
    if result.notice:
        print(f"note: {result.notice}", file=sys.stderr)
    if result.exhausted:
        print(f"note: the space has no more networks; ended after {len(result.trials):,}", file=sys.stderr)
    if result.stopped == "budget":
        done = f"{len(result.trials):,} of {arguments['trials']:,} networks"
        if result.confirmation and not result.confirmation.complete:
            confirmed, asked = result.confirmation.evaluations
            done += f" and {confirmed} of {asked} evaluations of the confirmation"
        print(f"note: the time is over after {done}; continue with: {resumed}", file=sys.stderr)
    if not len(result.trials):
        raise UserError(
            "the time was over before the first network had a result",
            hint="go on with --resume and a longer --budget",
            exit_code=1,
        )
    if options.trains:
        from .nas_training import warn_of_chance

        warn_of_chance(evaluator, result.trials)
    _report(out, as_json, result.stopped)
    if "budget" not in result.selected:
        budgets = budgets_in_words(arguments)
        raise UserError(
            f"no network of the {len(result.trials):,} tried meets the budget ({budgets})",
            hint="give a larger budget or more --trials",
            exit_code=1,
        )
    return 0


def _report(out: Path, as_json: bool, stopped: str) -> None:
    from ..reports import latency_words, terminal
    from ..reports import run as run_report

    run = run_report.load(out)
    page = report.write(out)
    if as_json:
        print(json.dumps({**_document(run), "stopped": stopped, "report": str(page)}, indent=1))
        return
    terminal.show(*terminal.summary(run))
    print(f"page:  {page}")
    if "budget" in run.selected:
        network = str(out / "selected" / "budget.yaml")
        how = latency_words.options(run)  # as its latency table was measured
        print(f"next:  {shlex.join(['effsearch', 'profile', network, *(['--latency', *how] if how else ['--check'])])}")


def _document(run: Any) -> dict[str, Any]:
    def plain(rated: Any) -> dict[str, Any]:
        values = dataclasses.asdict(dataclasses.replace(rated, architecture=None))
        del values["architecture"], values["name"]
        values |= values.pop("others")
        return values | {"key": rated.architecture.key if rated.architecture else None}

    return {
        "run": str(run.path),
        "state": run.state,
        "trials": len(run.trials),
        "failed": int((run.trials["state"] == "failed").sum()),
        "front": len(run.front),
        "fidelity": run.fidelity,
        "settings": {name: value for name, value in run.settings.items() if name != "kind"},
        "selected": {
            rule: plain(one) | {"file": str(run.path / "selected" / f"{rule}.yaml")}
            for rule, one in run.selected.items()
        },
        "references": {one.name: plain(one) for one in run.references},
        "confirmation": _confirmation(run.confirmation or run.unfinished),
    }


def _confirmation(known: Any) -> dict[str, Any] | None:
    """The seeds that are complete, and a row for each network; percent and percentage points."""
    if known is None:
        return None
    names = (
        "role", "name", "key", "trial", "mult_adds", "params", "accuracies", "mean", "std", "error", "difference",
        "low", "high", "side", "chosen", "failure",
    )  # fmt: skip
    done, asked = known.evaluations
    return {
        "seeds": list(known.seeds),
        "complete": known.complete,
        "evaluations": {"done": done, "asked": asked},
        "rows": [{name: getattr(row, name) for name in names} for row in known.rows],
    }


def _stem(options: NasOptions) -> str:
    """Of the run directory, where none was named; a number is added where it is taken."""
    target = options.target_latency or options.target_flops or ""
    return f"nas-{target.strip()}-seed{options.seed}".replace("/", "-")
