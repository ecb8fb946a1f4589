"""What made a run: its manifest, settings, failures and files, as rows of text."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..records.manifest import Manifest
from ..search_spaces.checks import InvalidValue
from ..search_spaces.quantity import format_count
from ..search_spaces.strict_yaml import load_mapping
from .run import Run

LONGEST_REASON = 300  # characters of a failure
MOST_REASONS = 20
# In this order; a report lists those that are there.
FILES = {
    "ledger.jsonl": "the truth: one line for each evaluation",
    "manifest.json": "command, seed, versions, host, times",
    "config.yaml": "every option of the search",
    "trials.csv": "every network",
    "front.csv": "the Pareto front",
    "convergence.csv": "the course of the search",
    "selected/budget.yaml": "best accuracy within the budget",
    "selected/reward.yaml": "best reward",
    "selected/knee.yaml": "knee of the front",
    "figures/pareto.png": "the Pareto figure for slides",
    "figures/pareto.svg": "the same for print",
    "study.journal": "for optuna-dashboard",
    "latency.json": "the latency table that the search counted with",
}
GRID_FILES = {
    "ledger.jsonl": "the truth: one line for each triple",
    "manifest.json": "command, seed, versions, host, times",
    "config.yaml": "every option of the grid",
    "grid.csv": "every triple, best first",
    "surface.csv": "the law over all shares of the FLOPs",
    "coefficients.json": "the result: coefficients, confidence set, other laws",
    "base.yaml": "the network that was scaled",
    "family/family.csv": "the family and the official one",
    **{f"family/b{number}.yaml": f"the family's b{number}" for number in range(8)},
}
STUDY_FILES = {
    "ledger.jsonl": "the truth: one line for each training",
    "manifest.json": "command, seed, versions, host, times",
    "config.yaml": "every option of the study",
    "runs.csv": "every training",
    "grid.csv": "every network, planned and as built, with its results",
    "surface.csv": "the fit over all ways to divide the growth, with intervals",
    "coefficients.json": "the result: coefficients, set, noise, other readings",
    "base.yaml": "the network that was scaled",
    "family/family.csv": "the family at exact budgets",
    **{f"family/b{number}.yaml": f"the family's b{number}" for number in range(8)},
}
Rows = tuple[tuple[str, str], ...]


class Recorded(Protocol):
    """A run of any kind."""

    @property
    def path(self) -> Path: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Failures:
    """A reason, how often, and the number of the first that had it."""

    reason: str
    count: int
    first: int


def failures(run: Run) -> tuple[Failures, ...]:
    """Of a search's trials, by reason."""
    failed = run.trials[run.trials["state"] == "failed"]
    return by_reason(zip(failed["failure"].fillna("no reason given"), failed["number"], strict=True))


def by_reason(failed: Iterable[tuple[object, int]]) -> tuple[Failures, ...]:
    """Of (reason, number): the most frequent reason first; all beyond MOST_REASONS in one row."""
    reasons: dict[str, list[int]] = {}
    for reason, number in failed:
        reasons.setdefault(str(reason), []).append(int(number))
    rows = [Failures(_cut(reason), len(numbers), min(numbers)) for reason, numbers in reasons.items()]
    rows.sort(key=lambda one: (-one.count, one.first))
    rest = rows[MOST_REASONS:]
    if rest:
        words = f"{len(rest)} other reasons"
        rows = [*rows[:MOST_REASONS], Failures(words, sum(one.count for one in rest), min(one.first for one in rest))]
    return tuple(rows)


def config(run: Recorded) -> Mapping[str, Any]:
    """config.yaml, empty where it cannot be read: a report is no place to fail for it."""
    try:
        return load_mapping(run.path / "config.yaml")
    except InvalidValue:
        return {}


def manifest_rows(manifest: Manifest) -> Rows:
    known = manifest.environment
    names = ("effsearch", "python", "numpy", "torch", "optuna", "ray", "fvcore", "pandas", "matplotlib")
    versions = ", ".join(f"{name} {known[name]}" for name in names if name in known)
    rows = [
        ("command", shlex.join(manifest.command)),
        ("seed", str(manifest.seed)),
        ("state", manifest.state),
        ("started", _time(manifest.started)),
        *(("resumed", _time(time)) for time in manifest.resumed),
        ("ended", _time(manifest.ended) if manifest.ended else "not yet, or killed"),
        ("git commit", known.get("git", "not known")),
        ("host", f"{known.get('hostname', 'not known')}, {known.get('cpus', '?')} CPUs, {known.get('platform', '?')}"),
        ("versions", versions),
    ]
    return tuple(rows) + ((("data, SHA-256", manifest.data_sha256),) if manifest.data_sha256 else ())


def settings_rows(run: Recorded) -> Rows:
    return tuple((name.replace("_", " "), _said(value)) for name, value in run.settings.items() if name != "kind")


def files(run: Recorded, known: Mapping[str, str] = FILES) -> Rows:
    """Without report.html itself, so that the first page and the second are equal."""
    return tuple((name, what) for name, what in known.items() if (run.path / name).is_file())


def _time(written: str) -> str:
    return written.replace("T", " ").replace("+00:00", " UTC")


def _cut(reason: str) -> str:
    return reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 1] + "…"


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_said(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_said(one) for one in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return format_count(float(value)) if abs(value) >= 1e5 else f"{value:g}"
    return str(value)
