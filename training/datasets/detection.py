"""What a path holds, by the names in it."""

from __future__ import annotations

import stat
from pathlib import Path

from ...records.errors import UserError, cannot
from . import cifar10, class_folders, idx, npz, tables, zip_folders
from .source import UNDERSTOOD, Found


def detect(path: Path) -> Found:
    """The source at `path`, recognised but not read.

    Raises:
        UserError: it is none that is understood; says what was seen.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return _folder(path)
    except (OSError, ValueError) as error:
        raise cannot("read", path, error, "give a folder or file with images") from error
    if not stat.S_ISREG(mode):
        raise UserError(f"{path} is neither a folder nor a file")
    return _file(path)


def _folder(path: Path) -> Found:
    for find in (idx.find, cifar10.find, class_folders.find, tables.find_in):
        found = find(path)
        if found is not None:
            return found
    files = sorted(one for one in path.iterdir() if one.is_file() and not one.name.startswith("."))
    archives = [one for one in files if one.suffix.lower() == ".zip"]
    if archives:
        return zip_folders.find(archives)
    arrays = [one for one in files if one.suffix.lower() == ".npz"]
    if len(arrays) == 1:
        return npz.find(arrays[0])
    raise UserError(f"{path} is no data set: it holds {_seen(path)}", f"understood: {UNDERSTOOD}")


def _file(path: Path) -> Found:
    name = path.name.lower()
    if name.endswith(".zip"):
        return zip_folders.find([path])
    if name.endswith(".npz"):
        return npz.find(path)
    if name.endswith((".tar.gz", ".tgz", ".tar")):
        return cifar10.find_archive(path)
    if name.endswith(tables.SUFFIXES):
        return tables.find([path], path.parent)
    raise UserError(f"{path} is no data set by its name", f"understood: {UNDERSTOOD}")


def _seen(path: Path) -> str:
    names = sorted(one.name + "/" * one.is_dir() for one in path.iterdir())
    if not names:
        return "nothing"
    more = f" and {len(names) - 6:,} more" if len(names) > 6 else ""
    return ", ".join(names[:6]) + more
