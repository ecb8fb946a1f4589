"""The program, in this process where many short calls are wanted, and as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}

USER_FILE = """
import math, os, time, zlib
from dataclasses import replace
from pathlib import Path
from effsearch.evaluators import Evaluation, load
from effsearch.search_spaces import Architecture, Dimension, Head, SearchSpace, Stage, Stem
from effsearch.search_spaces.cost import cost

STAGES = (Stage("conv", 8), Stage("conv", 16), Stage("conv", 24))
BASE = Architecture("tiny", Stem(8), STAGES, Head(0), resolution=16, classes=3)
NAMES = [(name, i) for i in range(3) for name in ("channels", "kernel", "repeats")]
CHOICES = {"channels": (8, 16, 24), "kernel": (3, 5, 7), "repeats": (1, 2, 3)}

def build(point):
    return replace(BASE, stages=tuple(
        replace(one, **{name: point[f"{name}_{i}"] for name in CHOICES}) for i, one in enumerate(STAGES)))

tiny = SearchSpace("tiny", tuple(Dimension(f"{name}_{i}", CHOICES[name]) for name, i in NAMES), build)
renamed = replace(tiny, name="renamed")

def rate(architecture):
    scatter = zlib.crc32(architecture.key.encode()) % 1000 / 200
    return Evaluation(30 + 5 * math.log10(cost(architecture).params) + scatter, fidelity="made up", seconds=1.0)

def noted(architecture, evaluation):
    time.sleep(float(os.environ.get("TEST_SECONDS", "0")))
    if "TEST_NOTES" in os.environ:
        with Path(os.environ["TEST_NOTES"]).open("a") as file:
            file.write(architecture.key + "\\n")
    return evaluation

def slow(architecture):
    return noted(architecture, rate(architecture))

_surrogate = load("surrogate")

def slow_surrogate(architecture):
    return noted(architecture, replace(_surrogate(architecture), seconds=1.0))

def raises(architecture): raise RuntimeError("no GPU here\\nand more")
def returns_text(architecture): return "seventy"
def returns_nan(architecture): return Evaluation(math.nan)
def returns_nan_std(architecture): return Evaluation(70.0, std=math.nan)
def latency(architecture): return cost(architecture).activations / 1e6
def latency_raises(architecture): raise RuntimeError("no phone attached")
def latency_text(architecture): return "very fast"
def latency_nan(architecture): return math.nan
def a_list(): return []
three = 3
"""


@dataclass(frozen=True)
class Done:
    code: int
    stdout: str
    stderr: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the user's file own.py in it."""
    (tmp_path / "own.py").write_text(USER_FILE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def here(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Done]]:
    """The console script, called in this process and in `folder`; an exception that escapes is a traceback."""
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}

    def call(*arguments: object) -> Done:
        from effsearch.cli import main

        monkeypatch.setattr(sys, "argv", ["effsearch", *map(str, arguments)])
        code = 0
        capsys.readouterr()
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        except BaseException:
            traceback.print_exc()
            code = 1
        finally:
            for each, handler in handlers.items():
                signal.signal(each, handler)
        return Done(code, *capsys.readouterr())

    yield call
    sys.modules.pop("effsearch_user_own", None)


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`python -m effsearch.cli` with arguments, in `folder`; killed after the test."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: object, **environment: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "effsearch.cli", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**ENVIRONMENT, **{key: str(value) for key, value in environment.items()}},
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def finish(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., Done]:
    """Starts the program and waits for its end."""

    def finish(*arguments: object, **environment: object) -> Done:
        process = start(*arguments, **environment)
        stdout, stderr = process.communicate(timeout=100)
        return Done(process.returncode, stdout, stderr)

    return finish


@pytest.fixture
def wait_for_lines() -> Callable[..., None]:
    """Until a file has so many lines more than `before`, or the process has ended."""

    def lines(path: Path) -> int:
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def wait(process: subprocess.Popen[str], path: Path, count: int) -> None:
        deadline = time.monotonic() + 60
        while lines(path) < count and process.poll() is None:
            assert time.monotonic() < deadline, "it does nothing"
            time.sleep(0.002)

    return wait
