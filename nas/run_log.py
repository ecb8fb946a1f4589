"""A search's memory: its ledger in a run directory, or a list where there is no directory."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from ..evaluators.evaluation import Evaluation
from ..records import atomic
from ..records.errors import UserError
from ..records.ledger import Ledger
from ..records.manifest import Manifest
from ..records.run_directory import RunDirectory
from ..search_spaces.checks import shown
from .trial import Trial

Settings = dict[str, Any]


class RunLog:
    """What was evaluated so far, and where the next result goes. A context manager; leaving it gives the lock back.

    Attributes
    ----------
    trials
        by number, as read from the ledger and appended since.
    references
        name -> entry of networks that were evaluated for comparison.
    notice
        a sentence about a torn last line that was cut off, or None.
    """

    def __init__(self, run: RunDirectory | None = None, ledger: Ledger | None = None) -> None:
        self.run = run
        self.ledger = ledger
        self.trials: dict[int, Trial] = {}
        self.references: dict[str, dict[str, Any]] = {}
        self.notice = ledger.cut if ledger else None
        self.manifest: Manifest | None = None

    @classmethod
    def open(
        cls,
        run_dir: Path | str | None,
        *,
        resume: bool,
        settings: Settings,
        config: Mapping[str, Any] | None,
        seed: int,
    ) -> RunLog:
        """Start or continue. UserError where the directory cannot be used or `settings` are not those of the run."""
        if run_dir is None:
            if resume:
                raise UserError("there is nothing to resume without a run directory", hint="give run_dir (--out)")
            return cls()
        run = RunDirectory.resume(run_dir) if resume else RunDirectory.create(run_dir)
        try:
            if resume:
                log = cls(run, Ledger.open(run.ledger_path))
                log._read(settings)
                log.manifest = Manifest.load(run.manifest_path).resume()
            else:
                log = cls(run)
                log.manifest = Manifest.begin(sys.argv, seed=seed)
                atomic.write_text(run.config_path, yaml.safe_dump(dict(config or settings), sort_keys=False))
            log.manifest.save(run.manifest_path)
            if log.ledger is None:
                log.ledger = Ledger.open(run.ledger_path)
            if not log.ledger.entries:
                log.ledger.append({"kind": "settings", **settings})
        except BaseException:
            run.close()
            raise
        return log

    @property
    def path(self) -> Path | None:
        return self.run.path if self.run else None

    def append(self, trial: Trial) -> None:
        if self.ledger:
            self.ledger.append(trial.to_entry())
        self.trials[trial.number] = trial

    def append_reference(
        self, name: str, key: str, evaluation: Evaluation, costs: dict[str, float], reward: float | None
    ) -> None:
        entry = {
            "kind": "reference", "name": name, "key": key, "evaluation": evaluation.to_mapping(), "costs": costs,
            "reward": reward,
        }  # fmt: skip
        if self.ledger:
            self.ledger.append(entry)
        self.references[name] = entry

    def sync(self) -> None:
        """To the disk: what was appended survives a power cut from here on."""
        if self.ledger:
            self.ledger.sync()

    def finish(self, state: str) -> None:
        """ "done", "interrupted" or "failed" into the manifest."""
        if self.run and self.manifest:
            self.manifest = self.manifest.finish(state)
            self.manifest.save(self.run.manifest_path)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.ledger:
            self.ledger.close()
        if self.run:
            self.run.close()

    def _read(self, settings: Settings) -> None:
        if self.run is None or self.ledger is None:
            return
        for line, entry in enumerate(self.ledger.entries, 2):
            try:
                self._take(entry, settings)
            except (KeyError, TypeError, ValueError) as error:
                raise UserError(
                    f"{self.run.ledger_path}: line {line} is no entry of a search: {type(error).__name__}: {error}",
                    hint="restore the file from a copy, or start a new run",
                ) from error

    def _take(self, entry: Mapping[str, Any], settings: Settings) -> None:
        kind = entry.get("kind")
        if kind == "trial":
            trial = Trial.from_entry(entry)
            self.trials[trial.number] = trial
        elif kind == "reference":
            self.references[entry["name"]] = dict(entry)
        elif kind == "settings":
            for name, value in settings.items():
                if entry.get(name) != value:
                    raise UserError(
                        f"the run was started with {name} {shown(entry.get(name))}, not {shown(value)}",
                        hint="resume with the options of the run, or start a new one with another --out",
                    )
        else:
            raise ValueError(f"kind is {shown(kind)}")
