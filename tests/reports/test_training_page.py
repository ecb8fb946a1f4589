"""The page of a training: true to its files, self-contained, the same twice, whatever the names in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from html_page import Page
from recorded_training import begin, training

from effsearch.commands import report
from effsearch.records.errors import UserError
from effsearch.reports import training_page

HOSTILE = "<script>alert(1)</script>\"'&\n\u202ereversed\u2066 {{ 7 * 7 }} =1+1 " + "w" * 200


def page_of(path) -> Page:
    return Page(training_page.page_of(path))


def test_the_numbers_are_those_of_the_files(tmp_path):
    page = page_of(training(tmp_path / "run"))
    assert page.texts["h1"] == ["small reaches 80.00 % on 30 test images of insects (95 % interval 75.00 to 85.00)."]
    # of 10 images each: 1, 2, 3 wrong, called what stands before (the first: the last)
    assert ["cat", "10", "70.0", "bee, 3 times"] in page.rows
    assert ["ant", "10", "90.0", "cat, 1 time"] in page.rows
    mistakes = [row for row in page.rows if len(row) == 4 and row[0] in ("ant", "bee", "cat") and row[1].isalpha()]
    assert mistakes == [["cat", "bee", "3", "30.0"], ["bee", "ant", "2", "20.0"], ["ant", "cat", "1", "10.0"]]
    assert "the weights are those of epoch 2 of 3" in page.text
    assert "chosen on the validation images (60.00 %); the test images had no part" in page.text
    assert "optimistic" not in page.text
    assert re.search(r"From 40.00 after 1 [a-z]+ to 55.00 after 3", page.text)


def test_nothing_is_loaded_nothing_runs_and_names_are_unique(tmp_path):
    html = training_page.page_of(training(tmp_path / "run"))
    page = Page(html)
    assert {"script", "link", "iframe", "img", "object", "form"} & {tag for tag, _ in page.elements} == set()
    assert re.findall(r"url\(|@import|https?://| on[a-z]+=", html) == []
    ids = page.attributes("id")
    assert len(set(ids)) == len(ids)
    assert all("scope" in attributes for tag, attributes in page.elements if tag == "th")


def test_hostile_names_are_text(tmp_path):
    names = {"network": HOSTILE, "data": HOSTILE, "recipe": HOSTILE, "device": HOSTILE}
    path = training(tmp_path / "<b>bold\nrun", classes=(HOSTILE, "<img src=x onerror=alert(2)>", "a|b"), **names)
    html = training_page.page_of(path)
    page = Page(html)
    assert {"script", "b", "img"} & {tag for tag, _ in page.elements} == set()
    assert "\u202e" not in html
    assert "<b>bold\\nrun" in page.texts["title"][0]
    assert "<script>alert(1)</script>" in page.texts["h1"][0]
    assert "\\n\\u202ereversed\\u2066 {{ 7 * 7 }}" in page.text
    assert any(row[0] == "<img src=x onerror=alert(2)>" for row in page.rows)


def test_without_test_images_the_kept_epoch_makes_it_optimistic(tmp_path):
    page = page_of(training(tmp_path / "run", part="validation"))
    assert "validation images of insects" in page.texts["h1"][0]
    assert "That epoch was chosen on these very images, so the figure is optimistic." in page.text


@pytest.mark.parametrize("part", ["test", "validation"])
def test_of_a_single_epoch_nothing_was_chosen_and_nothing_is_drawn(tmp_path, part):
    page = page_of(training(tmp_path / "run", part=part, accuracies=(40.0,)))
    assert "epoch 1 of 1" in page.text
    assert "chosen on" not in page.text
    assert "The course" not in page.text
    assert "svg" not in page.texts
    assert ("The validation accuracy is 40.00 %; the test images had no part" in page.text) == (part == "test")


def test_flops_are_at_the_pixels_it_was_trained_at(tmp_path):
    same = page_of(training(tmp_path / "same"))
    assert "FLOPs (mult-adds at 32 px)2.5M" in same.text
    assert "is written for" not in same.text
    other = page_of(training(tmp_path / "other", resolution=16, mult_adds=625_000))
    assert "FLOPs (mult-adds at 16 px)625k" in other.text
    assert "scored at 16 px, where it has 625k FLOPs; at the 32 px that the network is written for it has 2.5M" in (
        other.text
    )


def test_a_run_from_before_the_pixels_were_said_does_not_say_them(tmp_path):
    path = training(tmp_path / "run")
    metrics = json.loads((path / "metrics.json").read_text())
    metrics.pop("network_resolution")
    metrics.pop("network_mult_adds")
    (path / "metrics.json").write_text(json.dumps(metrics))
    assert "FLOPs (mult-adds)2.5M" in page_of(path).text


def test_many_classes_are_cut_and_an_empty_one_is_no_division(tmp_path):
    path = training(tmp_path / "run", classes=tuple(f"c{number}" for number in range(25)))
    lines = (path / "confusion.csv").read_text().splitlines()
    lines[1] = ",".join(["c0", *["0"] * 25])
    (path / "confusion.csv").write_text("\n".join(lines) + "\n")
    page = page_of(path)
    assert "20 of 25 classes; all are in confusion.csv" in page.text
    assert not any(row[0] == "c0" for row in page.rows if row[1].isdigit())


def test_a_range_that_one_round_number_falls_into_has_more_ticks(tmp_path):
    """13 to 71: only 50 is a multiple of 50."""
    html = training_page.page_of(training(tmp_path / "run", accuracies=(13.4, 61.7, 71.1)))
    figure = re.search(r"<svg[^>]*accuracy-course.*?</svg>", html, re.DOTALL)[0]
    left = re.findall(r'<text[^>]*class="tick"[^>]*text-anchor="end"[^>]*>([0-9.]+)</text>', figure)
    assert {"20", "40", "60"} <= set(left)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: (path / "metrics.json").unlink(), "has no figures to report yet: the training has not ended"),
        (lambda path: (path / "epochs.csv").write_text("epoch\n"), "is no whole training"),
        (lambda path: (path / "confusion.csv").unlink(), "is no whole training"),
        (lambda path: (path / "metrics.json").write_text('{"scores": 1}'), "is no whole training"),
    ],
)
def test_a_training_that_is_not_whole_is_a_message(tmp_path, damage, said):
    path = training(tmp_path / "run")
    damage(path)
    with pytest.raises(UserError, match=said) as caught:
        page_of(path)
    assert "resume" in caught.value.hint


def test_every_figure_that_the_page_needs_is_checked(tmp_path):
    """Any of them missing is one line, not a traceback."""
    path = training(tmp_path / "run", resolution=16)
    whole = json.loads((path / "metrics.json").read_text())
    expected = training_page.page_of(path)
    for name in whole:
        (path / "metrics.json").write_text(json.dumps({key: value for key, value in whole.items() if key != name}))
        try:
            page = training_page.page_of(path)
        except UserError:
            continue
        assert page == expected or name == "network_resolution", name


def test_a_training_that_runs_has_no_page_yet(tmp_path):
    path = begin(tmp_path / "runs" / "one", {"recipe_fingerprint": "0"}, state="running")
    with pytest.raises(UserError) as caught:
        report.write(path)
    assert caught.value.hint.endswith("effsearch train --resume --out runs/one")


def test_rebuilding_gives_the_same_bytes(tmp_path):
    path = training(tmp_path / "run")
    first = report.write(path).read_bytes()
    assert report.write(path).read_bytes() == first
    assert report.write(path, tmp_path / "other.html").read_bytes() == first


@pytest.mark.slow
def test_it_works_without_torch_ray_and_optuna(tmp_path):
    path = training(tmp_path / "run")
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'ray', 'optuna', 'matplotlib', 'fvcore', 'PIL']));"
        "from effsearch.reports import training_page;"
        "sys.stdout.buffer.write(training_page.page_of(sys.argv[1]).encode())"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONHASHSEED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env=environment, cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout == training_page.page_of(path).encode()
