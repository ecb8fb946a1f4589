"""The whole recipe's report as one HTML page."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from . import confirm_figure, course_figure
from .page import render
from .whole_run import load
from .whole_view import WholeView, whole_view


def whole_page(view: WholeView) -> str:
    """The whole page; the same view gives the same text."""
    courses = [(course, course_figure.draw(course)) for course in view.training.courses] if view.training else []
    return render(
        "whole.html",
        view=view,
        courses=courses,
        confirmed=confirm_figure.draw(view.confirmed) if view.confirmed else Markup(""),
    )


def page_of(path: Path | str) -> str:
    """The page of the recipe at `path`. UserError where there is none to read."""
    return whole_page(whole_view(load(path)))
