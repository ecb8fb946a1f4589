"""Ledger: what is appended is read back exactly, and nothing else is taken for a ledger."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effsearch.records import ledger_file
from effsearch.records.errors import UserError
from effsearch.records.ledger import Ledger, read

HEADER = b'{"format": "effsearch-ledger", "version": 1}\n'

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
entries = st.dictionaries(st.text(), values, max_size=5)


def exact(value: Any) -> Any:
    """1, 1.0 and True apart, 0.0 and -0.0 too."""
    if isinstance(value, dict):
        return [(key, exact(each)) for key, each in value.items()]
    if isinstance(value, list):
        return [exact(each) for each in value]
    return (type(value), value, math.copysign(1, value) if isinstance(value, float) else 0)


@settings(max_examples=30, deadline=None)
@given(st.lists(entries, max_size=6))
def test_entries_come_back_exactly(tmp_path_factory: pytest.TempPathFactory, given: list[dict[str, Any]]) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    with Ledger.open(path) as ledger:
        for entry in given:
            ledger.append(entry)
        assert exact(ledger.entries) == exact(given)
    assert exact(read(path)) == exact(given)
    with Ledger.open(path) as again:
        assert exact(again.entries) == exact(given)
        assert again.cut is None


def test_the_file_is_what_the_format_says(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with Ledger.open(path) as ledger:
        assert path.read_bytes() == HEADER
        ledger.append({"key": "a\nb", "accuracy": 77.1, "failure": None})
        line = b'{"key": "a\\nb", "accuracy": 77.1, "failure": null}\n'
        assert path.read_bytes() == HEADER + line  # before any sync or close
        ledger.sync()


def test_opening_goes_on_where_it_was(tmp_path: Path) -> None:
    for number in range(4):
        with Ledger.open(tmp_path / "ledger.jsonl") as ledger:
            ledger.append({"number": number})
    assert read(tmp_path / "ledger.jsonl") == [{"number": number} for number in range(4)]


def test_memory_holds_what_the_file_holds(tmp_path: Path) -> None:
    inner = [1, 2]
    with Ledger.open(tmp_path / "ledger.jsonl") as ledger:
        ledger.append({"point": (1, 2), "inner": inner})
        inner.append(3)
        assert ledger.entries == [{"point": [1, 2], "inner": [1, 2]}] == read(ledger.path)


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ({"a": math.nan}, ValueError),
        ({"a": [math.inf]}, ValueError),
        ({"a": object()}, TypeError),
        ({"a": {1: 0, "1": 0}}, ValueError),  # both keys would be "1"
        ({"a": 10**5000}, ValueError),
        ({"a": "x" * ledger_file.LONGEST_LINE}, ValueError),
    ],
)
def test_what_would_not_read_back_is_not_written(
    tmp_path: Path, entry: dict[str, object], kind: type[Exception]
) -> None:
    with Ledger.open(tmp_path / "ledger.jsonl") as ledger:
        ledger.append({"before": 1})
        with pytest.raises(kind):
            ledger.append(entry)
        ledger.append({"after": 1})
        assert ledger.entries == read(ledger.path) == [{"before": 1}, {"after": 1}]


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    ledger = Ledger.open(tmp_path / "ledger.jsonl")
    ledger.append({"before": 1})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ledger.path.stat().st_size + 20, hard))  # room for half a line
    try:
        with pytest.raises(UserError, match=r"cannot write .*ledger\.jsonl: File too large"):
            ledger.append({"lost": "x" * 100})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    ledger.append({"after": 1})
    ledger.close()
    assert read(ledger.path) == [{"before": 1}, {"after": 1}] == ledger.entries


def test_closed_is_closed(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.jsonl") as ledger:
        ledger.close()
    with pytest.raises(ValueError, match="closed"):
        ledger.append({})
    assert ledger.entries == read(ledger.path) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a": 1', "not JSON"),
        (b"", "not JSON"),
        (b"\0\0\0", "not JSON"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"[1]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"a": 1, "a": 2}', "'a' stands there twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b"x" * (ledger_file.LONGEST_LINE + 1), "longer than"),
    ],
)
def test_a_corrupt_line_is_named_and_left(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "ledger.jsonl"
    data = HEADER + b'{"number": 0}\n' + line + b'\n{"number": 2}\n'
    path.write_bytes(data)
    for open_it in (Ledger.open, read):
        with pytest.raises(UserError, match=reason) as raised:
            open_it(path)
        assert f"{path}, line 3: " in raised.value.message
        assert len(raised.value.message) < 300 + len(str(path))
    assert path.read_bytes() == data


@pytest.mark.parametrize("line", [b"[1]", b'{"a": 1, "a": 2}', b'{"a": NaN}'])
def test_a_whole_last_line_that_is_wrong_is_not_cut(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(HEADER + line + b"\n")
    with pytest.raises(UserError, match="line 2"):
        Ledger.open(path)
    assert path.read_bytes() == HEADER + line + b"\n"


@pytest.mark.parametrize("version", [2, 10**9])
def test_a_later_version_asks_for_an_upgrade(tmp_path: Path, version: int) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text(f'{{"format": "effsearch-ledger", "version": {version}, "new": []}}\nwhatever\n')
    with pytest.raises(UserError, match=f"version {version}; .* up to 1") as raised:
        Ledger.open(path)
    assert "upgrade" in str(raised.value.hint)


@pytest.mark.parametrize(
    "data",
    [
        b"notes\n",
        b"notes",
        b"\n",
        b"{}\n",
        b'{"number": 0}\n{"number": 1}\n',
        b'{"format": "effsearch-ledger", "version": true}\n',
        b'{"format": "effsearch-ledger", "version": 0}\n',
        b'{"format": "effsearch-manifest", "version": 1}\n',
        b"\xff\xfe{\n",
        b"\0\0\n" + HEADER,
        b"[" * 100_000 + b"\n",
    ],
)
def test_another_file_is_refused_and_left(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(data)
    for open_it in (Ledger.open, read):
        with pytest.raises(UserError, match="line 1: not the header"):
            open_it(path)
    assert path.read_bytes() == data


@pytest.mark.parametrize("name", ["folder", "folder/missing/ledger.jsonl", "file/ledger.jsonl", "a\0b", "n" * 300])
def test_places_where_no_ledger_can_be(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot (open|read)"):
        Ledger.open(tmp_path / name)
    with pytest.raises(UserError, match="cannot read"):
        read(tmp_path / name)


def test_reading_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        read(tmp_path / "ledger.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_ten_thousand_entries_open_in_a_moment(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    line = b'{"key": "0123456789abcdef", "accuracy": 77.123456789, "point": {"kernel_1": 3, "se_1": 0.25}}\n'
    path.write_bytes(HEADER + line * 10_000)
    begin = time.perf_counter()
    assert len(read(path)) == 10_000
    assert time.perf_counter() - begin < 2  # some 0.1 s; quadratic would take minutes
