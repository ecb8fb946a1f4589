"""Runs that version 1 of every format left behind: they must load, and resume, for ever."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from effsearch.commands.base import load_base
from effsearch.commands.family import read_coefficients
from effsearch.records import ledger
from effsearch.records.manifest import Manifest
from effsearch.reports import run as run_report
from effsearch.search_spaces import catalogue, codec
from effsearch.search_spaces.scaling import Coefficients

STORED = Path(__file__).parent / "stored"


@pytest.fixture
def stored(tmp_path):
    return shutil.copytree(STORED, tmp_path / "stored")


def resume(command, run):
    arguments = [sys.executable, "-m", "effsearch.cli", command, "--resume", "--out", str(run)]
    return subprocess.run(arguments, capture_output=True, text=True)


def test_a_stored_search_is_read(stored):
    run = run_report.load(stored / "nas-v1")
    assert len(run.trials) == 20
    assert {rule: rated.trial for rule, rated in run.selected.items()}.keys() == {"budget", "reward", "knee"}
    assert run.references[0].architecture == catalogue.load("b0")
    assert Manifest.load(stored / "nas-v1" / "manifest.json").state == "done"
    assert len(ledger.read(stored / "nas-v1" / "ledger.jsonl")) == 22  # settings, B0, 20 trials


@pytest.mark.slow
def test_a_stored_search_resumes_to_the_same_tables(stored):
    done = resume("nas", stored / "nas-v1")
    assert done.returncode == 0, done.stderr
    for name in ("trials.csv", "front.csv"):
        assert (stored / "nas-v1" / name).read_bytes() == (STORED / "nas-v1" / name).read_bytes()
    for path in sorted((STORED / "nas-v1" / "selected").iterdir()):
        assert codec.load(stored / "nas-v1" / "selected" / path.name) == codec.load(path)


def test_a_stored_grid_is_read(stored):
    grid = stored / "grid-v1"
    assert read_coefficients(str(grid)) == Coefficients(1.2, 1.1, 1.15)
    assert codec.load(grid / "base.yaml").key == catalogue.load("b0").key
    assert load_base(str(stored / "nas-v1")).name.startswith("mnasnet-b0-")


@pytest.mark.slow
def test_a_stored_grid_resumes_to_the_same_tables(stored):
    done = resume("grid", stored / "grid-v1")
    assert done.returncode == 0, done.stderr
    table, expected = (pd.read_csv(root / "grid-v1" / "grid.csv") for root in (stored, STORED))
    pd.testing.assert_frame_equal(table, expected)
