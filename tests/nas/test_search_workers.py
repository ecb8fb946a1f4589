"""A search on many workers, whatever happens to them, ends like one in this process."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from dataclasses import replace

import pytest

from effsearch import evaluators
from effsearch.nas import search
from effsearch.search_spaces.cost import cost

ray = pytest.importorskip("ray")
from effsearch.workers import RayExecutor  # noqa: E402
from effsearch.workers.ray import cluster  # noqa: E402

SETTINGS = {"trials": 44, "batch": 12, "seed": 4, "target_flops": 2e6}
FILES = ("trials.csv", "front.csv", "convergence.csv", "selected/budget.yaml", "selected/knee.yaml")
CODE = """
import os, time, zlib
from pathlib import Path
from effsearch.evaluators import Evaluation

NOTES = Path({notes!r})

def rate(architecture, *, seed=0):
    with NOTES.open("a") as file:
        file.write(f"{{architecture.key}} {{os.getpid()}}\\n")
    time.sleep(float(os.environ.get("TEST_SECONDS", "0.1")) if os.getpid() != {driver} else 0)
    if int(architecture.key, 16) % 11 == 0:
        return Evaluation.failed("diverged", seed=seed, seconds=1.0)
    return Evaluation(zlib.crc32(architecture.key.encode()) % 10_000 / 100, seed=seed, seconds=1.0, source="rate")
"""


@pytest.fixture
def notes(tmp_path):
    return tmp_path / "notes"


@pytest.fixture
def evaluator(tmp_path, notes):
    (tmp_path / "own.py").write_text(CODE.format(notes=str(notes), driver=os.getpid()))
    return evaluators.load(f"{tmp_path / 'own.py'}:rate")


def noted(notes):
    return [line.split() for line in notes.read_text().splitlines()] if notes.exists() else []


def check_same(run, expected):
    for name in FILES:
        assert (run / name).read_bytes() == (expected / name).read_bytes(), name
    entries = [json.loads(line) for line in (run / "ledger.jsonl").read_text().splitlines()]
    recorded = Counter((one["key"], one["evaluation"]["seed"]) for one in entries if one.get("kind") == "trial")
    assert len(recorded) == SETTINGS["trials"]
    assert set(recorded.values()) == {1}


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["nsga2", "evolution"])
def test_the_number_of_workers_changes_nothing_nor_does_killing_them(tiny, evaluator, notes, tmp_path, sampler):
    expected = search(tiny, evaluator, sampler=sampler, run_dir=tmp_path / "local", **SETTINGS)
    notes.unlink()
    with cluster(workers=3):
        for workers in (1, 3):
            run = tmp_path / f"{workers} workers"
            result = search(
                tiny, evaluator, sampler=sampler, run_dir=run, executor=RayExecutor(workers=workers), **SETTINGS
            )
            check_same(run, tmp_path / "local")
            assert result.picks == expected.picks
        notes.unlink()
        killed: set[str] = set()
        ended = threading.Event()

        def kill_now_and_then():
            while not ended.is_set() and len(killed) < 4:
                time.sleep(0.05)
                started = noted(notes)
                if len(started) >= 6 * (len(killed) + 1) and started[-1][1] not in killed:
                    killed.add(started[-1][1])
                    os.kill(int(started[-1][1]), signal.SIGKILL)

        killer = threading.Thread(target=kill_now_and_then)
        killer.start()
        executor = RayExecutor(workers=3, restarts=4)
        try:
            search(tiny, evaluator, sampler=sampler, run_dir=tmp_path / "killed", executor=executor, **SETTINGS)
        finally:
            ended.set()
            killer.join()
    assert len(killed) >= 2
    check_same(tmp_path / "killed", tmp_path / "local")
    repeated = len(noted(notes)) - SETTINGS["trials"]
    assert 1 <= repeated <= 3 * len(killed)  # only what was under way


@pytest.mark.slow
def test_a_run_begun_on_workers_and_interrupted_is_finished_here(tiny, evaluator, notes, tmp_path):
    """Results come in any order, so that the ledger has gaps."""
    search(tiny, evaluator, run_dir=tmp_path / "local", **SETTINGS)
    notes.unlink()
    run = tmp_path / "run"
    with cluster(workers=3):

        def interrupt():
            while len(noted(notes)) < 20:
                time.sleep(0.02)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            search(tiny, evaluator, run_dir=run, executor=RayExecutor(workers=3), **SETTINGS)
    assert json.loads((run / "manifest.json").read_text())["state"] == "interrupted"
    before = len(noted(notes))
    known = (run / "ledger.jsonl").read_text().count('"kind": "trial"')
    assert 12 <= known < before
    search(tiny, evaluator, run_dir=run, resume=True, **SETTINGS)
    check_same(run, tmp_path / "local")
    assert len(noted(notes)) - before == SETTINGS["trials"] - known


@pytest.mark.slow
def test_references_are_rated_at_once_and_recorded_in_their_order(tiny, evaluator, tmp_path):
    networks = [tiny.decode(tiny.point([i] * 9)) for i in range(3)]
    networks = [replace(one, name=f"network {i}") for i, one in enumerate(networks)]
    with cluster(workers=3):
        result = search(
            tiny, evaluator, run_dir=tmp_path / "run", references=networks, executor=RayExecutor(workers=3),
            trials=5, target_flops=2e6,
        )  # fmt: skip
    assert list(result.references) == [one.name for one in networks]
    for one in networks:
        assert result.references[one.name]["costs"]["params"] == cost(one).params


@pytest.mark.slow
def test_a_node_that_is_lost_takes_nothing_with_it(tiny, evaluator, notes, tmp_path, monkeypatch):
    from ray.cluster_utils import Cluster

    search(tiny, evaluator, run_dir=tmp_path / "local", **SETTINGS)
    notes.unlink()
    monkeypatch.setenv("TEST_SECONDS", "0.4")
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        lost, *_ = [nodes.add_node(num_cpus=1) for _ in range(3)]
        done = threading.Event()

        def lose_one():
            while len(noted(notes)) < 15 and not done.is_set():
                time.sleep(0.02)
            nodes.remove_node(lost, allow_graceful=False)
            done.set()

        thread = threading.Thread(target=lose_one)
        thread.start()
        try:
            executor = RayExecutor(nodes.address, workers=3)
            search(tiny, evaluator, run_dir=tmp_path / "run", executor=executor, **SETTINGS)
        finally:
            done.set()
            thread.join()
    finally:
        nodes.shutdown()
    check_same(tmp_path / "run", tmp_path / "local")
    assert len({process for _, process in noted(notes)}) >= 3  # they had all worked
    assert 0 <= len(noted(notes)) - SETTINGS["trials"] <= 2  # what was under way there
