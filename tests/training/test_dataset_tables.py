"""Tables with pictures: parquet, Arrow and feather, as pandas, pyarrow and HuggingFace's datasets write them."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from effsearch.records.errors import UserError
from effsearch.training.datasets import load_dataset

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
feather = pytest.importorskip("pyarrow.feather")
parquet = pytest.importorskip("pyarrow.parquet")

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 6, 6, 3), np.uint8)
LABELS = [number % 3 for number in range(24)]
NAMES = ("cat", "dog", "fish")


def encoded(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


BYTES = [encoded(image) for image in IMAGES]


@pytest.fixture
def read(tmp_path):
    return lambda path, **options: load_dataset(path, cache=tmp_path / "cache", workers=2, **options)


def stored(dataset, *parts):
    return {
        image.tobytes(): dataset.classes[label]
        for part in (getattr(dataset, name) for name in parts)
        for image, label in zip(part.images, part.labels, strict=True)
    }


def expected(names, rows=range(24)):
    return {IMAGES[row].tobytes(): names[LABELS[row]] for row in rows}


def huggingface(rows, names=NAMES):
    """A table with the columns and the metadata of a HuggingFace data set."""
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array([{"bytes": BYTES[row], "path": "../../etc/passwd"} for row in rows], struct)
    features = {"image": {"_type": "Image"}, "label": {"names": list(names), "_type": "ClassLabel"}}
    table = pa.table({"image": images, "label": pa.array([LABELS[row] for row in rows], pa.int64())})
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def plain(labels=LABELS, images=BYTES, **more):
    return pa.table({"id": list(range(len(images))), "image": images, "label": labels, **more})


def write_stream(table, path):
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)


def write_file(table, path):
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)


WRITERS = {
    "own.parquet": lambda table, path: parquet.write_table(table, path, row_group_size=5),
    "stream.arrow": write_stream,
    "file.arrow": write_file,
    "own.feather": lambda table, path: feather.write_feather(table, path, chunksize=5),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_of_bytes_and_numbers(tmp_path, read, name):
    WRITERS[name](plain(), tmp_path / name)
    dataset = read(tmp_path / name)
    assert stored(dataset, "train", "validation") == expected("012")
    assert dataset.test is None


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_of_huggingface(tmp_path, read, name):
    WRITERS[name](huggingface(range(24)), tmp_path / name)
    dataset = read(tmp_path / name)
    assert dataset.classes == NAMES
    assert stored(dataset, "train", "validation") == expected(NAMES)


@pytest.mark.parametrize(
    "layout",
    [
        ("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "data/test-00000-of-00001.parquet"),
        ("train/data-00000-of-00002.arrow", "train/data-00001-of-00002.arrow", "test/data-00000-of-00001.arrow"),
        ("train_1.feather", "train_2.feather", "validation.feather"),
    ],
)
def test_a_folder_of_tables(tmp_path, read, layout):
    write = WRITERS["own.parquet"] if layout[0].endswith("parquet") else write_stream
    for name, rows in zip(layout, (range(10), range(10, 18), range(18, 24)), strict=True):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        write(huggingface(rows), tmp_path / "set" / name)
    (tmp_path / "set" / "README.md").write_text("hello")
    dataset = read(tmp_path / "set")
    assert stored(dataset, "train", "validation") == expected(NAMES, range(18))
    assert stored(dataset, "test") == expected(NAMES, range(18, 24))


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([NAMES[label] for label in LABELS], NAMES),
        (pa.array([NAMES[label] for label in LABELS]).dictionary_encode(), NAMES),
        (pa.array([NAMES[label] for label in LABELS], pa.large_string()), NAMES),
        (pa.array([label + 7 for label in LABELS], pa.uint8()), ("7", "8", "9")),
    ],
)
def test_kinds_of_labels(tmp_path, read, labels, names):
    parquet.write_table(plain(labels), tmp_path / "own.parquet")
    dataset = read(tmp_path / "own.parquet")
    assert dataset.classes == names
    assert stored(dataset, "train", "validation") == expected(names)


def test_the_columns_may_have_other_names(tmp_path, read):
    table = pa.table({"img": BYTES, "thumb": [b"x"] * 24, "kind": LABELS, "weight": [0.5] * 24})
    parquet.write_table(table, tmp_path / "own.parquet")
    assert stored(read(tmp_path / "own.parquet"), "train", "validation") == expected("012")


def test_rows_without_a_picture_or_a_label_are_skipped(tmp_path, read):
    images, labels = list(BYTES), list(LABELS)
    images[1], images[2], images[3], labels[4], labels[5] = None, b"", b"text", None, -1
    table = plain(labels, images).replace_schema_metadata(huggingface(range(2)).schema.metadata)
    parquet.write_table(table, tmp_path / "own.parquet", row_group_size=5)
    dataset = read(tmp_path / "own.parquet")
    assert {one.reason: one.names for one in dataset.summary.skipped} == {
        "no picture in its row": ("own.parquet row 1", "own.parquet row 2"),
        "no picture in a known format": ("own.parquet row 3",),
        "no label": ("own.parquet row 4", "own.parquet row 5"),
    }
    assert stored(dataset, "train", "validation") == expected(NAMES, [0, *range(6, 24)])


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (lambda: pa.table({"image": BYTES, "label": [0.5] * 24}), "no column of labels .*label .double"),
        (lambda: pa.table({"picture": ["a.png"] * 24, "label": LABELS}), "no column of pictures"),
        (lambda: pa.table({"image": BYTES}), "no column of labels"),
        (lambda: pa.table({"first": BYTES, "second": BYTES, "label": LABELS}), "no column of pictures"),
        (lambda: plain([0] * 24), "one class only"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, read, table, says):
    parquet.write_table(table(), tmp_path / "own.parquet")
    with pytest.raises(UserError, match=says):
        read(tmp_path / "own.parquet")


@pytest.mark.parametrize("name", WRITERS)
def test_damaged_tables(tmp_path, read, name):
    WRITERS[name](plain(), tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2], b"ARROW1" + bytes(100)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError):
            read(tmp_path / name)
    assert not any((tmp_path / "cache" / "datasets").glob("*/meta.json"))


def test_tables_that_name_their_classes_differently(tmp_path, read):
    (tmp_path / "set").mkdir()
    parquet.write_table(huggingface(range(12)), tmp_path / "set" / "train-0.parquet")
    parquet.write_table(huggingface(range(12, 24), ("dog", "cat", "fish")), tmp_path / "set" / "train-1.parquet")
    with pytest.raises(UserError, match="name their classes differently"):
        read(tmp_path / "set")


def test_without_pyarrow_the_hint_is_to_install_it(tmp_path, read, monkeypatch):
    parquet.write_table(plain(), tmp_path / "own.parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UserError) as caught:
        read(tmp_path / "own.parquet")
    assert caught.value.hint == "pip install pyarrow"


def test_a_pyarrow_that_runs_what_a_file_says_is_refused(tmp_path, read, monkeypatch):
    parquet.write_table(plain(), tmp_path / "own.parquet")
    monkeypatch.setattr(pa, "__version__", "13.0.0")
    with pytest.raises(UserError, match=r"pyarrow 13.0.0 runs code"):
        read(tmp_path / "own.parquet")
