"""Latency tables: what identifies a block, that a space's blocks are all found, the prediction, the file."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import fields, replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effsearch.search_spaces import (
    Architecture,
    Dimension,
    Head,
    InvalidValue,
    SearchSpace,
    Stage,
    Stem,
    catalogue,
    latency_fastest,
    latency_file,
    load,
)
from effsearch.search_spaces.architecture import Block, blocks
from effsearch.search_spaces.block_signature import is_signature, network_blocks, signature, signatures, space_blocks
from effsearch.search_spaces.cost import block_cost
from effsearch.search_spaces.latency_fastest import fastest
from effsearch.search_spaces.latency_fit import agreement, fit_linear, implausible, kendall_tau
from effsearch.search_spaces.latency_mismatch import mismatch
from effsearch.search_spaces.latency_table import Conditions, Correction, Entry, LatencyTable
from effsearch.search_spaces.latency_trust import WAITED, doubts, trusted, verdict
from effsearch.search_spaces.staged import staged_space

B0 = catalogue.load("b0")
SPACE = load("mnasnet-b0")
KEYS = ("0123456789abcdef",) * 5
STEM = "stem 3>0>32 k3 s2 224px silu"


def table_of(found, correction=None) -> LatencyTable:
    """Block number i (by signature) takes 1 + i / 7 ms."""
    entries = {text: Entry(1 + i / 7, 1.0, 2 + i, 9) for i, text in enumerate(sorted(found))}
    return LatencyTable("mnasnet-b0", Conditions(), entries, correction, 3, 0, {"processor": "some"})


TABLE = table_of({**space_blocks(SPACE), **network_blocks(B0)}, Correction(1.1, 0.02, KEYS, 3.0, 9.0))


def test_a_signature_reads_like_the_block():
    found = [text for text, _ in signatures(B0)]
    assert found[0] == "stem 3>0>32 k3 s2 224px silu"
    assert found[1] == "mbconv 32>32>16 k3 s1 112px se8:input silu"
    assert found[3] == "mbconv 24>144>24 k3 s1 56px se6:input skip:identity silu"
    assert found[-1] == "head 320>0>1280 k1 s1 7px silu classes1000"


@pytest.mark.parametrize("name", ["b0", "b7", "mobilenet-v1", "mobilenet-v2", "mobilenet-v3-large", "resnet-50"])
def test_signatures_of_published_networks_are_ones_that_a_file_may_hold(name):
    try:
        network = catalogue.load(name)
    except InvalidValue:
        pytest.skip(f"the catalogue has no {name}")
    assert [text for text in network_blocks(network) if not is_signature(text)] == []


NOT_SEEN = {"stage", "index", "drop_path", "output_size", "se_kind"}  # without a squeeze there is no kind of one


@pytest.mark.parametrize("field", [one.name for one in fields(Block) if one.name not in NOT_SEEN])
def test_every_value_that_changes_the_computation_changes_the_signature(field):
    block = list(blocks(B0))[2]
    other = {"operation": "conv", "skip": "pool", "activation": "relu", "pool": "max"}.get(field)
    changed = replace(block, **{field: getattr(block, field) + 2 if other is None else other})
    assert signature(changed) != signature(block)


def test_what_does_not_change_the_computation_is_not_in_it():
    block = list(blocks(B0))[2]
    assert signature(replace(block, stage=5, index=3, drop_path=0.1), classes=7) == signature(block)
    assert signature(replace(block, squeeze=0, se_kind="expanded")) == signature(replace(block, squeeze=0))
    assert signature(replace(block, se_kind="expanded")) != signature(block)
    head = list(blocks(B0))[-1]
    assert signature(head, classes=10) != signature(head)


@pytest.fixture(scope="module")
def all_blocks():
    return {name: space_blocks(load(name)) for name in ("mnasnet-b0", "mnasnet")}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnasnet-b0", "mnasnet"])
def test_the_blocks_of_a_space_are_exactly_those_of_its_networks(name, all_blocks):
    space, random, seen = load(name), np.random.default_rng(5), set()
    for _ in range(3000):
        found = network_blocks(space.build(space.sample(random)))
        assert found.keys() <= all_blocks[name].keys()
        seen |= found.keys()
    assert seen == set(all_blocks[name])


def test_blocks_of_the_measured_space_are_found():
    random, every = np.random.default_rng(6), space_blocks(SPACE)
    for _ in range(100):
        assert network_blocks(SPACE.build(SPACE.sample(random))).keys() <= every.keys()
    assert len(every) == 170


def widths(count: int) -> SearchSpace:
    """Not made of stages: `count` stages, each of a width and a kernel."""
    base = Architecture("wide", Stem(8), (Stage("conv", 8),) * count, Head(0), resolution=8, classes=2)
    names = [(name, i) for i in range(count) for name in ("channels", "kernel")]
    choices = {"channels": (8, 16, 24), "kernel": (1, 3, 5)}

    def build(point):
        stages = (replace(one, **{name: point[f"{name}_{i}"] for name in choices}) for i, one in enumerate(base.stages))
        return replace(base, stages=tuple(stages))

    return SearchSpace("wide", tuple(Dimension(f"{name}_{i}", choices[name]) for name, i in names), build)


@pytest.mark.parametrize("count", [2, 5])  # 81 points, all built; 59,049 points, sampled
def test_blocks_of_a_space_of_ones_own(count):
    found = space_blocks(widths(count))
    conv = {f"conv {i}>0>{o} k{k} s1 4px{' skip:identity' if i == o else ''} silu"
            for i in (8, 16, 24) for o in (8, 16, 24) for k in (1, 3, 5)}  # fmt: skip
    assert found.keys() == conv | {"stem 3>0>8 k3 s2 8px silu", *(f"classifier {w}>0>{w} k1 s1 4px silu classes2"
                                                                 for w in (8, 16, 24))}  # fmt: skip


@given(st.integers(0, 10**9))
@settings(max_examples=25, deadline=None)
def test_a_prediction_is_the_sum_of_the_blocks_corrected(seed):
    network = SPACE.decode(SPACE.sample(np.random.default_rng(seed)))
    milliseconds = [TABLE.entries[signature(block)].median for block in blocks(network)]
    assert replace(TABLE, correction=None)(network) == pytest.approx(sum(milliseconds))
    assert TABLE.plain(network) == pytest.approx(sum(milliseconds))
    assert TABLE(network) == pytest.approx(1.1 * sum(milliseconds) + 0.02 * len(milliseconds))


def test_a_missing_block_is_named():
    with pytest.raises(InvalidValue, match=r"“stem 3>0>32 k3 s2 256px silu” and 13 more of efficientnet-b0") as error:
        TABLE(replace(B0, resolution=256))
    assert "latency build" in str(error.value.hint)
    smaller = replace(TABLE, entries={text: one for text, one in TABLE.entries.items() if not text.startswith("head")})
    with pytest.raises(InvalidValue, match="head 320>0>1280") as error:
        smaller.require(network_blocks(B0), "this network")
    assert "more" not in str(error.value)
    smaller.require({}, "nothing")


def test_a_correction_that_gives_no_time_is_refused():
    with pytest.raises(InvalidValue, match="correction gives"):
        replace(TABLE, correction=Correction(1.0, -50.0, KEYS, 1.0, 1.0))(B0)


def test_the_fingerprint_is_of_what_predictions_depend_on():
    assert replace(TABLE, machine={}, seed=4, rounds=9, space="other").fingerprint == TABLE.fingerprint
    text, one = next(iter(TABLE.entries.items()))
    others = [
        TABLE.with_entries({text: replace(one, median=one.median + 1e-6)}), replace(TABLE, correction=None),
        replace(TABLE, conditions=Conditions(batch=2)), TABLE.with_entries({"stem 3>0>9 k3 s2 8px silu": one}),
    ]  # fmt: skip
    assert len({each.fingerprint for each in (TABLE, *others)}) == 5
    assert pickle.loads(pickle.dumps(TABLE)).fingerprint == TABLE.fingerprint  # noqa: S301


# The correction and the agreement


def test_the_fit_finds_a_slope_and_an_overhead():
    random = np.random.default_rng(0)
    sums, counts = random.uniform(10, 60, 20), random.integers(9, 24, 20)
    slope, overhead = fit_linear(sums, counts, 1.2 * sums + 0.3 * counts)
    assert (slope, overhead) == pytest.approx((1.2, 0.3), abs=0.03)
    noisy = (1.2 * sums + 0.3 * counts) * random.normal(1, 0.02, 20)
    slope, overhead = fit_linear(sums, counts, noisy)
    assert slope * 35 + overhead * 16 == pytest.approx(1.2 * 35 + 0.3 * 16, rel=0.02)


def test_the_fit_wants_networks_and_sense():
    with pytest.raises(InvalidValue, match="4 calibration networks"):
        fit_linear([1.0] * 4, [5] * 4, [1.0] * 4)
    with pytest.raises(InvalidValue, match="slope"):
        fit_linear([1.0, 2, 3, 4, 5], [5] * 5, [1000.0, 2000, 3000, 4000, 5000])
    sums = np.arange(20.0, 60.0, 4)
    for wrong in (0.235, 0.4, 3.5):
        with pytest.raises(InvalidValue, match=r"0\.5 to 3 is plausible"):
            fit_linear(sums, [5] * 10, wrong * sums)
    for right in (0.6, 1.04, 1.96, 2.9):
        assert fit_linear(sums, [5, 9] * 5, right * sums)[0] == pytest.approx(right, rel=0.01)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((1.1, 1.5, 13.5), None),
        ((1.96, 13.8, 37.6), None),
        ((0.235, 3.0, 70.0), "slope is 0.235"),
        ((3.1, 3.0, 70.0), "slope is 3.1"),
        ((1.0, 34.0, 70.0), "off by 34.0 %"),
        ((1.0, 9.0, 8.0), "without it 8.0 %"),
    ],
)
def test_which_correction_is_plausible(values, reason):
    said = implausible(*values)
    assert (said is None) if reason is None else (reason in said)


def test_what_a_file_says_against_its_table():
    assert doubts(TABLE) == []
    assert doubts(replace(TABLE, machine={WAITED: "90 %"})) == []
    assert "for 70 % of the time" in doubts(replace(TABLE, machine={WAITED: "70 %"}))[0]
    assert doubts(replace(TABLE, machine={WAITED: "very little\n"})) == []
    assert "no correction" in doubts(replace(TABLE, correction=None))[0]
    both = doubts(replace(TABLE, correction=Correction(0.235, 0.0, KEYS, 34.0, 60.0), machine={WAITED: "5 %"}))
    assert ["5 %" in both[0], "slope is 0.235" in both[1]] == [True, True]


def test_the_verdict_of_a_comparison():
    measured = [10.0, 20.0, 30.0]
    near, far = agreement([11.0, 21, 31], measured), agreement([14.0, 28, 42], measured)
    assert verdict(near, far, corrected=True).startswith("the table can be trusted")
    assert "cannot be trusted" in verdict(far, far, corrected=True)
    assert "makes the table worse, 40.0 % against 6.1 %" in verdict(far, near, corrected=True)
    assert "makes" not in verdict(far, near, corrected=False)
    assert verdict(far, near, corrected=True, disturbed=True).startswith("none, as other programs disturbed this check")
    assert verdict(near, far, corrected=True, disturbed=True) == verdict(near, far, corrected=True)
    said = [trusted(near), trusted(far), trusted(near, disturbed=True), trusted(far, disturbed=True)]
    assert said == [True, False, True, None]


# The fastest network


def small_widths(milliseconds):
    """A space of one's own of 81 points, and a table of it with these milliseconds by signature."""
    space = widths(2)
    entries = {text: Entry(value := milliseconds(text), value, value, 9) for text in space_blocks(space)}
    return space, LatencyTable("wide", Conditions(), entries, Correction(1.2, 0.3, KEYS, 1.0, 2.0))


def test_the_fastest_of_few_networks_is_the_minimum():
    space, table = small_widths(lambda text: 1 + sum(map(ord, text)) % 97 / 10)
    every = [space.build(point) for point in every_point(space)]
    found = fastest(table, space)
    assert found.proven
    assert found.milliseconds == pytest.approx(min(map(table, every)))
    assert table(found.architecture) == pytest.approx(found.milliseconds)


def every_point(space):
    names = [one.name for one in space.dimensions]
    return [dict(zip(names, row, strict=True)) for row in product(*(one.choices for one in space.dimensions))]


@pytest.mark.slow
@given(st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_the_fastest_of_independent_stages_is_the_minimum(seed):
    """Against every network of a space with widths that the next stage feels, with random times and overheads."""
    random = np.random.default_rng(seed)
    base = Architecture("s", Stem(8), (Stage("conv", 8), Stage("conv", 16), Stage("conv", 8)), Head(0), resolution=8)
    genes = [{"channels": (8, 16, 24), "repeats": (1, 2)}] * 3
    space = staged_space("s", base, genes, lambda stage, choice: replace(stage, **choice))
    entries = {text: Entry(value := float(random.uniform(1, 9)), value, value, 9) for text in space_blocks(space)}
    correction = Correction(1.3, float(random.uniform(-0.9, 2)), KEYS, 1.0, 2.0)
    table = LatencyTable("s", Conditions(), entries, correction)
    least = min(table(space.build(point)) for point in every_point(space))
    assert fastest(table, space).milliseconds == pytest.approx(least)
    guessed = fastest(table, replace(space, tables=None))
    assert guessed.proven
    assert guessed.milliseconds == pytest.approx(least)


def test_the_fastest_of_a_large_space_of_ones_own_is_looked_for(monkeypatch):
    monkeypatch.setattr(latency_fastest, "SAMPLED", 40)
    space = widths(5)
    entries = {text: Entry(value := 1 + block_cost(one).mult_adds / 1e5, value, value, 9)
               for text, one in space_blocks(space).items()}  # fmt: skip
    table = LatencyTable("wide", Conditions(), entries)
    found = fastest(table, space)
    assert not found.proven
    narrow = space.build({one.name: one.choices[0] for one in space.dimensions})
    assert found.milliseconds == pytest.approx(table(narrow))
    none = replace(table, entries={STEM: Entry(1, 1, 1, 1)})
    assert fastest(none, space) is None


def test_a_table_of_other_networks_is_told_by_its_pixels_and_classes():
    assert mismatch(TABLE, "t.json", [B0], "b0") is None
    error = mismatch(TABLE, "t.json", [replace(B0, resolution=32)], "those here")
    assert str(error) == (
        "the latency table t.json is of other networks: they have 224 px and 1,000 classes, and those here "
        "32 px and 1,000 classes"
    )
    assert "--resolution 224" in error.hint
    assert "--data DIR --target-flops 3M" in mismatch(TABLE, "t.json", [replace(B0, classes=10)], "it").hint
    bare = replace(TABLE, entries={STEM: Entry(1, 1, 1, 1)})
    assert mismatch(bare, "t.json", [replace(B0, resolution=32)], "it") is None


def test_agreement_by_hand():
    found = agreement([11.0, 18.0, 30.0], [10.0, 20.0, 30.0])
    assert (found.networks, found.tau) == (3, 1.0)
    assert (found.mean_error, found.worst_error, found.bias) == pytest.approx((20 / 3, 10, 0), abs=1e-9)


@pytest.mark.slow  # imports scipy
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=30))
@settings(max_examples=50, deadline=None)
def test_the_rank_correlation_is_scipys(pairs):
    stats = pytest.importorskip("scipy.stats")
    first, second = np.array(pairs, dtype=float).T
    assert kendall_tau(first, second) == pytest.approx(stats.kendalltau(first, second).statistic, nan_ok=True)


# The file


def test_a_table_comes_back_from_its_file(tmp_path):
    (tmp_path / "t.json").write_text(latency_file.dumps(TABLE))
    back = latency_file.load(tmp_path / "t.json")
    assert back == replace(TABLE, entries=dict(sorted(TABLE.entries.items())))
    assert back.fingerprint == TABLE.fingerprint
    bare = replace(TABLE, correction=None, conditions=Conditions("cuda:1", 32, 4, "compile"))
    (tmp_path / "t.json").write_text(latency_file.dumps(bare))
    assert latency_file.load(tmp_path / "t.json") == replace(bare, entries=back.entries)


# Version 1 as it was first written; it must load for ever.
VERSION_1 = """{
"format": "effsearch-latency-table", "version": 1, "space": "mnasnet-b0", "device": "cpu", "batch": 1, "threads": 1,
"engine": "eager", "rounds": 30, "seed": 0, "machine": {"processor": "AMD EPYC", "torch": "2.13.0"},
"correction": {"slope": 1.05, "per_block": 0.01, "keys": ["c6e8427e7951d0e5"], "error": 3.1, "plain_error": 7.5},
"blocks": {
"head 320>0>1280 k1 s1 7px silu classes1000": [0.4, 0.3, 0.5, 90], "stem 3>0>32 k3 s2 224px silu": [1, 1, 2, 90]
}}"""
MAPPING = json.loads(VERSION_1)


def test_version_1_loads(tmp_path):
    (tmp_path / "t.json").write_text(VERSION_1)
    table = latency_file.load(tmp_path / "t.json")
    assert table.entries[STEM] == Entry(1, 1, 2, 90)
    assert (table.correction.slope, table.machine["processor"]) == (1.05, "AMD EPYC")


def at(*path_and_value):
    """The mapping with one value replaced; ... takes it out."""
    *path, value = path_and_value
    changed = copy.deepcopy(MAPPING)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return changed


HOSTILE = {
    "another format": (at("format", "effsearch-architecture"), "no latency table"),
    "no format": (at("format", ...), "no latency table"),
    "a newer version": (at("version", 2), "version is 2"),
    "true as version": (at("version", True), "version is True"),
    "an unknown key": (at("extra", 1), "'extra'"),
    "a missing key": (at("threads", ...), "threads is missing"),
    "a device": (at("device", "cpu; rm -rf /"), "device"),
    "a device that is no text": (at("device", ["cpu"]), "device"),
    "no images": (at("batch", 0), "batch is 0"),
    "half a thread": (at("threads", 0.5), "threads is 0.5"),
    "an engine": (at("engine", "magic"), "'magic'"),
    "an engine that runs whole networks only": (at("engine", "onnxruntime"), "engine is 'onnxruntime'; a table"),
    "an engine that is a list": (at("engine", []), "engine"),
    "a seed": (at("seed", -1), "seed is -1"),
    "a space without a name": (at("space", ""), "space is ''"),
    "a long name": (at("space", "x" * 10_000), "space is"),
    "blocks as a list": (at("blocks", []), "blocks is []"),
    "no blocks": (at("blocks", {}), "0 blocks"),
    "a block that is none": (at("blocks", {"__import__('os')": [1, 1, 1, 1]}), "is no block"),
    "a block with a newline": (at("blocks", {STEM + "\n": [1, 1, 1, 1]}), "is no block"),
    "a long block": (at("blocks", {"stem " + "9" * 500: [1, 1, 1, 1]}), "is no block"),
    "a number for a block": (at("blocks", STEM, 3.0), STEM),
    "too few numbers": (at("blocks", STEM, [1, 1, 1]), STEM),
    "text for a number": (at("blocks", STEM, ["1", 1, 1, 1]), STEM),
    "true for a number": (at("blocks", STEM, [True, True, True, 1]), STEM),
    "no time": (at("blocks", STEM, [0, 0, 0, 1]), STEM),
    "negative time": (at("blocks", STEM, [-1.0, -1.0, -1.0, 1]), STEM),
    "endless time": (at("blocks", STEM, [1e300, 1, 1e300, 1]), STEM),
    "a number of many digits": (at("blocks", STEM, [10**300, 1, 10**300, 1]), STEM),
    "quartiles around nothing": (at("blocks", STEM, [3, 1, 2, 9]), "do not hold the median"),
    "no runs": (at("blocks", STEM, [1, 1, 1, 0]), STEM),
    "a correction as text": (at("correction", "none"), "correction is 'none'"),
    "a steep correction": (at("correction", "slope", 1e6), "slope"),
    "a falling correction": (at("correction", "slope", -1), "slope"),
    "a correction with more": (at("correction", "code", "x"), "'code'"),
    "a correction with less": (at("correction", "keys", ...), "keys is missing"),
    "keys as text": (at("correction", "keys", "abc"), "keys is 'abc'"),
    "keys of numbers": (at("correction", "keys", [3]), "a key is 3"),
    "a machine of lists": (at("machine", {"a": []}), "machine: a"),
    "a machine as text": (at("machine", "mine"), "machine is 'mine'"),
    "a large machine": (at("machine", {str(i): "x" for i in range(101)}), "101 values"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_wrong_table_is_refused_by_file_and_place(tmp_path, name):
    content, words = HOSTILE[name]
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InvalidValue) as error:
        latency_file.load(path)
    assert "bad.json" in str(error.value)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "3", "{", VERSION_1[:-20], VERSION_1.replace('"seed": 0', '"seed": 0, "seed": 1'),
        VERSION_1.replace("0.4,", "NaN,"), VERSION_1.replace("0.4,", "Infinity,"), VERSION_1.replace("0.4,", "1e999,"),
        VERSION_1.replace("0.4,", "9" * 5000 + ","), '{"a": ' * 3000 + "1" + "}" * 3000,
    ],
)  # fmt: skip
def test_what_is_no_json_of_ours_is_refused(tmp_path, text):
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(InvalidValue, match=r"bad\.json"):
        latency_file.load(tmp_path / "bad.json")


def test_files_of_another_kind_are_refused(tmp_path):
    (tmp_path / "t.yaml").write_text(VERSION_1)
    for path in (tmp_path / "t.yaml", tmp_path / "none.json", tmp_path, "a\0.json"):
        with pytest.raises(InvalidValue):
            latency_file.load(path)
    (tmp_path / "t.json").write_bytes(b"\xff\xfe" + VERSION_1.encode())
    with pytest.raises(InvalidValue, match="UTF-8"):
        latency_file.load(tmp_path / "t.json")
    with (tmp_path / "t.json").open("wb") as file:
        file.truncate(30_000_000)
    with pytest.raises(InvalidValue, match="larger"):
        latency_file.load(tmp_path / "t.json")


LEAVES = st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers()
NAMED = st.dictionaries(st.text(max_size=5), LEAVES, max_size=3)


@given(LEAVES | NAMED | st.lists(LEAVES | NAMED, max_size=4), st.sampled_from(sorted(MAPPING)))
@settings(max_examples=60, deadline=None)
def test_any_value_anywhere_is_read_or_refused(value, key):
    try:
        found = latency_file.from_mapping({**MAPPING, key: value})
    except InvalidValue:
        return
    again = latency_file.from_mapping(json.loads(latency_file.dumps(found)))
    assert again == found


@pytest.mark.parametrize("text", ["mbconv 1>1>1 k3 s1 4px silu", "classifier 8>0>8 k3 s1 4px silu classes2"])
def test_signatures_are_matched_as_a_whole(text):
    assert is_signature(text)
    for wrong in (
        text + " ",
        " " + text,
        text + "\n",
        text.replace("k", "K"),
        text + "x",
        text.replace(" k3", " k\u0663"),
    ):
        assert not is_signature(wrong)
