"""A grid that was cut off, wherever, and resumed equals one that was not; nothing is evaluated twice."""

from __future__ import annotations

import json
import random
import shutil

import pytest
from pandas.testing import assert_frame_equal

from effsearch.grid_search import law as laws
from effsearch.grid_search import outputs, search
from effsearch.records.errors import UserError
from effsearch.records.run_directory import RunDirectory

SETTINGS = {"tolerance": 0.05, "seed": 3}  # 56 triples
TOTAL = 56


def unreliable(name: str) -> bool:
    return sum(map(ord, name)) % 9 == 0


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)  # nobody pulls the plug here, and a disk may be slow


@pytest.fixture(scope="module")
def whole(b0, counting, tmp_path_factory):
    """Result, run directory and evaluator of a run in one go."""
    path, evaluator = tmp_path_factory.mktemp("whole") / "run", counting(fails=unreliable, std=0.1)
    return search(b0, evaluator, run_dir=path, **SETTINGS), path, evaluator


def assert_same(result, expected, timeless):
    assert_frame_equal(timeless(result.table), timeless(expected.table), check_exact=True)
    assert result.coefficients == expected.coefficients
    assert result.confidence_set == expected.confidence_set
    assert result.published == expected.published
    assert result.conclusion == expected.conclusion


@pytest.mark.parametrize("stops", [(0,), (1,), (31,), (55,), (5, 6, 40)])
def test_a_grid_interrupted_at_any_call_and_resumed_equals_one_in_one_go(
    b0, counting, whole, timeless, stops, tmp_path
):
    expected, _, reference = whole
    evaluator, run = counting(fails=unreliable, std=0.1), tmp_path / "run"
    for start, stop in enumerate(stops):
        evaluator.stop = stop
        with pytest.raises(KeyboardInterrupt):
            search(b0, evaluator, run_dir=run, resume=start > 0, **SETTINGS)
        assert json.loads((run / "manifest.json").read_text())["state"] == "interrupted"
    evaluator.stop = None
    told = []
    result = search(
        b0, evaluator, run_dir=run, resume=True, on_progress=lambda done, total: told.append((done, total)), **SETTINGS
    )
    assert evaluator.names == reference.names  # each once, in the same order
    assert len(set(evaluator.names)) == TOTAL
    assert told[0] == (stops[-1] + 1, TOTAL)
    assert told[-1] == (TOTAL, TOTAL)
    assert_same(result, expected, timeless)
    manifest = json.loads((run / "manifest.json").read_text())
    assert (manifest["state"], len(manifest["resumed"])) == ("done", len(stops))


@pytest.mark.slow
def test_a_ledger_cut_at_any_byte_is_continued_to_the_same_table(b0, counting, whole, timeless, tmp_path):
    expected, expected_run, reference = whole
    data = (expected_run / "ledger.jsonl").read_bytes()
    start, draw = data.index(b'{"kind": "point"'), random.Random(1)  # noqa: S311
    for cut in sorted(draw.randrange(start, len(data)) for _ in range(6)):
        run = tmp_path / f"cut-{cut}"
        run.mkdir()
        for name in ("manifest.json", "config.yaml", "lock"):
            (run / name).write_bytes((expected_run / name).read_bytes())
        (run / "ledger.jsonl").write_bytes(data[:cut])
        known = data[start:cut].count(b"\n")
        evaluator = counting(fails=unreliable, std=0.1)
        result = search(b0, evaluator, run_dir=run, resume=True, **SETTINGS)
        assert evaluator.names == reference.names[known:]
        assert_same(result, expected, timeless)
        assert (result.notice is None) == data[:cut].endswith(b"\n")
        if result.notice:
            assert "torn" in result.notice


def test_a_law_continues_a_torn_ledger_to_the_same_files(b0, timeless, tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "check_cost", lambda network: None)  # the commands' tests do without this
    expected = search(b0, laws.load(), run_dir=tmp_path / "whole")
    outputs.write_grid(expected, b0, "law")
    run = tmp_path / "torn"
    run.mkdir()
    for name in ("manifest.json", "config.yaml"):
        (run / name).write_bytes((tmp_path / "whole" / name).read_bytes())
    data = (tmp_path / "whole" / "ledger.jsonl").read_bytes()
    (run / "ledger.jsonl").write_bytes(data[: len(data) // 2])
    result = search(b0, laws.load(), run_dir=run, resume=True)
    outputs.write_grid(result, b0, "law")
    assert_same(result, expected, timeless)
    assert "torn" in result.notice
    for name in ("coefficients.json", "surface.csv", "base.yaml", "family/family.csv", "family/b7.yaml"):
        assert (run / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_resuming_a_finished_grid_evaluates_nothing(b0, counting, whole, timeless, tmp_path):
    expected, expected_run, _ = whole
    run = shutil.copytree(expected_run, tmp_path / "run")
    result = search(b0, counting(stop=0), run_dir=run, resume=True, **SETTINGS)
    assert_same(result, expected, timeless)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"phi": 2}, ("phi", "1", "2")), ({"step": 0.1}, ("step", "0.05", "0.1")),
        ({"tolerance": 0.08}, ("tolerance", "0.05", "0.08")), ({"factor": 3.0}, ("factor", "2.0", "3.0")),
        ({"seed": 4}, ("seed", "3", "4")),
    ],
)  # fmt: skip
def test_other_settings_on_resume_are_refused_by_name(b0, counting, whole, change, words, tmp_path):
    run = shutil.copytree(whole[1], tmp_path / "run")
    before = (run / "ledger.jsonl").read_bytes()
    with pytest.raises(UserError) as raised:
        search(b0, counting(), run_dir=run, resume=True, **{**SETTINGS, **change})
    assert all(word in raised.value.message for word in words), raised.value.message
    assert (run / "ledger.jsonl").read_bytes() == before
    assert json.loads((run / "manifest.json").read_text())["state"] == "done"
    RunDirectory.resume(run).close()  # the lock is free


def test_another_base_or_rating_on_resume_is_refused(b0, mobilenet, counting, whole, tmp_path):
    run = shutil.copytree(whole[1], tmp_path / "run")
    with pytest.raises(UserError, match="base"):
        search(mobilenet, counting(), run_dir=run, resume=True, **SETTINGS)
    with pytest.raises(UserError, match=r"counting.*scaling law, additive"):
        search(b0, laws.load(), run_dir=run, resume=True, **SETTINGS)


def test_another_law_on_resume_is_refused(b0, tmp_path):
    search(b0, laws.load(), run_dir=tmp_path / "run")
    with pytest.raises(UserError, match=r"additive.*separate"):
        search(b0, laws.load("separate"), run_dir=tmp_path / "run", resume=True)


def test_a_run_directory_is_never_overwritten(b0, counting, whole, tmp_path):
    run = shutil.copytree(whole[1], tmp_path / "run")
    with pytest.raises(UserError, match=str(run)):
        search(b0, counting(), run_dir=run, **SETTINGS)
    for path in (tmp_path / "missing", None):
        with pytest.raises(UserError, match="missing" if path else "run directory"):
            search(b0, counting(), run_dir=path, resume=True, **SETTINGS)
    assert not (tmp_path / "missing").exists()


def test_a_second_driver_is_refused_while_the_first_runs(b0, counting, tmp_path):
    run, refusals, inner = tmp_path / "run", [], counting()

    def evaluator(architecture, *, seed=0):
        if not refusals:
            for resume in (True, False):
                with pytest.raises(UserError) as raised:
                    search(b0, inner, run_dir=run, resume=resume, **SETTINGS)
                refusals.append(raised.value)
        return inner(architecture, seed=seed)

    search(b0, evaluator, run_dir=run, **SETTINGS)
    assert [one.exit_code for one in refusals] == [2, 2]
    assert "in use" in refusals[0].message
    assert len(inner.names) == TOTAL


@pytest.mark.parametrize(
    "line",
    [
        '{"kind": "point"}',
        '{"kind": "point", "triple": [1.2, 1.1], "error": 20, "std": null, "seconds": 0, "source": "x"}',
        '{"kind": "point", "triple": [1.2, 1.1, 1.15], "error": "low", "std": null, "seconds": 0, "source": "x"}',
        '{"kind": "trial", "number": 5}',
    ],
)
def test_a_ledger_line_of_something_else_is_refused_by_its_place(b0, counting, whole, line, tmp_path):
    run = shutil.copytree(whole[1], tmp_path / "run")
    with (run / "ledger.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(UserError, match=rf"ledger\.jsonl.*\b{TOTAL + 2}\b"):
        search(b0, counting(), run_dir=run, resume=True, **SETTINGS)
