"""A training's report as one HTML page."""

from __future__ import annotations

from pathlib import Path

from . import course_figure
from .page import render
from .training_run import load
from .training_view import TrainingView, training_view


def training_page(view: TrainingView) -> str:
    """The whole page; the same view gives the same text."""
    drawn = [(course, course_figure.draw(course)) for course in view.courses]
    return render("training.html", view=view, courses=drawn)


def page_of(path: Path | str) -> str:
    """The page of the training at `path`. UserError where there is none to read."""
    return training_page(training_view(load(path)))
