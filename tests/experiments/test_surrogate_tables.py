"""The reader of the tables: right values from good files, one line with file and line number from all others."""

import gzip
import random

import numpy as np
import pytest

from effsearch.experiments.surrogate import tables
from effsearch.records.errors import UserError

GENES = [f"{gene}{stage}" for gene in ("e", "k", "l", "se") for stage in range(1, 8)]
HEADER = [*GENES, "mult_adds", "top1", "comment"]
FIRST = [1, 4, 6, 1, 4, 6, 1, 3, 5, 3, 5, 3, 5, 3, 1, 2, 3, 1, 2, 4, 3, 0, 1, 0, 1, 0, 1, 0]
FIRST_POSITIONS = [0, 1, 2, 0, 1, 2, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 2, 0, 1, 3, 2, 0, 1, 0, 1, 0, 1, 0]
SECOND = [6] * 7 + [3] * 7 + [1] * 7 + [0] * 7
SECOND_POSITIONS = [2] * 7 + [0] * 21


def lines(*rows):
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


def changed(column, value, row=FIRST):
    """The line of a network in which one column has another value."""
    cells = dict(zip(HEADER, [*row, 250_000_000, 61.5, "x"], strict=True))
    return lines([value if name == column else cell for name, cell in cells.items()])


GOOD = lines(HEADER, [*FIRST, 250_000_000, 61.5, "x"], [*SECOND, 3e8, -0.25, ""])


def random_letters(count):
    """Text that hardly compresses, so that a file of it can be cut and spoilt in the middle."""
    rng = random.Random(0)  # noqa: S311 (not for secrets)
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=count))


@pytest.mark.parametrize("name", ["table.csv", "table.csv.gz"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["unix", "windows"])
def test_choice_positions_and_the_named_columns_are_read(tmp_path, name, newline):
    content = GOOD.replace("\n", newline).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    indices, values = tables.read(path, ("top1", "mult_adds"))
    np.testing.assert_array_equal(indices, [FIRST_POSITIONS, SECOND_POSITIONS])
    np.testing.assert_array_equal(values, [[61.5, 2.5e8], [-0.25, 3e8]])
    assert (indices.dtype, values.dtype) == (np.int64, np.float64)
    assert tables.read(path, ("mult_adds",))[1].shape == (2, 1)


def test_the_order_of_the_columns_does_not_matter(tmp_path):
    order = list(range(len(HEADER)))[::-1]
    shuffled = lines(*([row.split(",")[position] for position in order] for row in GOOD.splitlines()))
    (tmp_path / "good.csv").write_text(GOOD)
    (tmp_path / "shuffled.csv").write_text(shuffled)
    for good, other in zip(
        *(tables.read(tmp_path / f"{one}.csv", ("top1",)) for one in ("good", "shuffled")), strict=True
    ):
        np.testing.assert_array_equal(good, other)


@pytest.mark.parametrize(
    ("content", "line", "named"),
    [
        (GOOD + changed("top1", "high"), 4, "high"),
        (GOOD + changed("top1", ""), 4, ""),
        (GOOD + changed("e3", "six"), 4, "six"),
        (GOOD + changed("e3", 5), 4, ""),
        (GOOD + changed("l5", 4), 4, ""),
        (GOOD + changed("se7", 2), 4, ""),
        (GOOD + changed("k1", -3), 4, ""),
        (GOOD + changed("k1", 3.0), 4, "3.0"),
        (GOOD + "1,2,3\n" + GOOD, 4, ""),
        (lines(HEADER) + changed("top1", "\x00"), 2, ""),
        (GOOD.replace("top1", "top-1"), 2, "top1"),
        (GOOD.replace("se4", "squeeze4"), 2, "se4"),
        ("no table at all\nbut text\n", 2, ""),
    ],
    ids=[
        "text in a number", "empty number", "text in a gene", "unknown expansion", "four layers in stage 5",
        "unknown SE", "negative kernel", "kernel 3.0", "short row", "NUL", "column missing", "gene missing", "text",
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_named_by_file_and_line(tmp_path, content, line, named):
    (tmp_path / "table.csv").write_text(content)
    with pytest.raises(UserError, match=rf"table\.csv: line {line} .*{named}"):
        tables.read(tmp_path / "table.csv", ("top1",))


def test_an_unknown_gene_value_is_named(tmp_path):
    (tmp_path / "table.csv").write_text(GOOD + changed("e3", 5))
    with pytest.raises(UserError, match=r"line 4 .*e3.*5"):
        tables.read(tmp_path / "table.csv", ("top1",))


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
def test_an_accuracy_that_is_not_finite_is_refused(tmp_path, value):
    (tmp_path / "table.csv").write_text(GOOD + changed("top1", value))
    with pytest.raises(UserError, match=r"table\.csv: line 4 "):
        tables.read(tmp_path / "table.csv", ("top1",))


def test_the_line_is_right_after_empty_lines_and_quoted_line_breaks(tmp_path):
    row = changed("comment", '"two\nlines"')
    (tmp_path / "table.csv").write_text(GOOD + "\n\n" + row + changed("top1", "high"))
    with pytest.raises(UserError, match=r"table\.csv: line 8 "):
        tables.read(tmp_path / "table.csv", ("top1",))


@pytest.mark.parametrize(
    "content",
    [
        GOOD + "a\rb" + changed("comment", "x"),
        GOOD + changed("comment", "x" * 200_000),
        GOOD + changed("comment", '"' + "x" * 200_000),
    ],
    ids=["bare carriage return", "huge field", "quote without end"],
)
def test_what_the_csv_reader_itself_refuses_is_a_user_error_too(tmp_path, content):
    (tmp_path / "table.csv").write_bytes(content.encode())
    with pytest.raises(UserError, match=r"table\.csv"):
        tables.read(tmp_path / "table.csv", ("top1",))


@pytest.mark.parametrize("content", ["", "\n\n", lines(HEADER)], ids=["empty", "empty lines", "header only"])
def test_a_table_without_rows_is_refused(tmp_path, content):
    (tmp_path / "table.csv").write_text(content)
    with pytest.raises(UserError, match=r"table\.csv has no rows"):
        tables.read(tmp_path / "table.csv", ("top1",))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "table.csv").write_bytes(bytes(range(256)) * 100)
    with pytest.raises(UserError, match=r"table\.csv"):
        tables.read(tmp_path / "table.csv", ("top1",))


COMPRESSED = gzip.compress((GOOD + changed("comment", random_letters(20_000))).encode(), mtime=0)
MIDDLE = len(COMPRESSED) // 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        GOOD.encode(),
        COMPRESSED[:5],
        COMPRESSED[:MIDDLE],
        COMPRESSED[:-1],
        COMPRESSED[:MIDDLE] + b"\xff" * 2_000 + COMPRESSED[MIDDLE + 2_000 :],
        COMPRESSED[:10] + b"\xff" * 100,
        COMPRESSED[:-8] + b"\0" * 8,
        COMPRESSED + b"garbage",
    ],
    ids=[
        "empty", "not compressed", "header cut", "cut in the middle", "last byte cut", "spoilt in the middle",
        "spoilt from the start", "wrong checksum", "garbage behind",
    ],
)  # fmt: skip
def test_a_compressed_table_that_is_not_whole_is_refused_by_name(tmp_path, content):
    path = tmp_path / "table.csv.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"table\.csv\.gz"):
        tables.read(path, ("top1",))
    if content:  # nothing at all is a whole table to gzip, only another one
        with pytest.raises(UserError, match=r"anb_public\.csv\.gz"):
            tables.differs(path.rename(tmp_path / tables.PROXY))


@pytest.mark.parametrize("name", ["nothing.csv", "nothing.csv.gz", "folder", "good.csv/below.csv"])
def test_a_missing_file_and_a_folder_are_refused_by_name_with_a_hint(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "good.csv").write_text(GOOD)
    with pytest.raises(UserError, match=f"cannot read .*{name}") as caught:
        tables.read(tmp_path / name, ("top1",))
    assert "tables.py" in caught.value.hint


def test_a_table_differs_when_its_content_does_and_not_when_its_compression_does(tmp_path, monkeypatch):
    import hashlib

    monkeypatch.setitem(tables.SHA256, "some.csv.gz", hashlib.sha256(GOOD.encode()).hexdigest())
    path = tmp_path / "some.csv.gz"
    for level in (1, 9):
        path.write_bytes(gzip.compress(GOOD.encode(), level))
        assert not tables.differs(path)
    path.write_bytes(gzip.compress(GOOD.replace("61.5", "61.6").encode()))
    assert tables.differs(path)
