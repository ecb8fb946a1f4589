"""Folders of class folders as people and their systems leave them."""

from __future__ import annotations

import io
import os
import shutil
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from effsearch.records.errors import UserError, printable
from effsearch.training.datasets import load_dataset

RANDOM = np.random.default_rng(0)
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")


def photo(path, colour=None, shape=(8, 8)):
    """A picture of noise, or of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = (
        RANDOM.integers(0, 256, (*shape, 3), np.uint8) if colour is None else np.full((*shape, 3), colour, np.uint8)
    )
    Image.fromarray(pixels).save(path, "PNG")
    return path


@pytest.fixture
def animals(tmp_path):
    """Two classes of four pictures."""
    for name in ("cat", "dog"):
        for number in range(4):
            photo(tmp_path / "animals" / name / f"{number}.png")
    return tmp_path / "animals"


@pytest.fixture
def read(tmp_path):
    return lambda path, **options: load_dataset(path, cache=tmp_path / "cache", workers=2, **options)


def counts(dataset):
    return {one.name: (one.train, one.validation, one.test) for one in dataset.summary.classes}


def skipped(dataset):
    return {one.reason: (one.count, list(one.names)) for one in dataset.summary.skipped}


def test_a_bare_folder(animals, read):
    dataset = read(animals)
    assert (dataset.name, dataset.classes, dataset.size, dataset.channels) == ("animals", ("cat", "dog"), 8, 3)
    assert counts(dataset) == {"cat": (3, 1, 0), "dog": (3, 1, 0)}
    assert dataset.test is None
    for part in (dataset.train, dataset.validation):
        assert part.images.shape == (len(part), 8, 8, 3)
        assert (part.images.dtype, part.labels.dtype) == (np.uint8, np.int64)
        assert not part.images.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            part.labels[0] = 1
    originals = {np.asarray(Image.open(file)).tobytes(): file.parent.name for file in animals.rglob("*.png")}
    stored = [
        (image.tobytes(), dataset.classes[label])
        for part in (dataset.train, dataset.validation)
        for image, label in zip(part.images, part.labels, strict=True)
    ]
    assert dict(stored) == originals
    pixels = dataset.train.images.reshape(-1, 3) / 255
    assert np.allclose(dataset.mean, pixels.mean(0))
    assert np.allclose(dataset.std, pixels.std(0))


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (("train", "val", "test"), (4, 4, 4)),
        (("Training", "Valid", "Testing"), (4, 4, 4)),
        (("train", "validation"), (3, 1, 4)),
        (("train", "test"), (3, 1, 4)),
        (("train",), (3, 1, 0)),
        (("train", "val", "unlabelled"), (3, 1, 4)),
    ],
)
def test_the_parts_of_a_tree(tmp_path, animals, read, folders, expected):
    for folder in folders:
        shutil.copytree(animals, tmp_path / "tree" / folder)
    dataset = read(tmp_path / "tree")
    assert counts(dataset) == {"cat": expected, "dog": expected}
    assert dataset.summary.duplicates.test_in_others == 2 * expected[2]
    left_out = 8 if "unlabelled" in folders else 0
    assert sum(one.count for one in dataset.summary.skipped) == left_out


def test_a_folder_around_everything_is_left_aside(tmp_path, animals, read):
    shutil.copytree(animals, tmp_path / "outer" / "pets" / "train")
    assert read(tmp_path / "outer").classes == ("cat", "dog")
    shutil.copytree(animals, tmp_path / "other" / "pets")
    dataset = read(tmp_path / "other")
    assert dataset.classes == ("cat", "dog")
    assert "the classes stand in pets/" in dataset.summary.notes


def test_pictures_deeper_in_a_class_belong_to_it(animals, read):
    photo(animals / "cat" / "black" / "small" / "9.png")
    assert counts(read(animals))["cat"] == (4, 1, 0)


def test_what_is_no_picture_by_its_name_is_ignored(animals, read):
    for name in ("Thumbs.db", ".hidden.png", "notes.txt", "film.mp4", "desktop.ini"):
        (animals / "cat" / name).write_bytes(b"x")
    for folder in ("__MACOSX", ".git"):
        photo(animals / folder / "cat" / "1.png")
    dataset = read(animals)
    assert dataset.classes == ("cat", "dog")
    assert dataset.summary.ignored == 7
    assert dataset.summary.skipped == ()


@POSIX
def test_what_cannot_be_read_is_skipped_and_named(animals, read):
    for number in range(10, 20):
        photo(animals / "cat" / f"{number}.png")
    (animals / "dog" / "folder.jpg").mkdir()
    os.mkfifo(animals / "dog" / "pipe.png")
    (animals / "dog" / "gone.png").symlink_to(animals / "nothing.png")
    (animals / "dog" / "ring.png").symlink_to(animals / "dog" / "ring.png")
    (animals / "dog" / "empty.gif").touch()
    (animals / "dog" / "text.jpg").write_text("hello")
    (animals / "dog" / "zero.png").symlink_to("/dev/zero")
    whole = (animals / "dog" / "0.png").read_bytes()
    (animals / "dog" / "half.png").write_bytes(whole[: len(whole) // 2])
    dataset = read(animals)
    assert counts(dataset)["dog"][:2] == (3, 1)
    assert skipped(dataset) == {
        "not a file": (3, ["dog/folder.jpg", "dog/pipe.png", "dog/zero.png"]),
        "cannot be read": (2, ["dog/gone.png", "dog/ring.png"]),
        "broken or cut off": (1, ["dog/half.png"]),
        "empty file": (1, ["dog/empty.gif"]),
        "no picture in a known format": (1, ["dog/text.jpg"]),
    }


def test_at_most_twenty_are_named(animals, read):
    for number in range(30, 70):
        photo(animals / "cat" / f"{number}.png")
    for number in range(25):
        (animals / "dog" / f"broken{number:02d}.jpg").write_bytes(b"broken")
    found = skipped(read(animals))
    assert found == {"no picture in a known format": (25, [f"dog/broken{number:02d}.jpg" for number in range(20)])}


def test_more_broken_than_whole_pictures_are_an_error(animals, read, tmp_path):
    for number in range(9):
        (animals / "dog" / f"broken{number}.jpg").write_bytes(b"broken")
    with pytest.raises(UserError, match=r"9 of 17 pictures cannot be used; the first: dog/broken0.jpg: no picture"):
        read(animals)
    assert [file.name for file in (tmp_path / "cache" / "datasets").iterdir() if file.suffix != ".lock"] == []


@POSIX
def test_links_to_folders_are_followed_but_not_around(animals, read, tmp_path):
    photo(tmp_path / "elsewhere" / "a.png")
    photo(tmp_path / "elsewhere" / "deep" / "b.png")
    (tmp_path / "elsewhere" / "deep" / "up").symlink_to(tmp_path / "elsewhere")
    (animals / "bird").symlink_to(tmp_path / "elsewhere")
    (animals / "cat" / "loop").symlink_to(animals)
    (animals / "cat" / "self").symlink_to(animals / "cat")
    (animals / "dog" / "linked.png").symlink_to(tmp_path / "elsewhere" / "a.png")
    dataset = read(animals)
    found = {one.name: one.train + one.validation for one in dataset.summary.classes}
    assert found == {"bird": 2, "cat": 4, "dog": 5}
    assert dataset.summary.duplicates.across_classes == 1


@POSIX
def test_names_may_hold_anything(animals, read, tmp_path):
    names = [b"new\nline.png", b"esc\x1b[2J.png", b"not-utf8-\xff\xfe.png", b"quote'\".png", b"[red].png"]
    source = (animals / "cat" / "0.png").read_bytes()
    for name in names:
        (animals / "cat" / os.fsdecode(name)).write_bytes(source)
    (animals / "cat" / os.fsdecode(b"broken\xff\n.png")).write_bytes(b"broken")
    (animals / "dog").rename(animals / os.fsdecode(b"d\xffg\n\x1b[31m"))
    dataset = read(animals)
    assert dataset.classes == ("cat", os.fsdecode(b"d\xffg\n\x1b[31m"))
    assert counts(dataset)["cat"][:2] == (8, 1)
    assert skipped(dataset)["no picture in a known format"] == (1, [os.fsdecode(b"cat/broken\xff\n.png")])
    assert read(animals).summary == dataset.summary
    assert all(printable(note) == note for note in dataset.summary.notes)


@pytest.mark.skipif(sys.platform == "win32", reason="no such names")
def test_an_empty_class_folder_is_left_out_and_said(animals, read):
    (animals / "bird").mkdir()
    (animals / "fish\x1b").mkdir()
    (animals / "cat" / "nested").mkdir()
    dataset = read(animals)
    assert dataset.classes == ("cat", "dog")
    assert "class folders without a picture, left out: 2 (bird, fish\\x1b)" in dataset.summary.notes


def test_a_class_of_one_picture_keeps_it_for_training(animals, read):
    photo(animals / "bird" / "1.png")
    dataset = read(animals)
    assert counts(dataset)["bird"] == (1, 0, 0)
    assert "classes with a single training image, which stays for training: 1 (bird)" in dataset.summary.notes
    assert dataset.summary.imbalance == 3.0


def test_a_class_without_training_pictures_is_left_out(tmp_path, animals, read):
    for folder in ("train", "val", "test"):
        shutil.copytree(animals, tmp_path / "tree" / folder)
    photo(tmp_path / "tree" / "test" / "bird" / "1.png")
    dataset = read(tmp_path / "tree")
    assert dataset.classes == ("cat", "dog")
    assert skipped(dataset) == {"its class has no training picture": (1, ["test/bird/1.png"])}


def test_a_class_whose_training_pictures_are_broken_gets_another_split(animals, read):
    """Whichever of two pictures the split keeps for training: if that is the broken one, the whole one takes over."""
    for number in range(8):
        photo(animals / f"class{number}" / "whole.png")
        whole = photo(animals / f"class{number}" / "half.png").read_bytes()
        (animals / f"class{number}" / "half.png").write_bytes(whole[: len(whole) - 60])
    dataset = read(animals)
    assert {counts(dataset)[f"class{number}"] for number in range(8)} == {(1, 0, 0)}
    assert skipped(dataset)["broken or cut off"][0] == 8


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.mkdir(), "it holds nothing"),
        (lambda path: photo(path / "cat" / "1.png"), "one class only, cat"),
        (lambda path: photo(path / "1.png"), "it holds 1.png"),
        (lambda path: (path / "a").mkdir(parents=True), "it holds a/"),
        (lambda path: (photo(path / "a" / "1.png"), photo(path / "b" / "1.png")), "no class has two training pictures"),
        (
            lambda path: (photo(path / "val" / "a" / "1.png"), photo(path / "test" / "a" / "1.png")),
            "one class|two training",
        ),
        (lambda path: (photo(path / "train" / "1.png"), photo(path / "val" / "a" / "1.png")), "no training picture"),
        (lambda path: path.write_text("hello"), "no data set by its name"),
        (lambda path: None, "No such file"),
    ],
)
def test_what_cannot_be_trained_on_is_an_error(tmp_path, read, make, says):
    make(tmp_path / "it")
    with pytest.raises(UserError, match=says) as caught:
        read(tmp_path / "it")
    assert len(caught.value.lines()) <= 2


@POSIX
def test_a_pipe_for_a_path_is_not_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(UserError, match="neither a folder nor a file"):
        read(tmp_path / "pipe.zip")


def test_duplicates_are_counted(tmp_path, read):
    same, other = 10, 20
    for path, colour in {
        "train/cat/1.png": same, "train/cat/2.png": same, "train/cat/3.png": other, "train/dog/1.png": other,
        "train/dog/2.png": 30, "val/cat/1.png": same, "val/cat/2.png": 40, "val/dog/1.png": 50,
        "test/cat/1.png": 40, "test/cat/2.png": 41, "test/dog/1.png": same,
    }.items():  # fmt: skip
        photo(tmp_path / "tree" / path, colour)
    dataset = read(tmp_path / "tree")
    found = dataset.summary.duplicates
    # train: two of the same colour, and `other` in cat and dog
    assert (found.within_training, found.validation_in_training, found.test_in_others) == (2, 1, 2)
    assert found.across_classes == 2
    assert any("validation images that are training images, too: 1" in note for note in dataset.summary.notes)


def test_grey_pictures_among_coloured_ones(animals, read):
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    Image.fromarray(grey).save(animals / "cat" / "grey.png")
    dataset = read(animals)
    assert (dataset.channels, dataset.summary.grey) == (3, 1)
    assert any(
        (image == grey[..., None]).all() for part in (dataset.train, dataset.validation) for image in part.images
    )
    for file in animals.rglob("*.png"):
        Image.open(file).convert("L").save(file)
    dataset = read(animals)
    assert (dataset.channels, dataset.summary.grey) == (1, 9)
    assert len(dataset.mean) == len(dataset.std) == 1


@pytest.mark.parametrize(
    ("shapes", "size"),
    [
        ([(8, 8)] * 5, 8),
        pytest.param([(300, 300)] * 5, 300, marks=pytest.mark.slow),
        ([(8, 12)] * 5, 8),
        ([(8, 8), (30, 20), (40, 40), (50, 90), (60, 60)], 40),
        ([(260, 300)] * 5, 256),
    ],
)
def test_the_size_that_is_chosen(tmp_path, read, shapes, size):
    for number, shape in enumerate(shapes):
        for name in ("cat", "dog"):
            photo(tmp_path / "sizes" / name / f"{number}.png", number, shape)
    dataset = read(tmp_path / "sizes")
    shorter = sorted(min(shape) for shape in shapes)
    assert dataset.size == size
    assert dataset.summary.sizes == (shorter[0], shorter[2], shorter[-1])
    assert read(tmp_path / "sizes", size=5).train.images.shape[1:] == (5, 5, 3)


def test_a_zip_is_as_good_as_the_folder(tmp_path, animals, read):
    with zipfile.ZipFile(tmp_path / "animals.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(animals.rglob("*.png")):
            archive.write(file, f"wrapped/{file.relative_to(animals)}")
        archive.writestr("__MACOSX/wrapped/cat/._0.png", b"x")
        archive.writestr("wrapped/readme.txt", b"x")
    dataset, folder = read(tmp_path / "animals.zip"), read(animals)
    assert dataset.classes == folder.classes
    assert dataset.fingerprint == folder.fingerprint
    assert dataset.summary.ignored == 2


def test_a_folder_of_zips_is_one_tree(tmp_path, animals, read):
    (tmp_path / "zips").mkdir()
    for role in ("train", "val"):
        with zipfile.ZipFile(tmp_path / "zips" / f"{role}.zip", "w") as archive:
            for file in animals.rglob("*.png"):
                archive.write(file, f"tree/{role}/{file.relative_to(animals)}")
    assert counts(read(tmp_path / "zips")) == {"cat": (3, 1, 4), "dog": (3, 1, 4)}


def test_a_hostile_zip_writes_nothing_and_is_survived(tmp_path, animals, read, monkeypatch):
    monkeypatch.setattr("effsearch.training.datasets.zip_folders.LARGEST_MEMBER", 100_000)
    with zipfile.ZipFile(tmp_path / "evil.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in animals.rglob("*.png"):
            archive.write(file, str(file.relative_to(animals)))
        archive.write(animals / "cat" / "0.png", "../../cat/../cat/climbing.png")
        archive.write(animals / "cat" / "0.png", "/cat/absolute.png")
        archive.writestr("dog/bomb.png", bytes(10_000_000))
        archive.writestr("dog/text.png", b"text")
    before = sorted(tmp_path.rglob("*"))
    dataset = read(tmp_path / "evil.zip")
    assert skipped(dataset) == {
        "too large a file": (1, ["dog/bomb.png"]),
        "no picture in a known format": (1, ["dog/text.png"]),
    }
    assert {file for file in tmp_path.rglob("*") if tmp_path / "cache" not in (file, *file.parents)} == set(before)


def test_a_damaged_zip_is_an_error_or_skips(tmp_path, animals, read):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file in sorted(animals.rglob("*.png")):
            archive.write(file, str(file.relative_to(animals)))
    whole = bytearray(content.getvalue())
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="no zip archive"):
        read(tmp_path / "cut.zip")
    whole[120] ^= 255  # inside the first picture: its checksum is wrong
    (tmp_path / "spoilt.zip").write_bytes(whole)
    assert skipped(read(tmp_path / "spoilt.zip")) == {"broken or cut off": (1, ["cat/0.png"])}
