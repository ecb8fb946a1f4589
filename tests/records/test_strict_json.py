"""strict_json: what is not ours is refused, and a torn text is told from a wrong one."""

from __future__ import annotations

import json

import pytest

from effsearch.records import strict_json


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a": NaN}', "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": 1, "b": 2, "a": 1}', "'a' stands there twice"),
        (b'{"x": {"a": 1, "a": 2}}', "'a' stands there twice"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"1" * 10_000, "4300"),
    ],
)
def test_valid_text_with_wrong_content(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as raised:
        strict_json.parse(data)
    assert not isinstance(raised.value, json.JSONDecodeError)


@pytest.mark.parametrize("data", [b"", b"{", b'{"a": 1', b'{"a": 1}}', b"\0\0", "\ufeff{}".encode()])
def test_not_json(data: bytes) -> None:
    with pytest.raises(json.JSONDecodeError):
        strict_json.parse(data)


def test_other_encodings_are_not_guessed() -> None:
    assert json.loads('{"a": 1}'.encode("utf-16")) == {"a": 1}  # the standard library would take it
    with pytest.raises(UnicodeDecodeError):
        strict_json.parse('{"a": 1}'.encode("utf-16"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [-float("inf")]}])
def test_numbers_that_json_does_not_have_are_not_written(value: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        strict_json.dump(value)


def test_deep_and_circular_values_are_not_written() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deeply"):
        strict_json.dump(deep)
    circle: list[object] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="Circular"):
        strict_json.dump(circle)
