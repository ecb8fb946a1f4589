"""Tables with a column of encoded pictures and one of labels: parquet, Arrow and feather files (pyarrow)."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np

from ...records.errors import UserError, cannot
from .arrays import numbered
from .source import TRAIN, Found, Opened, Source, Unusable, role_in, stamps

SUFFIXES: Final = (".parquet", ".arrow", ".feather")

_IMAGE_NAMES: Final = ("image", "img", "picture", "photo", "image_bytes", "jpg", "jpeg", "png", "bytes")
_LABEL_NAMES: Final = ("label", "labels", "class", "target", "category", "class_name", "y", "fine_label")
_KEPT = 4  # groups of rows in memory at once


@dataclass(frozen=True)
class Table:
    """One file. `read(group, column)` gives the values of a group of rows."""

    groups: int
    schema: Any
    read: Callable[[int, str], Any]


@dataclass(frozen=True)
class Columns:
    """The two columns that count, and the classes where the file names them."""

    image: str
    label: str
    names: tuple[str, ...] | None


def find_in(folder: Path) -> Found | None:
    """All tables in a folder and its folders; None where there is none."""
    files = sorted(one for one in folder.rglob("*") if one.suffix.lower() in SUFFIXES and not _hidden(one, folder))
    return find([one for one in files if one.is_file()], folder) if files else None


def find(files: Sequence[Path], folder: Path) -> Found:
    """Tables below `folder`; their names say their roles."""
    places = tuple((one.relative_to(folder).as_posix(), 0, 0) for one in files)
    return Found("tables", (*stamps(files), *places), lambda: _read(folder, files))


def _hidden(file: Path, root: Path) -> bool:
    return any(part.startswith((".", "_")) for part in file.relative_to(root).parts)


def _read(root: Path, files: Sequence[Path]) -> Source:
    tables = [_opened(file) for file in files]
    columns = [_columns(table.schema, file) for table, file in zip(tables, files, strict=True)]
    labels: list[Any] = []
    roles: list[int] = []
    starts = [0]  # of each group of rows
    groups: list[tuple[Table, int, str, str]] = []  # table, group in it, image column, where
    for table, column, file in zip(tables, columns, files, strict=True):
        role = _role(file.relative_to(root))
        for group in range(table.groups):
            some = _tried(file, lambda: table.read(group, column.label).to_pylist())  # noqa: B023  (called at once)
            labels += some
            roles += [role] * len(some)
            groups.append((table, group, column.image, file.relative_to(root).as_posix()))
            starts.append(len(labels))
    named = {column.names for column in columns}
    if len(named) > 1:
        raise UserError(f"the tables in {root} name their classes differently")
    classes, numbers = numbered(labels, next(iter(named)), f"column {columns[0].label} in {files[0]}")

    @lru_cache(maxsize=_KEPT)
    def column_of(group: int) -> Any:
        table, number, column, _ = groups[group]
        return table.read(number, column)

    reading = Lock()

    def pictures(group: int) -> Any:
        with reading:
            return column_of(group)

    def place(index: int) -> tuple[int, int]:
        group = int(np.searchsorted(starts, index, side="right")) - 1
        return group, index - starts[group]

    def opened(index: int) -> Opened:
        group, row = place(index)
        try:
            value = pictures(group)[row].as_py()
        except Exception as error:  # pyarrow's own kinds, for a damaged page
            raise Unusable("broken or cut off", str(error)) from error
        content = value.get("bytes") if isinstance(value, dict) else value
        if not content:
            raise Unusable("no picture in its row")
        return io.BytesIO(content)

    def name(index: int) -> str:
        group, row = place(index)
        before = sum(starts[at + 1] - starts[at] for at in range(group) if groups[at][3] == groups[group][3])
        return f"{groups[group][3]} row {before + row}"

    return Source("tables", classes, numbers, np.array(roles, np.int64), name, opened)


def _opened(file: Path) -> Table:
    arrow = _arrow()

    def parquet() -> Table:
        content = import_module("pyarrow.parquet").ParquetFile(file)
        return Table(
            content.num_row_groups,
            content.schema_arrow,
            lambda group, column: _valid(content.read_row_group(group, columns=[column]).column(column)),
        )

    def batches() -> Table:
        mapped = arrow.memory_map(str(file), "r")
        if mapped.read(6) == b"ARROW1":
            content = arrow.ipc.open_file(mapped)
            return Table(
                content.num_record_batches,
                content.schema,
                lambda group, column: _valid(content.get_batch(group).column(column)),
            )
        mapped.seek(0)
        stream = arrow.ipc.open_stream(mapped)  # as HuggingFace's `save_to_disk` writes it; its pages stay on the disk
        some = list(stream)
        return Table(len(some), stream.schema, lambda group, column: _valid(some[group].column(column)))

    table: Table = _tried(file, parquet if file.suffix.lower() == ".parquet" else batches)
    return table


def _valid(values: Any) -> Any:
    """After a check of the offsets, which a damaged file could point anywhere."""
    values.validate(full=True)
    return values


def _arrow() -> Any:
    try:
        arrow = import_module("pyarrow")
    except ImportError as error:
        raise UserError("parquet, Arrow and feather files are read by pyarrow", "pip install pyarrow") from error
    if tuple(int(one) for one in re.findall(r"\d+", arrow.__version__)[:3]) < (14, 0, 1):
        # CVE-2023-47248: older ones unpickle what a file asks them to
        raise UserError(f"pyarrow {arrow.__version__} runs code that a file may hold", "pip install -U pyarrow")
    return arrow


def _tried(file: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except OSError as error:
        if error.strerror is None:  # pyarrow's own, about the content
            raise UserError(f"{file} cannot be read as a table: {error}", "fetch it again") from error
        raise cannot("read", file, error) from error
    except (ValueError, KeyError, NotImplementedError, _arrow().ArrowException) as error:
        raise UserError(f"{file} cannot be read as a table: {error}", "fetch it again") from error


def _role(file: Path) -> int:
    """What the name of the file says, or of a folder above it: train-00000-of-00002.parquet, test/data.arrow."""
    for part in reversed(file.parts):
        role = role_in(part)
        if role is not None:
            return role
    return TRAIN


def _columns(schema: Any, file: Path) -> Columns:
    types = import_module("pyarrow").types

    def is_picture(kind: Any) -> bool:
        if types.is_struct(kind):
            return any(field.name == "bytes" and is_picture(field.type) for field in kind)
        return bool(types.is_binary(kind) or types.is_large_binary(kind))

    def is_label(kind: Any) -> bool:
        if types.is_dictionary(kind):
            return is_label(kind.value_type)
        return any(test(kind) for test in (types.is_integer, types.is_string, types.is_large_string, types.is_boolean))

    fields = {field.name: field.type for field in schema}
    image = _chosen([name for name, kind in fields.items() if is_picture(kind)], _IMAGE_NAMES)
    label = _chosen([name for name, kind in fields.items() if is_label(kind)], _LABEL_NAMES)
    if image is None or label is None:
        held = ", ".join(f"{name} ({str(kind)[:40]})" for name, kind in list(fields.items())[:12])
        missing = (
            f"of pictures (bytes; {', '.join(_IMAGE_NAMES[:3])})"
            if image is None
            else f"of labels ({', '.join(_LABEL_NAMES[:3])})"
        )
        raise UserError(f"{file} has no column {missing}; its columns are {held}")
    return Columns(image, label, _class_names(schema, label))


def _chosen(fitting: Sequence[str], usual: Sequence[str]) -> str | None:
    """The one with the most usual name; an unusual one where it is the only one."""
    known = [name for wanted in usual for name in fitting if name.lower() == wanted]
    return known[0] if known else fitting[0] if len(fitting) == 1 else None


def _class_names(schema: Any, label: str) -> tuple[str, ...] | None:
    """A ClassLabel's names, from the metadata that HuggingFace's datasets writes."""
    try:
        feature = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][label]
        names = feature["names"]
    except (KeyError, ValueError, TypeError):
        return None
    return tuple(names) if isinstance(names, list) and all(isinstance(one, str) for one in names) else None
