"""Templates to one self-contained page: nothing is loaded from anywhere, every value is escaped."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..search_spaces.quantity import format_count
from .text import shown


def render(template: str, **values: Any) -> str:
    """The page; the same values give the same text. Control characters are shown as \\n, \\u202e."""
    return _environment().get_template(template).render(**values)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["count"] = format_count
    environment.filters["millions"] = _millions
    environment.filters["thousands"] = lambda value: f"{value:,.0f}"
    return environment


def _millions(value: float, decimals: int = 1) -> str:
    """ "385.8M"; three digits of what is less than a million: "138k"."""
    rounds_up = 999_500  # format_count would say 1M
    return format_count(value, 3) if value < rounds_up else f"{value / 1e6:,.{decimals}f}M"


def _shown(value: object) -> object:
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value
