"""A run that was cut off, wherever, and resumed equals one that was not; nothing is evaluated twice."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from effsearch.evaluators import Evaluation
from effsearch.nas import Reward, search
from effsearch.records.errors import UserError
from effsearch.records.run_directory import RunDirectory
from effsearch.search_spaces import Dimension, SearchSpace

NAMES = ("nsga2", "tpe", "random", "evolution")
SETTINGS = {"trials": 130, "batch": 20, "seed": 2, "target_flops": 2e6}
DERIVED = ("front.csv", "selected/budget.yaml", "selected/reward.yaml", "selected/knee.yaml")


def unreliable(rate):
    def evaluator(architecture, *, seed=0):
        if int(architecture.key, 16) % 7 == 0:
            return Evaluation.failed("out of memory", seed=seed)
        return replace(rate(architecture, seed=seed), seconds=1.0)

    return evaluator


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)  # nobody pulls the plug here, and a disk may be slow


@pytest.fixture(scope="module")
def uninterrupted(tiny, rate, counting, tmp_path_factory):
    """sampler -> result and run directory of a run in one go."""
    runs = {}
    for sampler in NAMES:
        path = tmp_path_factory.mktemp("whole") / sampler
        runs[sampler] = search(tiny, counting(unreliable(rate)), sampler=sampler, run_dir=path, **SETTINGS), path
    return runs


def assert_same_run(result, run, expected, expected_run):
    assert_frame_equal(result.trials.drop(columns="seconds"), expected.trials.drop(columns="seconds"), check_exact=True)
    assert_frame_equal(result.front.drop(columns="seconds"), expected.front.drop(columns="seconds"), check_exact=True)
    assert result.picks == expected.picks
    for name in DERIVED:
        assert (run / name).read_bytes() == (expected_run / name).read_bytes(), name


@pytest.mark.parametrize(
    ("sampler", "stops"),
    [
        ("nsga2", (0, 1)),
        ("nsga2", (19, 20, 21)),
        pytest.param("nsga2", (60, 99, 129), marks=pytest.mark.slow),
        *((sampler, (40, 121)) for sampler in NAMES),
    ],
)
def test_a_search_interrupted_at_any_call_and_resumed_equals_one_in_one_go(
    tiny, rate, counting, uninterrupted, sampler, stops, tmp_path
):
    expected, expected_run = uninterrupted[sampler]
    evaluator, run = counting(unreliable(rate)), tmp_path / "run"
    for start, stop in enumerate(stops):
        evaluator.stop = stop
        with pytest.raises(KeyboardInterrupt):
            search(tiny, evaluator, sampler=sampler, run_dir=run, resume=start > 0, **SETTINGS)
        assert json.loads((run / "manifest.json").read_text())["state"] == "interrupted"
    evaluator.stop = None
    result = search(tiny, evaluator, sampler=sampler, run_dir=run, resume=True, **SETTINGS)
    assert evaluator.keys == expected.trials["key"].tolist()  # each once, in the order of the trials
    assert_same_run(result, run, expected, expected_run)
    manifest = json.loads((run / "manifest.json").read_text())
    assert (manifest["state"], len(manifest["resumed"])) == ("done", len(stops))


def test_an_interrupted_search_has_written_the_tables_of_what_it_knows(tiny, rate, counting, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        search(tiny, counting(rate, stop=47), run_dir=tmp_path / "run", **SETTINGS)
    lines = (tmp_path / "run" / "trials.csv").read_text().splitlines()
    assert len(lines) == 1 + 47
    assert (tmp_path / "run" / "front.csv").exists()
    assert (tmp_path / "run" / "selected" / "budget.yaml").exists()


@pytest.mark.parametrize("sampler", NAMES)
def test_a_ledger_cut_at_any_byte_is_continued_to_the_same_tables(
    tiny, rate, counting, uninterrupted, sampler, tmp_path
):
    """What kill -9 or a power cut leaves: the ledger up to some byte, the derived files of any age or none."""
    expected, expected_run = uninterrupted[sampler]
    data = (expected_run / "ledger.jsonl").read_bytes()
    start = data.index(b'{"kind": "trial"')
    draw = random.Random(sampler)  # noqa: S311
    for cut in sorted(draw.randrange(start, len(data)) for _ in range(2)):
        run = tmp_path / f"cut-{cut}"
        run.mkdir()
        for name in ("manifest.json", "config.yaml", "lock"):
            (run / name).write_bytes((expected_run / name).read_bytes())
        (run / "ledger.jsonl").write_bytes(data[:cut])
        whole = [json.loads(line)["key"] for line in data[start:cut].splitlines(keepends=True) if line.endswith(b"\n")]
        evaluator = counting(unreliable(rate))
        result = search(tiny, evaluator, sampler=sampler, run_dir=run, resume=True, **SETTINGS)
        assert whole + evaluator.keys == expected.trials["key"].tolist()
        assert_same_run(result, run, expected, expected_run)
        assert (result.notice is None) == data[:cut].endswith(b"\n")


@pytest.mark.slow
def test_the_surrogate_gives_a_cut_batch_the_same_numbers(measured, surrogate, tmp_path):
    """It rates whole batches by matrix products; what is left of a batch must come out the same, to the last bit."""
    settings = {"trials": 60, "batch": 30, "sampler": "random"}
    whole = search(measured, surrogate, run_dir=tmp_path / "whole", **settings)
    lines = (tmp_path / "whole" / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    for kept in (1, 29, 44):
        run = tmp_path / f"kept-{kept}"
        run.mkdir()
        (run / "manifest.json").write_bytes((tmp_path / "whole" / "manifest.json").read_bytes())
        (run / "ledger.jsonl").write_bytes(b"".join(lines[: 2 + kept]))
        result = search(measured, surrogate, run_dir=run, resume=True, **settings)
        assert_frame_equal(
            result.trials.drop(columns="seconds"), whole.trials.drop(columns="seconds"), check_exact=True
        )


@pytest.mark.parametrize(("sampler", "first"), [("nsga2", 20), ("nsga2", 55), ("tpe", 55), ("evolution", 110)])
def test_more_trials_on_resume_give_the_table_of_one_long_run(
    tiny, rate, counting, uninterrupted, sampler, first, tmp_path
):
    expected, expected_run = uninterrupted[sampler]
    evaluator, run = counting(unreliable(rate)), tmp_path / "run"
    search(tiny, evaluator, sampler=sampler, run_dir=run, **{**SETTINGS, "trials": first})
    assert len(evaluator.keys) == first
    result = search(tiny, evaluator, sampler=sampler, run_dir=run, resume=True, **SETTINGS)
    assert sorted(evaluator.keys) == sorted(expected.trials["key"])
    assert_same_run(result, run, expected, expected_run)


def test_resuming_a_finished_run_evaluates_nothing_and_rebuilds_its_files(
    tiny, rate, counting, uninterrupted, tmp_path
):
    expected, expected_run = uninterrupted["nsga2"]
    run = tmp_path / "run"
    run.mkdir()
    for name in ("manifest.json", "config.yaml", "ledger.jsonl"):
        (run / name).write_bytes((expected_run / name).read_bytes())

    evaluator = counting(unreliable(rate), stop=0)
    result = search(tiny, evaluator, run_dir=run, resume=True, **SETTINGS)
    assert_same_run(result, run, expected, expected_run)
    assert (run / "trials.csv").read_bytes() == (expected_run / "trials.csv").read_bytes()


@pytest.fixture(scope="module")
def forty(tiny, rate, counting, tmp_path_factory):
    """A run directory of two full batches."""
    path = tmp_path_factory.mktemp("forty") / "run"
    search(tiny, counting(rate), run_dir=path, **{**SETTINGS, "trials": 40})
    return path


def renamed(space: SearchSpace) -> SearchSpace:
    return SearchSpace("other", space.dimensions, space.build)


def with_fewer_choices(space: SearchSpace) -> SearchSpace:
    first, *others = space.dimensions
    return SearchSpace(space.name, (Dimension(first.name, first.choices[:-1]), *others), space.build)


def with_another_build(space: SearchSpace) -> SearchSpace:
    return SearchSpace(space.name, space.dimensions, lambda point: replace(space.build(point), classes=4))


def other_evaluator(architecture, *, seed=0):
    return Evaluation(50.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 3}, ("seed", "2", "3")),
        ({"batch": 30}, ("batch", "20", "30")),
        ({"sampler": "tpe"}, ("sampler", "nsga2", "tpe")),
        ({"target_flops": 3e6}, ("budgets", "2000000", "3000000")),
        ({"objectives": ("accuracy", "params")}, ("objectives", "mult_adds", "params")),
        ({"reward": Reward.hard(2e6)}, ("reward", "-1.0")),
        ({"costs": {"latency": lambda _: 1.0}}, ("latency",)),
        ({"space": renamed}, ("space", "tiny", "other")),
        ({"space": with_fewer_choices}, ("space",)),
        ({"space": with_another_build}, ("another space",)),
        ({"evaluator": other_evaluator}, ("evaluator", "counting", "other_evaluator")),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_other_settings_on_resume_are_refused_by_name(tiny, rate, counting, forty, change, words, tmp_path):
    """The run ended at the border of a batch, where no proposal is left to be compared."""
    run = shutil.copytree(forty, tmp_path / "run")
    before = (run / "ledger.jsonl").read_bytes()
    change = dict(change)
    space = change.pop("space", lambda same: same)(tiny)
    evaluator = change.pop("evaluator", counting(rate))
    with pytest.raises(UserError) as raised:
        search(space, evaluator, run_dir=run, resume=True, **{**SETTINGS, "trials": 42, **change})
    told = raised.value.message
    assert all(word in told for word in words), told
    assert (run / "ledger.jsonl").read_bytes() == before
    assert json.loads((run / "manifest.json").read_text())["state"] == "done"
    RunDirectory.resume(run).close()  # the lock is free


def test_a_ledger_line_of_something_else_is_refused_by_its_place(tiny, rate, tmp_path):
    run = tmp_path / "run"
    search(tiny, rate, run_dir=run, trials=5)
    with (run / "ledger.jsonl").open("a") as file:
        file.write('{"kind": "trial", "number": 5}\n{"kind": "poem"}\n')
    with pytest.raises(UserError, match=r"ledger\.jsonl.*\b[78]\b"):
        search(tiny, rate, run_dir=run, trials=6, resume=True)


def test_resume_needs_a_run(tiny, rate, tmp_path):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "missing"):
        with pytest.raises(UserError, match=str(path)):
            search(tiny, rate, run_dir=path, trials=5, resume=True)
    assert not (tmp_path / "missing").exists()
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_second_search_of_a_run_in_progress_is_refused(tiny, rate, tmp_path):
    run, refusals = tmp_path / "run", []

    def evaluator(architecture, *, seed=0):
        for resume in (True, False):
            with pytest.raises(UserError) as raised:
                search(tiny, rate, run_dir=run, trials=5, resume=resume)
            refusals.append((raised.value.exit_code, raised.value.message))
        return rate(architecture)

    search(tiny, evaluator, run_dir=run, trials=1)
    assert {code for code, _ in refusals} == {2}
    assert "in use" in refusals[0][1]


def test_the_surrogate_rates_a_network_the_same_alone_and_among_others(measured, surrogate):
    """To the last bit: a run killed within a batch rates the rest of it alone when it is resumed."""
    rng = np.random.default_rng(0)
    networks = [measured.decode(measured.sample(rng)) for _ in range(50)]
    together = [one.accuracy for one in surrogate.many(networks)]
    assert [one.accuracy for one in surrogate.many(networks[17:])] == together[17:]
    assert [surrogate(one).accuracy for one in networks] == together
