"""Class folders: the folder that a picture stands in says its class, the one above that perhaps its role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...records.errors import UserError
from .folder_walk import Tree, open_regular, walk
from .source import NO_LABEL, TRAIN, UNDERSTOOD, Found, Opened, Source, role_of

Parts = tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """Where the classes stand: below `above`, and below a folder for each role where `has_roles`."""

    above: Parts
    has_roles: bool

    def place(self, name: Parts) -> tuple[int, str] | None:
        """Role and class of a picture; None where it is in no class folder."""
        if name[: len(self.above)] != self.above:
            return None
        below = name[len(self.above) :]
        role: int | None = TRAIN
        if self.has_roles:
            role, below = role_of(below[0]), below[1:]
        return None if role is None or len(below) < 2 else (role, below[0])


def find(path: Path) -> Found | None:
    """The class folders in a folder; None where there are no pictures in folders."""
    tree = walk(path)
    layout = layout_of(tree)
    if layout is None:
        return None
    names = [name for name, _, _ in tree.pictures]
    files = tuple(("/".join(name), size, changed) for name, size, changed in tree.pictures)

    def opened(index: int) -> Opened:
        return open_regular(path.joinpath(*names[index]))

    return Found(
        "class folders",
        (*files, *(("/".join(name) + "/", 0, 0) for name in sorted(tree.folders)), (f"{tree.ignored} ignored", 0, 0)),
        lambda: source_of(tree, layout, opened, "class folders"),
    )


def layout_of(tree: Tree) -> Layout | None:
    """Folders around everything (`pets/train/cat/1.jpg`) are left aside. None where no picture is in a folder."""
    above: Parts = ()
    while True:
        depth = len(above)
        filled = [name for name, _, _ in tree.pictures if name[:depth] == above and len(name) > depth + 1]
        if not filled:
            return None
        below = {name[depth] for name in (*filled, *tree.folders) if name[:depth] == above and len(name) > depth}
        if any(role_of(one) == TRAIN for one in below):
            return Layout(above, True)
        if len(below) > 1 or any(len(name) < depth + 3 for name in filled):
            return Layout(above, False)
        above = (*above, *below)


def source_of(tree: Tree, layout: Layout, opened: Callable[[int], Opened], kind: str) -> Source:
    """UserError where the folders say nothing that can be trained."""
    names = [name for name, _, _ in tree.pictures]
    places = [layout.place(name) for name in names]
    classes = sorted({place[1] for place in places if place})
    number = {name: index for index, name in enumerate(classes)}
    if not classes:
        raise UserError(f"there is no picture in a class folder; understood: {UNDERSTOOD}")
    notes = []
    depth = len(layout.above) + layout.has_roles
    empty = {name[depth] for name in tree.folders if len(name) == depth + 1 and layout.place((*name, "a"))}
    empty -= number.keys()
    if empty:
        notes.append(f"class folders without a picture, left out: {len(empty)} ({', '.join(sorted(empty)[:5])})")
    if layout.above:
        notes.append(f"the classes stand in {'/'.join(layout.above)}/")
    return Source(
        kind,
        tuple(classes),
        labels=np.array([number[place[1]] if place else NO_LABEL for place in places], np.int64),
        roles=np.array([place[0] if place else TRAIN for place in places], np.int64),
        name=lambda index: "/".join(names[index]),
        open=opened,
        ignored=tree.ignored,
        notes=tuple(notes),
        unlabelled="in no class folder",
    )
