"""The truth of a run: one line of JSON for each finished evaluation, appended, never changed.

The first line is a header with format and version. A process killed while it writes leaves a torn last line,
which the next opening cuts off and says so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from . import atomic, strict_json
from .errors import cannot
from .ledger_file import HEADER, LONGEST_LINE, Contents, parse_entry, scan

AFTER_FULL_DISK = "every line in the file is whole: make room, then continue with --resume"


def read(path: Path | str) -> list[dict[str, object]]:
    """The entries of the ledger `path`, which may be growing; a torn last line is left out, nothing changed.

    Raises:
        UserError: no such file, no ledger, or one with a corrupt line.
    """
    return scan(Path(path)).entries


class Ledger:
    """A ledger open for appending; a context manager. Only the holder of the run's lock may open one.

    Attributes:
        path: the file.
        entries: what it holds, in order, exactly as a later opening will read it.
        cut: a sentence for the user if a torn last line was cut off on opening, else None.
    """

    def __init__(self, path: Path, entries: list[dict[str, object]], cut: str | None) -> None:
        self.path = path
        self.entries = entries
        self.cut = cut
        self._file = path.open("ab", buffering=0)

    @classmethod
    def open(cls, path: Path | str) -> Ledger:
        """Opens the ledger `path`, made if it is missing.

        Raises:
            UserError: it cannot be opened, is no ledger, is of a later version, or has a corrupt line that is
                not the last; the file is as it was then.
        """
        path = Path(path)
        try:
            if not path.exists():
                atomic.write_bytes(path, HEADER)
            contents = scan(path)
            if not contents.whole:
                atomic.write_bytes(path, HEADER)
            elif contents.torn:
                _truncate(path, contents.whole)
            return cls(path, contents.entries, _sentence(path, contents))
        except (OSError, ValueError) as error:
            raise cannot("open the ledger", path, error) from error

    def append(self, entry: Mapping[str, object]) -> None:
        """Adds one line. On return the operating system has it: killing this process cannot lose it.

        Raises:
            ValueError: NaN or an infinity in it, or anything else that would not read back.
            TypeError: something that JSON has no form for, such as a NumPy integer.
            UserError: the disk refused; the ledger is as it was before.
        """
        line = strict_json.dump(dict(entry)) + b"\n"
        if len(line) > LONGEST_LINE:
            raise ValueError(f"an entry of {len(line)} bytes; a line of a ledger has at most {LONGEST_LINE}")
        parsed = parse_entry(line)
        size = self._file.seek(0, os.SEEK_END)
        try:
            written = 0
            while written < len(line):
                written += self._file.write(line[written:])
        except BaseException as error:
            self._take_back(size)
            if isinstance(error, OSError):
                raise cannot("write", self.path, error, AFTER_FULL_DISK) from error
            raise
        self.entries.append(parsed)

    def sync(self) -> None:
        """Returns when all of it is on the disk: losing power cannot lose it."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise cannot("write", self.path, error, AFTER_FULL_DISK) from error

    def close(self) -> None:
        """Syncs and closes; a second time does nothing."""
        if not self._file.closed:
            try:
                self.sync()
            finally:
                self._file.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_back(self, size: int) -> None:
        """Removes half a line; where even that fails, nothing more may be appended behind it."""
        try:
            self._file.truncate(size)
        except OSError:
            self._file.close()


def _sentence(path: Path, contents: Contents) -> str | None:
    if not contents.torn:
        return None
    lost = "its evaluation runs again" if contents.whole else "no evaluation was in it"
    return f"{path}: the last line was torn; its {contents.torn} bytes were cut off, {lost}"


def _truncate(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())
