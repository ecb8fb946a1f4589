"""`effsearch nas` that goes well: what it prints where, and what config.yaml, --json and --dry-run promise."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from effsearch import evaluators, nas, search_spaces

TINY = ("--space", "own.py:tiny", "--evaluator", "own.py:slow", "--target-flops", "2M", "--batch", "10")


def timeless(run: Path) -> str:
    table = pd.read_csv(run / "trials.csv", dtype=str)
    return table.drop(columns="seconds").to_csv(index=False)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the run is kept that most of these tests start from, and what the program said."""
    return {"path": tmp_path_factory.mktemp("kept") / "run"}


@pytest.fixture
def done(folder, here, kept):
    """The end of `nas` with 30 trials into run/, made once."""
    if "said" in kept:
        shutil.copytree(kept["path"], folder / "run")
    else:
        kept["said"] = here("nas", *TINY, "--trials", 30, "--seed", 3, "--out", "run")
        shutil.copytree(folder / "run", kept["path"])
    return kept["said"]


def test_a_run_leaves_the_files_of_the_design(folder, done):
    assert done.code == 0
    names = {str(path.relative_to(folder / "run")) for path in (folder / "run").rglob("*") if path.is_file()}
    assert names >= {
        "ledger.jsonl", "manifest.json", "config.yaml", "trials.csv", "front.csv", "study.journal",
        "selected/budget.yaml", "selected/reward.yaml", "selected/knee.yaml", "figures/pareto.png",
        "figures/pareto.svg",
    }  # fmt: skip
    assert not [name for name in names if ".tmp" in name]
    assert json.loads((folder / "run" / "manifest.json").read_text())["state"] == "done"


def test_progress_goes_to_stderr_and_the_summary_to_stdout(folder, done):
    assert "30/30" in done.stderr
    assert "hypervolume" in done.stderr
    assert "hypervolume" not in done.stdout
    assert "30 networks of tiny" in done.stdout
    assert "made up" in done.stdout  # what the accuracies are of
    assert "files: run" in done.stdout


def test_the_config_of_a_run_runs_the_same(folder, here, done):
    again = here("nas", "--config", "run/config.yaml", "--out", "again")
    assert again.code == 0
    assert timeless(folder / "again") == timeless(folder / "run")
    assert (folder / "again" / "config.yaml").read_bytes() == (folder / "run" / "config.yaml").read_bytes()
    for name in ("selected/budget.yaml", "figures/pareto.svg", "figures/pareto.png"):
        assert (folder / "again" / name).read_bytes() == (folder / "run" / name).read_bytes()


def test_the_config_holds_every_option(folder, done):
    config = yaml.safe_load((folder / "run" / "config.yaml").read_text())
    assert config["target_flops"] == "2M"
    assert (config["trials"], config["batch"], config["seed"]) == (30, 10, 3)
    assert (config["sampler"], config["reward"]) == ("nsga2", "soft")


def test_an_option_goes_before_the_config(folder, here, done):
    assert here("nas", "--config", "run/config.yaml", "--seed", 4, "--out", "other").code == 0
    assert timeless(folder / "other") != timeless(folder / "run")
    assert yaml.safe_load((folder / "other" / "config.yaml").read_text())["seed"] == 4


def test_json_is_one_document_and_nothing_else(folder, here):
    done = here("nas", *TINY, "--trials", 20, "--out", "run", "--json")
    document = json.loads(done.stdout)
    table = pd.read_csv(folder / "run" / "trials.csv")
    feasible = table[table["mult_adds"] <= 2e6]
    best = feasible.loc[feasible["accuracy"].idxmax()]
    budget = document["selected"]["budget"]
    assert (budget["trial"], budget["key"]) == (best["number"], best["key"])
    assert budget["accuracy"] == pytest.approx(best["accuracy"])
    assert Path(budget["file"]).is_file()
    assert (document["trials"], document["failed"], document["state"]) == (20, 0, "done")
    assert document["front"] == len(pd.read_csv(folder / "run" / "front.csv"))


def test_json_stays_one_document_where_nothing_meets_the_budget(folder, here):
    done = here(
        "nas", *TINY[:4], "--target-flops", "300M", "--limit", "params=3k", "--trials", 10, "--out", "run", "--json"
    )
    assert done.code == 1
    assert set(json.loads(done.stdout)["selected"]) == {"reward"}
    error = next(line for line in done.stderr.splitlines() if line.startswith("error:"))
    assert "params <= 3k" in error
    assert "hint:" in done.stderr


@pytest.mark.parametrize("options", [(), ("--json",), ("--out", "later/run")])
def test_a_dry_run_makes_no_files(folder, here, options):
    before = sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts)
    done = here("nas", *TINY, "--trials", 1234, "--dry-run", *options)
    assert done.code == 0
    assert sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts) == before
    if "--json" in options:
        assert json.loads(done.stdout)["trials"] == 1234
    else:
        assert "1,234" in done.stdout
        assert "19,683" in done.stdout.replace("1.97e+04", "19,683")


def test_a_dry_run_says_how_long_everything_takes(folder, here, monkeypatch):
    """0.2 s for each of 500 networks, and the sampler's own time."""
    monkeypatch.setenv("TEST_SECONDS", "0.2")
    done = here("nas", *TINY, "--trials", 500, "--dry-run", "--json")
    document = json.loads(done.stdout)
    assert 500 * 0.2 < document["evaluation_seconds"] < 500 * 0.4
    assert 0 < document["choosing_seconds"] < 100
    words = here("nas", *TINY, "--trials", 500, "--dry-run").stdout
    assert "500, of 0.2 s by one made just now: about 1 min" in words
    assert "or more here, by 200 made just now" in words  # the others are not made, and later ones take longer
    assert "besides" in words


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["nsga2", "evolution"])
def test_the_time_of_a_dry_run_is_that_of_the_search(folder, here, sampler):
    """To a factor of 4: later networks take somewhat longer, and the machine has other work."""
    common = ("nas", "--trials", 1000, "--sampler", sampler)
    said = json.loads(here(*common, "--dry-run", "--json").stdout)
    assert said["evaluation_seconds"] == 0  # the surrogate's ratings are in what follows
    space, evaluator = search_spaces.load("mnasnet-b0"), evaluators.load("surrogate")
    began = time.perf_counter()
    nas.search(space, evaluator, trials=1000, sampler=sampler)
    took = time.perf_counter() - began
    assert took / 4 < said["choosing_seconds"] < took * 4


def test_the_default_directory_is_never_an_old_one(folder, here):
    for _ in range(2):
        assert here("nas", *TINY, "--trials", 5).code == 0
    assert sorted(path.name for path in (folder / "runs").iterdir()) == ["nas-2M-seed0", "nas-2M-seed0-2"]
    table = [timeless(path) for path in sorted((folder / "runs").iterdir())]
    assert table[0] == table[1]


def test_more_trials_on_resume_end_like_one_long_run(folder, here, done):
    assert here("nas", "--resume", "--out", "run", "--trials", 50).code == 0
    assert here("nas", *TINY, "--trials", 50, "--seed", 3, "--out", "long").code == 0
    assert timeless(folder / "run") == timeless(folder / "long")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--seed", 4), "seed"), (("--batch", 5), "batch"), (("--sampler", "tpe"), "sampler"),
        (("--target-flops", "3M"), "budgets"), (("--reward", "hard"), "reward"),
        (("--evaluator", "own.py:rate"), "evaluator"), (("--space", "own.py:renamed"), "space"),
        (("--cost", "latency=own.py:latency"), "latency"),
    ],
)  # fmt: skip
def test_other_options_on_resume_are_refused_by_name(folder, here, done, options, words):
    before = {path: path.read_bytes() for path in (folder / "run").rglob("*") if path.is_file()}
    refused = here("nas", "--resume", "--out", "run", *options)
    assert refused.code == 2
    assert refused.stderr.startswith("error: ")
    assert words in refused.stderr.splitlines()[0]
    assert {path: path.read_bytes() for path in (folder / "run").rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_another_reference_network_of_the_space_is_refused_on_resume(folder, here):
    common = ("--evaluator", "capacity", "--space", "mnasnet", "--trials", 4, "--batch", 4, "--target-flops", "2G")
    assert here("nas", *common, "--out", "run").code == 0
    refused = here("nas", "--resume", "--out", "run", "--around", "mobilenet-v2", "--trials", 8)
    assert refused.code == 2
    assert "mobilenet-v2" in refused.stderr or "another space" in refused.stderr


def test_costs_limits_and_objectives_of_ones_own(folder, here):
    done = here(
        "nas", *TINY, "--trials", 40, "--out", "run", "--cost", "latency=own.py:latency", "--limit", "latency=0.02",
        "--objective", "accuracy", "--objective", "latency",
    )  # fmt: skip
    assert done.code == 0, done.stderr
    table = pd.read_csv(folder / "run" / "trials.csv")
    assert table["latency"].tolist() == pytest.approx((table["activations"] / 1e6).tolist())
    assert table["feasible"].tolist() == ((table["latency"] <= 0.02) & (table["mult_adds"] <= 2e6)).tolist()


def test_a_network_to_compare_from_a_file(folder, here):
    done = here("profile", "b0", "--yaml")
    (folder / "mine.yaml").write_text(done.stdout.replace("name: efficientnet-b0", "name: mine"))
    done = here("nas", *TINY, "--trials", 5, "--out", "run", "--compare", "mine.yaml", "--json")
    assert set(json.loads(done.stdout)["references"]) == {"mine"}


def test_the_command_runs_with_the_surrogate_as_a_process(folder, finish):
    done = finish("nas", "--trials", 20, "--batch", 10, "--out", "run", "--json", "--target-flops", "0.4G")
    assert done.code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["references"]["efficientnet-b0"]["mult_adds"] == 385_814_752
    assert document["selected"]["budget"]["mult_adds"] <= 400e6
    assert "20/20" in done.stderr
