"""`effsearch report`: a run directory as one page."""

from __future__ import annotations

import json
from pathlib import Path

from ..records import atomic
from ..records.errors import cannot

NAME = "report.html"


def run(path: Path, *, out: Path | None, as_json: bool) -> int:
    """Write RUN/report.html (or `out`) and the figures of the run again; print where the page is."""
    target = write(path, out)
    print(json.dumps({"report": str(target)}) if as_json else target)
    return 0


def write(path: Path, out: Path | None = None) -> Path:
    """The page of a search or a grid, and the figures of a search; where the page is. UserError where it cannot be."""
    from ..reports import grid_page, grid_run

    target = path / NAME if out is None else out
    try:
        html = grid_page.page_of(path) if grid_run.is_grid(path) else _search(path)
        atomic.write_text(target, html)
    except OSError as error:
        raise cannot("write", target, error, "give another --out") from error
    return target


def _search(path: Path) -> str:
    from ..reports import live, nas_page, nas_view, pareto

    loaded = live.load(path)
    pareto.write_figure(loaded)  # first: the page lists the files
    return nas_page.nas_page(nas_view.nas_view(loaded))
