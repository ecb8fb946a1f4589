"""Class folders inside zip archives, read member by member; nothing is unpacked to the disk."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from ...records.errors import UserError, cannot
from .class_folders import layout_of, source_of
from .folder_walk import Tree, is_hidden, is_picture
from .source import UNDERSTOOD, Found, Opened, Source, Unusable, stamps

LARGEST_MEMBER = 500_000_000  # bytes, unpacked


def find(archives: Sequence[Path]) -> Found:
    """One archive, or several that are parts of one tree."""
    return Found("class folders in a zip", stamps(archives), lambda: _read(archives))


def _read(archives: Sequence[Path]) -> Source:
    tree = Tree()
    members: dict[tuple[str, ...], tuple[zipfile.ZipFile, zipfile.ZipInfo]] = {}
    for path in archives:
        archive = _opened(path)
        for info in archive.infolist():
            # names are looked at only: they never become paths
            name = tuple(part for part in info.filename.replace("\\", "/").split("/") if part not in ("", ".", ".."))
            if not name:
                continue
            if any(is_hidden(part) for part in name):
                tree.ignored += not info.is_dir()
            elif info.is_dir():
                tree.folders.add(name)
            elif is_picture(name[-1]):
                tree.folders.update(name[:depth] for depth in range(1, len(name)))
                members.setdefault(name, (archive, info))
            else:
                tree.ignore("/".join(name))
    names = sorted(members)
    tree.pictures = [(name, 0, 0) for name in names]
    layout = layout_of(tree)
    if layout is None:
        seen = ", ".join(tree.others[:5]) or f"{len(names)} pictures in no folder"
        raise UserError(f"{archives[0]} holds no class folders ({seen}); understood: {UNDERSTOOD}")

    def opened(index: int) -> Opened:
        archive, info = members[names[index]]
        if info.flag_bits & 1:
            raise Unusable("encrypted")
        if info.file_size > LARGEST_MEMBER:
            raise Unusable("too large a file", f"{info.file_size:,} bytes")
        try:
            return io.BytesIO(archive.read(info))
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, zlib.error) as error:
            raise Unusable("broken or cut off", str(error)) from error

    return source_of(tree, layout, opened, "class folders in a zip")


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UserError(f"{path} is no zip archive, or a damaged one: {error}") from error
    except OSError as error:
        raise cannot("read", path, error) from error
