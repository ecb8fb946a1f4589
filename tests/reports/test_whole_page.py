"""The page of the whole recipe: what is done so far, the accuracies told apart, and no more claimed than is known."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from html_page import Page
from recorded_training import begin, training

from effsearch import evaluators, grid_search, search_spaces
from effsearch.commands import compare, report
from effsearch.grid_search import outputs
from effsearch.records.errors import UserError
from effsearch.reports import whole_page, whole_words
from effsearch.reports.page import _millions

FIDELITY = "insects validation top-1, 1 epoch, 1,000 images"
STEPS = ("nas", "grid", "family", "train")
HOSTILE = "<script>alert(1)</script>\"'&\n\u202ereversed\u2066 {{ 7 * 7 }} " + "w" * 200


@pytest.fixture(scope="module")
def searched(make_run) -> Path:
    """A search by "trainings", without a confirmation."""
    source = f"training, {FIDELITY}, recipe 00, data 11"
    return make_run(trials=12, batch=6, evaluator=source, fidelity=FIDELITY)


@pytest.fixture(scope="module")
def gridded(tmp_path_factory) -> Path:
    """A coarse grid, and the family of its coefficients."""

    def rate(architecture, *, seed=0):
        return evaluators.Evaluation(70 + architecture.resolution / 100, 0.2, source="rate", seconds=1.0)

    path, network = tmp_path_factory.mktemp("whole") / "grid", search_spaces.catalogue.load("b0")
    config = {"command": "grid", "base": "b0", "seed": 0}
    result = grid_search.search(network, rate, run_dir=path, config=config, step=0.2, tolerance=0.2)
    outputs.write_grid(result, network, "rate")
    return path


@pytest.fixture
def whole(tmp_path, searched):
    """A recipe's directory with these steps; what a step wrote is copied, not made."""

    def make(
        *done: str, state: str = "done", search: Path | None = searched, grid: Path | None = None, **given
    ) -> Path:
        path = begin(tmp_path / "runs" / "all", {"command": "run", "data": "insects"}, state=state, command="run")
        with (path / "ledger.jsonl").open("a") as ledger:
            ledger.writelines(json.dumps({"kind": "step", "name": name}) + "\n" for name in done)
        if search:
            shutil.copytree(search, path / "nas")
        if grid:
            shutil.copytree(grid, path / "grid")
            shutil.copytree(grid / "family", path / "family")
        if "train" in done:
            training(path / "train", **given)
        return path

    return make


def page_of(path: Path) -> Page:
    return Page(whole_page.page_of(path))


def confirm(path: Path) -> None:
    """A confirmation with one seed, of the search's pick."""
    nas = path / "nas"
    trials = pd.read_csv(nas / "trials.csv", dtype={"key": str})
    key = search_spaces.codec.load(nas / "selected" / "budget.yaml").key
    pick = trials[trials["key"] == key].iloc[0]
    row = {
        "role": "budget", "name": "picked", "key": key, "trial": pick["number"], "mult_adds": pick["mult_adds"],
        "params": pick["params"], "seeds": 1, "accuracy": 51.25, "accuracy_std": None, "standard_error": None,
        "difference": None, "low": None, "high": None, "side": "", "chosen": True, "failure": "", "seed_1000": 51.25,
    }  # fmt: skip
    pd.DataFrame([row]).to_csv(nas / "confirm.csv", index=False)


def test_the_full_training_and_the_short_ones_are_told_apart(whole):
    path = whole("nas", "train")
    page = page_of(path)
    assert page.headline.startswith("After the full training (3 epochs), small reaches 80.00 % on 30 test images")
    found = search_spaces.codec.load(path / "nas" / "selected" / "budget.yaml").name
    told = f"In the search, by trainings of 1 epoch on 1,000 images, the network found is {found}: "
    assert told in page.text
    trials = pd.read_csv(path / "nas" / "trials.csv")
    assert f"{trials[trials['feasible']]['accuracy'].max():.2f}" in page.text.partition(told)[2][:20]
    assert "Accuracy (test, full training)80.00 %" in page.text
    assert "Every choice was made on validation images; the test images had no part." in page.text
    assert "optimistic" not in page.text


@pytest.mark.parametrize("accuracies", [(40.0,), (40.0, 60.0, 55.0)])
@pytest.mark.parametrize("confirmed", [False, True])
def test_without_test_images_the_page_cautions_however_many_epochs(whole, accuracies, confirmed):
    path = whole("nas", "train", part="validation", accuracies=accuracies)
    if confirmed:
        confirm(path)
    page = page_of(path)
    (notice,) = [text for text in page.texts["p"] if "optimistic" in text]
    assert "there are no test images" in notice
    assert "choice of the network" in notice
    assert ("confirmation" in notice) == confirmed == ("Evaluated again with fresh seeds" in page.text)
    assert ("choice of the epoch" in notice) == (len(accuracies) > 1)
    assert "the test images had no part" not in page.text


@pytest.mark.parametrize(
    ("fidelity", "how"),
    [
        ("a, b validation top-1, 3 epochs, 500 images, 14 px", "trainings of 3 epochs on 500 images at 14 px"),
        ("somebody's own, 3 epochs", "short trainings"),
        ("", "short trainings"),
    ],
)
def test_what_the_accuracies_of_the_search_are_of(fidelity, how):
    said = whole_words.in_the_search("Found x: 1.00 %.", fidelity)
    assert said == f"In the search, by {how}, the network found is x: 1.00 %."


def test_other_pixels_are_said(whole):
    page = page_of(whole("nas", "train", resolution=16, mult_adds=625_000))
    assert "Trained and scored at 16 px, where it has 625k FLOPs" in page.text


def test_a_recipe_that_was_interrupted_shows_what_is_done_and_how_to_go_on(whole):
    page = page_of(whole("nas", state="interrupted"))
    assert page.headline.startswith("Found ")
    (notice,) = [text for text in page.texts["p"] if "interrupted" in text and "Still" in text]
    assert notice.endswith("Still to do: grid, family, train. Continue with: effsearch run --resume --out runs/all")
    steps = {row[0]: row for row in page.rows if row[0] in STEPS}
    assert steps["nas"][3] == "nas/report.html"
    assert [steps[name][2:] for name in STEPS[1:]] == [["not yet", "\N{EN DASH}"]] * 3
    assert "full training" not in page.text


def test_a_search_that_is_not_done_is_no_step_yet(whole):
    page = page_of(whole(state="running"))
    notice = "still running, or was killed. Still to do: nas, grid, family, train. If it was killed, continue with: "
    assert notice in page.text
    assert all(row[2] == "not yet" for row in page.rows if row[0] in STEPS)
    assert page.headline.startswith("Found ")


@pytest.mark.parametrize("ledger", [None, '{"format": "effsearch-ledger", "version": 1}\n'])
def test_nothing_at_all_yet(whole, ledger):
    path = whole(state="failed", search=None)
    if ledger:
        (path / "nas").mkdir()
        (path / "nas" / "ledger.jsonl").write_text(ledger)
    page = page_of(path)
    assert page.headline == "Nothing was evaluated yet."
    assert "The recipe failed." in page.text


def test_the_training_links_to_its_page_where_it_has_one(whole):
    path = whole("nas", "train")
    assert "train/README.md" in page_of(path).attributes("href")
    report.write(path / "train")
    assert "train/report.html" in page_of(path).attributes("href")
    assert "train/README.md" not in page_of(path).attributes("href")


def test_only_its_own_pages_are_linked(whole):
    html = whole_page.page_of(whole("nas", "train"))
    page = Page(html)
    assert {"script", "link", "iframe", "img", "object", "form"} & {tag for tag, _ in page.elements} == set()
    assert re.findall(r"url\(|@import|https?://| on[a-z]+=", html) == []
    assert set(page.attributes("href")) == {"nas/report.html", "train/README.md"}
    ids = page.attributes("id")
    assert len(set(ids)) == len(ids)


def test_hostile_names_are_text(whole):
    path = whole("nas", "train", network=HOSTILE, data=HOSTILE, recipe=HOSTILE, classes=("<b>x</b>", HOSTILE))
    lines = (path / "ledger.jsonl").read_text().splitlines()
    lines[1] = json.dumps({"kind": "settings", "command": "run", "data": HOSTILE})
    (path / "ledger.jsonl").write_text("\n".join(lines) + "\n")
    trials = pd.read_csv(path / "nas" / "trials.csv", dtype={"failure": str, "key": str})
    trials["fidelity"] = f"{HOSTILE} validation top-1, 1 epoch, 9 images"
    trials.to_csv(path / "nas" / "trials.csv", index=False)
    place = path.parent / "<img src=x onerror=alert(2)>"
    path.rename(place)
    html = whole_page.page_of(place)
    page = Page(html)
    assert {"script", "b", "img"} & {tag for tag, _ in page.elements} == set()
    assert "\u202e" not in html
    assert "<script>alert(1)</script>" in page.headline
    assert "<img src=x onerror=alert(2)>" in page.texts["title"][0]
    assert "In the search, by trainings of 1 epoch on 9 images, the network found" in page.text


def test_rebuilding_gives_the_same_bytes(whole):
    path = whole("nas", "train")
    first = report.write(path).read_bytes()
    assert report.write(path).read_bytes() == first


@pytest.mark.slow
def test_a_whole_recipe_has_its_family(whole, gridded):
    path = whole(*STEPS, grid=gridded)
    page = page_of(path)
    document = json.loads((path / "grid" / "coefficients.json").read_text())
    triple = ", ".join(f"{document[name]:g}" for name in ("alpha", "beta", "gamma"))
    assert f"alpha, beta, gamma{triple}" in page.text
    table = pd.read_csv(path / "family" / "family.csv")
    rows = [row for row in page.rows if row[0] in set(table["name"])]
    assert [row[3] for row in rows] == [str(int(pixels)) for pixels in table["resolution"]]
    assert {row[0]: row[2] for row in page.rows if row[0] in STEPS}["family"].startswith(f"{len(table)} networks")
    assert set(page.attributes("href")) == {
        "nas/report.html", "grid/report.html", "family/family.csv", "train/README.md"
    }  # fmt: skip
    (path / "family" / "family.csv").write_text("name\nb0\n")
    with pytest.raises(UserError, match="is no family"):
        page_of(path)


@pytest.mark.slow
def test_it_works_without_torch_ray_and_optuna(whole, gridded, tmp_path):
    path = whole(*STEPS, grid=gridded)
    confirm(path)
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'ray', 'optuna', 'matplotlib', 'fvcore', 'PIL']));"
        "from effsearch.reports import whole_page;"
        "sys.stdout.buffer.write(whole_page.page_of(sys.argv[1]).encode())"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONHASHSEED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env=environment, cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout == whole_page.page_of(path).encode()


def test_the_searches_of_whole_recipes_are_compared(whole, plain_run, tmp_path, capsys):
    path = whole("nas")
    assert compare.run([path, plain_run], out=tmp_path / "two.html", as_json=False) == 0
    capsys.readouterr()
    page = Page((tmp_path / "two.html").read_text(encoding="utf-8"))
    assert page.texts["h1"] == ["2 searches compared"]
    assert page.rows[0][1:] == ["all", plain_run.name]  # the recipe's name, not "nas"
    with pytest.raises(UserError, match="named twice"):
        compare.run([path, path / "nas"], out=None, as_json=False)


def test_what_is_no_search_is_not_compared_and_is_named(whole, plain_run, tmp_path):
    one = training(tmp_path / "runs" / "my run")
    with pytest.raises(UserError, match="my run is a training; compare puts searches side by side") as caught:
        compare.run([plain_run, one], out=None, as_json=False)
    assert caught.value.hint == f"effsearch report '{one}'"
    with pytest.raises(UserError, match="all has no search yet"):
        compare.run([plain_run, whole(state="running", search=None)], out=None, as_json=False)


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        (385_814_752, 1, "385.8M"), (5_288_548, 2, "5.29M"), (1_000_000, 1, "1.0M"), (999_600, 1, "1.0M"),
        (999_400, 1, "999k"), (137_936, 1, "138k"), (137_936, 2, "138k"), (602, 1, "602"), (0, 1, "0"),
    ],
)  # fmt: skip
def test_small_costs_keep_three_digits(value, decimals, shown):
    """A table of a small network read 0.0M in every row."""
    assert _millions(value, decimals) == shown
