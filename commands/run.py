"""`effsearch run`: the whole recipe on one data set, step by step in one run directory."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from ..records.errors import UserError
from ..records.run_directory import RunDirectory, holds_run
from ..records.run_log import RunLog
from ..search_spaces.cost import cost
from ..search_spaces.quantity import format_count
from . import report
from .engine import Engine
from .few_steps import warn_of_few_steps_each
from .interrupted import Interrupted
from .options import merge, stored_options, to_mapping

if TYPE_CHECKING:
    from ..training import Recipe

STEPS = ("nas", "grid", "family", "train")
FIXED = ("target_flops", "recipe", "epochs", "images", "resolution", "seed")  # the others may change at a resume


@dataclass(frozen=True)
class RunOptions:
    """The defaults are those of the command; None leaves the choice to the step."""

    COMMAND: ClassVar[str] = "run"

    data: str = ""
    target_flops: str = ""
    recipe: str = "proxy"
    epochs: int | None = None
    images: int | None = None
    resolution: int | None = None
    trials: int = 60
    confirm: int = 3
    law: str = "additive"
    final_recipe: str = "modern"
    final_epochs: int | None = None
    seed: int = 0


def run(
    given: Mapping[str, Any],
    *,
    out: Path | None,
    resume: bool,
    config: Path | None,
    engine: Engine,
    device: str | None,
    as_json: bool,
    dry_run: bool,
) -> int:
    """Search, confirm, scale, write the family, train the network found; one report. Returns the exit code.

    `engine`: where the search's trainings run; it may be another at every resume.
    """
    stored = stored_options(RunOptions, out, resume, config)
    options = merge(RunOptions, given, stored)
    for name in ("data", "target_flops"):
        if not getattr(options, name):
            raise UserError(
                f"--{name.replace('_', '-')} was not given", hint="effsearch run --data DIR --target-flops 30M"
            )
    options = replace(options, data=str(Path(options.data).absolute()))  # it may be resumed from another folder
    search = _check(options, engine, device)
    if dry_run:
        return _describe(options, search, engine, device, as_json)
    if out is None:
        free = RunDirectory.create_free("runs", f"run-{options.target_flops.strip()}-seed{options.seed}")
        out = Path("runs") / free.path.name
        free.close()
    command = shlex.join(["effsearch", "run", "--resume", "--out", str(out), *engine.arguments()])
    settings = {"command": "run", **{name: getattr(options, name) for name in FIXED}}
    text = yaml.safe_dump(to_mapping(options), sort_keys=False)
    with RunLog.open(out, resume=resume, settings=settings, config=text, seed=options.seed) as log:
        state = "failed"
        try:
            _steps(options, out, log, engine, device, as_json)
            state = "done"
        except (KeyboardInterrupt, Interrupted):
            state = "interrupted"
            raise Interrupted(f"interrupted and saved; continue with: {command}") from None
        finally:
            log.finish(state)
    page = report.write(out)
    if as_json:
        print(json.dumps({"run": str(out), "report": str(page), **_document(out)}, indent=1))
    else:
        print(f"page:  {page}")
    return 0


def _check(options: RunOptions, engine: Engine, device: str | None) -> dict[str, Any]:
    """What is wrong with the last step shows before the first: UserError or InvalidValue. The search's arguments."""
    from ..grid_search import law
    from ..training.devices import choose_device
    from .nas_options import NasOptions, prepare, settled

    law.load(options.law)
    _final_recipe(options)
    choose_device(device)
    engine.executor()
    return prepare(settled(merge(NasOptions, _search_options(options), {})))


def _final_recipe(options: RunOptions) -> Recipe:
    from ..training import load_recipe

    recipe = load_recipe(options.final_recipe)
    return recipe if options.final_epochs is None else recipe.with_changes(epochs=options.final_epochs)


def _steps(options: RunOptions, out: Path, log: RunLog, engine: Engine, device: str | None, as_json: bool) -> None:
    done = {str(entry["name"]) for _, entry in log.entries() if entry.get("kind") == "step"}
    for number, (name, do) in enumerate(_all_steps(options, out, engine, device), 1):
        if name in done:
            print(f"{number}/{len(STEPS)} {name}: done before", file=sys.stderr)
            continue
        print(f"{number}/{len(STEPS)} {name}", file=sys.stderr, flush=True)
        with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
            do()
        log.append({"kind": "step", "name": name})
        log.sync()


def _all_steps(
    options: RunOptions, out: Path, engine: Engine, device: str | None
) -> Iterator[tuple[str, Callable[[], object]]]:
    from ..grid_search.where import Where
    from . import grid, nas, train

    def into(folder: str, given: Mapping[str, Any], changing: Sequence[str] = ()) -> dict[str, Any]:
        """A step that was stopped goes on with what it was started with, but for what may change."""
        started = holds_run(out / folder)
        given = {name: value for name, value in given.items() if not started or name in changing}
        how = {"config": None, "as_json": False, "dry_run": False}
        return {"given": given, "out": out / folder, "resume": started, **how}

    yield "nas", lambda: nas.run(**into("nas", _search_options(options), ("data", "trials", "confirm")), engine=engine)
    base = {"base": str(out / "nas"), "law": options.law, "seed": options.seed}
    yield "grid", lambda: grid.run(**into("grid", base), where=Where("local"), pilot=False, sigma=None)
    yield "family", lambda: _write_family(out)
    yield "train", lambda: train.run(**into("train", _training_options(options, out), ("data",)), device=device)


def _search_options(options: RunOptions) -> dict[str, Any]:
    """Those of `nas`; what is None is left to its defaults."""
    names = ("data", "target_flops", "recipe", "epochs", "images", "resolution", "trials", "confirm", "seed")
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def _training_options(options: RunOptions, out: Path) -> dict[str, Any]:
    given = {"network": str(out / "nas"), "data": options.data, "recipe": options.final_recipe, "seed": options.seed}
    return given | ({} if options.final_epochs is None else {"epochs": options.final_epochs})


def _write_family(out: Path) -> None:
    """OUT/family: the network found, scaled by the coefficients found."""
    from ..grid_search.budget_family import ladder_by, rounding_for
    from ..grid_search.outputs import write_family
    from ..grid_search.scaled_family import LADDER
    from .base import load_base
    from .family import read_coefficients

    network = load_base(str(out / "nas"))
    members, missing = ladder_by(rounding_for(network), network, read_coefficients(str(out / "grid")))
    if missing:
        print(f"note: {', '.join(missing)} would be too large and were left out of the family", file=sys.stderr)
    named = tuple(replace(member, name=name) for name, member in members.items())
    write_family(out / "family", network, named, [{"b0": 0.0, **LADDER}[name] for name in members])


def _describe(options: RunOptions, search: Mapping[str, Any], engine: Engine, device: str | None, as_json: bool) -> int:
    """--dry-run: how long the trainings take, by one of the search and a few steps of the final one made now."""
    from ..nas.confirm import CANDIDATES
    from ..reports import terminal
    from ..reports.progress import duration
    from ..training.speed import training_speed
    from ..workers.local import LocalExecutor

    warn_of_few_steps_each(search["evaluator"])
    baseline, dataset = search["baseline"], search["evaluator"].dataset
    ((_, tried),) = LocalExecutor(retries=0).run(search["evaluator"], [baseline], seed=options.seed)
    if tried.failure is not None:
        raise UserError(f"the training of {baseline.name} failed: {tried.failure}")
    recipe = _final_recipe(options)
    speed = training_speed(baseline, dataset, recipe, device=device)
    trainings = options.trials + 1 + options.confirm * (CANDIDATES + 1)
    searching = trainings * tried.seconds / (engine.workers or 1)
    final = len(dataset.train) * recipe.epochs / speed
    if as_json:
        document = {"dry_run": True, "search_seconds": searching, "final_seconds": final, **to_mapping(options)}
        print(json.dumps(document, indent=1))
        return 0
    rows = [
        ("data", f"{dataset.name}: {len(dataset.train):,} training images, {len(dataset.classes)} classes"),
        ("baseline", f"{baseline.name}, {format_count(cost(baseline).mult_adds)} FLOPs, {baseline.resolution} px"),
        ("search", f"{trainings} trainings, {tried.seconds:.0f} s for the baseline: about {duration(searching)} here"),
        ("engine", engine.in_words),
        ("final training", f"{recipe.epochs} epochs at {speed:,.0f} images/s: about {duration(final)}"),
    ]
    terminal.show(terminal.pairs(rows))
    return 0


def _document(out: Path) -> dict[str, Any]:
    """What the steps found, from their own files."""
    coefficients = json.loads((out / "grid" / "coefficients.json").read_text(encoding="utf-8"))
    return {
        "network": str(out / "nas" / "selected" / "budget.yaml"),
        "coefficients": {name: coefficients[name] for name in ("alpha", "beta", "gamma")},
        "family": sorted(str(path) for path in (out / "family").glob("*.yaml")),
        "training": json.loads((out / "train" / "metrics.json").read_text(encoding="utf-8")),
    }
