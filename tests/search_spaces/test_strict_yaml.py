"""strict_yaml: the plain part of YAML and JSON, with limits on size, depth and time."""

import time

import pytest
import yaml

from effsearch.search_spaces import InvalidValue
from effsearch.search_spaces.strict_yaml import load_mapping, parse_mapping


def test_plain_yaml_and_json_are_what_yaml_says():
    text = "a: 1\nb: [1.5, true, null, text]\nc: {d: '1', e: {}}\n"
    expected = {"a": 1, "b": [1.5, True, None, "text"], "c": {"d": "1", "e": {}}}
    assert parse_mapping(text) == yaml.safe_load(text) == expected
    assert parse_mapping('{"a": [1, 2.5, null, "x"], "b": {}}', is_json=True) == {"a": [1, 2.5, None, "x"], "b": {}}


def test_json_is_yaml_too():
    assert parse_mapping('{"a": [1, 2.5, null, "x"]}') == {"a": [1, 2.5, None, "x"]}


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb: !!str 2\n", 2, "tag"),
        ("a: 1\nb: ! 2\n", 2, "tag"),
        ("a: 1\n\nb: !own {c: 1}\n", 3, "tag"),
        ("a: &x 1\n", 1, "anchors and aliases"),
        ("a: 1\nb: *x\n", 2, "anchors and aliases"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", 1, "anchors and aliases"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", 4, "'c' stands twice"),
        ("a: 1\nb: [{c: 1, d: 2, c: 3}]\n", 2, "'c' stands twice"),
        ("a: 1\n'a': 2\n", 2, "'a' stands twice"),
        ("a: 1\nb: c: d\n", 2, "mapping values are not allowed here"),
    ],
)
def test_what_is_not_plain_is_refused_with_its_line(text, line, problem):
    with pytest.raises(InvalidValue, match=f"^settings.yaml is no plain YAML in line {line}: .*{problem}"):
        parse_mapping(text, where="settings.yaml")


@pytest.mark.parametrize(
    "text", ["<<: {a: 1}\nb: 2", "b: {<<: {a: 1}}", "b: {<<: [{a: 1}, {a: 2}]}", "<<: {b: 1}\nb: 2"]
)
def test_merge_keys_are_refused(text):
    with pytest.raises(InvalidValue, match="<<"):
        parse_mapping(text)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '{"b": [{"a": 1, "c": 2, "a": 3}]}'])
def test_a_json_key_that_stands_twice_is_refused(text):
    with pytest.raises(InvalidValue, match=r"network is no plain JSON: .*stands twice"):
        parse_mapping(text, where="network", is_json=True)


@pytest.mark.parametrize("text", ["1: 2", "{1: 2, a: 3}", "null: 1", "2020-01-01: 1", "true: 1"])
def test_keys_are_text(text):
    with pytest.raises(InvalidValue, match="it must be a mapping with text as keys"):
        parse_mapping(text)


def test_30_levels_are_allowed_and_32_are_not():
    def nested(levels: int) -> str:
        return "a: " + "[" * levels + "]" * levels

    assert parse_mapping(nested(29))
    with pytest.raises(InvalidValue, match="more than 30 levels of nesting"):
        parse_mapping(nested(31))


@pytest.mark.parametrize("depth", [*range(900, 1010), 3_000, 50_000])
def test_nested_json_of_any_depth_is_refused_or_read(depth):
    """Around Python's recursion limit too: what the parser takes, the message must be able to print."""
    for text in ("[" * depth + "]" * depth, '{"a": ' * depth + "1" + "}" * depth):
        try:
            assert isinstance(parse_mapping(text, is_json=True), dict)
        except InvalidValue as error:
            assert len(str(error)) < 300  # noqa: PT017


def test_the_size_limit_counts_bytes(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: 1\n#" + b"x" * 94)
    assert load_mapping(path, largest=100) == {"a": 1}
    with pytest.raises(InvalidValue, match="larger than 99 bytes"):
        load_mapping(path, largest=99)


@pytest.mark.slow
def test_many_keys_take_no_longer_than_yaml_itself():
    text = "".join(f"key{number}: 1\n" for number in range(20_000))  # a fifth of the largest file
    start = time.process_time()
    expected = yaml.safe_load(text)
    usual = time.process_time() - start
    start = time.process_time()
    assert parse_mapping(text) == expected
    assert time.process_time() - start < 3 * usual


def test_messages_stay_short():
    for text in (
        "a: " + "x" * 10_000 + ": 1",
        "- " + "x" * 10_000,
        "!" + "t" * 10_000 + " 1",
        "{" + "k" * 9_000 + ": 1, " * 2,
    ):
        with pytest.raises(InvalidValue) as raised:
            parse_mapping(text)
        assert len(str(raised.value)) < 400
        assert "\n" not in str(raised.value)
