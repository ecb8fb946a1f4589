"""`effsearch grid --design simplex`: what it plans, trains, writes and refuses, and that a killed study goes on."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pandas as pd
import pytest
from digits_data import write_npz
from html_page import Page

from effsearch.search_spaces import catalogue, codec
from effsearch.search_spaces.architecture import Architecture, Head, Stage, Stem
from effsearch.search_spaces.cost import cost

RATINGS = """
import os, time
from pathlib import Path
from effsearch.evaluators import Evaluation

def rate(architecture, *, seed=0):
    if "TEST_NOTES" in os.environ:
        with Path(os.environ["TEST_NOTES"]).open("a") as file:
            file.write(f"{architecture.key} {seed}\\n")
    time.sleep(float(os.environ.get("TEST_SECONDS", "0")))
    error = 6 + 60 / architecture.head.channels + 8 / architecture.resolution + seed / 10
    error += int(architecture.key[:4], 16) * (seed + 1) % 97 / 1000
    return Evaluation(100 - error, loss=error / 28, seed=seed, seconds=1.0, source="ratings")

def exact(architecture, *, seed=0):
    return Evaluation(rate(architecture).accuracy, loss=0.0, seed=seed, seconds=1.0, source="exact")

def failing(architecture, *, seed=0):
    if seed == 1:
        raise RuntimeError("no GPU here\\nand more")
    return rate(architecture, seed=seed)
"""
STUDY = ("grid", "--base", "thin.yaml", "--design", "simplex", "--evaluator", "ratings.py:rate")
LOCAL = ("--engine", "local")
TABLES = ("runs.csv", "grid.csv", "surface.csv", "coefficients.json", "base.yaml", "family/family.csv", "report.html")


@pytest.fixture
def files(folder: Path) -> Path:
    (folder / "ratings.py").write_text(RATINGS)
    stages = (Stage("mbconv", 16, 1), Stage("mbconv", 24, 3, 2, expand=4), Stage("mbconv", 48, 4, 2, expand=4))
    thin = Architecture("thin", Stem(16, stride=1), stages, Head(192), 20, 1, 10, 0.0, 0.0)
    (folder / "thin.yaml").write_text(codec.dumps(thin))
    return folder


def noted(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_a_dry_run_says_what_would_be_trained_and_what_it_would_tell(files, here):
    done = here(*STUDY, "--dry-run", "--sigma", 0.2, "--workers", 2)
    assert done.code == 0, done.stderr
    assert "17 networks x 3 seeds = 51 trainings" in done.stdout
    assert "With a noise of 0.2 point a run, 51 runs (3 seeds) cannot tell apart" in done.stdout
    assert "d0-w0-r100" in done.stdout
    assert sorted(path.name for path in files.iterdir()) == ["own.py", "ratings.py", "thin.yaml"]
    document = json.loads(here(*STUDY, "--dry-run", "--sigma", 0.2, "--seeds", 12, "--json").stdout)
    assert document["trainings"] == 17 * 12
    few = json.loads(here(*STUDY, "--dry-run", "--sigma", 0.2, "--json").stdout)["power"]
    assert document["power"]["told_apart"] == pytest.approx(few["told_apart"] / 2, rel=0.15)
    assert few["seeds_needed"] == pytest.approx(3 * (few["told_apart"] / 0.1) ** 2, abs=1)


@pytest.mark.slow
def test_a_study_writes_its_tables_its_family_and_its_page_and_can_be_given_more_seeds(files, here, monkeypatch):
    monkeypatch.setenv("TEST_NOTES", str(files / "notes"))
    done = here(*STUDY, *LOCAL, "--out", "run", "--json")
    assert done.code == 0, done.stderr
    document = json.loads(done.stdout)
    run = files / "run"
    assert all((run / name).is_file() for name in TABLES)
    assert {path.name for path in (run / "family").iterdir()} == {"family.csv", *(f"b{i}.yaml" for i in range(8))}
    base = codec.load(files / "thin.yaml")
    assert cost(codec.load(run / "family" / "b2.yaml")).mult_adds == pytest.approx(2 * cost(base).mult_adds, rel=0.03)
    triple = [document[name] for name in ("alpha", "beta", "gamma")]
    assert any(triple == pytest.approx(one) for one in document["confidence_set"])
    assert document["trainings"] == len(noted(files / "notes")) == 51
    assert len(document["readings"]) == 7
    assert "pilot: a training takes 1 s (1 at once)" in done.stderr
    assert "EfficientNet-B0, not of thin" in done.stderr
    assert "51 trainings recommend" in Page((run / "report.html").read_text()).text

    again = here("grid", "--resume", "--out", "run", *LOCAL, "--seeds", 4)
    assert again.code == 0, again.stderr
    assert [line.split()[1] for line in noted(files / "notes")[51:]] == ["3"] * 17
    assert "Best by 68 trainings" in " ".join(again.stdout.split())
    read = here("grid", "--resume", "--out", "run", *LOCAL, "--response", "loss", "--prior", "none")
    assert read.code == 0, read.stderr
    assert len(noted(files / "notes")) == 68
    assert json.loads((run / "coefficients.json").read_text())["response"] == "loss"


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--form", "quadratic"), ("--fix", "gamma=1.2"), ("--channel-step", 8)])
def test_the_family_command_builds_what_the_study_built(files, here, options):
    assert here(*STUDY, *LOCAL, *options, "--seeds", 2, "--out", "run").code == 0
    done = here("family", "--base", "run/base.yaml", "--coefficients", "run", "--out", "again")
    assert done.code == 0, done.stderr
    for name in [f"b{number}" for number in range(8)]:
        ours, theirs = (codec.load(files / place / f"{name}.yaml") for place in ("again", "run/family"))
        assert ours.key == theirs.key, name


@pytest.mark.slow
def test_an_evaluator_that_ignores_the_seed_gives_json_and_nothing_to_check_against(files, here):
    done = here(*STUDY[:-1], "ratings.py:exact", *LOCAL, "--out", "run", "--json")
    assert done.code == 0, done.stderr

    def refuse(constant):
        raise AssertionError(constant)

    document = json.loads(done.stdout, parse_constant=refuse)
    assert document["noise"]["lack_of_fit"] is None
    assert "loss" not in {one["response"] for one in document["readings"]}  # they are all 0
    none = here(*STUDY[:-1], "ratings.py:exact", *LOCAL, "--out", "other", "--response", "loss")
    assert none.code == 2
    assert "the losses are 0 on average" in none.stderr


@pytest.mark.slow
def test_the_pilot_stops_and_names_the_command_that_goes_on(files, here):
    done = here(*STUDY, *LOCAL, "--out", "run", "--pilot")
    assert done.code == 0, done.stderr
    assert done.stderr.startswith("pilot: a training takes 1 s")
    assert sum('"run"' in line for line in noted(files / "run" / "ledger.jsonl")) == 6
    assert "effsearch grid --resume --out run --engine local" in done.stderr
    assert not (files / "run" / "grid.csv").exists()
    report = here("report", "run")
    assert (report.code, report.stderr.count("\n")) == (2, 2)
    assert re.search(r"continue it with: effsearch grid --resume --out \S*run$", report.stderr.strip())
    assert here("grid", "--resume", "--out", "run", *LOCAL).code == 0
    assert here("grid", "--resume", "--out", "run", *LOCAL, "--pilot").code == 0
    assert json.loads((files / "run" / "manifest.json").read_text())["state"] == "done"
    fewer = here("grid", "--resume", "--out", "run", *LOCAL, "--seeds", 2)
    assert "17 trainings of other seeds are in the ledger and not read" in fewer.stderr


@pytest.mark.slow
def test_failed_trainings_are_left_out_and_counted(files, here):
    failing = ("--evaluator", "ratings.py:failing")
    done = here(*STUDY[:-2], *failing, *LOCAL, "--out", "run")
    assert done.code == 0, done.stderr
    assert "17 of 51 trainings failed and are left out of the fit; centre, seed 1: RuntimeError: no GPU" in done.stderr
    runs = pd.read_csv(files / "run" / "runs.csv")
    assert set(runs[runs["state"] == "failed"]["seed"]) == {1}
    every = here(*STUDY[:-2], *failing, *LOCAL, "--seed", 1, "--seeds", 1, "--out", "other")
    assert every.code == 2
    assert every.stderr.splitlines()[-1].startswith("error: every training failed; centre: RuntimeError: no GPU here")


@pytest.mark.slow
def test_killed_on_ray_a_study_is_resumed_and_trains_nothing_twice(files, here, start, wait_for_lines, monkeypatch):
    pytest.importorskip("ray")
    whole = here(*STUDY, *LOCAL, "--out", "whole")
    assert whole.code == 0, whole.stderr
    notes, ledger = files / "notes", files / "run" / "ledger.jsonl"
    options = ("--engine", "ray", "--workers", 2)
    process = start(*STUDY, *options, "--out", "run", TEST_SECONDS=0.1, TEST_NOTES=notes)
    wait_for_lines(process, ledger, 20)
    process.kill()
    process.communicate(timeout=60)
    time.sleep(1)  # what its workers still rate is told to nobody
    finished = {(one["key"], one["seed"]) for one in trainings(ledger)}
    before = len(noted(notes))
    monkeypatch.setenv("TEST_NOTES", str(notes))
    monkeypatch.delenv("TEST_SECONDS", raising=False)
    done = here("grid", "--resume", "--out", "run", *options)
    assert done.code == 0, done.stderr
    again = {(line.split()[0], int(line.split()[1])) for line in noted(notes)[before:]}
    assert 17 <= len(finished) < 51
    assert not finished & again
    assert len(finished | again) == 51
    for name in TABLES[:-1]:
        assert (files / "run" / name).read_bytes() == (files / "whole" / name).read_bytes(), name


def trainings(ledger: Path) -> list[dict]:
    lines = [json.loads(line) for line in ledger.read_text().splitlines() if line.endswith("}")]
    return [line for line in lines if line.get("kind") == "run"]


@pytest.mark.slow
def test_real_trainings_on_digits(files, finish, monkeypatch):
    """8 pixels and no more: resolution is held, and five networks share the rest."""
    monkeypatch.setenv("EFFSEARCH_CACHE", str(files / "cache"))
    write_npz(files / "digits.npz")
    command = (
        "grid", "--base", "thin.yaml", "--data", "digits.npz", "--resolution", 8, "--epochs", 1, "--images", 200,
        "--seeds", 2, "--validation", 0.3, *LOCAL,
    )  # fmt: skip
    capped = finish(*command, "--dry-run")
    found = re.search(r"the images have 8 pixels, the networks up to (\d+): beyond 8 they are enlarged", capped.stderr)
    assert found
    assert 8 < int(found[1]) < 16
    assert "--fix gamma=1" in capped.stderr
    done = finish(*command, "--fix", "gamma=1", "--out", "run")
    assert done.code == 0, done.stderr
    runs = pd.read_csv(files / "run" / "runs.csv")
    assert len(runs) == 6 * 2  # the base, too
    assert set(runs["fidelity"]) == {"digits.npz validation top-1, 1 epoch, 200 images"}
    assert runs["loss"].between(0, 5).all()
    assert set(pd.read_csv(files / "run" / "grid.csv")["pixels"]) == {8}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--design simplex", "the law is known everywhere"),
        ("--design cube", "--design is 'cube'; allowed: grid, simplex"),
        ("--fix gamma=1", "--fix is for the design simplex; --design is grid"),
        ("--seeds 4", "--seeds is for the design simplex"),
        ("--data DIR --step 0.1", "--step is for the design grid; --design is simplex"),
        ("--data DIR --law resnet-50", "--law is for the evaluator law"),
        ("--data DIR", "DIR"),
        ("--evaluator train", "the evaluator train needs images"),
        ("--evaluator capacity --epochs 3", "--epochs is for the evaluator train; --evaluator is 'capacity'"),
        ("--pilot", "--pilot is for the design simplex"),
        ("--sigma 0.2 --dry-run", "--sigma is for the design simplex"),
        ("--design simplex --evaluator ratings.py:rate --sigma 0.2", "--sigma is for --dry-run"),
        ("--design simplex --evaluator ratings.py:rate --dry-run --sigma -1", "sigma is -1"),
        ("--design simplex --evaluator ratings.py:rate --fix gamma", "--fix is 'gamma'; it must be NAME=VALUE"),
        ("--design simplex --evaluator ratings.py:rate --fix gama=1", "'gama' cannot be fixed"),
        ("--design simplex --evaluator ratings.py:rate --fix gamma=1.5", "gamma = 1.5 takes all of the growth 2"),
        ("--design simplex --evaluator ratings.py:rate --fix gamma=1 --fix beta=1", "leave one dimension"),
        ("--design simplex --evaluator ratings.py:rate --fix gamma=1 --fix gamma=1", "--fix gamma was given twice"),
        ("--design simplex --evaluator ratings.py:rate --fix gamma=1.4142135", "nothing to compare"),
        ("--design simplex --evaluator ratings.py:rate --channel-step 3", "channel_step is 3; allowed: 8, 4, 2, 1"),
        ("--design simplex --evaluator ratings.py:rate --response rmse", "response is 'rmse'"),
        ("--design simplex --evaluator ratings.py:rate --effect 0", "effect is 0"),
        ("--design simplex --evaluator ratings.py:rate --seeds 0", "0"),
        ("--design simplex --evaluator ratings.py:none", "ratings.py"),
        ("--design simplex --evaluator ratings.py:rate --phi 40", "phi is 40"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(files, here, arguments, words):
    done = here("grid", *arguments.split(), "--out", "run", "--engine", "local")
    assert done.code == 2
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("error:")]
    assert words in line
    assert "Traceback" not in done.stderr
    assert not (files / "run").exists()


def test_a_study_of_b0_and_mobilenet_can_be_planned(files, here):
    for base in ("b0", "mobilenet-v2"):
        done = here("grid", "--base", base, *STUDY[3:], "--dry-run", "--json")
        assert json.loads(done.stdout)["trainings"] == 51
    assert catalogue.load("b0").resolution == 224
