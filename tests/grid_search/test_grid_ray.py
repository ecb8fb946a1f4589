"""Ray Tune gives what this process gives, on a cluster that runs the same effsearch and leaves nothing behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from effsearch import evaluators
from effsearch.grid_search import law as laws
from effsearch.grid_search import search
from effsearch.records.errors import UserError
from effsearch.search_spaces import InvalidValue

ray = pytest.importorskip("ray")
tune = pytest.importorskip("effsearch.grid_search.tune")
from effsearch.workers import ray as workers  # noqa: E402


@pytest.fixture(scope="module")
def running():
    """One cluster for these tests; `search` joins a Ray that runs already."""
    with workers.cluster(workers=2):
        yield ray.get_runtime_context().gcs_address
    assert not ray.is_initialized()


def test_a_cluster_address_that_is_none_is_told(b0):
    with pytest.raises(UserError, match="nonsense") as raised:
        search(b0, laws.load(), engine="ray", ray_address="nonsense")
    assert "--engine local" in raised.value.hint
    assert not ray.is_initialized()


@given(st.integers(1, 12_000))
def test_a_grid_is_split_into_few_parts_of_nearly_equal_length(count):
    triples = [(1.0 + i, 1.0, 1.0) for i in range(count)]
    parts = tune.split(triples)
    assert [one for part in parts for one in part] == triples
    assert len(parts) <= 48
    assert all(len(part) == len(parts[0]) for part in parts[:-1])
    assert 0 < len(parts[-1]) <= len(parts[0])


@pytest.mark.slow
def test_both_engines_give_the_same_tables(running, b0, timeless, tmp_path):
    for rating in (laws.load(), evaluators.load("capacity")):
        local = search(b0, rating, engine="local")
        path = tmp_path / str(type(rating).__name__)
        told = []
        distributed = search(
            b0, rating, engine="ray", run_dir=path, on_progress=lambda *counts, told=told: told.append(counts)
        )
        assert told == [(done, 85) for done in range(1, 86)]
        assert_frame_equal(timeless(distributed.table), timeless(local.table), check_exact=True)
        assert_frame_equal(distributed.surface, local.surface, check_exact=True)
        assert distributed.coefficients == local.coefficients
        assert distributed.confidence_set == local.confidence_set
        assert distributed.published == local.published
        assert (path / "ledger.jsonl").read_text().count('"point"') == 85
    assert ray.is_initialized()  # a cluster that was there is left there


@pytest.mark.slow
def test_a_grid_begun_here_is_finished_on_ray(running, b0, timeless, tmp_path):
    law = laws.load()
    whole = search(b0, law, run_dir=tmp_path / "run")
    path = tmp_path / "run" / "ledger.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:30]) + lines[30][:20])
    result = search(b0, law, engine="ray", run_dir=tmp_path / "run", resume=True)
    assert_frame_equal(timeless(result.table), timeless(whole.table), check_exact=True)
    again = path.read_bytes().splitlines(keepends=True)
    assert again[:30] == lines[:30]
    assert len(again) == len(lines)


@pytest.mark.slow
def test_a_mistake_that_a_worker_meets_is_told_like_one_met_here(running, b0):
    def breaks_its_contract(architecture, *, seed=0):
        raise UserError("it returned 'seventy'", "return an Evaluation")

    with pytest.raises(UserError) as raised:
        search(b0, breaks_its_contract, engine="ray")
    assert (raised.value.message, raised.value.hint) == ("it returned 'seventy'", "return an Evaluation")
    with pytest.raises((UserError, InvalidValue)):  # 2^7 times the layers of the base are more than is built
        search(b0, evaluators.load("capacity"), phi=7, engine="ray")


@pytest.mark.slow
def test_workers_of_another_version_are_refused(running, monkeypatch):
    """The workers import the package afresh; only this process believes in another version."""
    workers._check_workers(local=True)
    real = workers.environment()
    monkeypatch.setattr(workers, "environment", lambda: {**real, "effsearch": "0.0.1"})
    with pytest.raises(UserError) as raised:
        workers._check_workers(local=False)
    assert "0.0.1" in raised.value.message
    assert real.get("effsearch", "unknown") in raised.value.message
    assert "install" in raised.value.hint


@pytest.mark.slow
def test_workers_of_another_place_are_refused_on_one_machine(running, monkeypatch):
    monkeypatch.setattr(workers, "__file__", "/somewhere/else/effsearch/workers/ray.py")
    with pytest.raises(UserError, match="/somewhere/else"):
        workers._check_workers(local=True)
    workers._check_workers(local=False)  # on other machines the path may differ


@pytest.mark.slow
def test_workers_start_in_an_empty_folder(running, tmp_path, monkeypatch):
    """Ray puts it first on sys.path: a user's `nas` or `reports` must not be there."""

    def contents():
        return sorted(os.listdir()), str(Path.cwd())  # noqa: PTH208  (runs in a worker)

    names, where = ray.get(ray.remote(num_cpus=0.01)(contents).remote())
    assert names == []
    assert where != str(Path.cwd())


def test_what_the_workers_get_survives_pickling(b0):
    import pickle

    from effsearch.grid_search.points import LawPoints, NetworkPoints

    for points in (LawPoints(laws.load(), 2.0), NetworkPoints(b0, evaluators.load("capacity"), 2.0)):
        copy = pickle.loads(pickle.dumps(points))  # noqa: S301
        (first,), (second,) = points.rate([(1.2, 1.1, 1.15)]), copy.rate([(1.2, 1.1, 1.15)])
        assert (first.error, first.std, first.source) == (second.error, second.std, second.source)
