"""Each format, written here byte by byte from its description, and what is wrong with a file that is not it."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from effsearch.records.errors import UserError
from effsearch.training.datasets import cifar_pickle, load_dataset
from effsearch.training.datasets.cifar10 import CLASSES

RANDOM = np.random.default_rng(0)
FASHION = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture
def read(tmp_path):
    return lambda path, **options: load_dataset(path, **{"cache": tmp_path / "cache", "workers": 2, **options})


def stored(dataset, *parts):
    """{pixels: class} of parts of the data set."""
    return {
        image.tobytes(): dataset.classes[label]
        for part in (getattr(dataset, name) for name in parts)
        for image, label in zip(part.images, part.labels, strict=True)
    }


def expected(images, names):
    return {image.tobytes(): name for image, name in zip(images, names, strict=True)}


def idx(array):
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def digits(count):
    return RANDOM.integers(0, 256, (count, 6, 6), np.uint8), np.arange(count, dtype=np.uint8) % 3


def write_idx(folder, test="t10k", separator="-", packed=True, prefix=""):
    folder.mkdir()
    arrays = {}
    for role, count in (("train", 30), (test, 9)):
        for what, array, dimensions in zip(("images", "labels"), digits(count), (3, 1), strict=True):
            name = f"{prefix}{role}-{what}{separator}idx{dimensions}-ubyte"
            arrays[role, what] = array
            content = idx(array)
            (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(content) if packed else content)
    return arrays


@pytest.mark.parametrize(
    "options",
    [{}, {"packed": False}, {"separator": ".", "packed": False}, {"test": "test"}, {"prefix": "emnist-letters-"}],
)
def test_idx_files(tmp_path, read, options):
    arrays = write_idx(tmp_path / "digits", **options)
    dataset = read(tmp_path / "digits")
    assert (dataset.classes, dataset.size, dataset.channels) == (("0", "1", "2"), 6, 1)
    assert len(dataset.validation) == 3
    images, labels = arrays["train", "images"], arrays["train", "labels"]
    assert stored(dataset, "train", "validation") == expected(images, map(str, labels))
    test = options.get("test", "t10k")
    assert np.array_equal(dataset.test.images[..., 0], arrays[test, "images"])
    assert np.array_equal(dataset.test.labels, arrays[test, "labels"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no idx file"),
        (b"\0\0\x0d\3" + bytes(12), "no idx file of uint8"),
        (b"\0\0\x08\3" + struct.pack(">3I", 30, 6, 6) + bytes(100), "too short"),
        (b"\0\0\x08\3" + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1), "too short"),
        (b"\0\0\x08\3" + struct.pack(">3I", 30, 6, 6) + bytes(1081), "not as long"),
        (b"\0\0\x08\3" + struct.pack(">3I", 29, 6, 6) + bytes(29 * 36), "29 train images, but 30 labels"),
        (b"\0\0\x08\3" + struct.pack(">3I", 30, 0, 6), "shape"),
    ],
)
def test_idx_files_that_are_none(tmp_path, read, content, says):
    write_idx(tmp_path / "digits", packed=False)
    (tmp_path / "digits" / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(UserError, match=says):
        read(tmp_path / "digits")


def test_a_cut_off_gz_and_a_missing_file(tmp_path, read):
    write_idx(tmp_path / "digits")
    file = tmp_path / "digits" / "train-images-idx3-ubyte.gz"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="damaged"):
        read(tmp_path / "digits")
    file.unlink()
    with pytest.raises(UserError, match="no train-images-idx3-ubyte"):
        read(tmp_path / "digits")


@pytest.mark.parametrize(
    ("names", "shape"),
    [
        (("x_train", "y_train", "x_test", "y_test"), (6, 6, 3)),
        (("train_images", "train_labels", "test_images", "test_labels"), (3, 6, 6)),
        (("images", "labels"), (6, 6)),
        (("X", "y"), (6, 6, 1)),
    ],
)
def test_npz(tmp_path, read, names, shape):
    images = RANDOM.integers(0, 256, (39, *shape), np.uint8)
    labels = np.arange(39) % 3
    cut = 30 if len(names) == 4 else 39
    values = (images[:cut], labels[:cut], images[cut:], labels[cut:, None])
    np.savez(tmp_path / "own.npz", **dict(zip(names, values, strict=False)))
    dataset = read(tmp_path / "own.npz")
    upright = images.transpose(0, 2, 3, 1) if shape == (3, 6, 6) else images
    assert stored(dataset, "train", "validation") == expected(upright[:cut], map(str, labels[:cut]))
    if len(names) == 4:
        assert stored(dataset, "test") == expected(upright[cut:], map(str, labels[cut:]))
    else:
        assert dataset.test is None


@pytest.mark.parametrize(
    ("kind", "value", "pixel"),
    [
        (np.float32, 0.5, 128), (np.float64, 1.0, 255), (np.bool_, True, 255), (np.int64, 77, 77),
        (np.uint16, 65535, 255), (np.uint16, 200, 200),
    ],
)  # fmt: skip
def test_npz_of_other_kinds_of_numbers(tmp_path, read, kind, value, pixel):
    images = np.zeros((8, 4, 4), kind)
    images[:, 1, 2] = value
    np.savez(tmp_path / "own.npz", images=images, labels=np.arange(8) % 2)
    dataset = read(tmp_path / "own.npz")
    assert dataset.train.images[:, 1, 2, 0].tolist() == [pixel] * len(dataset.train)
    assert dataset.train.images.sum(dtype=int) == pixel * len(dataset.train)


def test_npz_with_names_of_the_classes(tmp_path, read):
    images = RANDOM.integers(0, 256, (8, 4, 4), np.uint8)
    np.savez(tmp_path / "own.npz", images=images, labels=np.array(["cat", "dog"] * 4))
    assert read(tmp_path / "own.npz").classes == ("cat", "dog")
    np.savez(tmp_path / "own.npz", images=images, labels=np.arange(8) % 2 + 1, classes=np.array(["bird", "cat", "dog"]))
    dataset = read(tmp_path / "own.npz")
    assert dataset.classes == ("cat", "dog")
    assert set(dataset.train.labels.tolist()) == {0, 1}


def test_npz_with_labels_that_have_no_name(tmp_path, read):
    labels = np.array([0, 1] * 6 + [2, -1])
    np.savez(tmp_path / "own.npz", images=np.zeros((14, 4, 4), np.uint8), labels=labels, classes=np.array(["a", "b"]))
    dataset = read(tmp_path / "own.npz")
    assert [(one.reason, one.count) for one in dataset.summary.skipped] == [("no label", 2)]
    assert (dataset.mean, dataset.std) == ((0.0,), (1 / 255,))  # nobody divides by 0


class Evil:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({}, "must hold x_train"),
        ({"pictures": np.zeros((4, 4, 4)), "labels": np.zeros(4)}, "holds labels, pictures; it must hold"),
        ({"images": np.zeros((4, 4, 4), np.uint8), "labels": np.zeros((4, 10))}, "labels are one number"),
        ({"images": np.zeros((4, 4, 4), np.uint8), "labels": np.zeros(4)}, "float64"),
        ({"images": np.zeros((4, 4, 4), np.uint8), "labels": np.zeros(5, int)}, "4 train images, but 5 labels"),
        ({"images": np.zeros((4, 4), np.uint8), "labels": np.zeros(4, int)}, r"shape \(4, 4\)"),
        ({"images": np.zeros((4, 4, 4, 5), np.uint8), "labels": np.zeros(4, int)}, "shape"),
        ({"images": np.full((4, 4, 4), np.nan), "labels": np.arange(4)}, "nan"),
        ({"images": np.full((4, 4, 4), 300.0), "labels": np.arange(4)}, "300"),
        ({"images": np.full((4, 4, 4), -1), "labels": np.arange(4)}, "-1"),
    ],
)
def test_npz_that_cannot_be_used(tmp_path, read, arrays, says):
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(UserError, match=says):
        read(tmp_path / "own.npz")


def test_npz_unpickles_nothing_and_may_be_damaged(tmp_path, read):
    file, made = tmp_path / "own.npz", tmp_path / "made"
    np.savez(file, images=np.array([Evil(made)] * 4, object), labels=np.arange(4) % 2, allow_pickle=True)
    with pytest.raises(UserError, match=r"cannot be read as \.npz"):
        read(file)
    assert not made.exists()
    np.savez(file, images=np.zeros((40, 9, 9), np.uint8), labels=np.arange(40) % 2)
    content = file.read_bytes()
    for broken in (b"", b"text", content[:900], content[:300] + b"\xff" * 50 + content[350:]):
        file.write_bytes(broken)
        with pytest.raises(UserError, match=r"cannot be read as \.npz"):
            read(file)


# CIFAR-10 with four pictures a batch
def batches():
    return [
        (RANDOM.integers(0, 256, (4, 3, 32, 32), np.uint8), [batch % 10, (batch + 1) % 10, 0, 1]) for batch in range(6)
    ]


NAMES = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]


def as_pickles(content, protocol=2):
    return {
        name: pickle.dumps({b"data": images.reshape(4, -1), b"labels": labels, b"batch_label": b"batch"}, protocol)
        for name, (images, labels) in zip(NAMES, content, strict=True)
    }


def as_records(content):
    return {
        f"{name}.bin": b"".join(bytes([label]) + image.tobytes() for image, label in zip(images, labels, strict=True))
        for name, (images, labels) in zip(NAMES, content, strict=True)
    }


def as_pages(content):
    files = {
        "train_lables.json": json.dumps([label for _, labels in content[:5] for label in labels]).encode(),
        "test_lables.json": json.dumps(content[5][1]).encode(),
    }
    for name, (images, _) in zip(NAMES, content, strict=True):
        page = io.BytesIO()
        Image.fromarray(images.transpose(0, 2, 3, 1).reshape(4, 1024, 3)).save(page, "PNG")
        files[f"{name}.png"] = page.getvalue()
    return files


FORMS = {"cifar-10-batches-py": as_pickles, "cifar-10-batches-bin": as_records, "package": as_pages}


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def pack(file, files, folder):
    with tarfile.open(file, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file


@pytest.mark.parametrize("folder", FORMS)
@pytest.mark.parametrize("place", ["inside", "outside", "archive"])
def test_cifar_10(tmp_path, read, folder, place):
    content = batches()
    files = FORMS[folder](content) | {"readme.html": b"hello"}
    path = write(tmp_path / folder, files)
    path = {"inside": path, "outside": tmp_path, "archive": tmp_path / "cifar.tar.gz"}[place]
    if place == "archive":
        pack(path, files, folder)
    dataset = read(path, cache=tmp_path.parent / f"{tmp_path.name}-cache") if place == "outside" else read(path)
    upright = [(images.transpose(0, 2, 3, 1), labels) for images, labels in content]
    pictures = np.concatenate([images for images, _ in upright[:5]])
    names = [CLASSES[label] for _, labels in upright[:5] for label in labels]
    assert stored(dataset, "train", "validation") == expected(pictures, names)
    in_training = set(names)
    test = [(image, CLASSES[label]) for image, label in zip(*upright[5], strict=True) if CLASSES[label] in in_training]
    assert stored(dataset, "test") == expected(*zip(*test, strict=True))


@pytest.mark.parametrize("protocol", range(6))
def test_cifar_10_pickled_by_any_protocol(tmp_path, read, protocol):
    content = batches()
    path = write(tmp_path / "cifar", as_pickles(content, protocol))
    assert len(read(path).train) + len(read(path).validation) == 20


def test_a_pickle_of_python_2_and_of_another_numpy(tmp_path, read):
    """As the original archive has them: texts are bytes, and NumPy's core is called numpy.core."""
    files = as_pickles(batches())
    path = write(tmp_path / "cifar", {name: one.replace(b"numpy._core", b"numpy.core") for name, one in files.items()})
    assert len(read(path).train) + len(read(path).validation) == 20


def global_call(module, name, argument):
    """A pickle that calls module.name(argument)."""
    return b"c" + f"{module}\n{name}\n".encode() + b"(" + b"V" + argument.encode() + b"\ntR."


@pytest.mark.parametrize(
    "attack",
    [
        lambda made: pickle.dumps(Evil(made)),
        lambda made: pickle.dumps({b"data": Evil(made), b"labels": [1]}, 4),
        lambda made: global_call("os", "system", f"touch {made}"),
        lambda made: global_call("builtins", "eval", f"open({str(made)!r}, 'w')"),
        lambda made: global_call("numpy", "load", str(made)),
        lambda made: global_call("numpy.core.multiarray", "fromfile", str(made)),
        lambda made: b"(V" + f"touch {made}".encode() + b"\nios\nsystem\n.",
        lambda made: b"\x80\x02cos\nsystem\nq\0.",
        lambda made: b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        lambda made: b"\x80\x02K\x01r\xff\xff\xff\x7f.",  # a memory place far away
        lambda made: b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b".",
        lambda made: b"\x80\x02" + b"]" * 50_000 + b"a" * 49_999 + b".",
        lambda made: b"\x80\x02\x8e" + struct.pack("<Q", 2**62) + b"x.",
        lambda made: b"\x80\x02P123\n.",
        lambda made: b"\x80\x02}q\0h\0h\0s.",  # a dict as its own key
        lambda made: b"\x80\x02]q\0h\0a.",  # a list in itself
        lambda made: pickle.dumps({b"data": np.array([Evil(made)] * 4, object), b"labels": [0, 1, 2, 3]}, 2),
        lambda made: pickle.dumps({b"data": np.zeros((4, 3072)), b"labels": [0, 1, 2, 3]}, 2),
        lambda made: b"",
        lambda made: b"\x89PNG\r\n\x1a\n" + bytes(100),
    ],
)
def test_a_hostile_pickle_runs_nothing(tmp_path, attack):
    with pytest.raises(ValueError, match=r".") as caught:
        cifar_pickle.load(attack(tmp_path / "made"))
    assert len(str(caught.value)) < 300
    assert not (tmp_path / "made").exists()


def batch(data, labels):
    return pickle.dumps({b"data": data, b"labels": labels}, 2)


@pytest.mark.parametrize(
    "content",
    [
        global_call("os", "system", "true"),
        pickle.dumps([1, 2, 3]),
        pickle.dumps({1: 2}),
        batch(np.zeros((4, 99), np.uint8), [0, 1, 2, 3]),
        batch(np.zeros((4, 3072), np.uint8), [0, 1, 2, 11]),
        batch(np.zeros((4, 3072), np.uint8), [0, 1, 2]),
        batch(np.zeros((4, 3072), np.uint8), 3),
    ],
)
def test_a_pickle_that_is_no_batch(tmp_path, read, content):
    path = write(tmp_path / "cifar", as_pickles(batches()))
    (path / "data_batch_1").write_bytes(content)
    with pytest.raises(UserError, match=r"damaged CIFAR-10|20 train images, but 19 labels"):
        read(path)


@pytest.mark.parametrize("folder", FORMS)
def test_an_incomplete_or_damaged_cifar_10(tmp_path, read, folder):
    path = write(tmp_path / folder, FORMS[folder](batches()))
    second = next(file for file in path.iterdir() if file.name.startswith("data_batch_2"))
    whole = second.read_bytes()
    second.write_bytes(whole[: len(whole) // 2 + 1])
    with pytest.raises(UserError, match=r"damaged|labels"):
        read(path)
    second.unlink()
    with pytest.raises(UserError, match="data_batch_2"):
        read(path)


@pytest.mark.parametrize("labels", [b"[1, 2", b"{}", b'["cat"]', b"[NaN]", b"[true]", b"[10]", b"[1, 2, 3]"])
def test_pages_with_other_labels(tmp_path, read, labels):
    path = write(tmp_path / "package", as_pages(batches()))
    (path / "train_lables.json").write_bytes(labels)
    with pytest.raises(UserError, match=r"damaged|20 train images, but 3 labels"):
        read(path)


def test_another_tar_is_no_cifar_10(tmp_path, read):
    pack(tmp_path / "own.tgz", {"a.txt": b"1"}, "folder")
    with pytest.raises(UserError, match=r"no archive of CIFAR-10; it holds folder/a.txt"):
        read(tmp_path / "own.tgz")
    (tmp_path / "own.tgz").write_bytes(b"text")
    with pytest.raises(UserError, match="cannot be read as a tar archive"):
        read(tmp_path / "own.tgz")


@pytest.mark.slow
@pytest.mark.skipif(not FASHION.is_dir(), reason="the Debian package dataset-fashion-mnist is not installed")
def test_fashion_mnist(read):
    dataset = read(FASHION)
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [54_000, 6_000, 10_000]
    assert {(one.train, one.validation, one.test) for one in dataset.summary.classes} == {(5_400, 600, 1_000)}
    assert dataset.mean[0] == pytest.approx(0.2860, abs=0.0005)  # of all 60,000, as it is often quoted
    assert dataset.std[0] == pytest.approx(0.3530, abs=0.0005)
    with gzip.open(FASHION / "t10k-images-idx3-ubyte.gz") as file:
        assert dataset.test.images.tobytes() == file.read()[16:]
    with gzip.open(FASHION / "t10k-labels-idx1-ubyte.gz") as file:
        assert bytes(dataset.test.labels.tolist()) == file.read()[8:]
