"""A study's report as one HTML page."""

from __future__ import annotations

from pathlib import Path

from . import extent_figure, family_figure, study_profile, study_triangle
from .page import render
from .study_run import load
from .study_view import StudyView, study_view


def study_page(view: StudyView) -> str:
    """The whole page; the same view gives the same text."""
    return render(
        "study.html",
        view=view,
        extents=extent_figure.draw(view.extents) if view.extents else None,
        triangle=study_triangle.draw(view.triangle) if view.triangle else None,
        profiles=study_profile.draw(view.profiles),
        family=family_figure.draw(view.family),
    )


def page_of(path: Path | str) -> str:
    """The page of the study at `path`. UserError where there is none to read."""
    return study_page(study_view(load(path)))
