"""A cluster of several nodes: each must run our effsearch, GPUs are shared out, and a full node is waited for."""

from __future__ import annotations

import os

import pytest

from effsearch import evaluators
from effsearch.records.errors import UserError

ray = pytest.importorskip("ray")
from effsearch.workers import RayExecutor  # noqa: E402

CODE = """
import os, time
from effsearch.evaluators import Evaluation

def where(architecture):
    time.sleep(0.1)
    return Evaluation(50.0, source=f"{os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES')}")
"""


@pytest.fixture
def nodes():
    """A head that rates nothing; add nodes to it."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield cluster
    cluster.shutdown()


@pytest.fixture
def where(tmp_path):
    (tmp_path / "own.py").write_text(CODE)
    return evaluators.load(f"{tmp_path / 'own.py'}:where")


@pytest.mark.slow
def test_a_node_with_another_effsearch_is_refused_wherever_it_is(nodes, where, networks, tmp_path):
    metadata = tmp_path / "old" / "effsearch-0.0.7.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: effsearch\nVersion: 0.0.7\n")
    nodes.add_node(num_cpus=1)
    path = os.pathsep.join(filter(None, (str(tmp_path / "old"), os.environ.get("PYTHONPATH"))))
    nodes.add_node(num_cpus=1, env_vars={"PYTHONPATH": path})
    with RayExecutor(nodes.address) as executor, pytest.raises(UserError, match=r"effsearch 0\.0\.7") as raised:
        list(executor.run(where, networks[:1]))
    assert "every node" in raised.value.hint
    assert not ray.is_initialized()


@pytest.mark.slow
def test_gpus_are_shared_out_evenly(nodes, where, networks):
    """The GPUs are declared, not there: Ray gives their numbers all the same."""
    nodes.add_node(num_cpus=8, num_gpus=2)
    seen: dict[str, str] = {}
    with RayExecutor(nodes.address, workers=4) as executor:
        for _ in range(20):
            for _, result in executor.run(where, networks[:12]):
                process, gpu = result.source.split()
                seen[process] = gpu
            if len(seen) == 4:
                break
    assert sorted(seen.values()) == ["0", "0", "1", "1"]


@pytest.mark.slow
def test_where_the_number_of_workers_is_open_there_are_as_many_as_fit(nodes, where, networks):
    for _ in range(2):
        nodes.add_node(num_cpus=3)
    with RayExecutor(nodes.address, cpus_per_trial=2) as executor:
        processes = {result.source for _ in range(6) for _, result in executor.run(where, networks[:8])}
    assert len(processes) == 2


@pytest.mark.slow
def test_where_there_is_room_for_fewer_workers_they_do_it_all(nodes, where, networks):
    nodes.add_node(num_cpus=1)
    with RayExecutor(nodes.address, workers=5) as executor:
        results = dict(executor.run(where, networks[:8]))
    assert sorted(results) == list(range(8))
    assert len({one.source for one in results.values()}) == 1


@pytest.mark.slow
def test_without_an_address_a_cluster_that_the_machine_knows_of_is_left_alone(nodes, where, networks, monkeypatch):
    """Ray would join it, and refuse a number of CPUs there."""
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    with RayExecutor(workers=1) as executor:
        ((_, result),) = executor.run(where, networks[:1])
        assert ray.get_runtime_context().gcs_address != nodes.address
    assert result.accuracy == 50
