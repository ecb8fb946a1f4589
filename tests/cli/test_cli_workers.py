"""`effsearch nas` on several workers and within a budget of time: options, signals, kills, and what is printed."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from effsearch.commands.duration import parse_duration
from effsearch.commands.engine import Engine
from effsearch.search_spaces import InvalidValue

TINY = ("--space", "own.py:tiny", "--evaluator", "own.py:slow", "--target-flops", "2M", "--batch", "12")
TRIALS = 48
DERIVED = ("front.csv", "convergence.csv", "selected/budget.yaml", "selected/reward.yaml", "selected/knee.yaml")


def keys_of(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def recorded(run: Path) -> list[str]:
    """Keys of the trials in the ledger."""
    data = (run / "ledger.jsonl").read_bytes()
    entries = [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]
    return [entry["key"] for entry in entries if entry.get("kind") == "trial"]


def check_same(run: Path, expected: Path) -> None:
    first, second = (pd.read_csv(path / "trials.csv", dtype=str).drop(columns="seconds") for path in (run, expected))
    assert first.to_csv() == second.to_csv()
    for name in DERIVED:
        assert (run / name).read_bytes() == (expected / name).read_bytes(), name


def of_session(folder: Path) -> list[int]:
    """Processes that were started from a test: they carry its variable in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"TEST_SESSION={folder}".encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def quiet_within(folder: Path, seconds: float) -> bool:
    """Whether its processes end in time; those that do not are killed."""
    deadline = time.monotonic() + seconds
    while of_session(folder) and time.monotonic() < deadline:
        time.sleep(0.2)
    left = of_session(folder)
    for process in left:
        os.kill(process, signal.SIGKILL)
    return not left


def command_in(stderr: str) -> list[str]:
    """The arguments of the command that continues."""
    (line,) = [line for line in stderr.splitlines() if "continue with: " in line]
    program, *arguments = shlex.split(line.partition("continue with: ")[2])
    assert program == "effsearch"
    return arguments


@pytest.fixture
def expected(folder, here):
    """The same search, undisturbed in this process."""
    assert here("nas", *TINY, "--trials", TRIALS, "--out", "expected").code == 0
    return folder / "expected"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", 7200), ("90m", 5400), ("30s", 30), ("1h30m", 5400), ("1d", 86400), ("0.5h", 1800), (" 1h 30m 5s ", 5405),
        ("1H30M", 5400), (".5s", 0.5), ("1.5m", 90), ("0h10s", 10), ("3650d", 3650 * 86400),
    ],
)  # fmt: skip
def test_a_duration_is_read(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "90",
        "h",
        "2 hours",
        "1m1h",
        "1h1h",
        "-1h",
        "0s",
        "0h0m",
        "1e9h",
        "nans",
        "inf",
        "1:30",
        "3651d",
        "٣h",
        "2h!",
    ],
)
def test_what_is_no_duration_is_refused_by_name_and_value(text):
    with pytest.raises(InvalidValue, match=re.escape(f"--budget is {text!r}")) as raised:
        parse_duration(text, "--budget")
    assert "1h30m" in raised.value.hint


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (Engine(), "local"), (Engine(workers=1), "local"), (Engine(workers=2), "ray"),
        (Engine(ray_address="host:6379"), "ray"), (Engine("ray"), "ray"), (Engine("local", workers=1), "local"),
    ],
)  # fmt: skip
def test_the_engine_is_ray_where_there_is_more_than_one_worker(options, name):
    assert options.name == name


def test_the_options_of_an_engine_come_back_as_they_were_written():
    options = Engine("ray", 4, 2.0, 0.25, "my head:6379", "1h30m")
    assert shlex.join(options.arguments()) == (
        "--engine ray --workers 4 --cpus-per-trial 2 --gpus-per-trial 0.25 --ray-address 'my head:6379' --budget 1h30m"
    )
    assert Engine(workers=3).arguments() == ["--workers", "3"]
    assert Engine().arguments() == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--engine", "dask"), "--engine is 'dask'; allowed: local, ray"),
        (("--engine", "local", "--workers", 4), "--workers 4 is for --engine ray"),
        (("--engine", "local", "--ray-address", "a:1"), "--ray-address a:1 is for --engine ray"),
        (("--cpus-per-trial", 2), "--cpus-per-trial 2 is for --engine ray"),
        (("--gpus-per-trial", 0.5), "--gpus-per-trial 0.5 is for --engine ray"),
        (("--workers", 0), "--workers"),
        (("--workers", 2, "--cpus-per-trial", 0), "cpus_per_trial is 0"),
        (("--workers", 2, "--gpus-per-trial", 1.5), "gpus_per_trial is 1.5"),
        (("--budget", "2"), "--budget is '2'"),
        (("--budget", "soon"), "--budget is 'soon'"),
    ],
)
def test_options_that_cannot_work_are_refused_before_anything_is_done(folder, here, options, words):
    done = here("nas", *TINY, "--trials", 5, "--out", "run", *options)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert words in done.stderr.splitlines()[0]
    assert not (folder / "run").exists()


def test_a_dry_run_says_where_and_for_how_long(here):
    done = here("nas", *TINY, "--trials", 50, "--dry-run", "--workers", 4, "--budget", "2h")
    assert "ray, 4 networks at once, for 2h" in done.stdout
    assert "local, one network after the other" in here("nas", *TINY, "--trials", 50, "--dry-run").stdout


@pytest.mark.slow
def test_a_budget_ends_the_search_and_the_printed_command_completes_it(folder, here, monkeypatch):
    monkeypatch.setenv("TEST_SECONDS", "0.05")
    done = here("nas", *TINY, "--trials", 20, "--out", "run", "--budget", "0.4s", "--json")
    assert done.code == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["stopped"], document["state"]) == ("budget", "done")
    assert 0 < document["trials"] < 20
    assert f"the time is over after {document['trials']} of 20 networks" in done.stderr
    arguments = command_in(done.stderr)
    assert arguments == ["nas", "--resume", "--out", "run", "--budget", "0.4s"]
    assert "budget" not in yaml.safe_load((folder / "run" / "config.yaml").read_text())
    monkeypatch.delenv("TEST_SECONDS")
    done = here(*arguments[:-1], "1h", "--json")
    assert json.loads(done.stdout)["stopped"] == "trials"
    assert len(set(recorded(folder / "run"))) == len(recorded(folder / "run")) == 20


def test_a_budget_that_is_over_at_once_is_told_and_can_be_resumed(folder, here):
    done = here("nas", *TINY, "--trials", 5, "--out", "run", "--budget", "0.001s")
    assert (done.code, done.stdout) == (1, "")
    assert "before the first network had a result" in done.stderr
    assert here("nas", "--resume", "--out", "run").code == 0


@pytest.mark.slow
def test_what_is_printed_by_an_evaluator_or_by_ray_does_not_reach_the_result(folder, here, start):
    (folder / "talks.py").write_text(
        "import os\nfrom pathlib import Path\nfrom own import *\n"
        "def rate(architecture):\n    print('hello')\n    return slow(architecture)\n"
        "def dies(architecture):\n"
        "    path = Path(os.environ['TEST_NOTES'] + architecture.key)\n"
        "    if int(architecture.key, 16) % 4 == 0 and not path.exists():\n"
        "        path.touch()\n        os._exit(1)\n"
        "    return slow(architecture)\n"
    )
    common = ("nas", "--space", "own.py:tiny", "--target-flops", "2M", "--trials", 12, "--batch", 12, "--json")
    for name, options in (("rate", ()), ("dies", ("--workers", 2))):
        process = start(
            *common, "--evaluator", f"talks.py:{name}", "--out", name, *options,
            TEST_NOTES=folder / "notes", PYTHONPATH=os.pathsep.join([str(folder), *filter(None, sys.path)]),
        )  # fmt: skip
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
        document = json.loads(stdout)
        assert (document["trials"], document["failed"]) == (12, 0)
    assert list(folder.glob("notes?*"))  # some did die


@pytest.mark.slow
def test_an_interrupt_on_workers_is_saved_and_the_printed_command_finishes_the_run(
    folder, here, start, wait_for_lines, expected
):
    notes = folder / "notes"
    process = start(
        "nas", *TINY, "--trials", TRIALS, "--out", "run", "--workers", 2, "--budget", "1h",
        TEST_SECONDS=0.3, TEST_NOTES=notes, TEST_SESSION=folder,
    )  # fmt: skip
    wait_for_lines(process, notes, 17)
    for one in of_session(folder):  # Ctrl-C reaches every process of the terminal
        os.kill(one, signal.SIGINT)
    began = time.monotonic()
    stdout, stderr = process.communicate(timeout=60)
    assert time.monotonic() - began < 30
    assert (process.returncode, stdout) == (130, ""), stderr
    assert "Traceback" not in stderr
    assert quiet_within(folder, 15)
    assert json.loads((folder / "run" / "manifest.json").read_text())["state"] == "interrupted"
    known = recorded(folder / "run")
    assert 14 <= len(known) < TRIALS
    before = len(keys_of(notes))
    arguments = command_in(stderr)
    assert arguments == ["nas", "--resume", "--out", "run", "--workers", "2", "--budget", "1h"]
    process = start(*arguments, TEST_NOTES=notes, TEST_SESSION=folder)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert quiet_within(folder, 15)
    assert sorted(keys_of(notes)[before:]) == sorted(set(keys_of(notes)[before:]) - set(known))
    check_same(folder / "run", expected)


@pytest.mark.slow
def test_killed_on_workers_a_run_is_resumed_with_another_number_of_them(folder, start, wait_for_lines, expected):
    notes, run = folder / "notes", folder / "run"
    process = start(
        "nas", *TINY, "--trials", TRIALS, "--out", "run", "--workers", 2,
        TEST_SECONDS=0.2, TEST_NOTES=notes, TEST_SESSION=folder,
    )  # fmt: skip
    wait_for_lines(process, notes, 20)
    process.kill()
    process.communicate(timeout=60)
    quiet_within(folder, 10)  # Ray's own processes outlive their driver for a while
    known, before = recorded(run), len(keys_of(notes))
    assert 15 <= len(known) < TRIALS
    assert len(set(known)) == len(known)
    process = start("nas", "--resume", "--out", "run", "--workers", 3, TEST_NOTES=notes, TEST_SESSION=folder)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert quiet_within(folder, 15)
    again = keys_of(notes)[before:]
    assert not set(known) & set(again)
    assert len(known) + len(again) == TRIALS
    assert len(set(recorded(run))) == len(recorded(run)) == TRIALS
    check_same(run, expected)
