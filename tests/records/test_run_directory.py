"""RunDirectory: never overwritten, one driver, and no crash that leaves the user stuck."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from effsearch.records import atomic
from effsearch.records.errors import UserError
from effsearch.records.ledger import Ledger
from effsearch.records.manifest import Manifest
from effsearch.records.run_directory import RunDirectory, free_name, holds_run

Start = Callable[..., "subprocess.Popen[str]"]  # the fixture in conftest.py


def fill(run: RunDirectory) -> None:
    Manifest.begin(["effsearch"], 0, environment={}).save(run.manifest_path)
    atomic.write_text(run.config_path, "seed: 0\n")
    with Ledger.open(run.ledger_path) as ledger:
        ledger.append({"number": len(ledger.entries)})


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    with RunDirectory.create(tmp_path / "run") as run:
        fill(run)
    return tmp_path / "run"


def test_names_are_those_of_the_design(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with RunDirectory.create("runs/b0") as run:
        assert run.path == tmp_path / "runs" / "b0"
        assert run.path.is_dir()
        paths = [
            run.ledger_path,
            run.manifest_path,
            run.config_path,
            run.trials,
            run.front,
            run.selected,
            run.figures,
        ]
    names = ["ledger.jsonl", "manifest.json", "config.yaml", "trials.csv", "front.csv", "selected", "figures"]
    assert [path.relative_to(run.path).as_posix() for path in paths] == names


def test_a_run_is_created_resumed_and_read(finished: Path) -> None:
    with RunDirectory.resume(finished) as run:
        fill(run)
    run = RunDirectory.open_existing(finished)
    with Ledger.open(run.ledger_path) as ledger:
        assert ledger.entries == [{"number": 0}, {"number": 1}]


@pytest.mark.parametrize("name", ["notes.txt", "config.yaml", ".hidden", "manifest.json", "ledger.jsonl"])
def test_create_refuses_what_is_not_empty(tmp_path: Path, name: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).write_text("mine")
    with pytest.raises(UserError, match="not empty") as raised:
        RunDirectory.create(tmp_path / "run")
    assert "--resume" in str(raised.value.hint)
    assert "--out" in str(raised.value.hint)
    assert [each.name for each in (tmp_path / "run").iterdir()] == [name]


def test_create_refuses_a_run(finished: Path) -> None:
    before = {each.name: each.read_bytes() for each in finished.iterdir()}
    with pytest.raises(UserError, match="not empty"):
        RunDirectory.create(finished)
    assert {each.name: each.read_bytes() for each in finished.iterdir()} == before


def test_create_takes_an_empty_folder(tmp_path: Path) -> None:
    with RunDirectory.create(tmp_path):
        pass


def test_create_refuses_what_another_filled_while_it_waited(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[RunDirectory.__module__]
    check, calls = module._refuse_contents, []

    def first_time_empty(path: Path) -> None:
        calls.append(path)
        if len(calls) > 1:
            check(path)

    monkeypatch.setattr(module, "_refuse_contents", first_time_empty)
    with pytest.raises(UserError, match="not empty"):
        RunDirectory.create(finished)
    with RunDirectory.resume(finished):  # the lock was given back
        pass


def test_a_second_driver_is_refused(finished: Path, tmp_path: Path) -> None:
    with RunDirectory.resume(finished), pytest.raises(UserError, match=f"in use by process {os.getpid()}"):
        RunDirectory.resume(finished)
    with RunDirectory.create(tmp_path / "new"), pytest.raises(UserError, match="in use"):
        RunDirectory.create(tmp_path / "new")
    with RunDirectory.resume(finished):
        RunDirectory.open_existing(finished)  # a report may read


STEPS = """
import sys
from effsearch.records import atomic
from effsearch.records.ledger import Ledger
from effsearch.records.manifest import Manifest
from effsearch.records.run_directory import RunDirectory
def reached(step):
    if step == sys.argv[2]:
        print("here", flush=True)
        sys.stdin.readline()
run = RunDirectory.create(sys.argv[1])
reached("lock")
Manifest.begin(["effsearch"], 0, environment={}).save(run.manifest_path)
reached("manifest")
with atomic.replacing(run.config_path) as temporary:
    reached("half a config")
reached("config")
with atomic.replacing(run.ledger_path) as temporary:
    temporary.write_text('{"format"')
    reached("half a ledger")
    temporary.unlink()
    Ledger.open(temporary).close()
reached("ledger")
"""


@pytest.mark.parametrize("step", ["lock", "manifest", "half a config", "config", "half a ledger", "ledger"])
def test_killed_at_any_step_of_its_start_a_run_can_be_started_or_resumed(
    tmp_path: Path, start: Start, step: str
) -> None:
    path = tmp_path / "run"
    process = start(STEPS, path, step)
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.kill()
    process.wait()
    assert holds_run(path) == (step == "ledger")
    if step == "ledger":
        with RunDirectory.resume(path) as run:
            fill(run)
    else:
        for open_it in (RunDirectory.resume, RunDirectory.open_existing):
            with pytest.raises(UserError, match="cut off before the first evaluation") as raised:
                open_it(path)
            assert "without --resume" in str(raised.value.hint)
        with RunDirectory.create(path) as run:
            fill(run)
    with Ledger.open(path / "ledger.jsonl") as ledger:
        assert ledger.entries == [{"number": 0}]


def test_resume_without_a_run(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for open_it in (RunDirectory.resume, RunDirectory.open_existing):
        for name, reason in [
            ("empty", "no ledger"),
            ("missing", "No such file"),
            ("file", "Not a directory|not a directory|invalid"),
            ("a\0b", "null"),
        ]:
            with pytest.raises(UserError, match=reason) as raised:
                open_it(tmp_path / name)
            assert raised.value.hint
    assert list((tmp_path / "empty").iterdir()) == []
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("name", ["manifest.json", "ledger.jsonl"])
def test_resume_of_a_run_that_lost_a_file(finished: Path, name: str) -> None:
    (finished / "trials.csv").write_text("")
    (finished / name).unlink()
    for open_it in (RunDirectory.resume, RunDirectory.open_existing):
        with pytest.raises(UserError, match=f"no {name}"):
            open_it(finished)
    with pytest.raises(UserError, match="not empty"):
        RunDirectory.create(finished)


def places(folder: Path) -> list[Path]:
    (folder / "file").write_text("")
    (folder / "dangling").symlink_to(folder / "nowhere")
    (folder / "loop").symlink_to(folder / "loop")
    found = [
        folder / "file",
        folder / "file" / "run",
        folder / ("n" * 300),
        folder / "a\0b",
        folder / "dangling",
        folder / "loop",
        folder / "loop" / "run",
    ]
    if sys.platform == "linux":
        found += [Path("/proc/effsearch"), folder / "\ud800"]  # no one may write there; no such name
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_places_where_no_run_can_be(tmp_path: Path) -> None:
    for path in places(tmp_path):
        with pytest.raises(UserError, match="cannot make the run directory") as raised:
            RunDirectory.create(path)
        assert str(path) in raised.value.message
        assert all(line.isprintable() for line in raised.value.lines())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="Permission denied"):
        RunDirectory.create(tmp_path)
    with pytest.raises(UserError, match="Permission denied"):
        RunDirectory.create(tmp_path / "run")


def test_the_working_directory_may_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with RunDirectory.create("run") as run:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        fill(run)
    assert (tmp_path / "run" / "ledger.jsonl").is_file()


def test_free_names_count_up_and_fill_no_gaps_with_links(tmp_path: Path) -> None:
    assert free_name(tmp_path, "nas") == tmp_path / "nas"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "nas").mkdir()
    assert free_name(tmp_path, "nas") == tmp_path / "nas-2"
    (tmp_path / "nas-2").write_text("")
    (tmp_path / "nas-4").mkdir()
    assert free_name(tmp_path, "nas") == tmp_path / "nas-3"
    if os.name != "nt":
        (tmp_path / "nas-3").symlink_to(tmp_path / "nowhere")
        assert free_name(tmp_path, "nas") == tmp_path / "nas-5"


@pytest.mark.parametrize("stem", ["", ".", "..", "a/b", "/etc", "a\\b", "a\0"])
def test_a_stem_is_one_part_of_a_path(tmp_path: Path, stem: str) -> None:
    with pytest.raises(UserError, match="no name for a run"):
        free_name(tmp_path, stem)


def test_many_that_ask_at_once_get_a_folder_each(tmp_path: Path) -> None:
    runs: list[RunDirectory] = []
    barrier = threading.Barrier(8)

    def ask() -> None:
        barrier.wait()
        runs.append(RunDirectory.create_free(tmp_path / "runs", "nas"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {"nas", *(f"nas-{number}" for number in range(2, 9))}
    assert {run.path.name for run in runs} == names
    for run in runs:
        run.close()


def test_create_free_where_nothing_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root, stem in [(tmp_path / "file", "nas"), (tmp_path, "n" * 300)]:
        with pytest.raises(UserError, match="cannot make the run directory"):
            RunDirectory.create_free(root, stem)
