"""`effsearch data`: what it prints, and a user's mistakes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

RANDOM = np.random.default_rng(0)


@pytest.fixture
def animals(folder, monkeypatch):
    """Two classes of ten pictures, one of them broken."""
    monkeypatch.setenv("EFFSEARCH_CACHE", str(folder / "cache"))
    for name in ("cat", "dog"):
        (folder / "animals" / name).mkdir(parents=True)
        for number in range(10):
            pixels = RANDOM.integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "animals" / name / f"{number}.png")
    (folder / "animals" / "dog" / "9.png").write_bytes(b"broken")
    (folder / "animals" / "dog" / "notes.txt").write_bytes(b"")
    return folder / "animals"


def words(text):
    return [" ".join(line.split()) for line in text.splitlines()]


def test_it_prints_what_is_there(here, animals):
    done = here("data", "animals")
    assert done.code == 0
    assert done.stderr.splitlines()[-1] == "19/19 pictures decoded"
    lines = words(done.stdout)
    assert lines[0].startswith("animals: class folders, 2 classes, 19 images, fingerprint ")
    assert "cat 9 1 0" in lines
    assert "dog 8 1 0" in lines
    assert "all 17 2 0" in lines
    assert "stored as 8 x 8 RGB" in lines
    assert "imbalance 1.12 (training images of the largest class / of the smallest)" in lines
    assert "pictures left out 1" in lines
    assert "other files 1, ignored" in lines
    assert "1 no picture in a known format dog/9.png" in lines
    assert "- the validation images are 10 % of the training images, stratified, seed 0" in lines
    again = here("data", "animals")
    assert again.stdout == done.stdout
    assert again.stderr == ""


def test_json_and_options(here, animals):
    done = here("data", "animals", "--size", 4, "--validation", 0.3, "--seed", 3, "--workers", 1, "--json")
    document = json.loads(done.stdout)
    assert (done.code, document["size"], document["channels"], document["classes"]) == (0, 4, 3, 2)
    assert document["images"] == {"train": 13, "validation": 6, "test": 0}
    assert document["summary"]["skipped"] == [
        {"reason": "no picture in a known format", "count": 1, "names": ["dog/9.png"]}
    ]
    assert document["summary"]["ignored"] == 1
    assert here("data", "animals", "--size", 4, "--json", "--cache", "other").code == 0


def test_many_classes_are_cut(here, animals):
    for number in range(30):
        (animals / f"more{number:02d}").mkdir()
        for name in ("1.png", "2.png"):
            (animals / f"more{number:02d}" / name).write_bytes((animals / "cat" / name).read_bytes())
    lines = words(here("data", "animals").stdout)
    assert "more16 1 1 0" in lines
    assert "more17 1 1 0" not in lines
    assert "13 more classes 13 13 0" in lines
    assert "all 47 32 0" in lines


def test_names_cannot_act_on_the_terminal(here, animals):
    (animals / "cat").rename(animals / "c\x1b[2Jat[red]")
    (animals / "dog" / "b\x1b]0;title\x07.png").write_bytes(b"broken")
    (animals / "bi\x1brd").mkdir()
    done = here("data", "animals")
    assert done.code == 0
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert "c\\x1b[2Jat[red]" in done.stdout
    assert json.loads(here("data", "animals", "--json").stdout)["summary"]["classes"][0]["name"] == "c\x1b[2Jat[red]"


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ("nowhere", "nowhere"),
        ("own.py", "own.py"),
        ("animals/cat", "it holds 0.png"),
        ("empty", "it holds nothing"),
        ("animals --size 0", "size is 0"),
        ("animals --size 9999", "9999"),
        ("animals --size big", "big"),
        ("animals --validation 0", "validation is 0"),
        ("animals --validation 1.5", "1.5"),
        ("animals --validation nan", "nan"),
        ("animals --seed -1", "-1"),
        ("animals --workers 0", "0"),
        ("animals --cache own.py", "own.py"),
        ("text.zip", "text.zip"),
        ("text.parquet", "text.parquet"),
        ("animals more", "more"),
        ("", "path"),
    ],
)
def test_a_mistake_is_told_in_one_line(here, folder, animals, arguments, names):
    (folder / "empty").mkdir()
    for name in ("text.zip", "text.parquet"):
        (folder / name).write_text("text")
    done = here("data", *arguments.split())
    lines = done.stderr.splitlines()
    assert done.code == 2
    assert lines[0].startswith("error: ")
    assert names in lines[0]
    assert len(lines) <= 2


def test_help(here):
    text = here("data", "--help").stdout
    for option in ("--size", "--validation", "--seed", "--cache", "--workers", "--json"):
        assert option in text
