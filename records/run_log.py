"""An open run: its directory and lock, its manifest, its ledger with the settings it was started with.

The ledger's first entry is the settings; a run that is resumed must be given the same ones. Without a directory the log
lives in memory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from . import atomic
from .errors import UserError
from .ledger import Ledger
from .manifest import Manifest
from .run_directory import RunDirectory

SETTINGS = "settings"  # the kind of the first entry
FINGERPRINT = "_fingerprint"  # ends the name of a setting that is a hash

Entry = Mapping[str, object]


class RunLog:
    """A context manager; leaving it closes the ledger and gives the lock back.

    Attributes:
        run: the directory, None in memory.
        notice: a sentence about a torn last line that was cut off, or None.
    """

    def __init__(self, run: RunDirectory | None = None, ledger: Ledger | None = None) -> None:
        self.run = run
        self.notice = ledger.cut if ledger else None
        self._ledger = ledger
        self._manifest: Manifest | None = None

    @classmethod
    def open(
        cls, run_dir: Path | str | None, *, resume: bool, settings: Mapping[str, object], config: str | None, seed: int
    ) -> RunLog:
        """Start a run, or continue one. `config` is the text of its config.yaml; None keeps the one that is there.

        Raises:
            UserError: the directory cannot be used, or the run was started with other settings.
        """
        if run_dir is None:
            if resume:
                raise UserError("there is nothing to resume without a run directory", "give run_dir (--out)")
            return cls()
        run = RunDirectory.resume(run_dir) if resume else RunDirectory.create(run_dir)
        try:
            return cls._resumed(run, settings, config) if resume else cls._started(run, settings, config, seed)
        except BaseException:
            run.close()
            raise

    @classmethod
    def _started(cls, run: RunDirectory, settings: Mapping[str, object], config: str | None, seed: int) -> RunLog:
        manifest = Manifest.begin(sys.argv, seed=seed)
        manifest.save(run.manifest_path)
        if config is not None:
            atomic.write_text(run.config_path, config)
        log = cls(run, Ledger.open(run.ledger_path))
        log._manifest = manifest
        log.append({"kind": SETTINGS, **settings})
        return log

    @classmethod
    def _resumed(cls, run: RunDirectory, settings: Mapping[str, object], config: str | None) -> RunLog:
        log = cls(run, Ledger.open(run.ledger_path))
        stored = next((entry for entry in log._all() if entry.get("kind") == SETTINGS), None)
        if stored is None:
            log.append({"kind": SETTINGS, **settings})
        else:
            _check_same(stored, settings)
        if config is not None:
            atomic.write_text(run.config_path, config)
        log._manifest = Manifest.load(run.manifest_path).resume()
        log._manifest.save(run.manifest_path)
        return log

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Every entry but the settings, and where it stands ("ledger.jsonl, entry 3"), for messages."""
        for number, entry in enumerate(self._all(), 1):
            if entry.get("kind") != SETTINGS:
                yield f"{self.run.ledger_path if self.run else 'ledger'}, entry {number}", entry

    def append(self, entry: Entry) -> None:
        if self._ledger:
            self._ledger.append(entry)

    def sync(self) -> None:
        """To the disk: what was appended survives a power cut from here on."""
        if self._ledger:
            self._ledger.sync()

    def finish(self, state: str) -> None:
        """ "done", "interrupted" or "failed" into the manifest."""
        if self.run and self._manifest:
            self._manifest = self._manifest.finish(state)
            self._manifest.save(self.run.manifest_path)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ledger:
            self._ledger.close()
        if self.run:
            self.run.close()

    def _all(self) -> list[dict[str, object]]:
        return self._ledger.entries if self._ledger else []


def _check_same(stored: Entry, settings: Entry) -> None:
    for name, value in settings.items():
        if stored.get(name) == value:
            continue
        difference = f"{name} {stored.get(name)!r:.200}, not {value!r:.200}"
        if name.endswith(FINGERPRINT):
            difference = f"another {name.removesuffix(FINGERPRINT)} of this name: its content is not the same"
        raise UserError(
            f"the run was started with {difference}",
            "resume with the options of the run, or start a new one with another --out",
        )
