"""Sizes as people write them, both ways."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effsearch.search_spaces import InvalidValue
from effsearch.search_spaces.quantity import format_count, parse_count


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("400M", 400e6),
        ("0.4G", 400e6),
        ("400e6", 400e6),
        ("400E6", 400e6),
        ("4e+8", 400e6),
        ("1_000", 1000),
        ("1_000.5", 1000.5),
        ("1", 1),
        ("1k", 1e3),
        ("1K", 1e3),
        ("2.5m", 2.5e6),
        ("0.39B", 390e6),
        ("1.5T", 1.5e12),
        (" 400 M ", 400e6),
        ("1e-3", 1e-3),
        (400_000_000, 400e6),
        (4e8, 400e6),
        (1e22, 1e22),
        (0.5, 0.5),
    ],
)
def test_sizes(text, value):
    assert parse_count(text) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        *("4OOM", "-4", "+4", "nan", "inf", "-inf", "", " ", "M", "1e999", "1e308T", "9" * 400, "400MM", "400 M M"),
        *("4 00M", "400Mi", "400MB", "0", "0M", "1e-999", "0x10", "1,000", "1.2.3", "e6", "_1", "1e", "4e6.5"),
        *("400M\0", "400M;", "400\u041c", "400\u212a"),  # Cyrillic M, Kelvin sign
        *("\u0664\u0660\u0660M", "\uff14\uff10\uff10M", "\u00b2", "\u2167"),  # digits of other scripts
        *(math.nan, math.inf, -1, 0, True, None, [400], b"400M"),
    ],
    ids=ascii,
)
def test_what_is_no_positive_size_is_refused_with_a_hint(text):
    with pytest.raises(InvalidValue, match=r"--target-flops is .*; it must be a positive number") as raised:
        parse_count(text, "--target-flops")
    assert (repr(text) if len(repr(text)) <= 80 else repr(text)[:60]) in str(raised.value)
    assert raised.value.hint == "write 400M, 0.4G or 400e6"
    assert len(str(raised.value)) < 200


@given(st.text())
def test_any_text_is_a_positive_number_or_refused(text):
    try:
        value = parse_count(text)
    except InvalidValue:
        return
    assert math.isfinite(value)
    assert value > 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (385_814_752, "385.8M"),
        (5_288_548, "5.289M"),
        (37_746e6, "37.75G"),
        (1e12, "1T"),
        (1000, "1k"),
        (999.96, "1k"),
        (999_960, "1M"),
        (999_940, "999.9k"),
        (999, "999"),
        (0.5, "0.5"),
        (0, "0"),
        (-400e6, "-400M"),
    ],
)
def test_written_sizes(value, text):
    assert format_count(value) == text


@given(st.floats(1e-6, 1e17) | st.integers(1, 10**17))
def test_a_written_size_reads_as_nearly_the_same_number(value):
    assert parse_count(format_count(value)) == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize("digits", [2, 3, 4, 5, 6])
@given(exponent=st.floats(0, 14))
def test_a_written_size_is_short_for_any_number_of_digits(digits, exponent):
    """A letter, not an exponent: 999,600 with three digits is 1M, not 1e+03k."""
    text = format_count(10**exponent, max(digits, 3))
    assert "e" not in text
    assert len(text) <= max(digits, 3) + 2
