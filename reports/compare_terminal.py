"""Several searches side by side, for the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..records.errors import printable
from ..search_spaces.quantity import format_count
from .compare import Column, CompareView
from .measure import plus_minus
from .run import Rated
from .terminal import table_of
from .text import clipped

LONGEST = 28  # characters of a run's name and of an evaluator's; the page has them whole


def summary(view: CompareView) -> Iterable[RenderableType]:
    """A row a run with its best network within its budget, a row a reference; what to make of it."""
    evaluators = list(dict.fromkeys(column.facts["evaluator"] for column in view.columns))
    by = f", by {printable(evaluators[0])}" if len(evaluators) == 1 else ""
    yield Text.assemble(
        "\n", (f"{len(view.columns)} searches", "bold"), f": the best network of each within its budget{by}"
    )
    scales = list(dict.fromkeys(column.facts["accuracies"] for column in view.columns))
    if len(scales) == 1:
        yield Text(f"accuracy: {printable(scales[0])}, ± one standard deviation where it is known", style="dim")
    yield Padding(_rows(view, evaluators=len(evaluators) > 1), (1, 0, 1, 0))
    for warning in view.warnings:
        yield Text(printable(warning), style="yellow")
    for sentence in view.finding:
        yield Text(printable(sentence))
    yield Text("")


def _rows(view: CompareView, *, evaluators: bool) -> Table:
    costs = list(dict.fromkeys(item for column in view.columns for item in column.units.items()))
    rewards = view.same_reward and any(_reward(column.picks.get("budget")) for column in view.columns)
    headers = [
        "run",
        *(["evaluator"] if evaluators else []),
        "budget",
        f">accuracy{',' if view.unit else ''}{view.unit}",
    ]
    headers += [f">{name}{', ' if unit else ''}{unit}" for name, unit in costs]
    headers += [">FLOPs", ">parameters", *([">reward"] if rewards else []), ">trial"]
    table = table_of(*headers)

    def row(first: list[Text], one: Rated | None, own: dict[str, str]) -> None:
        if one is None:
            table.add_row(*first, "nothing within it")
            return
        cells: list[str | Text] = [*first, plus_minus(one.accuracy, one.accuracy_std)]
        cells += [f"{one.others[name]:.4g}" if own.get(name) == unit else "" for name, unit in costs]
        cells += [format_count(one.mult_adds), format_count(one.params, 3), *([_reward(one)] if rewards else [])]
        table.add_row(*cells, "" if one.trial is None else str(one.trial))

    for column in view.columns:
        said = [clipped(column.facts["evaluator"], LONGEST)] if evaluators else []
        row(_shown(column.name, *said, column.facts["budget"] or "none"), column.picks.get("budget"), column.units)
    for reference, column in _references(view):
        said = [f"as for {clipped(column.name, LONGEST)}"] if evaluators else []
        row(_shown(reference.name, *said, ""), reference, column.units)
    return table


def _references(view: CompareView) -> list[tuple[Rated, Column]]:
    """Each once, with a run that has it; the one with more costs where several have."""
    known: dict[tuple[str, float], tuple[Rated, Column]] = {}
    for column in view.columns:
        one = column.reference
        if one and len(one.others) >= len(known.get((one.name, one.accuracy), (one, column))[0].others):
            known[one.name, one.accuracy] = (one, column)
    return list(known.values())


def _reward(one: Rated | None) -> str:
    return "" if one is None or one.reward is None else f"{one.reward:.2f}"


def _shown(name: str, *rest: str) -> list[Text]:
    return [Text(clipped(name, LONGEST)), *(Text(printable(one)) for one in rest)]
