"""The cache: what makes a new one, what a damaged one does, several processes, pickling, and its memory."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from effsearch.records.errors import UserError
from effsearch.records.lock import RunLock
from effsearch.search_spaces.checks import InvalidValue
from effsearch.training.datasets import building, load_dataset, open_cache

RANDOM = np.random.default_rng(0)


@pytest.fixture
def animals(tmp_path):
    """Two classes of five pictures of 8 pixels."""
    for name in ("cat", "dog"):
        (tmp_path / "animals" / name).mkdir(parents=True)
        for number in range(5):
            draw(tmp_path / "animals" / name / f"{number}.png")
    return tmp_path / "animals"


def draw(path, side=8):
    Image.fromarray(RANDOM.integers(0, 256, (side, side, 3), np.uint8)).save(path)


@pytest.fixture
def load(animals, tmp_path):
    return lambda path=animals, **options: load_dataset(path, **{"cache": tmp_path / "cache", "workers": 1, **options})


@pytest.fixture
def builds(monkeypatch):
    """A list that grows with each picture that is decoded."""
    calls = []
    original = building.decoding.decode
    monkeypatch.setattr(building.decoding, "decode", lambda *given: calls.append(1) or original(*given))
    return calls


def same(one, other):
    assert (one.name, one.path, one.classes, one.size, one.channels) == (
        other.name, other.path, other.classes, other.size, other.channels,
    )  # fmt: skip
    assert (one.mean, one.std, one.fingerprint, one.summary) == (
        other.mean,
        other.std,
        other.fingerprint,
        other.summary,
    )
    for name in ("train", "validation", "test"):
        first, second = getattr(one, name), getattr(other, name)
        assert (first is None) == (second is None)
        if first is not None:
            assert np.array_equal(first.images, second.images)
            assert np.array_equal(first.labels, second.labels)


def test_a_second_load_decodes_nothing(load, builds):
    first = load()
    assert len(builds) == 10
    same(load(), first)
    assert len(builds) == 10


def test_progress_is_told_while_decoding_only(load):
    told = []
    load(on_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (10, 10)
    told.clear()
    load(on_progress=lambda done, total: told.append((done, total)))
    assert told == []


@pytest.mark.parametrize("options", [{"size": 4}, {"validation": 0.4}, {"seed": 1}])
def test_other_options_are_another_cache(load, options):
    first = load()
    other = load(**options)
    assert other.path != first.path
    assert other.fingerprint != first.fingerprint
    same(load(), first)


def test_the_fingerprint_is_of_the_content(animals, load, tmp_path):
    first = load()
    shutil.copytree(animals, tmp_path / "copy" / "animals")
    for file in (tmp_path / "copy").rglob("*.png"):
        os.utime(file, (1, 1))
    copied = load(tmp_path / "copy" / "animals")
    assert copied.path != first.path
    assert copied.fingerprint == first.fingerprint
    assert len(first.fingerprint) == 16
    int(first.fingerprint, 16)


def changed(animals):
    draw(animals / "cat" / "0.png")


def added(animals):
    draw(animals / "cat" / "9.png")


def removed(animals):
    (animals / "cat" / "0.png").unlink()


def renamed(animals):
    (animals / "cat").rename(animals / "lion")


def swapped(animals):
    """Of the same size, but with another picture's content and time."""
    shutil.copy2(animals / "dog" / "0.png", animals / "cat" / "0.png")


@pytest.mark.parametrize("change", [changed, added, removed, renamed, swapped])
def test_a_change_in_the_folder_is_noticed(animals, load, change):
    first = load()
    change(animals)
    second = load()
    assert second.path != first.path
    assert second.fingerprint != first.fingerprint


def cut(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 2)


def edit(**fields):
    def change(path):
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    return change


DAMAGES = [
    ("train-images.npy", cut),
    ("train-images.npy", Path.unlink),
    ("validation-images.npy", lambda path: path.write_bytes(path.read_bytes() + b"1")),
    ("train-images.npy", lambda path: path.write_bytes(b"\x94" + path.read_bytes()[1:])),
    ("train-labels.npy", cut),
    (
        "train-labels.npy",
        lambda path: path.write_bytes(path.read_bytes()[:-8] + (1 - path.read_bytes()[-8]).to_bytes(8, "little")),
    ),
    ("train-labels.npy", lambda path: path.write_bytes(pickle.dumps([1, 2, 3]))),
    ("meta.json", cut),
    ("meta.json", lambda path: path.write_bytes(b"")),
    ("meta.json", Path.unlink),
    ("meta.json", edit(version=2)),
    ("meta.json", edit(format="other")),
    ("meta.json", edit(more=1)),
    ("meta.json", edit(size="8")),
    ("meta.json", edit(channels=2)),
    ("meta.json", edit(classes=["cat"])),
    ("meta.json", edit(counts=[8, 2])),
    ("meta.json", edit(counts=[10, 0, 0])),
    ("meta.json", edit(mean=[0.5])),
    ("meta.json", edit(summary={})),
    ("meta.json", edit(labels_hash="0" * 32)),
]
SOME = {("train-images.npy", cut), ("train-labels.npy", cut), ("meta.json", cut), ("meta.json", Path.unlink)}


@pytest.mark.parametrize(
    ("name", "damage"), [one if one in SOME else pytest.param(*one, marks=pytest.mark.slow) for one in DAMAGES]
)
def test_a_damaged_cache_is_built_again(load, builds, name, damage):
    first = load()
    copies = pickle.loads(pickle.dumps([first.train.images.copy(), first.train.labels.copy()]))  # noqa: S301
    damage(first.path / name)
    with pytest.raises(UserError, match=r"damaged|no data set in the cache"):
        open_cache(first.path)
    again = load()
    assert len(builds) == 20
    assert again.path == first.path
    assert again.fingerprint == first.fingerprint
    assert np.array_equal(again.train.images, copies[0])
    assert np.array_equal(again.train.labels, copies[1])
    assert sorted(file.name for file in first.path.parent.iterdir()) == [first.path.name, first.path.name + ".lock"]


def test_what_a_killed_build_left_is_removed(load, tmp_path):
    first = load()
    shutil.rmtree(first.path)
    left = first.path.with_name(f".tmp-{first.path.name}-123456")
    left.mkdir()
    (left / "train-images.npy").write_bytes(b"half")
    other = first.path.with_name(".tmp-0123456789abcdef-1")
    other.mkdir()
    load()
    assert not left.exists()
    assert other.exists()  # another data set's, perhaps being built


def test_a_build_that_fails_leaves_nothing(load, monkeypatch, tmp_path):
    def fails(*_):
        raise RuntimeError("in the middle")

    monkeypatch.setattr(building.decoding, "decode", fails)
    with pytest.raises(RuntimeError, match="in the middle"):
        load()
    assert [file.suffix for file in (tmp_path / "cache" / "datasets").iterdir()] == [".lock"]


def test_a_data_set_pickles_by_its_path(load):
    dataset = load()
    content = pickle.dumps(dataset)
    assert len(content) < 300 + len(str(dataset.path))
    same(pickle.loads(content), dataset)  # noqa: S301
    shutil.rmtree(dataset.path)
    with pytest.raises(UserError, match="no data set in the cache"):
        pickle.loads(content)  # noqa: S301


def test_a_relative_cache_is_found_from_elsewhere(load, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dataset = load(cache="here")
    monkeypatch.chdir("/")
    assert dataset.path.is_relative_to(tmp_path / "here" / "datasets")
    same(open_cache(dataset.path), dataset)


def test_the_cache_is_where_the_environment_says(load, tmp_path, monkeypatch):
    monkeypatch.setenv("EFFSEARCH_CACHE", str(tmp_path / "from-environment"))
    assert load(cache=None).path.parent == tmp_path / "from-environment" / "datasets"
    monkeypatch.delenv("EFFSEARCH_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert load(cache=None).path.parent == tmp_path / "home" / ".cache" / "effsearch" / "datasets"


def test_a_disk_that_is_too_small_is_said_before_writing(load, monkeypatch):
    monkeypatch.setattr(building.shutil, "disk_usage", lambda path: type("usage", (), {"free": 1000})())
    with pytest.raises(UserError, match=r"10 images of 8 x 8 need 0\.0 GB .* 0\.0 GB free") as caught:
        load()
    assert "EFFSEARCH_CACHE" in caught.value.hint


def test_a_cache_that_cannot_be_written(load, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot write the cache") as caught:
        load(cache=tmp_path / "file")
    assert "EFFSEARCH_CACHE" in caught.value.hint


@pytest.mark.parametrize(
    "options",
    [{"size": 0}, {"size": 5000}, {"size": 2.5}, {"validation": 0}, {"validation": 1.0}, {"validation": float("nan")},
     {"seed": -1}, {"seed": 0.5}, {"workers": 0}, {"size": True}],
)  # fmt: skip
def test_arguments_out_of_range(load, options):
    with pytest.raises(InvalidValue, match=next(iter(options))):
        load(**options)


def test_a_second_build_waits_for_the_first(load, builds, tmp_path):
    dataset = load()
    aside = tmp_path / "aside"
    dataset.path.rename(aside)
    with RunLock(dataset.path.with_name(dataset.path.name + ".lock")):  # as another process that builds it
        found = []
        thread = threading.Thread(target=lambda: found.append(load()))
        thread.start()
        time.sleep(0.25)
        assert found == []
        aside.rename(dataset.path)
        thread.join(10)
    same(found[0], dataset)
    assert len(builds) == 10


def test_of_two_builds_without_locks_the_first_to_end_wins(load, monkeypatch, tmp_path):
    """A file system that has no locks: another process publishes the cache while this one builds it."""
    dataset = load()
    aside = tmp_path / "aside"
    dataset.path.rename(aside)

    def no_locks(self):
        raise UserError("no locks") from OSError(95, "Operation not supported")

    monkeypatch.setattr(RunLock, "acquire", no_locks)
    original = building.build

    def slower(*given):
        content = original(*given)
        shutil.copytree(aside, dataset.path)
        return content

    monkeypatch.setattr("effsearch.training.datasets.loading.build", slower)
    before = (aside / "meta.json").stat().st_mtime_ns
    same(load(), dataset)
    assert (dataset.path / "meta.json").stat().st_mtime_ns == before
    assert not list(dataset.path.parent.glob(".tmp-*"))


@pytest.fixture
def start():
    """Starts a Python program; it is killed after the test."""
    running = []

    def start(code, *arguments):
        command = [sys.executable, "-c", code, *map(str, arguments)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def go(processes):
    """All at once."""
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()


def answers(processes):
    return [process.stdout.readline().split() for process in processes]


LOADING = """
import sys
from effsearch.training.datasets import load_dataset
print("ready", flush=True)
input()
dataset = load_dataset(sys.argv[1], cache=sys.argv[2], workers=1)
print(dataset.fingerprint, int(dataset.train.images.sum()), flush=True)
"""


@pytest.mark.slow
def test_processes_that_build_at_once_do_no_damage(animals, tmp_path, start):
    for number in range(100):
        draw(animals / "cat" / f"more{number}.png", 64)
    processes = [start(LOADING, animals, tmp_path / "cache") for _ in range(4)]
    assert answers(processes) == [["ready"]] * 4
    go(processes)
    found = answers(processes)
    dataset = load_dataset(animals, cache=tmp_path / "cache")
    assert found == [[dataset.fingerprint, str(int(dataset.train.images.sum()))]] * 4
    assert sorted(file.name for file in dataset.path.parent.iterdir()) == [
        dataset.path.name, dataset.path.name + ".lock",
    ]  # fmt: skip


# Private: bytes that belong to this process alone. Pss: its shared bytes count by the number of processes that share.
TOUCHING = """
import pickle, sys
from pathlib import Path

def memory():
    rows = dict(line.split()[:2] for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:])
    private = int(rows["Private_Dirty:"]) + int(rows["Private_Clean:"])
    return [1024 * private, 1024 * int(rows["Pss:"]), 1024 * int(rows["Rss:"])]

dataset = pickle.loads(Path(sys.argv[1]).read_bytes())
before = memory()
total = sum(int(dataset.train.images[at : at + 64].sum()) for at in range(0, len(dataset.train), 64))
print(total, flush=True)
input()
print(*(after - start for after, start in zip(memory(), before)), flush=True)
input()
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc/PID/smaps_rollup")
def test_processes_share_the_pixels(tmp_path, start):
    images = RANDOM.integers(0, 256, (4000, 128, 128, 1), np.uint8)
    np.savez(tmp_path / "large.npz", images=images, labels=np.arange(4000) % 4)
    dataset = load_dataset(tmp_path / "large.npz", cache=tmp_path / "cache")
    held = dataset.train.images.nbytes
    assert held > 50_000_000
    (tmp_path / "pickled").write_bytes(pickle.dumps(dataset))
    processes = [start(TOUCHING, tmp_path / "pickled") for _ in range(4)]
    assert answers(processes) == [[str(int(dataset.train.images.sum()))]] * 4
    go(processes)  # each has touched all pixels, and none has ended
    for private, proportional, resident in (map(int, one) for one in answers(processes)):
        assert resident > 0.9 * held  # they are there
        assert private < held / 10
        assert proportional < held / 2


@pytest.mark.slow
def test_importing_needs_no_torch(tmp_path):
    code = "import sys; from effsearch.training.datasets import load_dataset; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"torch", "ray", "optuna", "pandas", "matplotlib", "pyarrow"} & set(modules)
