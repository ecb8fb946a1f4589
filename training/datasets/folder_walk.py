"""The files below a folder, read with care: no loops, no pipes, nothing followed twice."""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ...records.errors import cannot
from .decoding import SUFFIXES
from .source import Unusable

_NOT_PICTURES = frozenset(("__macosx", "thumbs.db", "desktop.ini", "ehthumbs.db"))
# A pipe must not be waited for; Windows has no such flag, and needs one of its own
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass
class Tree:
    """What stands below a folder or in an archive; names are tuples of their parts."""

    pictures: list[tuple[tuple[str, ...], int, int]] = field(default_factory=list)  # name, bytes, time
    folders: set[tuple[str, ...]] = field(default_factory=set)
    others: list[str] = field(default_factory=list)  # files that are no pictures, the first of them
    ignored: int = 0

    def ignore(self, name: str) -> None:
        self.ignored += 1
        if len(self.others) < 10:
            self.others.append(name)


def is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _NOT_PICTURES


def is_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122  (a string, not a file)


def walk(root: Path) -> Tree:
    """Everything below `root`, sorted by name. UserError where a folder cannot be listed.

    Links to folders are followed, but never up, and from the fourth level on (classes stand above it) no folder is
    entered twice below the same one. A file that cannot be read is listed; opening it says why.
    """
    tree = Tree()
    _enter(tree, root, (), {_identity(root.stat())})
    tree.pictures.sort()
    return tree


def open_regular(path: Path) -> BinaryIO:
    """The file, open. Raises Unusable where it is a folder, a pipe or a device, is gone or may not be read."""
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:
        if path.is_dir():
            raise Unusable("not a file", "a folder") from error
        raise Unusable("cannot be read", getattr(error, "strerror", None) or str(error)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unusable("not a file")
    return io.open(descriptor, "rb")  # noqa: UP020  (the caller closes it; a descriptor is no path)


def _enter(tree: Tree, folder: Path, parts: tuple[str, ...], seen: set[tuple[int, int]]) -> None:
    waiting = [(folder, parts)]
    while waiting:
        here, above = waiting.pop()
        for entry in _listed(here):
            name = (*above, entry.name)
            try:
                status = entry.stat()
            except OSError:  # a broken link, a ring of links
                status = None
            if is_hidden(entry.name):
                tree.ignore("/".join(name))
            elif is_picture(entry.name):
                tree.pictures.append((name, status.st_size, status.st_mtime_ns) if status else (name, 0, 0))
            elif status is None or not stat.S_ISDIR(status.st_mode):
                tree.ignore("/".join(name))
            elif _identity(status) not in seen:
                tree.folders.add(name)
                if len(name) <= 3:
                    _enter(tree, here / entry.name, name, seen | {_identity(status)})
                else:
                    seen.add(_identity(status))
                    waiting.append((here / entry.name, name))


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listing:
            return sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        raise cannot("read the folder", folder, error) from error


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
