"""The study that is shipped: its tables and its result follow from its ledger, and its page can be drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from effsearch.grid_search.study_plan import plan_study
from effsearch.grid_search.study_reading import read_study
from effsearch.grid_search.study_runs import KIND, StudyRun
from effsearch.records import ledger
from effsearch.reports import study_page
from effsearch.search_spaces import codec

FOLDER = Path(__file__).parents[2] / "experiments" / "images" / "fashion-mnist-study"


@pytest.fixture(scope="module")
def document() -> dict:
    return json.loads((FOLDER / "coefficients.json").read_text())


@pytest.mark.slow
def test_the_result_follows_from_the_ledger(document):
    plan = plan_study(codec.load(FOLDER / "base.yaml"))
    runs = [StudyRun.from_entry(entry) for entry in ledger.read(FOLDER / "ledger.jsonl") if entry["kind"] == KIND]
    assert len({run.name for run in runs}) == len(runs) == 51
    assert {run.key for run in runs} == {network.key for network in plan.networks.values()}
    known = {run.name: run for run in runs}
    found = read_study(plan, known, response="error", prior="law", form="additive", settings={})
    triple = [document[name] for name in ("alpha", "beta", "gamma")]
    assert list(vars(found.coefficients).values()) == pytest.approx(triple)
    assert found.result.loss_at_most == pytest.approx(document["loss_at_most"], rel=1e-6)
    assert [list(one) for one in found.confidence_set] == [pytest.approx(one) for one in document["confidence_set"]]
    assert found.conclusion == document["conclusion"]
    assert_frame_equal(found.surface, pd.read_csv(FOLDER / "surface.csv"), rtol=1e-6)
    means = found.runs.groupby("point")["error"].mean()
    assert means["d0-w0-r100"] < means["d0-w100-r0"] - 0.3 < means["d100-w0-r0"]  # resolution is what this base lacks


def test_its_page_can_be_drawn(document):
    page = study_page.page_of(FOLDER)
    assert "thin-mbconv" in page
    assert f"{document['gamma']:.4g}" in page
