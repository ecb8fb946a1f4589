"""How many evaluations fit on the nodes, and the shares of GPUs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effsearch.workers.room import gpu_share, in_words, room


def node(**resources: float) -> dict[str, object]:
    return {"Resources": {"node:here": 1.0, **resources}}


@pytest.mark.parametrize(
    ("nodes", "options", "expected"),
    [
        ([node(CPU=8.0)], {"num_cpus": 1, "num_gpus": 0}, 8),
        ([node(CPU=8.0)], {"num_cpus": 3, "num_gpus": 0}, 2),
        ([node(CPU=1.0)], {"num_cpus": 0.1, "num_gpus": 0}, 10),
        ([node(CPU=8.0, GPU=1.0)], {"num_cpus": 1, "num_gpus": 0.25}, 4),
        ([node(CPU=8.0, GPU=1.0)], {"num_cpus": 1, "num_gpus": 0.3333}, 3),
        ([node(CPU=2.0, GPU=4.0)], {"num_cpus": 1, "num_gpus": 1}, 2),
        ([node(CPU=8.0)], {"num_cpus": 1, "num_gpus": 1}, 0),
        ([node(CPU=8.0), node(CPU=4.0, GPU=2.0)], {"num_cpus": 1, "num_gpus": 1}, 2),
        ([node(CPU=3.0), node(CPU=3.0)], {"num_cpus": 2, "num_gpus": 0}, 2),  # one does not stretch over two nodes
        ([node(CPU=8.0, memory=4e9)], {"num_cpus": 1, "num_gpus": 0, "memory": 3e9}, 1),
        ([node()], {"num_cpus": 1, "num_gpus": 0}, 0),
    ],
)
def test_how_many_fit(nodes, options, expected):
    assert room(nodes, options) == expected


@given(gpus=st.integers(1, 16), workers=st.integers(1, 64))
def test_with_the_shares_all_workers_run_at_once(gpus, workers):
    share = gpu_share([node(GPU=float(gpus))], workers)
    units = round(share * 10_000)  # what Ray counts in
    assert share * 10_000 == pytest.approx(units)
    assert 10_000 // units * gpus >= workers
    assert share == 1 or 10_000 // (units + 1) * gpus < workers or workers <= gpus  # and no share is wasted


def test_no_gpu_no_share_and_whole_ones_where_the_number_of_workers_is_open():
    assert gpu_share([node(CPU=4.0)], 4) == 0
    assert gpu_share([node(GPU=2.0), node(GPU=1.0)], None) == 1
    assert gpu_share([node(GPU=2.0)], 4) == 0.5


def test_resources_in_words():
    assert in_words({"num_cpus": 1.0, "num_gpus": 0.25}) == "1 CPU, 0.25 GPU"
    assert in_words({"num_cpus": 2, "num_gpus": 0.0}) == "2 CPU"
