"""Ledger after a crash: every whole line is kept, the torn one cut and said, wherever it was torn."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effsearch.records.ledger import Ledger, read

Start = Callable[..., "subprocess.Popen[str]"]  # the fixture in conftest.py


HEADER = b'{"format": "effsearch-ledger", "version": 1}\n'
entries = st.dictionaries(st.text(max_size=3), st.text(max_size=5) | st.floats(0, 100), max_size=2)

APPEND = """
import sys
from effsearch.records.ledger import Ledger
ledger = Ledger.open(sys.argv[1])
print(len(ledger.entries), flush=True)
for number in range(len(ledger.entries), 10**9):
    ledger.append({"number": number, "filling": "x" * (number * 37 % 5000)})
    print(number, flush=True)
"""


def test_killed_writers_lose_nothing_that_they_reported(tmp_path: Path, start: Start) -> None:
    path = tmp_path / "ledger.jsonl"
    reported = -1
    for lines in (0, 1, 2, 17, 200, 1000):  # how much we hear before the kill; the process runs ahead of that
        process = start(APPEND, path)
        assert process.stdout is not None
        assert int(process.stdout.readline()) > reported
        for _ in range(lines):
            reported = int(process.stdout.readline())
        process.kill()
        for line in process.stdout:
            if line.endswith("\n"):
                reported = int(line)
        process.wait()
        numbers = [entry["number"] for entry in read(path)]
        assert numbers == list(range(len(numbers)))
        assert len(numbers) > reported


def test_a_reader_sees_whole_entries_while_a_writer_appends(tmp_path: Path, start: Start) -> None:
    path = tmp_path / "ledger.jsonl"
    process = start(APPEND, path)
    assert process.stdout is not None
    reported = int(process.stdout.readline())
    for _ in range(10):
        reported = int(process.stdout.readline())
        numbers = [entry["number"] for entry in read(path)]
        assert numbers == list(range(len(numbers)))
        assert len(numbers) > reported


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(st.lists(entries, min_size=1, max_size=3))
def test_cut_at_every_byte(tmp_path_factory: pytest.TempPathFactory, given: list[dict[str, object]]) -> None:
    folder = tmp_path_factory.mktemp("cut")
    path = folder / "ledger.jsonl"
    with Ledger.open(path) as ledger:
        for entry in given:
            ledger.append(entry)
    data = path.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)  # nobody pulls the plug here, and a disk may be slow
        for size in range(len(data) + 1):
            check_torn(path, data[:size], given)


def check_torn(path: Path, data: bytes, given: list[dict[str, object]]) -> None:
    lines = data.split(b"\n")
    whole, torn = lines[:-1], lines[-1]
    kept = given[: max(0, len(whole) - 1)]  # less the header
    path.write_bytes(data)
    assert read(path) == kept
    assert path.read_bytes() == data  # reading changes nothing
    with Ledger.open(path) as ledger:
        assert ledger.entries == kept
        assert (ledger.cut is not None) == (torn != b"")
        if ledger.cut is not None:
            assert f"{len(torn)} bytes" in ledger.cut
            assert str(path) in ledger.cut
        assert path.read_bytes() == (b"\n".join(whole) + b"\n" if whole else HEADER)
        ledger.append({"next": 1})
    with Ledger.open(path) as again:
        assert again.entries == [*kept, {"next": 1}]
        assert again.cut is None


@pytest.mark.parametrize("tail", [b'{"number": 1\n', b"\0" * 4096, b"\0" * 50 + b"\n", b'": 1}\n', b"\n", b"\xff\n"])
def test_what_a_machine_that_lost_power_may_leave_is_cut(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(HEADER + b'{"number": 0}\n' + tail)
    assert read(path) == [{"number": 0}]
    with Ledger.open(path) as ledger:
        assert ledger.entries == [{"number": 0}]
        assert ledger.cut is not None
        assert f"{len(tail)} bytes" in ledger.cut
    assert path.read_bytes() == HEADER + b'{"number": 0}\n'


@pytest.mark.parametrize("data", [b"", b"\0" * 45, HEADER[:10] + b"\0" * 35, HEADER[:-1]])
def test_a_torn_header_is_written_again(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(data)
    assert read(path) == []
    with Ledger.open(path) as ledger:
        assert (ledger.cut is not None) == (data != b"")
        ledger.append({"number": 0})
    assert path.read_bytes() == HEADER + b'{"number": 0}\n'
