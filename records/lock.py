"""One driver a run: a lock that the operating system holds, so that it goes when the process goes."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from platform import node
from types import TracebackType

from . import strict_json
from .errors import UserError, cannot

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        # a lock on Windows keeps others from reading the bytes: take one far beyond the text
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class RunLock:
    """An exclusive lock on the file `path`, which says who holds it; a context manager that does not wait.

    The file stays when the lock goes (removing it would let two processes lock two files of one name).
    Child processes get no share in the lock: one that outlives a killed driver does not keep it, and one that
    ends does not end it.

    Raises:
        UserError: on entering, if another process (or this one) holds it, or the file cannot be locked.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._descriptor: int | None = None

    def __enter__(self) -> RunLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def acquire(self) -> None:
        """Takes the lock, or raises UserError."""
        try:
            # programs started from here do not inherit the descriptor: os.open sees to that
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        except (OSError, ValueError) as error:
            raise cannot("lock", self.path, error) from error
        try:
            _lock(descriptor)
            _sign(descriptor)
        except (BlockingIOError, PermissionError) as error:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise UserError(
                f"{self.path.parent} is in use by {holder}",
                "wait until it ends, or stop it; or give another --out",
            ) from error
        except OSError as error:
            os.close(descriptor)
            raise cannot("lock", self.path, error, "put --out on a disk of this machine") from error
        self._descriptor = descriptor
        _held.add(self)

    def release(self) -> None:
        """Gives the lock back; does nothing where it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            _held.discard(self)
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)


def _sign(descriptor: int) -> None:
    since = datetime.now(timezone.utc).isoformat(timespec="seconds")
    text = strict_json.dump({"pid": os.getpid(), "host": node(), "since": since})
    os.write(descriptor, text)
    os.ftruncate(descriptor, len(text))


def _holder(descriptor: int) -> str:
    """Who signed the file; it may be unsigned for a moment, or hold anything."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        note = strict_json.parse(os.read(descriptor, 4096))
    except (OSError, ValueError):
        note = None
    if not isinstance(note, dict) or not {"pid", "host", "since"} <= note.keys():
        return "another process"
    return f"process {note['pid']} on {note['host']} since {note['since']}"


_held: set[RunLock] = set()


def _forget_in_child() -> None:
    """A forked child closes its copies; that leaves the parent's lock alone, for flock counts open files.

    Nowhere is LOCK_UN called: it would, even in a child.
    """
    for lock in _held:
        if lock._descriptor is not None:
            os.close(lock._descriptor)
            lock._descriptor = None
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
