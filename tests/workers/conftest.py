"""Evaluators in a file of their own, as worker processes need them, that note what they do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from effsearch import evaluators, search_spaces
from effsearch.evaluators import Evaluator
from effsearch.search_spaces import Architecture

CODE = """
import os, time
from pathlib import Path
from effsearch.evaluators import Evaluation
from effsearch.records.errors import UserError
from effsearch.search_spaces import InvalidValue

NOTES = Path({notes!r})

def note(architecture):
    with NOTES.open("a") as file:
        file.write(f"{{architecture.key}} {{os.getpid()}}\\n")

def rated(architecture, seed):
    return Evaluation(int(architecture.key[:6], 16) / 16**6 * 100, std=0.5, seed=seed, seconds=1.0)

def rate(architecture, *, seed=0):
    note(architecture)
    return rated(architecture, seed)

def slow(architecture, *, seed=0):
    note(architecture)
    time.sleep(0.15)
    return rated(architecture, seed)

def hang(architecture, *, seed=0):
    note(architecture)
    time.sleep(1000)

class many:
    def __call__(self, architecture, *, seed=0):
        return rated(architecture, seed)
    def many(self, architectures, *, seed=0):
        note(architectures[0])
        return [rated(one, seed) for one in architectures]

def tries(architecture):
    return NOTES.read_text().count(architecture.key)

def dies_once(architecture, *, seed=0):
    note(architecture)
    if tries(architecture) == 1 and int(architecture.key, 16) % 3 == 0:
        os._exit(1)
    return rated(architecture, seed)

def raises_once(architecture, *, seed=0):
    note(architecture)
    if tries(architecture) == 1:
        raise OSError("busy")
    return rated(architecture, seed)

def fails(architecture, *, seed=0):
    note(architecture)
    kind = int(architecture.key, 16) % 9
    if kind == 0: raise ValueError("first line\\nsecond")
    if kind == 1: raise MemoryError("no room for a tensor")
    if kind == 2: raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
    if kind == 3: os._exit(1)
    if kind == 4: raise SystemExit(3)
    if kind == 5: time.sleep(1000)
    if kind == 6: return Evaluation.failed("diverged: loss is nan at step 7")
    if kind == 7: raise OSError()
    return rated(architecture, seed)

def mistake(architecture, *, seed=0): raise UserError("it returned 'seventy'", "return an Evaluation")
def invalid(architecture, *, seed=0): raise InvalidValue("channels is 7; it must be even", "give 8")
def returns_nan(architecture): return Evaluation(float("nan"))
def returns_text(architecture): return "seventy"

class unpicklable:
    def __call__(self, architecture): return Evaluation(1.0, source=(i for i in ()))

def environment(architecture):
    import torch
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
    return Evaluation(torch.get_num_threads(), source=" ".join(repr(os.environ.get(name)) for name in names))
"""


@pytest.fixture(scope="session")
def networks() -> list[Architecture]:
    """Sixty different ones."""
    space, rng = search_spaces.load("mnasnet-b0"), np.random.default_rng(0)
    drawn = [space.decode(space.sample(rng)) for _ in range(60)]
    assert len({one.key for one in drawn}) == 60
    return drawn


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Where the evaluators note each call: the network's key and their process."""
    return tmp_path / "notes"


@pytest.fixture
def load(tmp_path: Path, notes: Path) -> Callable[[str], Evaluator]:
    """An evaluator of the file by its name."""
    path = tmp_path / "own.py"
    path.write_text(CODE.format(notes=str(notes)))
    return lambda name: evaluators.load(f"{path}:{name}")


@pytest.fixture
def calls(notes: Path) -> Callable[[], list[tuple[str, int]]]:
    """What was noted: (key, process) of each call."""

    def calls() -> list[tuple[str, int]]:
        lines = notes.read_text().splitlines() if notes.exists() else []
        return [(line.split()[0], int(line.split()[1])) for line in lines]

    return calls


@pytest.fixture
def alive() -> Callable[[int], bool]:
    """Whether a process runs."""

    def alive(process: int) -> bool:
        try:
            os.kill(process, 0)
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, ValueError):
            return False
        return state != "Z"

    return alive
