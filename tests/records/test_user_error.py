"""UserError: what the user sees, and that it survives the way from a worker."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effsearch.records.errors import UserError, cannot


def test_lines_name_the_error_and_the_hint() -> None:
    error = UserError("--trials is 0; it must be at least 1", "try --trials 100")
    assert error.lines() == ["error: --trials is 0; it must be at least 1", "hint: try --trials 100"]
    assert (error.exit_code, str(error)) == (2, "--trials is 0; it must be at least 1")
    assert UserError("no").lines() == ["error: no"]


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("bell\a", r"bell\x07"),
        ("\u202egnp.exe", r"\u202egnp.exe"),  # right-to-left override
        ("line\u2028end", r"line\u2028end"),
        ("\udcff", r"\udcff"),  # a file name that is not UTF-8
        ("naïve 图 🙂", "naïve 图 🙂"),
    ],
)
def test_hostile_names_stay_on_their_line(hostile: str, shown: str) -> None:
    assert UserError(hostile, hostile).lines() == [f"error: {shown}", f"hint: {shown}"]


@given(st.text(alphabet=st.characters(codec=None)))
def test_any_line_can_be_printed(text: str) -> None:
    for line in UserError(text, text).lines():
        assert line.isprintable()
        line.encode("utf-8")


def test_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(UserError("message", "hint", exit_code=1)))  # noqa: S301 (our own)
    assert (error.message, error.hint, error.exit_code) == ("message", "hint", 1)


def test_a_refusal_of_the_system_names_action_path_and_reason() -> None:
    assert cannot("write", "runs/a", OSError(28, "No space left")).message == "cannot write runs/a: No space left"
    assert "embedded null byte" in cannot("read", "a\0b", ValueError("embedded null byte")).message
