"""The fit of the scaling laws: the committed one can be made again, and its rows are those of the publications."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from effsearch.experiments.scaling_law import __main__ as program
from effsearch.experiments.scaling_law import fit, results
from effsearch.grid_search import law as laws
from effsearch.grid_search.law import LAWS

ARRAYS = {
    name: (np.array([one[1:4] for one in rows]), 100 - np.array([one.top1 for one in rows]))
    for name, rows in (
        ("efficientnet", results.EFFICIENTNET), ("mobilenet-v2", results.MOBILENET_V2), ("resnet-50", results.RESNET_50)
    )
}  # fmt: skip
LAYERS = (1, 2, 2, 3, 3, 4, 1)


def known() -> dict:
    return json.loads(LAWS.read_text())["laws"]


def test_the_additive_fit_is_the_committed_one():
    assert fit.fit_additive(*ARRAYS["efficientnet"]) == pytest.approx(known()["additive"]["coefficients"], rel=1e-4)


def test_the_separate_and_the_logarithmic_fit_are_the_committed_ones():
    rows, errors = ARRAYS["efficientnet"]
    assert fit.fit_separate(rows, errors) == pytest.approx(known()["separate"]["coefficients"], rel=2e-3)
    assert fit.fit_additive(rows, np.log(errors)) == pytest.approx(known()["logarithmic"]["coefficients"], rel=1e-3)


@pytest.mark.parametrize("name", ["mobilenet-v2", "resnet-50"])
def test_other_networks_have_the_exponent_of_the_default_law_and_linear_rest(name):
    rows, errors = ARRAYS[name]
    stored = known()[name]["coefficients"]
    assert stored[4:] == known()["additive"]["coefficients"][4:]
    powers = np.column_stack([np.ones(5), rows[:, 0] ** -stored[4], *(rows[:, i] ** (-2 * stored[4]) for i in (1, 2))])
    solution, *_ = np.linalg.lstsq(powers, errors, rcond=None)
    assert stored[:4] == pytest.approx(solution, rel=1e-3)
    assert known()[name]["leave_one_out"] is None  # five rows for four coefficients say nothing of that


def test_the_fit_finds_a_law_that_made_the_results():
    rng = np.random.default_rng(0)
    rows = rng.uniform(1, 3, (30, 3))
    truth = np.array([15.0, 3.0, 2.0, 1.5, 1.2, 1.2, 1.2])
    errors = 15 + 3 * rows[:, 0] ** -1.2 + 2 * rows[:, 1] ** -2.4 + 1.5 * rows[:, 2] ** -2.4
    assert fit.fit_additive(rows, errors) == pytest.approx(truth, rel=1e-4)
    separate = 15 + 3 * rows[:, 0] ** -0.8 + 2 * rows[:, 1] ** -4.0 + 1.5 * rows[:, 2] ** -2.4
    assert fit.fit_separate(rows, separate) == pytest.approx([15, 3, 2, 1.5, 0.8, 2.0, 1.2], rel=1e-2)


def test_a_dimension_that_seems_to_hurt_counts_nothing():
    rows = np.random.default_rng(0).uniform(1, 3, (30, 3))
    errors = 15 + 3 * rows[:, 0] ** -1.2 - 2 * rows[:, 1] ** -2.4 + 1.5 * rows[:, 2] ** -2.4
    found = fit.fit_additive(rows, errors)
    assert found[2] == 0
    assert (found[1:4] >= 0).all()


def test_the_refits_scatter_by_the_leave_one_out_error():
    for name, law in known().items():
        samples = np.array(law["samples"])
        assert len(samples) == fit.REFITS
        assert law["noise"] == known()["additive"]["leave_one_out"]
        # the predictions at B0 scatter by a good part of the noise and around the fit
        predicted = laws.load(name).sampled_errors(np.ones((1, 3)))[:, 0]
        assert 0.4 * law["noise"] < predicted.std() < 1.5 * law["noise"]
        assert abs(predicted.mean() - laws.load(name).errors(np.ones((1, 3)))[0]) < 0.05


def test_the_check_tells_another_fit(monkeypatch, capsys):
    other = known()
    other["additive"]["coefficients"][0] += 0.1
    for fitted, code, word in ((known(), 0, "equal"), (other, 1, "DIFFERENT")):
        monkeypatch.setattr(program, "fit_laws", lambda fitted=fitted: fitted)
        monkeypatch.setattr(sys, "argv", ["scaling_law", "--check"])
        assert program.main() == code
        assert capsys.readouterr().out.splitlines()[-1].endswith(word)


def test_a_written_fit_is_read_as_laws(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(program, "fit_laws", known)
    monkeypatch.setattr(sys, "argv", ["scaling_law", "--output", str(tmp_path / "laws.json")])
    assert program.main() == 0
    assert json.loads((tmp_path / "laws.json").read_text()) == json.loads(LAWS.read_text())


@pytest.mark.slow
def test_the_committed_laws_are_fitted_again_without_any_data(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "effsearch.experiments.scaling_law", "--check"],
        cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "the committed laws are equal"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def published(data):
    """family -> model -> row of published_results.csv, which lies with the tables of the surrogate."""
    path = data / "published_results.csv"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {data}")
    with path.open(newline="") as file:
        found: dict[str, dict[str, dict[str, str]]] = {}
        for row in csv.DictReader(file):
            found.setdefault(row["family"], {})[row["model"]] = row
    return found


def blocks(depth: float) -> int:
    """Of the official code: each stage's layers rounded up."""
    return sum(math.ceil(round(depth * count, 9)) for count in LAYERS)


@pytest.mark.data
def test_the_efficientnets_are_those_of_the_publications(published):
    rows = {one.name: one for one in results.EFFICIENTNET}
    assert len(rows) == 9
    for name in ("B0", "B1", "B2", "B3", "B4", "B5"):
        row = published["efficientnet_tpu_base"][name]
        assert rows[name].top1 == float(row["top1"])
        assert rows[name].depth == blocks(float(row["d"])) / 16
        assert rows[name].width == float(row["w"])
        assert rows[name].resolution == pytest.approx(int(row["res"]) / 224)
    for name, short in (("depth 4", "d=4"), ("width 2", "w=2"), ("resolution 2", "r=2")):
        row = published["efficientnet_table7"][short]
        assert rows[name][1:] == tuple(float(row[column]) for column in ("d", "w", "r", "top1"))
    # its compound row is B3 again: 81.1 at d 1.4, w 1.2, r 1.3
    compound = published["efficientnet_table7"]["compound d1.4 w1.2 r1.3"]
    assert float(compound["top1"]) == rows["B3"].top1


@pytest.mark.data
@pytest.mark.parametrize(
    ("rows", "family"), [(results.MOBILENET_V2, "mobilenetv2_table3"), (results.RESNET_50, "resnet50_table3")]
)
def test_the_other_networks_are_those_of_table_3(published, rows, family):
    names = {"base": "base", "depth 4": "d=4", "width 2": "w=2", "resolution 2": "r=2", "compound": "compound"}
    assert {one.name for one in rows} == set(names)
    assert set(published[family]) == set(names.values())
    for one in rows:
        row = published[family][names[one.name]]
        assert one.top1 == float(row["top1"])
        assert one[1:4] == pytest.approx([float(row[column]) for column in ("d", "w", "r")], abs=1e-3)
