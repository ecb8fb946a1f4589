"""`effsearch doctor`: is everything here that a search needs, and does it work?"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ..records.environment import environment
from ..records.errors import printable

Check = Callable[[], str]


def run(*, as_json: bool) -> int:
    """Print what is installed and one line a check; exit code 1 where a check fails."""
    found = environment()
    results = {name: _tried(check) for name, check in CHECKS.items()}
    good = all(works for works, _ in results.values())
    if as_json:
        checks = {name: {"ok": works, "says": says} for name, (works, says) in results.items()}
        print(json.dumps({"ok": good, "environment": found, "checks": checks}, indent=1))
        return 0 if good else 1
    from ..reports import terminal

    terminal.show(terminal.pairs(found.items()), "")
    terminal.show(
        terminal.pairs((("ok    " if works else "FAILS ") + name, says) for name, (works, says) in results.items())
    )
    return 0 if good else 1


def _tried(check: Check) -> tuple[bool, str]:
    try:
        return True, check()
    except Exception as error:
        return False, printable(f"{type(error).__name__}: {error}")[:300]


def _network() -> str:
    from ..models import check_cost
    from ..search_spaces import catalogue

    counted = check_cost(catalogue.load("b0"), fvcore=True)
    return f"B0 built and counted by fvcore and torch: {counted.torch_mult_adds:,} mult-adds, equal"


def _surrogate() -> str:
    from .. import evaluators
    from ..search_spaces import catalogue

    result = evaluators.load("surrogate")(catalogue.load("b0"))
    return f"B0 {result.accuracy:.2f} ± {result.std or 0:.2f} %, {result.fidelity}"


def _search() -> str:
    from .. import evaluators
    from ..nas import search
    from ..search_spaces import load

    result = search(load("mnasnet-b0"), evaluators.load("surrogate"), trials=60, batch=20)
    return f"{len(result.trials)} trials in memory, {len(result.front)} on the front"


def _accelerator() -> str:
    import torch

    if torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    return "none; fine for a search with the surrogate"


def _disk() -> str:
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".effsearch-doctor-"):
        free = os.statvfs(Path.cwd()) if hasattr(os, "statvfs") else None
    gigabytes = f", {free.f_bavail * free.f_frsize / 1e9:.0f} GB free" if free else ""
    return f"{Path.cwd()} can be written{gigabytes}"


CHECKS: Final[dict[str, Check]] = {
    "network": _network,
    "surrogate": _surrogate,
    "search": _search,
    "GPU": _accelerator,
    "disk": _disk,
}
