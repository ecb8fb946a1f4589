"""`effsearch compare`: several runs side by side on one page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..records import atomic
from ..records.errors import UserError, cannot

if TYPE_CHECKING:
    from ..reports.compare import CompareView
    from ..reports.run import Rated

NAME = "compare.html"


def run(paths: Sequence[Path], *, out: Path | None, as_json: bool) -> int:
    """Write compare.html (or `out`); print a row a run, whose network is the best, and where the page is."""
    from ..reports import compare

    if len({compare.search_of(path).resolve() for path in paths}) < len(paths):
        raise UserError("a run is named twice; compare puts different searches side by side")
    view = compare.view_of(paths)
    html = compare.compare_page(view)
    target = Path(NAME) if out is None else out
    try:
        atomic.write_text(target, html)
    except OSError as error:
        raise cannot("write", target, error, "give another --out") from error
    if as_json:
        print(json.dumps({"page": str(target), **_document(paths, view)}, indent=1))
        return 0
    from ..reports import compare_terminal, terminal

    terminal.show(*compare_terminal.summary(view))
    print(f"page:  {target}")
    return 0


def _document(paths: Sequence[Path], view: CompareView) -> dict[str, Any]:
    """The best network of each run within its budget: costs by name, accuracy in percent."""

    def plain(one: Rated | None) -> dict[str, Any] | None:
        if one is None:
            return None
        values = {"accuracy": one.accuracy, "accuracy_std": one.accuracy_std, "reward": one.reward, "trial": one.trial}
        return values | {"mult_adds": one.mult_adds, "params": one.params, **one.others}

    runs = [
        {
            "run": str(path),
            "name": column.name,
            "budget": column.facts["budget"],
            "best": plain(column.picks.get("budget")),
        }
        for path, column in zip(paths, view.columns, strict=True)
    ]
    return {"runs": runs, "finding": list(view.finding), "warnings": list(view.warnings)}
