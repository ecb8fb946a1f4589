"""Architecture files: what is written comes back, and what is wrong is refused by file, place and what is allowed."""

import copy
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from effsearch.search_spaces import Architecture, Head, InvalidValue, Stage, Stem, catalogue, codec, load_network

B0 = catalogue.load("b0")
SMALL = Architecture(
    "small", Stem(8), (Stage("conv", 8), Stage("mbconv", 16, 2, expand=2.5)), Head(24), resolution=32, classes=10
)
# Version 1 as it was first written; it must load for ever.
VERSION_1 = """\
# 2,858 parameters, 332.1k mult-adds at 32 px
format: effsearch-architecture
version: 1
name: small
stem: {channels: 8, kernel: 3, stride: 2, activation: silu, pool: none}
head: {channels: 24, hidden: 0, activation: silu}
resolution: 32
input_channels: 3
classes: 10
dropout: 0.2
drop_path: 0.2
stages:
  - {operation: conv, channels: 8, repeats: 1, stride: 1, kernel: 3, expand: 1, se_ratio: 0, se_kind: input, \
skip: identity, activation: silu}
  - {operation: mbconv, channels: 16, repeats: 2, stride: 1, kernel: 3, expand: 2.5, se_ratio: 0, se_kind: input, \
skip: identity, activation: silu}
"""
MAPPING = yaml.safe_load(VERSION_1)


@st.composite
def stages(draw):
    operation = draw(st.sampled_from(("mbconv", "sepconv", "conv", "basic", "bottleneck")))
    return Stage(
        operation,
        channels=draw(st.integers(1, 1_000_000)),
        repeats=draw(st.integers(1, 1000)),
        stride=draw(st.integers(1, 2)),
        kernel=draw(st.sampled_from((1, 3, 31))),
        expand=draw(st.floats(1 / 64, 64)) if operation in ("mbconv", "bottleneck") else 1,
        se_ratio=0 if operation in ("basic", "bottleneck") else draw(st.floats(0, 4)),
        se_kind=draw(st.sampled_from(("input", "expanded"))),
        skip=draw(st.sampled_from(("identity", "projection", "pool", "none"))),
        activation=draw(st.sampled_from(("silu", "relu", "relu6", "hard_swish"))),
    )


architectures = st.builds(
    Architecture,
    name=st.text(st.characters(), min_size=1, max_size=200),  # lone surrogates too
    stem=st.builds(Stem, channels=st.integers(1, 1_000_000), pool=st.sampled_from(("none", "max"))),
    stages=st.lists(stages(), min_size=1, max_size=4).map(tuple),
    head=st.builds(Head, channels=st.integers(0, 1_000_000), hidden=st.integers(0, 1_000_000)),
    resolution=st.integers(1, 8192),
    classes=st.integers(1, 10_000_000),
    dropout=st.floats(0, 0.95),
    drop_path=st.floats(0, 0.95),
)


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".json"])
@pytest.mark.parametrize("name", catalogue.names())
def test_the_catalogue_comes_back(tmp_path, name, suffix):
    path = tmp_path / f"network{suffix}"
    codec.dump(catalogue.load(name), path)
    for loaded in (codec.load(path), codec.load(str(path)), load_network(str(path))):
        assert loaded == catalogue.load(name)
        assert loaded.key == catalogue.load(name).key


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(architectures, st.sampled_from(["a.yaml", "a.json"]))
@example(replace(SMALL, name="a\nb"), "a.yaml")
@example(replace(SMALL, name="\n...\n"), "a.yaml")
@example(replace(SMALL, name="\x85"), "a.yaml")  # a line break for YAML only
@example(replace(SMALL, name="null"), "a.yaml")
@example(replace(SMALL, name="2020-01-01"), "a.yaml")
@example(replace(SMALL, name="{a: b} # c"), "a.yaml")
@example(replace(SMALL, name="\x00\x1b\x85\u2028\ufeff\ud800\U0001f642"), "a.yaml")
@example(replace(SMALL, name="\x00\x1b\x85\u2028\ufeff\ud800\U0001f642"), "a.json")
@example(replace(SMALL, dropout=1e-320), "a.yaml")
def test_any_network_comes_back(tmp_path, network, name):
    codec.dump(network, tmp_path / name)
    assert codec.load(tmp_path / name) == network
    assert codec.load(tmp_path / name).key == network.key


def test_a_json_file_is_json_and_a_yaml_file_one_line_a_stage(tmp_path):
    codec.dump(B0, tmp_path / "b0.json")
    codec.dump(B0, tmp_path / "b0.yaml")
    assert json.loads((tmp_path / "b0.json").read_text()) == yaml.safe_load((tmp_path / "b0.yaml").read_text())
    lines = (tmp_path / "b0.yaml").read_text().splitlines()
    assert lines[0] == "# 5,288,548 parameters, 385.8M mult-adds at 224 px"
    assert sum(line.startswith("  - {operation: mbconv, ") for line in lines) == 7


def test_version_1_loads():
    assert codec.loads(VERSION_1) == SMALL


def test_version_1_is_what_is_written():
    written = codec.dumps(SMALL)
    assert yaml.safe_load(written) == MAPPING
    assert written.splitlines()[1:] == VERSION_1.splitlines()[1:]


def test_what_is_left_out_has_its_usual_value():
    text = """
        format: effsearch-architecture
        version: 1
        name: short
        stem: {}
        stages: [{operation: conv, channels: 8}]
        head: {}
    """
    assert codec.loads(text) == Architecture("short", Stem(), (Stage("conv", 8),), Head())


def with_value(place: str, value: object) -> dict:
    """The valid mapping with another value at a place like stages[1].kernel."""
    mapping = copy.deepcopy(MAPPING)
    *parents, last = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", place)]
    target = mapping
    for step in parents:
        target = target[step]
    target[last] = value
    return mapping


def write(folder: Path, mapping: object, suffix: str) -> Path:
    path = folder / f"network{suffix}"
    path.write_text(yaml.safe_dump(mapping) if suffix == ".yaml" else json.dumps(mapping))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InvalidValue) as raised:
        codec.load(path)
    message = str(raised.value)
    assert str(path) in message
    assert "\n" not in message
    return message.replace(str(path), "FILE")


nan, inf = float("nan"), float("inf")
WRONG_VALUES = [
    ("resolution", True, "resolution is True; it must be a whole number from 1 to 8192"),
    ("resolution", "224", "resolution is '224'; it must be a whole number from 1 to 8192"),
    ("resolution", 224.0, "resolution is 224.0; it must be a whole number from 1 to 8192"),
    ("resolution", nan, "resolution is nan; it must be a whole number from 1 to 8192"),
    ("resolution", inf, "resolution is inf; it must be a whole number from 1 to 8192"),
    ("resolution", None, "resolution is None; it must be a whole number from 1 to 8192"),
    ("resolution", 0, "resolution is 0; it must be a whole number from 1 to 8192"),
    ("classes", [10], "classes is [10]; it must be a whole number from 1 to 10000000"),
    ("dropout", nan, "dropout is nan; it must be a number from 0 to 0.95"),
    ("dropout", -inf, "dropout is -inf; it must be a number from 0 to 0.95"),
    ("drop_path", False, "drop_path is False; it must be a number from 0 to 0.95"),
    ("name", 5, "name is 5; it must be text of 1 to 200 characters"),
    ("name", "", "name is ''; it must be text of 1 to 200 characters"),
    ("stem", None, "stem is None; it must be a mapping"),
    ("stem", "silu", "stem is 'silu'; it must be a mapping"),
    ("stem.channels", -1, "stem.channels is -1; it must be a whole number from 1 to 1000000"),
    ("stem.kernel", 4, "stem.kernel is 4; it must be odd, 1 to 31"),
    ("stem.pool", True, "stem.pool is True; allowed: none, max"),
    ("head", [], "head is []; it must be a mapping"),
    ("head.hidden", 1.5, "head.hidden is 1.5; it must be a whole number from 0 to 1000000"),
    ("head.activation", "gelu", "head.activation is 'gelu'; allowed: silu, relu, relu6, hard_swish"),
    ("stages", [], "there are 0 stages; 1 to 100 are allowed"),
    (
        "stages",
        [{"operation": "conv", "channels": 8} for _ in range(101)],
        "there are 101 stages; 1 to 100 are allowed",
    ),
    ("stages", {"operation": "conv"}, "stages is {'operation': 'conv'}; it must be a list of mappings"),
    ("stages", "conv", "stages is 'conv'; it must be a list of mappings"),
    ("stages", None, "stages is None; it must be a list of mappings"),
    ("stages[1]", "conv", "stages[1] is 'conv'; it must be a mapping"),
    ("stages[1]", [], "stages[1] is []; it must be a mapping"),
    ("stages[1].kernel", True, "stages[1].kernel is True; it must be a whole number from 1 to 31"),
    ("stages[0].expand", 6, "stages[0].expand is 6; a conv block does not expand: it must be 1"),
    ("stages[1].expand", nan, "stages[1].expand is nan; it must be a number from 0.015625 to 64"),
    ("stages[1].operation", None, "stages[1].operation is None; allowed: mbconv, sepconv, conv, basic, bottleneck"),
    ("stages[1].skip", ["none"], "stages[1].skip is ['none']; allowed: identity, projection, pool, none"),
]


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
@pytest.mark.parametrize(("place", "value", "message"), WRONG_VALUES)
def test_a_wrong_value_is_refused_by_file_place_and_what_is_allowed(tmp_path, place, value, message, suffix):
    assert refusal(write(tmp_path, with_value(place, value), suffix)) == f"FILE: {message}"


@pytest.mark.parametrize(
    ("place", "key", "allowed", "hint"),
    [
        ("", "resolutoin", "name, stem, stages, head, resolution", "resolution"),
        ("stem", "chanels", "channels, kernel, stride, activation, pool", "channels"),
        ("head", "dropuot", "channels, hidden, activation", None),
        ("stages[1]", "kernal", "operation, channels, repeats, stride, kernel", "kernel"),
    ],
)
@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_an_unknown_key_is_refused_with_those_allowed_and_the_nearest(tmp_path, place, key, allowed, hint, suffix):
    path = write(tmp_path, with_value(f"{place}.{key}", 1), suffix)
    with pytest.raises(InvalidValue) as raised:
        codec.load(path)
    where = f"{path}: {place}: " if place else f"{path}: "
    assert str(raised.value).startswith(f"{where}unknown key '{key}'; allowed: {allowed}")
    assert raised.value.hint == (f"did you mean {hint}?" if hint else None)


@pytest.mark.parametrize(
    ("place", "key"),
    [("", "name"), ("", "stem"), ("", "stages"), ("", "head"), ("stages[0]", "operation"), ("stages[1]", "channels")],
)
@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_a_missing_key_is_named(tmp_path, place, key, suffix):
    mapping = copy.deepcopy(MAPPING)
    target = mapping["stages"][int(place[7])] if place else mapping
    del target[key]
    assert refusal(write(tmp_path, mapping, suffix)) == f"FILE: {place + ': ' if place else ''}{key} is missing"


@pytest.mark.parametrize("value", [None, "effsearch-manifest", 1, True, ["effsearch-architecture"]])
@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_another_format_is_refused(tmp_path, value, suffix):
    message = refusal(write(tmp_path, with_value("format", value), suffix))
    assert message == f"FILE: format is {value!r}; it must be effsearch-architecture"


@pytest.mark.parametrize(
    ("value", "hint"),
    [(2, "update effsearch to read it"), (0, None), (-1, None), ("1", None), (None, None), (True, None), (nan, None)],
)
@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_another_version_is_refused(tmp_path, value, hint, suffix):
    path = write(tmp_path, with_value("version", value), suffix)
    assert refusal(path) == f"FILE: version is {value!r}; this program reads 1"
    with pytest.raises(InvalidValue) as raised:
        codec.load(path)
    assert raised.value.hint == hint


HUGE = "0x" + "f" * 10_000  # more digits than Python prints
BEYOND_FLOATS = "1" + ":00" * 400 + ":00.5"  # a base-60 number
YAML_ONLY = {
    "tag": ("name: small", "name: !!str small", "line 4.*tag.*not allowed"),
    "python tag": ("name: small", "name: !!python/object/apply:os.system [id]", "line 4.*tag.*not allowed"),
    "anchor": ("resolution: 32", "resolution: &size 32", "line 7.*anchors and aliases are not allowed"),
    "alias": ("classes: 10", "classes: *size", "line 9.*anchors and aliases are not allowed"),
    "key twice": ("classes: 10", "classes: 10\nclasses: 11", "line .*'classes' stands twice"),
    "key twice in a stage": ("repeats: 2", "repeats: 2, channels: 8", "line 14.*'channels' stands twice"),
    "merge key": ("hidden: 0", "<<: {hidden: 0}", "<<"),
    "merge key at the top": ("resolution: 32", "<<: {resolution: 32}", "<<"),
    "merge key with a number": ("hidden: 0", "<<: 3", "line 6"),
    "date": ("resolution: 32", "resolution: 2020-01-01", "resolution is .*whole number from 1 to 8192"),
    "date as a name": ("name: small", "name: 2020-01-01", "name is .*text"),
    "a day that is none": ("resolution: 32", "resolution: 2020-01-99", "day"),
    ".nan": ("dropout: 0.2", "dropout: .nan", "dropout is nan; it must be a number from 0 to 0.95"),
    "-.inf": ("dropout: 0.2", "dropout: -.inf", "dropout is -inf; it must be a number from 0 to 0.95"),
    "yes": ("resolution: 32", "resolution: yes", "resolution is True; it must be a whole number"),
    "null": ("resolution: 32", "resolution:", "resolution is None; it must be a whole number"),
    "value sign": ("resolution: 32", "resolution: =", "line 7"),
    "keys that are no text": ("hidden: 0", "1: 0", "head: unknown key 1; allowed: channels, hidden, activation"),
    "a key that is a list": ("hidden: 0", "[1]: 0", "line 6"),
    "unfinished": ("classes: 10", "classes: [10", "line 1[0-9]"),
    "tabs": ("classes: 10", "\tclasses: 10", "line 9"),
    "a second document": ("classes: 10", "classes: 10\n---\na: 1", "line 10"),
    "NUL byte": ("name: small", "name: sm\0all", "YAML"),
    "control character": ("name: small", "name: sm\x1ball", "YAML"),
    "many decimal digits": ("resolution: 32", f"resolution: {'9' * 5000}", "YAML"),
    "many hexadecimal digits": ("resolution: 32", f"resolution: {HUGE}", "resolution|YAML"),
    "many hexadecimal digits in a stage": ("expand: 2.5", f"expand: {HUGE}", "expand|YAML"),
    "many hexadecimal digits as the format": ("effsearch-architecture", HUGE, "format|YAML"),
    "a base-60 number beyond floats": ("dropout: 0.2", f"dropout: {BEYOND_FLOATS}", "dropout|YAML"),
    "no number": ("resolution: 32", "resolution: 0b_", "YAML"),
}


@pytest.mark.parametrize("name", YAML_ONLY)
def test_yaml_that_is_not_plain_is_refused_by_file_and_place(tmp_path, name):
    valid, wrong, message = YAML_ONLY[name]
    assert VERSION_1.count(valid) == 1
    path = tmp_path / "network.yaml"
    path.write_text(VERSION_1.replace(valid, wrong))
    assert re.search(message, refusal(path))
    assert len(refusal(path)) < 400


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"format": "a", "format": "a"}', "stands twice"),
        ('{"format": "effsearch-architecture", "version": 1, "stem": {"kernel": 3, "kernel": 3}}', "stands twice"),
        ('{"format": ' + "9" * 5000 + "}", "JSON"),
        ("{'format': 1}", "line 1"),
        ('{"format": 1,}', "line 1"),
        ('{"format": "a\0"}', "line 1"),
        ("# comment\n{}", "line 1"),
        ("\ufeff{}", "JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"format": ' * 50_000, "nested too deeply"),
        ("NaN", "must be a mapping"),
    ],
    ids=range(11),
)
def test_wrong_json_is_refused(tmp_path, text, message):
    path = tmp_path / "network.json"
    path.write_text(text, encoding="utf-8")
    assert message in refusal(path)


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
@pytest.mark.parametrize("text", ["[]", "[{}]", "3", "null", '"name"', "true"])
def test_what_is_no_mapping_is_refused(tmp_path, text, suffix):
    path = tmp_path / f"network{suffix}"
    path.write_text(text)
    assert "must be a mapping" in refusal(path)


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_an_empty_file_is_refused(tmp_path, suffix):
    path = tmp_path / f"network{suffix}"
    path.write_text("")
    refusal(path)


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
@pytest.mark.parametrize("content", [b"\xff\xfe{\0}\0", b'{"name": "\xe9"}', b"\xed\xa0\x80", b"\x80" * 100])
def test_text_that_is_not_utf_8_is_refused(tmp_path, content, suffix):
    path = tmp_path / f"network{suffix}"
    path.write_bytes(content)
    assert "not UTF-8" in refusal(path)


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_a_directory_and_a_missing_file_are_refused(tmp_path, suffix):
    path = tmp_path / f"network{suffix}"
    assert "cannot read" in refusal(path)
    path.mkdir()
    assert "cannot read" in refusal(path)


def test_a_path_with_a_nul_is_refused():
    with pytest.raises(InvalidValue, match="cannot read"):
        codec.load("net\0work.yaml")


@pytest.mark.parametrize("content", [None, b"\xff", b"[1]", b"a: b: c", b"format: other"])
def test_the_file_is_named_however_long_its_path_is(tmp_path, content):
    folder = tmp_path / ("x" * 60) / ("y" * 60)
    folder.mkdir(parents=True)
    path = folder / "network.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidValue, match=r"network\.yaml"):
        codec.load(path)


def test_a_huge_file_is_refused_without_reading_it(tmp_path):
    path = tmp_path / "network.yaml"
    with path.open("wb") as file:
        file.truncate(2**40)  # a hole: no disk is used, but reading it would never end
    assert "larger than" in refusal(path)


@pytest.mark.parametrize("text", ["a: " + "[" * 100_000, "[" * 40 + "]" * 40, "a: " + "{a: " * 100_000, "- " * 100_000])
def test_deeply_nested_yaml_is_refused(tmp_path, text):
    path = tmp_path / "network.yaml"
    path.write_text(text)
    assert "levels of nesting are not allowed" in refusal(path)


def loads_or_is_refused(text: str, suffix: str, folder: Path) -> None:
    path = folder / f"network{suffix}"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        assert isinstance(codec.load(path), Architecture)
    except InvalidValue as error:
        assert str(path) in str(error)  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017


fuzz = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)


@fuzz
@given(st.text(st.characters()) | st.text("{}[]:,-?&*!<|>%@`'\"# \n\t0:._abx=~"), st.sampled_from([".yaml", ".json"]))
def test_any_text_loads_or_is_refused(tmp_path, text, suffix):
    loads_or_is_refused(text, suffix, tmp_path)


NASTY = st.sampled_from(
    [
        *(".nan", ".inf", "1e999", "null", "~", "yes", "2020-01-01", "12:30:45", "0x1F", "0b_", "-", "=", "<<", "&a"),
        *("*a", "!!int", "{", "}", "[", "]", ":", "? ", "- ", "'", '"', "\\", "\n", "\t", "\0", "#", "%", "|", ">"),
        *("---", "...", "NaN", "-Infinity", "true", "{}", "[]", "1.0", "-1", "9" * 20, "\ud800", "\ufeff"),
    ]
)


@fuzz
@given(st.data(), st.sampled_from([".yaml", ".json"]))
def test_a_valid_file_with_a_few_changes_loads_or_is_refused(tmp_path, data, suffix):
    text = VERSION_1 if suffix == ".yaml" else json.dumps(MAPPING)
    for _ in range(data.draw(st.integers(1, 3))):
        tokens = [match.span() for match in re.finditer(r"[\w.]+|\S", text)]
        start, end = data.draw(st.sampled_from(tokens)) if tokens else (0, 0)
        text = text[:start] + data.draw(NASTY | st.just("")) + text[end:]
    loads_or_is_refused(text, suffix, tmp_path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PLACES = [
    *MAPPING,
    *(f"{part}.{key}" for part in ("stem", "head") for key in MAPPING[part]),
    *(f"stages[1].{key}" for key in MAPPING["stages"][1]),
    "stages[0]",
]


@fuzz
@given(st.sampled_from(PLACES), json_values, st.sampled_from([".yaml", ".json"]))
def test_any_value_at_any_place_loads_or_is_refused(tmp_path, place, value, suffix):
    mapping = with_value(place, value)
    path = write(tmp_path, mapping, suffix)
    try:
        loaded = codec.to_mapping(codec.load(path))
    except InvalidValue as error:
        assert str(path) in str(error)  # noqa: PT017
        assert place.partition(".")[0].partition("[")[0] in str(error)  # noqa: PT017
    else:
        field = place.partition(".")[0].partition("[")[0]
        assert {**loaded, field: None} == {**MAPPING, field: None}
