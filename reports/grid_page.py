"""A grid's report as one HTML page."""

from __future__ import annotations

from pathlib import Path

from . import extent_figure, family_figure, ternary_figure
from .grid_run import load
from .grid_view import GridView, grid_view
from .page import render


def grid_page(view: GridView) -> str:
    """The whole page; the same view gives the same text."""
    return render(
        "grid.html",
        view=view,
        extents=extent_figure.draw(view.extents),
        triangle=ternary_figure.draw(view.triangle),
        family=family_figure.draw(view.family),
    )


def page_of(path: Path | str) -> str:
    """The page of the grid at `path`. UserError where there is none to read."""
    return grid_page(grid_view(load(path)))
