"""RayExecutor gives what LocalExecutor gives, and every failure of an evaluation has its end and its words."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter

import pytest

from effsearch import evaluators
from effsearch.evaluators import Evaluation
from effsearch.records.errors import UserError
from effsearch.search_spaces import InvalidValue
from effsearch.workers import LocalExecutor

ray = pytest.importorskip("ray")
from effsearch.workers import RayExecutor  # noqa: E402
from effsearch.workers.ray import cluster  # noqa: E402


@pytest.fixture(scope="module")
def running():
    """One Ray for these tests; executors join a Ray that runs already."""
    with cluster(workers=4):
        yield
    assert not ray.is_initialized()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"workers": 0}, "workers is 0"),
        ({"workers": 1.5}, "workers is 1.5"),
        ({"cpus_per_trial": 0}, "cpus_per_trial is 0"),
        ({"cpus_per_trial": "all"}, "cpus_per_trial is 'all'"),
        ({"gpus_per_trial": -1}, "gpus_per_trial is -1"),
        ({"gpus_per_trial": 1.5}, "gpus_per_trial is 1.5; above 1"),
        ({"memory_per_trial": 0}, "memory_per_trial is 0"),
        ({"retries": -1}, "retries is -1"),
        ({"restarts": -1}, "restarts is -1"),
        ({"time_limit": 0}, "time_limit is 0"),
    ],
)
def test_impossible_options_are_refused_before_ray_is_started(options, words):
    with pytest.raises(InvalidValue, match=words):
        RayExecutor(**options)
    assert not ray.is_initialized()


def test_nothing_to_do_starts_nothing():
    with RayExecutor() as executor:
        assert list(executor.run(evaluators.load("capacity"), [])) == []
        past = time.monotonic() - 1
        assert list(executor.run(evaluators.load("capacity"), [object()], deadline=past)) == []
    assert not ray.is_initialized()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 3])
def test_results_equal_those_of_this_process(running, load, networks, calls, workers):
    evaluator = load("rate")
    with RayExecutor(workers=workers) as executor:
        for seed in (0, 5):
            results = list(executor.run(evaluator, networks, seed=seed))
            assert sorted(position for position, _ in results) == list(range(60))
            assert dict(results) == dict(LocalExecutor().run(evaluator, networks, seed=seed))
    processes = {process for _, process in calls()} - {os.getpid()}
    assert len(processes) <= workers  # used again and again


@pytest.mark.slow
def test_fast_networks_go_together_to_an_evaluators_many(running, load, networks, calls):
    evaluator = load("many")
    with RayExecutor(workers=2) as executor:
        for _ in range(2):
            assert dict(executor.run(evaluator, networks)) == dict(LocalExecutor().run(evaluator, networks))
    in_workers = [key for key, process in calls() if process != os.getpid()]
    assert len(in_workers) < 30
    surrogate = evaluators.load("surrogate")
    with RayExecutor(workers=2) as executor:
        results = dict(executor.run(surrogate, networks))
    expected = dict(LocalExecutor().run(surrogate, networks))
    assert [results[one].accuracy for one in range(60)] == [expected[one].accuracy for one in range(60)]


@pytest.mark.slow
def test_every_failure_has_its_words_and_its_number_of_tries(running, load, networks, calls):
    with RayExecutor(workers=4, time_limit=4, retries=1, restarts=2) as executor:
        results = dict(executor.run(load("fails"), networks[:30], seed=8))
    assert sorted(results) == list(range(30))
    tried = Counter(key for key, _ in calls())
    seen = set()
    for position, result in results.items():
        kind = int(networks[position].key, 16) % 9
        seen.add(kind)
        words, times = [
            ("ValueError: first line", 2), ("out of memory, MemoryError: no room for a tensor", 3),
            ("RuntimeError: CUDA out of memory. Tried to allocate 2 GiB", 3),
            ("its worker process died (it was killed, or crashed), 3 times", 3), ("SystemExit: 3", 2),
            ("stopped: it took longer than the limit of 4 s", 1), ("diverged: loss is nan at step 7", 1),
            ("OSError", 2), (None, 1),
        ][kind]  # fmt: skip
        assert (result.failure, tried[networks[position].key]) == (words, times)
        assert result.seed == 8
        if kind == 5:
            assert 4 <= result.seconds < 30
    assert seen >= set(range(9)) - {4}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["raises_once", "dies_once"])
def test_what_fails_once_succeeds_on_the_second_try(running, load, networks, calls, name):
    with RayExecutor(workers=3) as executor:
        results = dict(executor.run(load(name), networks[:15]))
    expected = dict(LocalExecutor().run(load("rate"), networks[:15]))
    assert {at: one.accuracy for at, one in results.items()} == {at: one.accuracy for at, one in expected.items()}
    again = {
        key for key, times in Counter(key for key, process in calls() if process != os.getpid()).items() if times > 1
    }
    assert again == {one.key for one in networks[:15] if name == "raises_once" or int(one.key, 16) % 3 == 0}


@pytest.mark.slow
def test_a_network_that_raises_is_tried_again_in_another_worker(running, load, networks, calls):
    evaluator = load("raises_once")
    with RayExecutor(workers=2) as executor:
        for position in range(20):  # until both have started
            list(executor.run(evaluator, networks[2 * position : 2 * position + 2]))
            if len({process for _, process in calls()}) == 2:
                break
            time.sleep(0.2)
        before = len(calls())
        list(executor.run(evaluator, networks[50:51]))
    (_, first), (_, second) = calls()[before:]
    assert first != second


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words", "hint"),
    [
        ("mistake", "it returned 'seventy'", "return an Evaluation"),
        ("invalid", "channels is 7; it must be even", "give 8"),
        ("returns_nan", "returned the accuracy nan", "Evaluation.failed"),
        ("returns_text", "returned 'seventy', a str", "effsearch.evaluators.Evaluation"),
    ],
)
def test_a_mistake_ends_the_run_with_its_hint_as_it_does_here(running, load, networks, name, words, hint):
    told = []
    for executor in (LocalExecutor(), RayExecutor(workers=2)):
        with pytest.raises((UserError, InvalidValue), match=words) as raised:
            list(executor.run(load(name), networks[:5]))
        assert hint in raised.value.hint
        told.append((type(raised.value), str(raised.value)))
    assert told[0] == told[1]
    executor.close()


@pytest.mark.slow
def test_an_evaluator_that_cannot_be_sent_is_told_so(running, networks):
    lock = threading.Lock()

    def rate(architecture, *, seed=0):
        with lock:
            return Evaluation(50.0)

    with RayExecutor(workers=1) as executor, pytest.raises(UserError, match=r"rate cannot be sent .*lock") as raised:
        list(executor.run(rate, networks[:1]))
    assert "local" in raised.value.hint


@pytest.mark.slow
def test_a_result_that_cannot_be_sent_back_is_a_failure_of_its_network(running, load, networks):
    with RayExecutor(workers=1) as executor:
        results = dict(executor.run(load("unpicklable"), networks[:2]))
    assert all(one.failure for one in results.values())


@pytest.mark.slow
def test_the_file_of_an_evaluator_travels_and_what_it_imports_does_not(running, tmp_path, networks, monkeypatch):
    path = tmp_path / "gone.py"
    path.write_text("from effsearch.evaluators import Evaluation\ndef rate(a): return Evaluation(61.0)\n")
    evaluator = evaluators.load(f"{path}:rate")
    path.unlink()
    with RayExecutor(workers=1) as executor:
        ((_, result),) = executor.run(evaluator, networks[:1])
    assert (result.accuracy, result.source) == (61.0, f"{path}:rate")

    (tmp_path / "beside_it_only.py").write_text("three = 3")
    path.write_text("import beside_it_only\ndef rate(a): pass\n")
    with monkeypatch.context() as here_only:
        here_only.syspath_prepend(tmp_path)
        evaluator = evaluators.load(f"{path}:rate")
    with RayExecutor(workers=1) as executor, pytest.raises(UserError, match=r"gone\.py .*beside_it_only") as raised:
        list(executor.run(evaluator, networks[:1]))
    assert "on the node" in str(raised.value)
    assert "PYTHONPATH" in raised.value.hint


@pytest.mark.slow
@pytest.mark.parametrize(("cpus", "threads"), [(0.5, 1), (1, 1), (2, 2)])
def test_a_worker_computes_with_as_many_threads_as_it_has_cpus_and_sees_no_gpu(running, load, networks, cpus, threads):
    with RayExecutor(workers=1, cpus_per_trial=cpus, gpus_per_trial=0) as executor:
        ((_, result),) = executor.run(load("environment"), networks[:1])
    assert result.accuracy == threads
    assert result.source == f"'{threads}' '{threads}' ''"


@pytest.mark.slow
def test_more_than_any_node_has_is_refused(running, load, networks):
    with RayExecutor(gpus_per_trial=200) as executor, pytest.raises(UserError, match=r"no node has room .* 200 GPU"):
        list(executor.run(load("rate"), networks[:1]))
    with RayExecutor(cpus_per_trial=5000) as executor, pytest.raises(UserError, match="5,000 CPU"):
        list(executor.run(load("rate"), networks[:1]))


@pytest.mark.slow
def test_an_abandoned_batch_is_ended_and_the_next_one_starts_at_once(running, load, networks, calls, alive):
    hang, rate = load("hang"), load("rate")
    with RayExecutor(workers=2) as executor:
        results = executor.run(hang, networks[:9], deadline=time.monotonic() + 100)

        def interrupt_when_both_hang():
            while len(calls()) < 2:
                time.sleep(0.02)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt_when_both_hang, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            next(results)
        began = time.monotonic()
        results.close()
        processes = {process for _, process in calls()}
        assert len(calls()) == 2  # not more were sent than there are workers
        while any(alive(one) for one in processes) and time.monotonic() < began + 5:
            time.sleep(0.02)
        assert not any(alive(one) for one in processes)
        assert len(list(executor.run(rate, networks[:9]))) == 9


@pytest.mark.slow
def test_past_the_deadline_nothing_is_started_and_what_runs_is_finished(running, load, networks, calls):
    evaluator = load("slow")
    with RayExecutor(workers=2) as executor:
        list(executor.run(evaluator, networks[:4]))
        before = len(calls())
        results = list(executor.run(evaluator, networks, deadline=time.monotonic() + 1))
    assert 2 <= len(results) < 60
    assert len(calls()) - before == len(results)


@pytest.mark.slow
def test_the_workers_end_with_the_outermost_block(running, load, networks, calls, alive):
    evaluator = load("rate")
    with RayExecutor(workers=2) as executor:
        with executor:
            list(executor.run(evaluator, networks[:10]))
        list(executor.run(evaluator, networks[:10]))
        processes = {process for _, process in calls()}
        assert len(processes) <= 2
        assert all(alive(one) for one in processes)
    deadline = time.monotonic() + 10
    while any(alive(one) for one in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(one) for one in processes)
    assert ray.is_initialized()  # a Ray that was there is left there
