"""RunLock: one holder, known by name, gone with its process however that ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from platform import node

import pytest

from effsearch.records.errors import UserError
from effsearch.records.lock import RunLock

Start = Callable[..., "subprocess.Popen[str]"]  # the fixture in conftest.py


posix = pytest.mark.skipif(os.name == "nt", reason="fork and flock")

HOLD = """
import sys
from effsearch.records.lock import RunLock
with RunLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""
HOLD_WITH_A_CHILD = """
import subprocess, sys
from effsearch.records.lock import RunLock
with RunLock(sys.argv[1]):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=sys.stdin, close_fds=False)
    print(child.pid, flush=True)
    child.wait()
"""
HOLD_WITH_A_FORK = """
import os, sys, time
from effsearch.records.lock import RunLock
with RunLock(sys.argv[1]):
    if os.fork() == 0:
        print(os.getpid(), flush=True)
    time.sleep(60)
"""


def is_free(path: Path) -> bool:
    try:
        with RunLock(path):
            return True
    except UserError:
        return False


def test_another_process_is_refused_and_told_who_holds_it(tmp_path: Path, start: Start) -> None:
    path = tmp_path / "run" / "lock"
    path.parent.mkdir()
    holder = start(HOLD, path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(UserError) as raised, RunLock(path):
        pytest.fail("two hold it")
    note = json.loads(path.read_text())
    assert (note["pid"], note["host"]) == (holder.pid, node())
    assert raised.value.message == (
        f"{path.parent} is in use by process {holder.pid} on {node()} since {note['since']}"
    )
    assert raised.value.hint
    holder.communicate("\n")
    assert is_free(path)


def test_killing_the_holder_frees_it(tmp_path: Path, start: Start) -> None:
    holder = start(HOLD, tmp_path / "lock")
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert not is_free(tmp_path / "lock")
    holder.kill()
    holder.wait()
    assert is_free(tmp_path / "lock")


@pytest.mark.parametrize("code", [HOLD_WITH_A_CHILD, pytest.param(HOLD_WITH_A_FORK, marks=posix)])
def test_a_child_that_outlives_the_killed_holder_does_not_keep_it(tmp_path: Path, start: Start, code: str) -> None:
    holder = start(code, tmp_path / "lock")
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    try:
        holder.kill()
        holder.wait()
        os.kill(child, 0)  # it lives
        assert is_free(tmp_path / "lock")
    finally:
        os.kill(child, 9)


@posix
@pytest.mark.parametrize("leave", ["exit", "release"])
def test_the_end_of_a_forked_child_does_not_free_it(tmp_path: Path, leave: str) -> None:
    lock = RunLock(tmp_path / "lock")
    with lock:
        child = os.fork()
        if child == 0:
            if leave == "release":
                lock.release()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        probe = f"from effsearch.records.lock import RunLock; RunLock({str(lock.path)!r}).acquire()"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        refused = subprocess.run([sys.executable, "-c", probe], env=environment, stderr=subprocess.PIPE, text=True)
        assert refused.returncode != 0
        assert f"in use by process {os.getpid()}" in refused.stderr
    assert is_free(lock.path)


def test_the_same_process_is_refused_too(tmp_path: Path) -> None:
    lock = RunLock(tmp_path / "lock")
    with lock:
        for second in (lock, RunLock(tmp_path / "lock")):
            with pytest.raises(UserError, match=f"process {os.getpid()}"):
                second.acquire()
        assert not is_free(tmp_path / "lock")
    lock.release()  # a second time: nothing
    with lock:
        pass


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="no list of open descriptors")
def test_refusals_leave_nothing_open(tmp_path: Path) -> None:
    with RunLock(tmp_path / "lock"):
        before = len(list(Path("/dev/fd").iterdir()))
        for _ in range(20):
            assert not is_free(tmp_path / "lock")
        assert len(list(Path("/dev/fd").iterdir())) < before + 20


def test_an_error_in_the_body_frees_it(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), RunLock(tmp_path / "lock"):
        _ = 1 / 0
    assert is_free(tmp_path / "lock")


@posix
@pytest.mark.parametrize("note", [b"", b"[" * 5000, b"\xff", b"3", b'{"pid": 1}'])
def test_a_note_that_nobody_can_read_is_another_process(tmp_path: Path, note: bytes) -> None:
    path = tmp_path / "lock"
    with RunLock(path):
        path.write_bytes(note)
        with pytest.raises(UserError, match="in use by another process"):
            RunLock(path).acquire()


def test_an_old_note_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("x" * 1000)
    with RunLock(tmp_path / "lock"):
        assert json.loads((tmp_path / "lock").read_text())["pid"] == os.getpid()


@pytest.mark.parametrize("name", ["folder", "missing/lock", "a\0b"])
def test_a_place_that_cannot_be_locked(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot lock"):
        RunLock(tmp_path / name).acquire()


def test_only_one_of_many_that_ask_at_once_gets_it(tmp_path: Path, start: Start) -> None:
    code = """
import sys, time
from effsearch.records.errors import UserError
from effsearch.records.lock import RunLock
time.sleep(max(0, float(sys.argv[2]) - time.time()))
try:
    RunLock(sys.argv[1]).acquire()
    print("held", flush=True)
    sys.stdin.readline()
except UserError:
    print("refused", flush=True)
"""
    processes = [start(code, tmp_path / "lock", str(time.time() + 0.5)) for _ in range(6)]
    answers = [process.stdout.readline().strip() for process in processes if process.stdout is not None]
    assert sorted(answers) == ["held"] + ["refused"] * 5
