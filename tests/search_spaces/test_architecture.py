"""Architecture and its parts: what they refuse, the key, and the walk over the blocks."""

import hashlib
import json
import math
import os
import subprocess
import sys
from dataclasses import MISSING, fields, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effsearch.search_spaces import Architecture, Block, Head, InvalidValue, Stage, Stem, blocks, catalogue

B0 = catalogue.load("b0")
TINY = Architecture("tiny", Stem(8), (Stage("mbconv", 16),), Head(24), resolution=32, classes=10)


def refused(part: object, field: str, value: object, allowed: str) -> None:
    """The value is refused in one line that names the field, the value and what is allowed."""
    with pytest.raises(InvalidValue) as raised:
        replace(part, **{field: value})
    message = str(raised.value)
    written = repr(value)
    assert field in message
    assert (written if len(written) <= 80 else written[:60]) in message
    assert allowed in message
    assert "\n" not in message


# What each field allows, by hand: part, field, lowest, highest
WHOLE = [
    (Stem(), "channels", 1, 1_000_000),
    (Stem(), "stride", 1, 4),
    (Stage("mbconv", 8), "channels", 1, 1_000_000),
    (Stage("mbconv", 8), "repeats", 1, 1000),
    (Stage("mbconv", 8), "stride", 1, 2),
    (Head(), "channels", 0, 1_000_000),
    (Head(), "hidden", 0, 1_000_000),
    (TINY, "resolution", 1, 8192),
    (TINY, "input_channels", 1, 1024),
    (TINY, "classes", 1, 10_000_000),
]
REAL = [
    (Stage("mbconv", 8), "expand", 1 / 64, 64),
    (Stage("mbconv", 8), "se_ratio", 0, 4),
    (TINY, "dropout", 0, 0.95),
    (TINY, "drop_path", 0, 0.95),
]
ODD = [(Stem(), "kernel"), (Stage("mbconv", 8), "kernel")]
ACTIVATIONS = "silu, relu, relu6, hard_swish"
CHOICE = [
    (Stem(), "activation", ACTIVATIONS),
    (Stem(), "pool", "none, max"),
    (Stage("mbconv", 8), "operation", "mbconv, sepconv, conv, basic, bottleneck"),
    (Stage("mbconv", 8), "se_kind", "input, expanded"),
    (Stage("mbconv", 8), "skip", "identity, projection, pool, none"),
    (Stage("mbconv", 8), "activation", ACTIVATIONS),
    (Head(), "activation", ACTIVATIONS),
]
NO_NUMBERS = [True, "3", None, [3], math.nan, math.inf, -math.inf, 1j]


def field_name(value: object) -> str | None:
    return type(value).__name__ if isinstance(value, Stem | Stage | Head | Architecture) else None


def test_the_tables_here_cover_every_field():
    covered = {(type(part), field) for part, field, *_ in (*WHOLE, *REAL, *ODD, *CHOICE)}
    covered |= {(Architecture, field) for field in ("name", "stem", "stages", "head")}  # tests of their own
    assert covered == {(part, field.name) for part in (Stem, Stage, Head, Architecture) for field in fields(part)}


@pytest.mark.parametrize("value", [*NO_NUMBERS, 2.0])
@pytest.mark.parametrize(("part", "field", "low", "high"), WHOLE, ids=field_name)
def test_what_is_no_whole_number_is_refused(part, field, low, high, value):
    refused(part, field, value, f"whole number from {low} to {high}")


@pytest.mark.parametrize(("part", "field", "low", "high"), WHOLE, ids=field_name)
def test_whole_numbers_have_limits(part, field, low, high):
    for value in (low, high):
        assert getattr(replace(part, **{field: value}), field) == value
    for value in (low - 1, high + 1, -(10**30)):
        refused(part, field, value, f"from {low} to {high}")


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize(("part", "field", "low", "high"), REAL, ids=field_name)
def test_what_is_no_number_is_refused(part, field, low, high, value):
    refused(part, field, value, f"number from {low:g} to {high:g}")


@pytest.mark.parametrize(("part", "field", "low", "high"), REAL, ids=field_name)
def test_numbers_have_limits(part, field, low, high):
    for value in (low, high):
        assert getattr(replace(part, **{field: value}), field) == value
    for value in (math.nextafter(low, -1), math.nextafter(high, 99), -1, 10**400):
        refused(part, field, value, f"from {low:g} to {high:g}")


@pytest.mark.parametrize(("part", "field"), ODD, ids=field_name)
def test_kernels_are_odd(part, field):
    for value in (1, 3, 31):
        assert getattr(replace(part, **{field: value}), field) == value
    for value in (2, 30):
        refused(part, field, value, "must be odd, 1 to 31")
    for value in (*NO_NUMBERS, 3.0, 0, -1, 32, 33):
        refused(part, field, value, "from 1 to 31")


@pytest.mark.parametrize(("part", "field", "allowed"), CHOICE, ids=field_name)
def test_names_are_taken_from_a_list(part, field, allowed):
    for value in allowed.split(", "):
        assert getattr(replace(part, **{field: value}), field) == value
    for value in ("", "SiLU", "mbconv ", None, True, 1, math.nan, ["silu"], {"silu": 1}):
        refused(part, field, value, f"allowed: {allowed}")


@pytest.mark.parametrize("value", ["", "x" * 201, None, True, 5, ["a"], b"a"])
def test_a_name_is_text_of_1_to_200_characters(value):
    refused(TINY, "name", value, "text of 1 to 200 characters")
    assert len(replace(TINY, name="x" * 200).name) == 200


@pytest.mark.parametrize("count", [0, 101])
def test_there_are_1_to_100_stages(count):
    with pytest.raises(InvalidValue, match=f"there are {count} stages; 1 to 100 are allowed"):
        replace(TINY, stages=(Stage("conv", 8),) * count)
    assert len(replace(TINY, stages=(Stage("conv", 8),) * 100).stages) == 100


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("stages", value) for value in (5, None, True, "mbconv", ("mbconv",), (None,), ({},), Stage("conv", 8))],
        *[("stem", value) for value in ("stem", None, 32, {"channels": 32}, Head(), Stem)],
        *[("head", value) for value in ("head", None, 1280, {"channels": 1280}, Stem(), Head)],
    ],
)
def test_parts_of_a_wrong_type_are_refused(field, value):
    with pytest.raises(InvalidValue, match=field.removesuffix("s")):
        replace(TINY, **{field: value})


def test_whole_numbers_of_any_length_are_refused_in_one_short_line():
    for part, field in ((Stage("mbconv", 8), "channels"), (Stage("mbconv", 8), "expand"), (TINY, "resolution")):
        with pytest.raises(InvalidValue, match=field) as raised:
            replace(part, **{field: 10**5000})
        assert len(str(raised.value)) < 300


@pytest.mark.parametrize("operation", ["sepconv", "conv", "basic"])
def test_only_mbconv_and_bottleneck_expand(operation):
    with pytest.raises(InvalidValue, match=f"expand is 6; a {operation} block does not expand: it must be 1"):
        Stage(operation, 8, expand=6)


@pytest.mark.parametrize("operation", ["basic", "bottleneck"])
def test_resnet_blocks_have_no_se(operation):
    with pytest.raises(InvalidValue, match=rf"se_ratio is 0\.25; a {operation} block has no SE: it must be 0"):
        Stage(operation, 8, se_ratio=0.25)


def test_a_list_of_stages_becomes_a_tuple():
    assert replace(TINY, stages=list(TINY.stages)) == TINY


# Another allowed value for every field; the key must notice each.
CHANGES = {
    Architecture: {
        "stem": Stem(16),
        "stages": (Stage("mbconv", 16),) * 2,
        "head": Head(32),
        "resolution": 33,
        "input_channels": 1,
        "classes": 11,
        "dropout": 0.21,
        "drop_path": 0,
    },
    Stem: {"channels": 9, "kernel": 5, "stride": 1, "activation": "relu", "pool": "max"},
    Head: {"channels": 0, "hidden": 1, "activation": "relu"},
    Stage: {
        "operation": "conv",
        "channels": 17,
        "repeats": 2,
        "stride": 2,
        "kernel": 5,
        "expand": 1.5,
        "se_ratio": 0.25,
        "se_kind": "expanded",
        "skip": "none",
        "activation": "relu",
    },
}


def changed(kind: type, field: str) -> Architecture:
    change = {field: CHANGES[kind][field]}
    if kind is Stem:
        return replace(TINY, stem=replace(TINY.stem, **change))
    if kind is Head:
        return replace(TINY, head=replace(TINY.head, **change))
    if kind is Stage:
        return replace(TINY, stages=(replace(TINY.stages[0], **change),))
    return replace(TINY, **change)


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field.name) for kind in CHANGES for field in fields(kind) if field.name != "name"]
)
def test_every_field_but_the_name_changes_the_key(kind, field):
    assert changed(kind, field).key != TINY.key


def test_all_changes_give_different_keys():
    keys = {changed(kind, field).key for kind, changes in CHANGES.items() for field in changes}
    assert len(keys) == sum(map(len, CHANGES.values()))


def test_the_order_of_the_stages_changes_the_key():
    first, second = Stage("conv", 8), Stage("mbconv", 8)
    assert replace(TINY, stages=(first, second)).key != replace(TINY, stages=(second, first)).key


def test_the_name_does_not_change_the_key():
    assert replace(TINY, name="another").key == TINY.key


def test_equal_numbers_of_different_types_give_one_key():
    whole = replace(TINY, stages=(Stage("mbconv", 16, expand=6, se_ratio=0),), dropout=0, drop_path=0)
    real = replace(TINY, stages=(Stage("mbconv", 16, expand=6.0, se_ratio=-0.0),), dropout=0.0, drop_path=-0.0)
    numpy = replace(TINY, stages=(Stage("mbconv", 16, expand=np.float64(6)),), dropout=np.float64(0), drop_path=0)
    assert whole.key == real.key == numpy.key


# Ledgers are matched by key for years: the canonical form is written out here, it must never change.
CANONICAL = (
    '{"classes":10,"drop_path":0.2,"dropout":0.2,"head":{"activation":"silu","channels":24,"hidden":0},'
    '"input_channels":3,"resolution":32,"stages":[{"activation":"silu","channels":16,"expand":1,"kernel":3,'
    '"operation":"mbconv","repeats":1,"se_kind":"input","se_ratio":0,"skip":"identity","stride":1}],'
    '"stem":{"activation":"silu","channels":8,"kernel":3,"pool":"none","stride":2}}'
)


def test_the_key_is_the_hash_of_canonical_json():
    assert json.dumps(json.loads(CANONICAL), sort_keys=True, separators=(",", ":")) == CANONICAL
    assert TINY.key == hashlib.sha256(CANONICAL.encode()).hexdigest()[:16]


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_key_is_the_same_in_every_process(hash_seed, tmp_path):
    code = "from effsearch.search_spaces import catalogue; print(catalogue.load('b0').key)"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == B0.key


def test_b0_is_walked_as_in_table_1_of_the_paper():
    walked = list(blocks(B0))
    assert (walked[0].operation, walked[0].input, walked[0].output) == ("stem", 3, 32)
    assert (walked[0].input_size, walked[0].output_size) == (224, 112)
    # arXiv 1905.11946 table 1 prints the size that a stage receives: 112, 112, 56, 28, 14, 14, 7, and 7 for the head.
    first = {block.stage: block for block in reversed(walked)}
    assert [first[stage].input_size for stage in range(1, 9)] == [112, 112, 56, 28, 14, 14, 7, 7]
    assert [first[stage].stride for stage in range(1, 8)] == [1, 2, 2, 2, 1, 2, 1]
    assert all(block.stride == 1 for block in walked[1:] if block.index)
    assert [sum(block.stage == stage for block in walked) for stage in range(9)] == [1, 1, 2, 2, 3, 3, 4, 1, 1]
    assert [block.kernel for block in walked[1:-1]] == [3] * 3 + [5] * 2 + [3] * 3 + [5] * 7 + [3]
    outputs = [16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320]
    inputs = [32, *outputs[:-1]]
    assert [block.output for block in walked[1:-1]] == outputs
    assert [block.input for block in walked[1:-1]] == inputs
    assert [block.hidden for block in walked[1:-1]] == [32] + [6 * width for width in inputs[1:]]
    assert [block.squeeze for block in walked[1:-1]] == [width // 4 for width in inputs]
    repeated = {2, 4, 6, 7, 9, 10, 12, 13, 14}  # blocks 0 to 15 that are not the first of their stage
    assert [block.skip == "identity" for block in walked[1:-1]] == [number in repeated for number in range(16)]
    head = walked[-1]
    assert (head.operation, head.input, head.output, head.output_size) == ("head", 320, 1280, 1)


def test_the_drop_path_rate_grows_from_0_by_one_step_a_block():
    walked = list(blocks(replace(B0, drop_path=0.32)))
    assert [block.drop_path for block in walked[1:-1]] == pytest.approx([0.02 * block for block in range(16)])
    assert walked[0].drop_path == walked[-1].drop_path == 0


@pytest.mark.parametrize(
    ("skip", "same_shape", "other_shape"),
    [
        ("identity", "identity", "none"),
        ("projection", "identity", "projection"),
        ("pool", "identity", "pool"),
        ("none", "none", "none"),
    ],
)
def test_a_block_has_the_skip_that_its_shape_allows(skip, same_shape, other_shape):
    def first_block(channels: int, stride: int) -> Block:
        stages = (Stage("conv", channels, 2, stride, skip=skip),)
        _, first, second, _ = blocks(replace(TINY, stages=stages))
        assert second.skip == same_shape
        return first

    assert first_block(8, 1).skip == same_shape  # the stem gives 8 channels
    assert first_block(8, 2).skip == other_shape
    assert first_block(16, 1).skip == other_shape
    assert first_block(16, 2).skip == other_shape


@pytest.mark.parametrize(
    ("width", "hidden"), [(16, 64), (24, 72), (24, 88), (40, 96), (40, 240), (48, 144), (80, 184), (96, 576)]
)
def test_mobilenet_v3s_hidden_widths_come_back_from_real_valued_expansions(width, hidden):
    stage = Stage("mbconv", 40, expand=hidden / width)
    _, block, _ = blocks(replace(TINY, stem=Stem(width), stages=(stage,)))
    assert block.hidden == hidden


@pytest.mark.parametrize(("hidden", "squeeze"), [(72, 24), (96, 24), (120, 32), (240, 64), (480, 120), (672, 168)])
def test_mobilenet_v3s_squeeze_widths_are_multiples_of_8_of_the_hidden_width(hidden, squeeze):
    stage = Stage("mbconv", 40, expand=hidden / 24, se_ratio=0.25, se_kind="expanded")
    _, block, _ = blocks(replace(TINY, stem=Stem(24), stages=(stage,)))
    assert block.squeeze == squeeze


@pytest.mark.parametrize(
    ("operation", "gated"), [("mbconv", 4 * 64), ("sepconv", 64), ("conv", 128)], ids=["mbconv", "sepconv", "conv"]
)
def test_both_kinds_of_se_count_from_their_own_channels(operation, gated):
    stage = Stage(operation, 128, expand=4 if operation == "mbconv" else 1, se_ratio=0.25)
    for kind, squeeze in (("input", 64 // 4), ("expanded", gated // 4)):
        _, block, _ = blocks(replace(TINY, stem=Stem(64), stages=(replace(stage, se_kind=kind),)))
        assert (block.squeeze, block.se_kind) == (squeeze, kind)


@pytest.mark.parametrize(("width", "ratio", "squeeze"), [(3, 0.25, 1), (7, 0.25, 1), (10, 0.25, 2), (30, 0.1, 3)])
def test_the_squeeze_from_the_input_is_rounded_down_but_never_0(width, ratio, squeeze):
    _, block, _ = blocks(replace(TINY, stem=Stem(width), stages=(Stage("conv", 8, se_ratio=ratio),)))
    assert block.squeeze == squeeze


def test_a_bottleneck_is_narrow_by_its_output():
    _, first, second, _ = blocks(replace(TINY, stages=(Stage("bottleneck", 256, 2, expand=0.25),)))
    assert (first.input, first.hidden, first.output) == (8, 64, 256)
    assert (second.input, second.hidden, second.output) == (256, 64, 256)


@pytest.mark.parametrize(
    ("head", "operation", "output", "hidden"),
    [(Head(0), "classifier", 16, 0), (Head(24), "head", 24, 0), (Head(0, 5), "classifier", 16, 5)],
)
def test_heads(head, operation, output, hidden):
    *_, block = blocks(replace(TINY, head=head))
    assert (block.operation, block.input, block.output, block.hidden) == (operation, 16, output, hidden)


@pytest.mark.parametrize(
    ("resolution", "stride", "pool", "size"),
    [(224, 2, "none", 112), (225, 2, "none", 113), (224, 2, "max", 56), (30, 4, "max", 4), (1, 4, "max", 1)],
)
def test_the_stem_and_its_pooling_round_the_size_up(resolution, stride, pool, size):
    walked = list(blocks(replace(TINY, resolution=resolution, stem=Stem(8, stride=stride, pool=pool))))
    assert walked[0].output_size == walked[1].input_size == size


OPERATIONS = ("mbconv", "sepconv", "conv", "basic", "bottleneck")
stages = st.builds(
    Stage,
    st.sampled_from(OPERATIONS),
    channels=st.integers(1, 40),
    repeats=st.integers(1, 4),
    stride=st.integers(1, 2),
    skip=st.sampled_from(("identity", "projection", "pool", "none")),
)


@given(st.lists(stages, min_size=1, max_size=6), st.integers(1, 300), st.integers(1, 4))
def test_every_block_receives_what_the_one_before_gives(rows, resolution, stride):
    walked = list(blocks(replace(TINY, stages=tuple(rows), resolution=resolution, stem=Stem(5, stride=stride))))
    assert len(walked) == sum(row.repeats for row in rows) + 2
    for before, block in pairwise(walked):
        assert (block.input, block.input_size) == (before.output, before.output_size)
        assert (block.stage, block.index) in ((before.stage, before.index + 1), (before.stage + 1, 0))
    for block in walked[1:-1]:
        assert block.output_size == math.ceil(block.input_size / block.stride)
        assert (block.operation, block.output) == (rows[block.stage - 1].operation, rows[block.stage - 1].channels)
        if block.skip == "identity":
            assert (block.input, block.input_size) == (block.output, block.output_size)


def test_fields_without_a_default_are_few():
    required = [field.name for field in fields(Architecture) if field.default is MISSING]
    assert required == ["name", "stem", "stages", "head"]
    assert str(TINY) == "tiny"
