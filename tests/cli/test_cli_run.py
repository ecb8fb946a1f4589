"""`effsearch run`, the whole recipe, on 1,797 digits; and a search by trainings that is killed and resumed."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pandas as pd
import pytest
from digits_data import write_npz
from html_page import Page

from effsearch.search_spaces import codec
from effsearch.search_spaces.cost import cost

DATA = ("--data", "digits.npz", "--target-flops", "0.5M", "--epochs", 1, "--images", 300)
RUN = ("run", *DATA, "--trials", 4, "--confirm", 2, "--final-recipe", "proxy", "--final-epochs", 12)
SEARCH = ("nas", *DATA, "--trials", 8, "--batch", 4, "--confirm", 2)


@pytest.fixture(autouse=True)
def images(folder, monkeypatch):
    monkeypatch.setenv("EFFSEARCH_CACHE", str(folder / "cache"))
    return write_npz(folder / "digits.npz")


def entries(run: Path, kind: str) -> list[dict]:
    lines = [json.loads(line) for line in (run / "ledger.jsonl").read_text().splitlines()]
    return [line for line in lines if line.get("kind") == kind]


def without_times(path: Path) -> str:
    return pd.read_csv(path, dtype=str).drop(columns="seconds").to_csv()


@pytest.mark.slow
def test_the_whole_recipe_ends_with_a_trained_network_a_family_and_one_report(finish, folder):
    done = finish(*RUN, "--out", "run", "--json")
    assert (done.code, done.stderr.count("Traceback")) == (0, 0), done.stderr
    document = json.loads(done.stdout)
    run = folder / "run"
    found = codec.load(run / "nas" / "selected" / "budget.yaml")
    assert cost(found).mult_adds <= 500_000
    assert (found.input_channels, found.classes, found.resolution) == (1, 10, 8)
    assert codec.load(run / "train" / "network.yaml").key == found.key
    metrics = json.loads((run / "train" / "metrics.json").read_text())
    assert {"accuracy", "loss", "params", "mult_adds", "images_per_second"} <= set(metrics)
    assert metrics["part"] == "test"
    assert metrics["accuracy"] > 60  # ten classes; one of them for all would be 10
    assert document["training"]["accuracy"] == metrics["accuracy"]
    assert len(document["family"]) == 8
    assert codec.load(run / "family" / "b0.yaml").key == found.key
    confirmed = entries(run / "nas", "confirmation")
    seeds = {(entry["key"], entry["seed"]) for entry in confirmed}
    assert len(seeds) == len(confirmed)  # nothing twice
    assert len({seed for _, seed in seeds}) == 2
    assert len(seeds) == 2 * len({key for key, _ in seeds})  # paired
    page = Page((run / "report.html").read_text())
    assert f"{metrics['accuracy']:.2f} %" in "".join(page.texts["h1"])
    assert [entry["name"] for entry in entries(run, "step")] == ["nas", "grid", "family", "train"]
    for address in ("nas/report.html", "grid/report.html", "family/family.csv", "train/README.md"):
        assert (run / address).is_file()
        assert address in (run / "report.html").read_text()

    again = finish("run", "--resume", "--out", "run")
    assert again.code == 0
    assert again.stderr.count("done before") == 4
    assert json.loads((run / "train" / "metrics.json").read_text()) == metrics


@pytest.mark.slow
def test_a_recipe_that_is_killed_in_each_step_goes_on_and_ends_the_same(start, finish, folder):
    expected = finish(*RUN, "--out", "whole")
    assert expected.code == 0, expected.stderr
    watched = {"nas": ("nas/ledger.jsonl", 4), "train": ("train/ledger.jsonl", 3)}
    first = True
    for place, lines in watched.values():
        process = start(*(RUN if first else ("run", "--resume")), "--out", "run")
        first = False
        deadline = time.monotonic() + 100
        path = folder / "run" / place
        while process.poll() is None and (not path.exists() or path.read_bytes().count(b"\n") < lines):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = finish("run", "--resume", "--out", "run")
    assert done.code == 0, done.stderr
    run, whole = folder / "run", folder / "whole"
    assert without_times(run / "nas" / "trials.csv") == without_times(whole / "nas" / "trials.csv")
    for name in ("nas/confirm.csv", "nas/selected/budget.yaml", "family/family.csv", "train/confusion.csv"):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name
    for name in ("weights.safetensors", "network.yaml"):
        assert (run / "train" / name).read_bytes() == (whole / "train" / name).read_bytes(), name
    keys = [(entry["key"], entry["seed"]) for entry in entries(run / "nas", "confirmation")]
    assert len(keys) == len(set(keys))


@pytest.mark.slow
def test_a_search_by_trainings_that_is_killed_three_times_equals_one_that_was_not(
    start, finish, folder, wait_for_lines
):
    expected = finish(*SEARCH, "--out", "whole")
    assert expected.code == 0, expected.stderr
    for number, lines in enumerate((4, 7, 11)):
        process = start(*(("nas", "--resume") if number else SEARCH), "--out", "run")
        wait_for_lines(process, folder / "run" / "ledger.jsonl", lines)
        process.kill()
        process.wait()
    done = finish("nas", "--resume", "--out", "run")
    assert done.code == 0, done.stderr
    assert without_times(folder / "run" / "trials.csv") == without_times(folder / "whole" / "trials.csv")
    assert (folder / "run" / "confirm.csv").read_bytes() == (folder / "whole" / "confirm.csv").read_bytes()
    numbers = [entry["number"] for entry in entries(folder / "run", "trial")]
    assert sorted(numbers) == list(range(8))


@pytest.mark.slow
def test_a_search_goes_on_when_its_images_have_moved_and_not_with_others(finish, folder):
    assert finish(*SEARCH, "--out", "run").code == 0
    moved = (folder / "digits.npz").rename(folder / "elsewhere.npz")
    gone = finish("nas", "--resume", "--out", "run", "--trials", 9)
    assert gone.code == 2
    assert "digits.npz" in gone.stderr
    done = finish("nas", "--resume", "--out", "run", "--trials", 9, "--data", "elsewhere.npz")
    assert done.code == 0, done.stderr
    assert len(entries(folder / "run", "trial")) == 9
    write_npz(moved, test=False)
    refused = finish("nas", "--resume", "--out", "run", "--trials", 10)
    assert refused.code == 2
    assert "Traceback" not in refused.stderr


@pytest.mark.slow
def test_what_later_steps_need_is_checked_first_and_may_change_at_a_resume(finish, folder):
    for wrong in (("--final-recipe", "nosuch"), ("--law", "nosuch"), ("--final-epochs", 0), ("--device", "cuda:7")):
        refused = finish(*RUN, *wrong, "--out", "run")
        assert refused.code == 2, wrong
        assert not (folder / "run").exists()
    done = finish(*RUN, "--out", "run")
    assert done.code == 0, done.stderr
    assert finish("evaluate", "run", "--data", "digits.npz", "--images", 200, "--epochs", 1).code == 0
    assert finish("family", "--base", "run", "--out", "family").code == 0
    assert (folder / "run" / "train" / "report.html").is_file()
    other = finish("run", "--resume", "--out", "run", "--target-flops", "0.6M")
    assert other.code == 2
    assert "0.6M" in other.stderr


@pytest.mark.parametrize(
    "command", [SEARCH, pytest.param((*RUN[:-1], 1), marks=pytest.mark.slow)], ids=lambda command: command[0]
)
def test_trainings_of_few_steps_are_warned_about_once(here, command):
    done = here(*command, "--dry-run")
    assert done.code == 0, done.stderr
    assert done.stderr.count("each training has 4 steps (1 epoch of 300 images, 64 a step)") == 1
    assert done.stderr.count("note: each training has") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run",), "--data was not given"),
        (("run", "--data", "digits.npz"), "--target-flops was not given"),
        (("run", "--data", "digits.npz", "--target-flops", "many"), "many"),
        (("run", "--data", "nowhere", "--target-flops", "3M"), "nowhere"),
        (("run", "--data", "digits.npz", "--target-flops", "1k", "--out", "x"), "thinnest"),
        (("run", "--resume"), "which run"),
        (("run", "--resume", "--out", "nowhere"), "nowhere"),
        (("nas", "--data", "digits.npz", "--evaluator", "surrogate"), "--data"),
        (("nas", "--evaluator", "train"), "needs images"),
        (("nas", "--recipe", "proxy"), "--recipe is for the evaluator train"),
        (("nas", "--data", "digits.npz", "--space", "mnasnet-b0"), "mnasnet-b0"),
        (("nas", "--data", "digits.npz", "--recipe", "proxi"), "proxi"),
        (("nas", "--data", "digits.npz", "--target-flops", "0.5M", "--epochs", "0"), "epochs"),
        (("nas", "--data", "digits.npz", "--target-flops", "0.5M", "--confirm", "-1"), "confirm"),
        (("evaluate", "b0", "--data", "nowhere"), "nowhere"),
    ],
)
def test_a_mistake_is_told_in_one_line(here, arguments, message):
    done = here(*arguments)
    assert done.code in (1, 2)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1, done.stderr
    assert message in errors[0]
    assert "Traceback" not in done.stderr
