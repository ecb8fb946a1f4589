"""Where a run's files are, and who may write them.

A new run makes them in this order: the folder, `lock`, `manifest.json`, `config.yaml`, `ledger.jsonl`. The
ledger comes last and makes it a run: from there on it is resumed, never started again. Killed before that, it
has cost no evaluation, and starting it again in the same folder takes the folder over:

    with RunDirectory.create("runs/b0") as run:
        Manifest.begin(sys.argv, seed=0).save(run.manifest_path)
        atomic.write_text(run.config_path, config)
        with Ledger.open(run.ledger_path) as ledger:
            ...
"""

from __future__ import annotations

from itertools import count
from pathlib import Path
from types import TracebackType

from . import atomic
from .errors import UserError, cannot
from .lock import RunLock

LOCK, MANIFEST, CONFIG, LEDGER = "lock", "manifest.json", "config.yaml", "ledger.jsonl"


class RunDirectory:
    """The folder of one run, and the lock on it where one was taken; `close` gives that back, so does `with`.

    Attributes:
        path: the folder, absolute, so that an evaluator may change the working directory.
    """

    def __init__(self, path: Path, lock: RunLock | None = None) -> None:
        self.path = path.absolute()
        self._lock = lock

    @classmethod
    def create(cls, path: Path | str) -> RunDirectory:
        """A new run's folder, locked; parents are made.

        Raises:
            UserError: it is there and not empty (but for what a start that was killed left), is in use, or
                cannot be made.
        """
        path = Path(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            _refuse_contents(path)  # before the lock too, which would leave a file in somebody's folder
            lock = RunLock(path.absolute() / LOCK)
            lock.acquire()
            try:
                _refuse_contents(path)
            except BaseException:
                lock.release()
                raise
        except (OSError, ValueError) as error:
            raise cannot("make the run directory", path, error, "give another --out") from error
        return cls(path, lock)

    @classmethod
    def create_free(cls, root: Path | str, stem: str) -> RunDirectory:
        """A new run's folder at the `free_name`; two processes that ask at once get two folders."""
        while True:
            path = free_name(root, stem)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.mkdir()
            except FileExistsError as error:
                if path.parent.is_dir():
                    continue  # somebody else was faster
                raise cannot("make the run directory", path, error, "give another --out") from error
            except OSError as error:
                raise cannot("make the run directory", path, error, "give another --out") from error
            return cls.create(path)

    @classmethod
    def resume(cls, path: Path | str) -> RunDirectory:
        """The folder of a run that goes on, locked.

        Raises:
            UserError: no run there, or in use.
        """
        path = Path(path)
        _require_run(path, "give the path of a run, or start one there without --resume")
        lock = RunLock(path.absolute() / LOCK)
        lock.acquire()
        return cls(path, lock)

    @classmethod
    def open_existing(cls, path: Path | str) -> RunDirectory:
        """The folder of a run, to read: no lock, nothing made.

        Raises:
            UserError: no run there.
        """
        path = Path(path)
        _require_run(path, f"a run directory holds {LEDGER} and {MANIFEST}; give the path of one")
        return cls(path)

    def close(self) -> None:
        """Gives the lock back, if one is held."""
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> RunDirectory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def ledger_path(self) -> Path:
        """The truth: one line an evaluation."""
        return self.path / LEDGER

    @property
    def manifest_path(self) -> Path:
        """What made the run."""
        return self.path / MANIFEST

    @property
    def config_path(self) -> Path:
        """Every option; `--config` of it runs the same."""
        return self.path / CONFIG

    @property
    def trials(self) -> Path:
        """Every evaluation as a table; derived."""
        return self.path / "trials.csv"

    @property
    def front(self) -> Path:
        """The Pareto front as a table; derived."""
        return self.path / "front.csv"

    @property
    def selected(self) -> Path:
        """The folder of the chosen architectures; derived, made by who writes there."""
        return self.path / "selected"

    @property
    def figures(self) -> Path:
        """The folder of the figures; derived, made by who writes there."""
        return self.path / "figures"


def holds_run(path: Path | str) -> bool:
    """Whether there is something to resume at `path`: a ledger."""
    try:
        return (Path(path) / LEDGER).is_file()
    except (OSError, ValueError):
        return False


def free_name(root: Path | str, stem: str) -> Path:
    """`root/stem`, or `stem-2`, `stem-3` ...: the first that does not exist. Makes nothing."""
    if stem in ("", ".", "..") or any(character in stem for character in "/\\\0"):
        raise UserError(f"{stem!r} is no name for a run: it must be a single part of a path")
    for number in count(1):
        path = Path(root) / (stem if number == 1 else f"{stem}-{number}")
        try:
            path.lstat()
        except FileNotFoundError:
            return path
        except (OSError, ValueError) as error:
            raise cannot("make the run directory", path, error, "give another --out") from error
    raise AssertionError("count() does not end")


def _refuse_contents(path: Path) -> None:
    """Raises UserError unless `path` is empty or was left by a start that never came to its ledger."""
    names = {each.name for each in path.iterdir()}
    if names and not _is_cut_off_start(names):
        raise UserError(
            f"{path} is there already and is not empty",
            "continue that run with --resume, or give another --out",
        )


def _is_cut_off_start(names: set[str]) -> bool:
    others = {name for name in names if not name.startswith(atomic.PREFIX)}
    return LOCK in others and others <= {LOCK, MANIFEST, CONFIG}


def _require_run(path: Path, hint: str) -> None:
    try:
        names = {each.name for each in path.iterdir()}
    except (OSError, ValueError) as error:
        raise cannot("open the run directory", path, error, hint) from error
    if _is_cut_off_start(names):
        raise UserError(
            f"{path} holds no run: its start was cut off before the first evaluation",
            "start it again without --resume; the same --out will do",
        )
    if LEDGER not in names:
        raise UserError(f"{path} holds no run: it has no {LEDGER}", hint)
    if MANIFEST not in names:
        raise UserError(
            f"{path} has a {LEDGER} but no {MANIFEST}: it is no whole run directory",
            f"restore {MANIFEST} from a copy, or give another --out",
        )
