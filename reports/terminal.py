"""Tables for the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..records.errors import printable
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import InvalidValue
from ..search_spaces.cost import cost, stage_costs
from ..search_spaces.memory import BYTES, memory
from ..search_spaces.quantity import format_count
from . import confirm_verdict
from .budget_marks import costs_known, over_budget, over_words
from .confirm_view import Confirmed, interval
from .cost_axis import units
from .labels import differences, stage_label, stage_labels
from .measure import measure, plus_minus
from .run import Rated, Run
from .verdict import ONCE

PLAIN_WIDTH = 120  # columns where the output is no terminal


def show(*parts: RenderableType) -> None:
    """Print on stdout; wide enough for the tables where it goes into a file."""
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PLAIN_WIDTH)
    console.print(Group(*parts))


def summary(run: Run) -> Iterable[RenderableType]:
    """What a search found, next to the networks it was compared with."""
    settings = run.settings
    failed = int((run.trials["state"] == "failed").sum())
    yield Text.assemble(
        "\n", (f"{len(run.trials):,} networks of {printable(settings['space'])}", "bold"),
        f" by {printable(settings['evaluator'])}; {len(run.front)} on the front",
        f"; {failed} failed" if failed else "",
    )  # fmt: skip
    if run.confirmation:
        words = measure(run)
        yield Text(printable(confirm_verdict.said(run).headline), style="bold")
        yield Padding(_confirmed(run.confirmation, words.unit), (1, 0, 1, 0))
    elif run.unfinished:
        yield Text(printable(confirm_verdict.said(run).headline), style="bold")
    if run.fidelity:
        yield Text(f"accuracy: {printable(run.fidelity)}, ± one standard deviation where it is known", style="dim")
    if run.confirmation is None and measure(run).kind == "training":
        yield Text(ONCE, style="dim")
    yield Padding(_picks(run), (1, 0, 0, 0))
    if any(_over(run, one) for one in (*run.selected.values(), *run.references)):
        yield Text(f"* {printable(over_words(run))}.", style="dim")
    if run.confirmation:
        single = any(not one.seeds for one in (*run.selected.values(), *run.references))
        rest = "; single: one result, with the search's own seed" if single else ""
        yield Text(f"Means of the fresh seeds, ± with the evaluations' own error{rest}", style="dim")
    reference = next((one for one in run.references if one.architecture is not None), None)
    best = run.selected.get("budget")
    if best and reference:
        yield from _against(run, best, reference)
    yield Text(f"\nfiles: {near(run.path)}", style="dim")


def profile(architecture: Architecture) -> Iterable[RenderableType]:
    """Parameters, mult-adds and activations of each stage; the memory of one image."""
    table = table_of("stage", "block", ">parameters", ">mult-adds", ">share", ">activations")
    total = cost(architecture)
    for number, (label, one) in enumerate(zip(stage_labels(architecture), stage_costs(architecture), strict=True)):
        name = {0: "stem", len(architecture.stages) + 1: "head"}.get(number, str(number))
        share = f"{one.mult_adds / total.mult_adds:.1%}"
        table.add_row(name, label, f"{one.params:,}", f"{one.mult_adds:,}", share, f"{one.activations:,}")
    table.add_section()
    table.add_row("total", "", f"{total.params:,}", f"{total.mult_adds:,}", "100.0%", f"{total.activations:,}")
    yield Text.assemble(
        (printable(architecture.name), "bold"), f" at {architecture.resolution} px, key {architecture.key}"
    )
    yield table
    yield Padding(_memory(architecture), (1, 0, 0, 0))


def _memory(architecture: Architecture) -> Table:
    needed, last = memory(architecture), len(architecture.stages) + 1
    table = table_of("one image", *(f">{kind}" for kind in BYTES), "")
    table.add_row("weights, norms folded", *(f"{format_count(needed.weights(kind), 3)}B" for kind in BYTES), "")
    where = {0: "the stem", last: "the head"}.get(needed.stage, f"stage {needed.stage}")
    table.add_row(
        "maps alive at the peak",
        *(f"{format_count(needed.activations(kind), 3)}B" for kind in BYTES),
        f"during the {needed.operation} of {where}",
    )
    return table


def pairs(rows: Iterable[tuple[str, str]]) -> RenderableType:
    """Names and values in two columns."""
    table = Table.grid(padding=(0, 3))
    for name, value in rows:
        table.add_row(Text(printable(name), style="dim"), Text(printable(value)))
    return table


def near(path: Path) -> Path:
    """Seen from here, where it is below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def percent(rated: Rated) -> str:
    return plus_minus(rated.accuracy, rated.accuracy_std)


def _picks(run: Run) -> Table:
    columns = [*run.selected.values(), *run.references]
    table = table_of("", *(f">{one.name}" for one in columns))
    single = ", single" if run.confirmation else ""
    table.add_row("accuracy, %", *(percent(one) + ("" if one.seeds else single) for one in columns))
    costs, over = [costs_known(run, one) for one in columns], [_over(run, one) for one in columns]
    for name, (label, amount) in _cost_rows(run).items():
        cells = zip(costs, over, strict=True)
        table.add_row(label, *(amount(known.get(name)) + ("*" if name in marked else "") for known, marked in cells))
    if any(one.reward is not None for one in columns):
        table.add_row("reward", *("" if one.reward is None else f"{one.reward:.2f}" for one in columns))
    table.add_row("trial", *("" if one.trial is None else str(one.trial) for one in columns))
    return table


def _cost_rows(run: Run) -> dict[str, tuple[str, Callable[[float | None], str]]]:
    """Cost -> the name of its row and how it is written: FLOPs, parameters, those with a unit, those with a limit."""
    rows: dict[str, tuple[str, Callable[[float | None], str]]] = {
        name: (f"{printable(name)}, {printable(unit)}", _known) for name, unit in units(run.settings).items()
    }
    rows["mult_adds"] = ("FLOPs (mult-adds)", _counted)
    rows["params"] = ("parameters", lambda value: _counted(value, 3))
    return rows | {name: (printable(name), _counted) for name in run.settings["budgets"] if name not in rows}


def _over(run: Run, one: Rated) -> tuple[str, ...]:
    return over_budget(costs_known(run, one), run.settings["budgets"])


def _counted(value: float | None, digits: int = 4) -> str:
    return "" if value is None or math.isnan(value) else format_count(value, digits)


def _known(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.4g}"


def _confirmed(known: Confirmed, unit: str) -> Table:
    against = (">difference", ">95 % interval", "to the baseline") if known.baseline else ()
    seeds = [f">seed {seed}" for seed in known.seeds]
    table = table_of("evaluated again", f">mean{',' if unit else ''}{unit}", *seeds, *against)
    for row in known.rows:
        name = f"{printable(row.name)} ({printable(row.words).removesuffix(' of the search')})"
        each = (f"{row.accuracies[seed]:.2f}" if seed in row.accuracies else "failed" for seed in known.seeds)
        mean = "" if row.mean is None else f"{row.mean:.2f}"
        difference = "" if row.difference is None else f"{row.difference:+.2f}"
        table.add_row(name, mean, *each, *((difference, interval(row), printable(row.side)) if known.baseline else ()))
    return table


def _against(run: Run, best: Rated, reference: Rated) -> Iterable[RenderableType]:
    if best.architecture is None or reference.architecture is None:
        return
    table = table_of("stage", "found (budget)", reference.name, "different: found / " + reference.name)
    for number, (found, known) in enumerate(
        zip(best.architecture.stages, reference.architecture.stages, strict=False), 1
    ):
        table.add_row(str(number), stage_label(found), stage_label(known), differences(found, known) or "equal")
    yield Padding(table, (1, 0, 0, 0))
    genes = _equal_genes(run, best.architecture, reference.architecture)
    if genes:
        yield Text(genes)
    axis = run.axis
    same_cost = None if run.confirmation else run.best_at(reference.cost(axis))
    if same_cost and same_cost.trial not in {one.trial for one in run.selected.values()}:
        theirs, own = printable(axis.amount(reference.cost(axis))), printable(axis.short(same_cost.cost(axis)))
        yield Text(
            f"at most {reference.name}'s own {theirs}: {percent(same_cost)} % "
            f"({same_cost.name}, {own}), {reference.name}: {percent(reference)} %"
        )


def _equal_genes(run: Run, found: Architecture, known: Architecture) -> str:
    space = run.space()
    if space is None:
        return ""
    try:
        first, second = space.encode(found), space.encode(known)
    except InvalidValue:
        return ""
    equal = sum(first[name] == second[name] for name in first)
    by_chance = sum(1 / len(dimension.choices) for dimension in space.dimensions)
    return f"{equal} of {len(first)} genes equal (a random network: {by_chance:.1f})"


def table_of(*headers: str) -> Table:
    """ ">" before a header aligns its column to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for header in headers:
        table.add_column(
            Text(printable(header.removeprefix(">"))), justify="right" if header.startswith(">") else "left"
        )
    return table
