"""Measuring: what runs, how often, in which order, and that nothing of it stays behind."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from effsearch.models import build, latency, latency_blocks, latency_engines
from effsearch.models.latency import Timing, conditions_for, measure, quartiles, timed, under
from effsearch.models.latency_blocks import (
    block_module,
    build_table,
    calibrated,
    interleaved,
    measure_blocks,
    measure_networks,
)
from effsearch.models.latency_engines import prepared
from effsearch.models.memory_errors import is_memory_error, memory_errors
from effsearch.records.errors import UserError
from effsearch.search_spaces import Architecture, Head, InvalidValue, Stage, Stem, catalogue
from effsearch.search_spaces.architecture import blocks
from effsearch.search_spaces.block_signature import network_blocks
from effsearch.search_spaces.latency_table import Conditions, Entry, LatencyTable
from effsearch.search_spaces.latency_trust import UNCORRECTED

STAGES = (Stage("conv", 8), Stage("mbconv", 16, 2, stride=2, expand=4, se_ratio=0.25), Stage("basic", 16, skip="pool"))
TINY = Architecture("tiny", Stem(8), STAGES, Head(24), resolution=32, classes=5)
ONE = Conditions(threads=1)


def networks(count: int) -> list[Architecture]:
    """Of different depths."""
    return [
        Architecture(f"tiny{i}", Stem(8), (STAGES[0], Stage("mbconv", 16, i + 1, expand=4)), Head(24), resolution=32)
        for i in range(count)
    ]


def test_the_quartiles_of_runs():
    assert quartiles([3.0]) == (3.0, 3.0, 3.0)
    assert quartiles([5.0, 1.0, 2.0, 4.0, 3.0]) == (3.0, 2.0, 4.0)
    assert Timing(32, 8.0, 7.0, 9.0, 5).images_per_second == 4000


def test_the_warm_up_does_not_count_and_the_number_of_runs_does(monkeypatch):
    monkeypatch.setattr(latency, "WARM_SECONDS", -1.0)
    calls = []

    def run() -> float:
        calls.append(1000.0 if len(calls) < latency.WARM else 2.0)
        return calls[-1]

    assert timed(run, 4, runs=5) == Timing(4, 2.0, 2.0, 2.0, 5)
    assert len(calls) == latency.WARM + 5


@pytest.mark.parametrize(("seconds", "runs"), [(0.0, 10), (60.0, 200)])
def test_without_a_number_the_time_decides(monkeypatch, seconds, runs):
    monkeypatch.setattr(latency, "SECONDS", seconds)
    assert timed(lambda: 1.0, 1).runs == runs


def test_threads_gradients_and_cudnn_are_as_they_were(monkeypatch):
    torch.set_num_threads(1)
    with under(Conditions(threads=2)):
        assert torch.get_num_threads() == 2
        assert torch.is_inference_mode_enabled()
    assert (torch.get_num_threads(), torch.is_inference_mode_enabled()) == (1, False)
    assert torch.backends.cudnn.benchmark is False
    with pytest.raises(RuntimeError), under(Conditions(threads=2)):
        raise RuntimeError
    assert torch.get_num_threads() == 1


def test_measuring_leaves_torchs_random_numbers_alone(monkeypatch):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    monkeypatch.setattr(latency, "WARM_SECONDS", -1.0)
    measure(TINY, ONE, runs=1)
    measure_blocks(dict(list(network_blocks(TINY).items())[:1]), 5, ONE, rounds=1)
    assert torch.equal(torch.rand(2), expected)


def test_a_network_is_measured():
    found = measure(TINY, Conditions(batch=3, threads=1), runs=7)
    assert (found.batch, found.runs) == (3, 7)
    assert 0 < found.low <= found.median <= found.high
    assert found.images_per_second == pytest.approx(3000 / found.median)


def test_the_engine_folded_runs_without_norms(monkeypatch):
    run: list[nn.Module] = []
    monkeypatch.setattr(
        latency_engines, "_clocked", lambda call, device: run.append(call.__closure__[0].cell_contents) or call
    )
    for engine in ("eager", "folded"):
        prepared(build(TINY), (1, 3, 32, 32), Conditions(engine=engine))
    with_norms = [any(isinstance(layer, nn.BatchNorm2d) for layer in module.modules()) for module in run]
    assert with_norms == [True, False]


def test_a_device_that_is_not_here_is_refused():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(InvalidValue, match="no GPU here"):
        conditions_for("cuda")
    for wrong in ("tpu", "cuda:x", "cuda:", "CPU", "cpu:0"):
        with pytest.raises(InvalidValue, match="device is"):
            conditions_for(wrong)
    with pytest.raises(InvalidValue, match="engine"):
        conditions_for(engine="tensorrt")
    with pytest.raises(InvalidValue, match="batch"):
        conditions_for(batch=0)
    assert conditions_for().threads == torch.get_num_threads()


@pytest.mark.parametrize("name", ["b0", "mobilenet-v2"])
def test_the_blocks_measured_alone_are_those_of_the_network(name):
    """One after the other, with the network's weights, they compute what it does."""
    network = catalogue.load(name)
    whole = build(network, device="meta")
    alone = [block_module(block, network.classes).state_dict() for block in (*blocks(network),)[:4]]
    inside = [whole.stem, *(block for stage in whole.stages for block in stage)]
    for one, other in zip(alone, inside, strict=False):
        assert {key: value.shape for key, value in one.items()} == {
            key: value.shape for key, value in other.state_dict().items()
        }


def test_a_chain_of_blocks_gives_the_shapes_of_the_network():
    maps = torch.zeros(2, 3, 32, 32)
    with torch.inference_mode():
        for block in blocks(TINY):
            assert maps.shape[1:] == (block.input, block.input_size, block.input_size)
            maps = block_module(block, TINY.classes).eval()(maps)
    assert maps.shape == (2, 5)


def test_rounds_measure_everything_once_in_another_order_each():
    order: list[int] = []

    def job(number: int):
        def run() -> float:
            order.append(number)
            return float(number)

        return lambda: run

    told = []
    times = interleaved([job(i) for i in range(6)], rounds=4, seed=1, tell=lambda *state: told.append(state))
    each = 1 + latency_blocks.TOGETHER
    visits = [order[i] for i in range(0, len(order), each)]
    assert order == [number for number in visits for _ in range(each)]
    rounds = [visits[i : i + 6] for i in range(0, 24, 6)]
    assert all(sorted(one) == list(range(6)) for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1
    assert times == [[float(i)] * 4 * latency_blocks.TOGETHER for i in range(6)]  # the first of a visit does not count
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    again: list[int] = order.copy()
    order.clear()
    interleaved([job(i) for i in range(6)], rounds=4, seed=1)
    assert order == again


def test_blocks_that_do_not_fit_into_memory_together_are_built_again(monkeypatch):
    built = []
    monkeypatch.setattr(
        latency_blocks, "block_module", lambda block, classes: built.append(block) or torch.nn.Identity()
    )
    two = dict(list(network_blocks(TINY).items())[:2])
    measure_blocks(two, 5, ONE, rounds=3)
    assert len(built) == 2
    monkeypatch.setattr(latency_blocks, "KEPT", 0)
    measure_blocks(two, 5, ONE, rounds=3)
    assert len(built) == 2 + 6


@pytest.fixture
def clockwork(monkeypatch):
    """Times of whole networks and blocks by a formula instead of a clock: a network takes 1.3 times its blocks and half
    a millisecond for each of them."""

    def run_of(milliseconds: float):
        return lambda: milliseconds

    def block_run(block) -> float:
        return 1.0 + block.output / 100

    def network_run(network, conditions):
        found = list(blocks(network))
        return run_of(1.3 * sum(map(block_run, found)) + 0.5 * len(found))

    monkeypatch.setattr(latency_blocks, "block_module", lambda block, classes: block)
    monkeypatch.setattr(latency_blocks, "prepared", lambda block, shape, conditions: run_of(block_run(block)))
    monkeypatch.setattr(latency_blocks, "network_run", network_run)


def test_a_table_is_corrected_by_whole_networks(clockwork):
    known, others = networks(12)[::2], networks(12)[1::2]
    found = {text: block for network in networks(12) for text, block in network_blocks(network).items()}
    table = build_table("tiny", found, known, ONE, rounds=2, seed=3, machine={"processor": "a clockwork"})
    assert table.correction.keys == tuple(one.key for one in known)
    assert table.correction.error < 0.5 < table.correction.plain_error
    measured = measure_networks(others, ONE, rounds=1)
    assert [table(one) for one in others] == pytest.approx(measured, rel=0.01)
    assert all(one.runs == 2 * latency_blocks.TOGETHER for one in table.entries.values())
    assert (table.space, table.rounds, table.seed) == ("tiny", 2, 3)


def test_networks_that_nothing_fits_leave_the_table_without_a_correction(clockwork, monkeypatch):
    monkeypatch.setattr(
        latency_blocks, "network_run", lambda network, conditions: lambda: 1e-3 / len(network.stages[1:])
    )
    several = networks(6)
    found = {text: block for network in several for text, block in network_blocks(network).items()}
    table = build_table("tiny", found, several, ONE, rounds=1)
    assert table.correction is None
    assert "slope" in table.machine[UNCORRECTED]
    assert table(several[2]) == table.plain(several[2])


def test_a_correction_that_is_not_plausible_is_refused():
    several = networks(8)
    found = {text: block for network in several for text, block in network_blocks(network).items()}
    table = LatencyTable("tiny", ONE, {text: Entry(1.0, 1.0, 1.0, 3) for text in found})
    sums = [table(one) for one in several]
    assert calibrated(table, several, [1.2 * value for value in sums]).correction.slope == pytest.approx(1.2, abs=0.1)
    for measured in (
        [0.235 * value for value in sums],
        [value * (2.0 if i % 2 else 0.6) for i, value in enumerate(sums)],  # contradict each other
        [60.0 - 5 * value for value in sums],  # the deeper, the faster: fits with a large slope and less a block
    ):
        with pytest.raises(InvalidValue, match="plausible"):
            calibrated(table, several, measured)


def test_a_correction_that_gives_a_calibration_network_no_time_is_refused(monkeypatch):
    several = networks(8)
    found = {text: block for network in several for text, block in network_blocks(network).items()}
    table = LatencyTable("tiny", ONE, {text: Entry(1.0, 1.0, 1.0, 3) for text in found})
    monkeypatch.setattr(latency_blocks, "fit_linear", lambda *given: (1.0, -1.0))
    with pytest.raises(InvalidValue, match="gives 0 ms for a network"):
        calibrated(table, several, [table(one) for one in several])


# What goes wrong


def test_without_a_compiler_the_engine_compile_is_refused(monkeypatch):
    def compile_fails(function, dynamic):
        def call(images):
            raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found\n\nand a long story")

        return call

    monkeypatch.setattr(torch, "compile", compile_fails)
    with pytest.raises(
        InvalidValue, match=r"does not work here: InvalidCxxCompiler: No working [^\n]* found$"
    ) as error:
        measure(TINY, replace(ONE, engine="compile"), runs=1)
    assert "--engine folded" in error.value.hint


def test_an_engine_for_whole_networks_runs_no_block():
    with pytest.raises(InvalidValue, match="engine is onnxruntime"):
        measure_blocks(dict(list(network_blocks(TINY).items())[:1]), 5, Conditions(engine="onnxruntime"), rounds=1)


def wrapped() -> RuntimeError:
    error = RuntimeError("backend='inductor' raised")
    error.inner_exception = MemoryError()
    return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), OSError(12, "no"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("std::bad_alloc"), wrapped(),
    ],
)  # fmt: skip
@pytest.mark.parametrize("engine", ["eager", "compile"])
def test_memory_that_runs_out_is_told(monkeypatch, error, engine):
    def fails(*given, **options):
        raise error

    monkeypatch.setattr(torch, "compile", lambda *given, **options: fails)
    monkeypatch.setattr(latency_engines, "_clocked", fails)
    with pytest.raises(UserError, match="not enough memory to measure a batch of 3 on cpu") as told:
        measure(TINY, Conditions(threads=1, batch=3, engine=engine), runs=1)
    assert (told.value.exit_code, "--batch" in told.value.hint) == (1, True)
    assert torch.is_inference_mode_enabled() is False


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes cannot be multiplied"), OSError(28, "full"), KeyError("memory")]
)
def test_other_errors_are_none_of_memory(error):
    assert not is_memory_error(error)
    with pytest.raises(type(error)), memory_errors("to do it", "have more"):
        raise error


# What is known of a measurement


def test_progress_is_told_run_by_run(monkeypatch):
    monkeypatch.setattr(latency, "WARM_SECONDS", -1.0)
    told = []
    timed(lambda: 1.0, 1, runs=3, tell=lambda *state: told.append(state))
    assert told == [(0, 3)] * latency.WARM + [(1, 3), (2, 3), (3, 3)]
    monkeypatch.setattr(latency, "SECONDS", 0.0)
    told.clear()
    timed(lambda: 1.0, 1, tell=lambda *state: told.append(state))
    assert told[-1] == (10, 10)
    assert all(done < total for done, total in told[:-1])


def test_the_time_on_the_processor_is_of_the_runs_that_count(monkeypatch):
    monkeypatch.setattr(latency, "WARM_SECONDS", -1.0)
    clock = {"wall": 0.0, "own": 0.0}
    monkeypatch.setattr(latency, "perf_counter", lambda: clock["wall"])
    monkeypatch.setattr(latency, "process_time", lambda: clock["own"])

    def run() -> float:
        clock["wall"] += 1.0
        clock["own"] += 0.7
        return 1000.0

    assert timed(run, 1, runs=4).on_processor == pytest.approx(0.7)
    assert measure(TINY, Conditions(threads=2), runs=1).on_processor is None
    assert Timing(1, 3.0, 2.0, 5.0, 9).spread == 2.5


@pytest.mark.slow
def test_a_real_table_of_a_tiny_network_predicts_it_roughly(monkeypatch):
    """By the processor's time, since other tests may run beside: within a factor of three."""
    monkeypatch.setattr(latency_engines, "perf_counter", time.thread_time)
    several = networks(6)
    found = {text: block for network in several for text, block in network_blocks(network).items()}
    table = build_table("tiny", found, several, ONE, rounds=8)
    assert table(several[5]) > table(several[0])
    measured = measure_networks(several[3:4], ONE, rounds=8)[0]
    assert measured / 3 < table(several[3]) < measured * 3


@pytest.mark.slow
def test_each_compiled_block_has_a_graph_of_its_own(monkeypatch):
    """More blocks of one class than torch compiles for one piece of code. Its own backend takes minutes: not used."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    torch._dynamo.reset()
    counters = torch._dynamo.utils.counters
    counters.clear()
    block = next(one for one in blocks(TINY) if one.operation == "mbconv")
    several = {str(width): replace(block, output=width) for width in range(8, 8 + 10)}
    found = measure_blocks(several, 5, Conditions(threads=1, engine="compile"), rounds=1)
    assert set(found) == set(several)
    assert counters["stats"]["unique_graphs"] == len(several)
    torch._dynamo.reset()


@pytest.mark.slow
def test_onnxruntime_measures_the_same_network():
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    found = measure(TINY, Conditions(batch=2, threads=1, engine="onnxruntime"), runs=3)
    assert (found.batch, found.runs) == (2, 3)
    assert found.median > 0
