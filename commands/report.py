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
    print(json.dumps({"report": str(target)}) if as_json else f"page:  {target}")
    return 0


def write(path: Path, out: Path | None = None) -> Path:
    """The page of a run of any kind, and the figures of a search; where the page is. UserError where it cannot be."""
    target = path / NAME if out is None else out
    try:
        html = _page(path)
        atomic.write_text(target, html)
    except OSError as error:
        raise cannot("write", target, error, "give another --out") from error
    return target


def _page(path: Path) -> str:
    """By what the settings in the ledger say the run is."""
    from ..reports import grid_page, grid_run, study_page, study_run, training_page, training_run, whole_page, whole_run

    settings = training_run.settings_of(path)
    if whole_run.is_whole(settings):
        return whole_page.page_of(path)
    if training_run.is_training(settings):
        return training_page.page_of(path)
    if study_run.is_study(settings):
        return study_page.page_of(path)
    return grid_page.page_of(path) if grid_run.is_grid(path) else _search(path)


def _search(path: Path) -> str:
    from ..reports import live, nas_page, nas_view, pareto

    loaded = live.load(path)
    pareto.write_figure(loaded)  # first: the page lists the files
    return nas_page.nas_page(nas_view.nas_view(loaded))
