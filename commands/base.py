"""The network that a family grows from, as people name it: a catalogue name, a file, or a search's run directory."""

from __future__ import annotations

from pathlib import Path

from ..records.errors import UserError
from ..records.run_directory import LEDGER, holds_run
from ..search_spaces import codec, loading
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import shown

RULES = ("budget", "reward", "knee")


def load_base(name: str, select: str = "budget") -> Architecture:
    """A run of `nas` or `run` stands for its selected/budget.yaml, or what `select` names. UserError where there is
    none."""
    if select not in RULES:
        raise UserError(f"--select is {shown(select)}; allowed: {', '.join(RULES)}")
    path = Path(name)
    if holds_run(path) and holds_run(path / "nas"):  # a run of the whole recipe
        path = path / "nas"
    if not holds_run(path):
        if path.is_dir():
            base = path / "base.yaml"
            hint = f"try {base}" if base.is_file() else "give a run of nas, or a .yaml file"
            raise UserError(f"{name} is a folder without a {LEDGER}", hint=hint)
        return loading.load_network(name)
    chosen = path / "selected" / f"{select}.yaml"
    if not chosen.is_file():
        raise UserError(f"the run {name} has no selected/{select}.yaml", hint="is it a search, and did it finish?")
    return codec.load(chosen)
