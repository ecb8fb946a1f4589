"""Interrupted, killed or met by a second driver: a run goes on where it was, and ends as if nothing had happened."""

from __future__ import annotations

import json
import random
import shlex
import signal
import time
from pathlib import Path

import pandas as pd
import pytest

TINY = ("--space", "own.py:tiny", "--evaluator", "own.py:slow", "--target-flops", "2M", "--batch", "12")
DERIVED = ("front.csv", "selected/budget.yaml", "selected/reward.yaml", "selected/knee.yaml")


def keys_of(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def whole_lines(run: Path) -> set[str]:
    """Keys of the trials whose line in the ledger is complete."""
    data = (run / "ledger.jsonl").read_bytes() if (run / "ledger.jsonl").exists() else b""
    entries = [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]
    return {entry["key"] for entry in entries if entry.get("kind") == "trial"}


def tear(path: Path, draw: random.Random) -> None:
    """Cut the last line of a ledger at a random byte, as a machine that lost power may leave it."""
    data = path.read_bytes()
    start = data.rstrip(b"\n").rfind(b"\n") + 1
    path.write_bytes(data[: draw.randrange(start, len(data))])


def check_same(run: Path, expected: Path) -> None:
    first, second = (pd.read_csv(path / "trials.csv", dtype=str).drop(columns="seconds") for path in (run, expected))
    assert first.to_csv() == second.to_csv()
    for name in DERIVED:
        assert (run / name).read_bytes() == (expected / name).read_bytes(), name


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_saves_and_prints_the_command_that_finishes_the_run(
    folder, here, start, wait_for_lines, monkeypatch, number
):
    notes = folder / "notes"
    process = start("nas", *TINY, "--trials", 60, "--out", "my run", TEST_SECONDS=0.01, TEST_NOTES=notes)
    wait_for_lines(process, notes, 17)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert "Traceback" not in stderr
    assert json.loads((folder / "my run" / "manifest.json").read_text())["state"] == "interrupted"
    known = len(whole_lines(folder / "my run"))
    assert 16 <= known < 60  # the seventeenth was noted just before its line was written
    assert len(pd.read_csv(folder / "my run" / "trials.csv")) == known
    assert (folder / "my run" / "front.csv").exists()
    (line,) = [line for line in stderr.splitlines() if "continue with" in line]
    program, *arguments = shlex.split(line.partition("continue with: ")[2])
    assert program == "effsearch"
    monkeypatch.setenv("TEST_NOTES", str(notes))
    done = here(*arguments)
    assert done.code == 0, done.stderr
    assert json.loads((folder / "my run" / "manifest.json").read_text())["state"] == "done"
    monkeypatch.delenv("TEST_NOTES")
    here("nas", *TINY, "--trials", 60, "--out", "expected")
    check_same(folder / "my run", folder / "expected")
    assert len(keys_of(notes)) - len(set(keys_of(notes))) <= 1  # the one that was under way


@pytest.mark.slow
def test_the_printed_command_keeps_what_the_resumed_run_was_asked_for(folder, here, start, wait_for_lines):
    """Resumed with more trials and interrupted again, the run is still to have that many."""
    assert here("nas", *TINY, "--trials", 12, "--out", "run").code == 0
    notes = folder / "notes"
    process = start("nas", "--resume", "--out", "run", "--trials", 40, TEST_SECONDS=0.02, TEST_NOTES=notes)
    wait_for_lines(process, notes, 5)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    (line,) = [line for line in stderr.splitlines() if "continue with" in line]
    assert here(*shlex.split(line.partition("continue with: ")[2])[1:]).code == 0
    assert len(pd.read_csv(folder / "run" / "trials.csv")) == 40


@pytest.mark.slow
def test_a_second_driver_is_refused_while_the_first_runs(folder, here, start, wait_for_lines):
    notes = folder / "notes"
    process = start("nas", *TINY, "--trials", 2000, "--out", "run", TEST_SECONDS=0.02, TEST_NOTES=notes)
    wait_for_lines(process, notes, 3)
    for arguments in (("--resume",), TINY):
        refused = here("nas", *arguments, "--out", "run")
        assert refused.code == 2
        assert refused.stderr.startswith("error: ")
        assert str(folder / "run") in refused.stderr or "run is" in refused.stderr
        assert refused.stdout == ""
    assert str(process.pid) in here("nas", "--resume", "--out", "run").stderr
    before = len(keys_of(notes))
    wait_for_lines(process, notes, before + 3)
    assert process.poll() is None  # it was not disturbed


@pytest.mark.slow
def test_killed_with_its_last_line_torn_a_run_is_resumed_exactly(folder, here, start, wait_for_lines, monkeypatch):
    notes, draw = folder / "notes", random.Random(0)  # noqa: S311
    process = start("nas", *TINY, "--trials", 60, "--out", "run", TEST_SECONDS=0.01, TEST_NOTES=notes)
    wait_for_lines(process, notes, 31)
    process.kill()
    process.wait()
    tear(folder / "run" / "ledger.jsonl", draw)
    known, before = whole_lines(folder / "run"), len(keys_of(notes))
    monkeypatch.setenv("TEST_NOTES", str(notes))
    done = here("nas", "--resume", "--out", "run")
    assert done.code == 0, done.stderr
    assert "note: " in done.stderr  # the torn line is told
    assert "torn" in done.stderr
    again = keys_of(notes)[before:]
    assert not known & set(again)
    assert len(known) + len(again) == 60
    monkeypatch.delenv("TEST_NOTES")
    here("nas", *TINY, "--trials", 60, "--out", "expected")
    check_same(folder / "run", folder / "expected")


@pytest.mark.slow
@pytest.mark.parametrize(("torn", "kills"), [(False, 10), (True, 6)])
def test_killed_at_random_instants_a_run_ends_like_one_that_was_not(
    folder, here, start, wait_for_lines, monkeypatch, torn, kills
):
    """The surrogate, called slowly. Kills come at any time: at the start, in a batch, at its border, at the end."""
    settings = ("nas", "--evaluator", "own.py:slow_surrogate", "--trials", 150, "--batch", 12, "--out", "run")
    notes, run, draw = folder / "notes", folder / "run", random.Random(kills)  # noqa: S311
    resumed = False
    for kill in range(kills):
        known, before = whole_lines(run), len(keys_of(notes))
        resumed = (run / "ledger.jsonl").exists()
        arguments = ("nas", "--resume", "--out", "run") if resumed else settings
        process = start(*arguments, TEST_SECONDS=0.004, TEST_NOTES=notes)
        if kill == 2:
            time.sleep(draw.random())  # before it has begun
        else:
            wait_for_lines(process, notes, before + draw.randrange(1, 150 // kills))
            time.sleep(draw.random() / 100)
        process.kill()
        process.communicate()
        assert not known & set(keys_of(notes)[before:])
        if torn and (run / "ledger.jsonl").exists():
            tear(run / "ledger.jsonl", draw)
    assert resumed
    known, before = whole_lines(run), len(keys_of(notes))
    assert 0 < len(known) < 150
    monkeypatch.setenv("TEST_NOTES", str(notes))
    done = here("nas", "--resume", "--out", "run")
    assert done.code == 0, done.stderr
    assert len(known) + len(keys_of(notes)[before:]) == 150
    assert not known & set(keys_of(notes)[before:])
    monkeypatch.delenv("TEST_NOTES")
    assert here(*settings[:-1], "expected").code == 0
    check_same(run, folder / "expected")
