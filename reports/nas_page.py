"""A search's report as one HTML page."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from . import certainty_figure, confirm_figure, course_figure, front_figure, strip_figure
from .live import load
from .nas_view import NasView, nas_view
from .page import render

ZOOM = 440.0  # height of the second front in pixels


def nas_page(view: NasView) -> str:
    """The whole page; the same view gives the same text."""
    reference = view.strips[-1].name if len(view.strips) > 1 else ""
    title = f"The network found{' beside ' + reference if reference else ''}"
    return render(
        "nas.html",
        view=view,
        certainty=certainty_figure.draw(view.intervals, view.words.axis) if view.intervals else Markup(""),
        confirmed=confirm_figure.draw(view.confirmed) if view.confirmed else Markup(""),
        front=front_figure.draw(view.front) if view.front else Markup(""),
        zoom=front_figure.draw(view.zoom, "zoom", ZOOM) if view.zoom else Markup(""),
        strips=strip_figure.draw(view.strips, title) if view.strips else Markup(""),
        courses=[(course, course_figure.draw(course)) for course in view.courses],
        colors=sorted({cell.color for strip in view.strips for cell in strip.cells} - {"plain"}),
    )


def page_of(path: Path | str) -> str:
    """The page of the run at `path`. UserError where there is none to read."""
    return nas_page(nas_view(load(path)))
