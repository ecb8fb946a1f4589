"""`effsearch compare`: several runs side by side on one page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..records import atomic
from ..records.errors import UserError, cannot

NAME = "compare.html"


def run(paths: Sequence[Path], *, out: Path | None, as_json: bool) -> int:
    """Write compare.html (or `out`) and print where it is."""
    from ..reports import compare

    if len({compare.search_of(path).resolve() for path in paths}) < len(paths):
        raise UserError("a run is named twice; compare puts different searches side by side")
    html = compare.page_of(paths)
    target = Path(NAME) if out is None else out
    try:
        atomic.write_text(target, html)
    except OSError as error:
        raise cannot("write", target, error, "give another --out") from error
    print(json.dumps({"page": str(target)}) if as_json else target)
    return 0
