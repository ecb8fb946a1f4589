"""Ctrl-C, told after everything was saved."""

from __future__ import annotations


class Interrupted(Exception):  # noqa: N818
    """The message says how to go on; exit code 130."""
