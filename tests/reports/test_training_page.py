"""The page of a training: true to its files, self-contained, the same twice, whatever the names in it."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from html_page import Page
from recorded_training import begin, training
from scipy import stats

from effsearch.commands import report
from effsearch.records.errors import UserError
from effsearch.reports import training_page
from effsearch.reports.training_words import nats

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


def scored(path, confusion, loss=0.5):
    """The training at `path` with this table of true classes against predicted ones, and Wilson's interval."""
    metrics = json.loads((path / "metrics.json").read_text())
    names, table = metrics["classes"], np.array(confusion)
    images, right = int(table.sum()), int(np.trace(table))
    low, high = stats.binomtest(right, images).proportion_ci(method="wilson")
    scores = {"accuracy": 100 * right / images, "interval_95": [100 * low, 100 * high], "loss": loss, "images": images}
    metrics["scores"][metrics["part"]] |= scores
    (path / "metrics.json").write_text(json.dumps(metrics))
    with (path / "confusion.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [[name, *row] for name, row in zip(names, confusion, strict=True)]
        csv.writer(file).writerows([["true", *names], *rows])
    return path


def test_one_class_for_every_image_is_no_result(tmp_path):
    page = page_of(scored(training(tmp_path / "run"), [[0, 18, 0]] * 3, loss=35586323251.2))
    assert page.texts["h1"][0].startswith("small is not clearly above chance: 33.33 % on 54 test images")
    assert "has not learnt to tell the classes apart: it calls every image bee" in page.text
    assert "would give 33.33 %; the interval of its accuracy begins at 22.24 %" in page.text
    assert "the loss is 3.559e+10 nats, and guessing has 1.10" in page.text
    assert "Loss (nats)3.559e+10" in page.text
    assert "35586323251" not in page.text


@pytest.mark.parametrize(
    ("confusion", "chance"),
    [
        ([[9, 5, 4], [6, 7, 5], [6, 6, 6]], True),  # 22 of 54, from 29 %
        ([[15, 2, 1], [2, 14, 2], [1, 2, 15]], False),
        ([[85, 5, 0], [4, 1, 0], [4, 1, 0]], True),  # 86 of 100, where 90 are of one class
        ([[0, 20, 0], [0, 0, 20], [20, 0, 0]], True),  # worse than chance
        ([[30, 0, 0], [0, 0, 0], [0, 0, 0]], False),  # one class alone: nothing can be said
    ],
)
def test_chance_is_the_share_of_the_most_frequent_class(tmp_path, confusion, chance):
    page = page_of(scored(training(tmp_path / "run"), confusion))
    assert ("not known to have learnt" in page.text) == chance
    assert ("not clearly above chance" in page.texts["h1"][0]) == chance
    assert "run away" not in page.text


def test_a_hostile_class_that_is_called_always_is_text(tmp_path):
    path = scored(training(tmp_path / "run", classes=("cat", HOSTILE, "dog")), [[0, 18, 0]] * 3)
    html = training_page.page_of(path)
    assert "it calls every image <script>alert(1)</script>" in Page(html).text
    assert "script" not in {tag for tag, _ in Page(html).elements}
    assert "\u202e" not in html


@pytest.mark.parametrize(("factor", "away"), [(9.9, False), (10.1, True)])
def test_a_loss_of_ten_times_guessing_has_run_away(tmp_path, factor, away):
    page = page_of(scored(training(tmp_path / "run"), [[9, 1, 0], [0, 9, 1], [1, 0, 9]], loss=factor * math.log(3)))
    assert ("Its outputs have run away" in page.text) == away
    assert "reaches 90.00 %" in page.texts["h1"][0]


@pytest.mark.parametrize(
    ("loss", "written"),
    [(0.5, "0.5000"), (999.9, "999.9000"), (1000.4, "1000"), (35586323251.2, "3.559e+10"), (-0.25, "-0.2500")],
)
def test_a_large_loss_has_four_digits(loss, written):
    assert nats(loss) == written
