"""`effsearch report`: a run directory as one page."""

from __future__ import annotations

import json
from pathlib import Path

from ..records import atomic
from ..records.errors import cannot

NAME = "report.html"


def run(path: Path, *, out: Path | None, as_json: bool) -> int:
    """Write RUN/report.html (or `out`) and the figures of the run again; print where the page is."""
    from ..reports import live, nas_page, nas_view, pareto

    loaded = live.load(path)
    target = path / NAME if out is None else out
    try:
        pareto.write_figure(loaded)  # first: the page lists the files
        atomic.write_text(target, nas_page.nas_page(nas_view.nas_view(loaded)))
    except OSError as error:
        raise cannot("write", target, error, "give another --out") from error
    print(json.dumps({"report": str(target)}) if as_json else target)
    return 0
