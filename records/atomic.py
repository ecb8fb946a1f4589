"""Files that are whole or not there: written under a temporary name, then renamed over the target.

A process killed in between leaves the old file, and perhaps a hidden `.tmp-*` beside it.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = ".tmp-"


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path`, with its suffix; it takes the place of `path` when the body succeeds.

    When the body fails, the temporary file goes and `path` is as it was. Of several writers at once the last
    one wins whole. A new file gets the permissions that `open` would give it, an old one keeps its own; a
    symbolic link is followed.

    Raises:
        OSError: naming `path`, before the body runs, if its folder is missing or cannot be written, or if
            `path` is a folder or a device.
    """
    path = Path(path)
    mode = _mode(path)
    target = path.resolve() if path.is_symlink() else path
    temporary = target.with_name(f"{PREFIX}{secrets.token_hex(8)}{target.suffix}")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        yield temporary
        _sync(temporary, os.O_RDWR)
        if mode is not None:
            with suppress(OSError):  # not every file system has permissions
                temporary.chmod(stat.S_IMODE(mode))
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    if os.name != "nt":  # the rename itself lasts once the folder is on the disk
        with suppress(OSError):
            _sync(target.parent, os.O_RDONLY)


def write_bytes(path: Path | str, data: bytes) -> None:
    """Puts `data` in the place of `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path | str, text: str) -> None:
    """Puts `text` (UTF-8, newlines as they are) in the place of `path`, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def _mode(path: Path) -> int | None:
    """The mode of the regular file `path`, None if there is none yet."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):  # renaming over /dev/null would take it from everybody
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    return mode


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
