"""The pickles of CIFAR-10, read without running anything that stands in them.

A pickle is a program that may call any function. Here it may call four stand-ins, which build nothing but arrays of
bytes and texts; the instructions are checked before the first is carried out.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_ALLOWED: Final = frozenset(
    """
    PROTO FRAME STOP MARK POP POP_MARK MEMOIZE PUT BINPUT LONG_BINPUT GET BINGET LONG_BINGET NONE NEWTRUE NEWFALSE INT
    BININT BININT1 BININT2 LONG LONG1 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES
    BINBYTES8 BYTEARRAY8 UNICODE BINUNICODE SHORT_BINUNICODE EMPTY_LIST LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1
    TUPLE2 TUPLE3 EMPTY_DICT DICT SETITEM SETITEMS GLOBAL STACK_GLOBAL REDUCE BUILD
    """.split()  # noqa: SIM905  (readable so)
)


class Array:
    """Stands in for an array while it is put together; `value` is the array."""

    value: NDArray[np.uint8]

    def __setstate__(self, state: object) -> None:
        _, shape, kind, fortran, content = _five(state)
        if kind != Kind("u1") or fortran is not False or not isinstance(content, bytes | bytearray):
            raise ValueError("an array is not of uint8 in rows")
        if not isinstance(shape, tuple) or any(type(one) is not int or one < 0 for one in shape):
            raise ValueError("an array has no shape")
        if math.prod(shape) != len(content):
            raise ValueError(f"an array of the shape {shape} has {len(content):,} bytes")
        self.value = np.frombuffer(content, np.uint8).reshape(shape)


class Kind:
    """Stands in for numpy.dtype."""

    def __init__(self, name: object, *_: object) -> None:
        self.name = name.decode("ascii", "replace") if isinstance(name, bytes) else name

    def __setstate__(self, state: object) -> None:
        pass

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kind) and self.name == other.name

    def __hash__(self) -> int:
        return hash(str(self.name))


def load(content: bytes) -> Any:
    """Dicts, lists, tuples, numbers, bytes, texts and uint8 arrays. ValueError where there is anything else."""
    try:
        _check(content)
        return _plain(_Reader(io.BytesIO(content), encoding="bytes").load())
    except (pickle.UnpicklingError, EOFError, TypeError, AttributeError, KeyError, IndexError, MemoryError) as error:
        raise ValueError(f"a batch cannot be read: {error}") from error
    except RecursionError as error:
        raise ValueError("a batch is nested too deeply") from error


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name. Nothing is imported."""
        try:
            return _STAND_INS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no batch needs") from None


def _check(content: bytes) -> None:
    """ValueError for an instruction that no batch needs, or a memory place far beyond those in use."""
    used = 0
    for code, argument, _ in pickletools.genops(content):
        if code.name not in _ALLOWED:
            raise ValueError(f"a batch holds the instruction {code.name}")
        if code.name in ("PUT", "BINPUT", "LONG_BINPUT"):
            used += 1
            if int(argument or 0) > used + 1:
                raise ValueError("a batch uses memory that it has no need of")


def _plain(value: Any) -> Any:
    """With the arrays in place of their stand-ins, and no stand-in left."""
    if isinstance(value, Array):
        return value.value
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(one) for one in value)
    if value is None or isinstance(value, int | float | str | bytes):
        return value
    raise ValueError("a batch holds something that is no data")


def _new_array(kind: object, shape: object, code: object) -> Array:  # noqa: ARG001  (the state brings them)
    return Array()


def _array_of_bytes(content: object, kind: object, shape: object, order: object) -> Array:
    array = Array()
    array.__setstate__((1, shape, kind, order != "C", content))
    return array


def _encode(text: object, encoding: object) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", b"latin1"):
        raise ValueError("a batch encodes something that is no bytes")
    return text.encode("latin1")


def _five(state: object) -> tuple[Any, ...]:
    if not isinstance(state, tuple) or len(state) != 5:
        raise ValueError("an array has a state that is none")
    return state


def _sentinel(*_: object) -> Any:
    raise ValueError("a batch builds an array by hand")


_STAND_INS: Final = {
    ("numpy", "ndarray"): _sentinel,
    ("numpy", "dtype"): Kind,
    ("_codecs", "encode"): _encode,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _new_array for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _array_of_bytes for core in ("core", "_core")},
}
