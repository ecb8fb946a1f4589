"""JSON as it was meant: UTF-8, no NaN, no infinity, no key twice."""

from __future__ import annotations

import json
import math


def parse(data: bytes) -> object:
    """The value in `data`.

    Raises:
        json.JSONDecodeError, UnicodeDecodeError: this is no JSON, or only a piece of some.
        ValueError: it is JSON, but says something that we never write.
    """
    text = data.decode("utf-8")
    try:
        return json.loads(text, parse_constant=_constant, parse_float=_finite, object_pairs_hook=_distinct)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def dump(value: object, *, indent: int | None = None) -> bytes:
    """`value` as ASCII JSON, without a newline at its end.

    Raises:
        ValueError: NaN, an infinity, a circle, or nested too deeply.
        TypeError: something that JSON has no form for.
    """
    try:
        return json.dumps(value, allow_nan=False, indent=indent).encode("ascii")
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large for a float")
    return number


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {repeated!r} stands there twice")
    return result
