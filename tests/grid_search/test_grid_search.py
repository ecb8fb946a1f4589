"""search(): the contract by name, and every column of the table computed again here."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from effsearch import evaluators, grid_search
from effsearch.evaluators import Evaluation
from effsearch.grid_search import law as laws
from effsearch.grid_search import outputs, search
from effsearch.grid_search.points import NetworkPoints
from effsearch.records.errors import UserError
from effsearch.search_spaces import Coefficients, InvalidValue, codec, scale
from effsearch.search_spaces.cost import cost

LAYERS = (1, 2, 2, 3, 3, 4, 1)  # EfficientNet-B0's


def named(row) -> str:
    return f"efficientnet-b0-{row['alpha']:g}-{row['beta']:g}-{row['gamma']:g}"


@pytest.fixture(scope="module")
def found(b0):
    return search(b0, laws.load())


def test_the_result_has_the_names_of_the_contract(found):
    assert isinstance(found, grid_search.GridResult)
    assert isinstance(found.table, pd.DataFrame)
    assert isinstance(found.surface, pd.DataFrame)
    assert found.coefficients == Coefficients(1.25, 1.1, 1.15)
    assert isinstance(found.confidence_set, tuple)
    assert found.run_dir is None
    assert {"alpha", "beta", "gamma", "product", "error", "error_std", "loss", "in_set", "seconds", "source"} <= set(
        found.table.columns
    )
    assert len(found.table) == 85  # 0.05, tolerance 0.08


@pytest.mark.parametrize(("phi", "factor"), [(1.0, 2.0), (0.5, 2.0), (2.0, 2.0), (1.0, 3.0)])
def test_every_row_is_the_law_at_the_budget_and_the_network_of_the_plain_phi(b0, literal, phi, factor):
    law = laws.load()
    table = search(b0, law, phi=phi, factor=factor).table
    growth = factor**phi
    for _, row in table.iterrows():
        alpha, beta, gamma = row["alpha"], row["beta"], row["gamma"]
        product = alpha * beta**2 * gamma**2
        power = math.log(growth) / math.log(product)
        assert row["product"] == pytest.approx(product)
        assert row["phi_star"] == pytest.approx(power, abs=1e-8)
        assert row["product"] ** row["phi_star"] == pytest.approx(growth)
        error = literal(law.coefficients, alpha**power, beta**power, gamma**power)
        assert row["error"] == pytest.approx(error, abs=1e-8)
        assert row["error_std"] > 0
        logs = math.log(alpha), 2 * math.log(beta), 2 * math.log(gamma)
        found = [row["share_depth"], row["share_width"], row["share_resolution"]]
        assert found == pytest.approx([one / sum(logs) for one in logs], abs=1e-8)
        assert row["blocks"] == sum(math.ceil(count * alpha**phi - 1e-9) for count in LAYERS)
        assert row["resolution"] == int(224 * gamma**phi / 8 + 0.5) * 8
        network = scale(b0, Coefficients(alpha, beta, gamma).at(phi))
        assert (row["network"], row["params"], row["mult_adds"]) == (
            network.key, cost(network).params, cost(network).mult_adds,
        )  # fmt: skip
        assert row["flops_ratio"] == pytest.approx(row["mult_adds"] / 385_814_752)
    assert set(table["source"]) == {"scaling law, additive"}
    assert set(table["failure"]) == {""}


@pytest.mark.parametrize("settings", [{}, {"phi": 0.5}, {"phi": 2}, {"factor": 3.0}, {"step": 0.1, "tolerance": 0.3}])
def test_the_table_is_sorted_and_the_first_row_is_chosen(b0, settings):
    result = search(b0, laws.load(), **settings)
    table = result.table
    assert table["error"].is_monotonic_increasing
    assert (table["loss"] >= 0).all()
    assert table["loss"].iloc[0] == 0
    assert table["loss"].to_numpy() == pytest.approx(table["error"] - table["error"].min())
    assert not table.duplicated(["alpha", "beta", "gamma"]).any()
    first = table.iloc[0]
    assert result.coefficients == Coefficients(first["alpha"], first["beta"], first["gamma"])
    within = (table["product"] - settings.get("factor", 2.0)).abs() <= settings.get("tolerance", 0.08) + 1e-9
    assert (within | table["published"]).all()


def test_many_triples_build_one_network_and_spend_unequally(found):
    """FACTS.md, section 3: the published triple's network is that of 1.25, 1.1, 1.15."""
    published = found.table[found.table["published"]].iloc[0]
    other = found.table[(found.table["alpha"] == 1.25) & (found.table["gamma"] == 1.15)].iloc[0]
    assert published["network"] == other["network"]
    assert found.table["network"].nunique() < len(found.table)
    assert found.table["flops_ratio"].min() < 2
    assert found.table["flops_ratio"].max() > 2.8


def test_the_surface_is_the_law_over_the_whole_simplex(found, literal):
    surface = found.surface
    assert len(surface) == 325  # 25 * 26 / 2
    for _, row in surface.iterrows():
        assert row["alpha"] * row["beta"] ** 2 * row["gamma"] ** 2 == pytest.approx(2)
        assert row["alpha"] == pytest.approx(2 ** row["share_depth"])
        error = literal(laws.load().coefficients, row["alpha"], row["beta"], row["gamma"])
        assert row["error"] == pytest.approx(error)
    assert surface["loss"].to_numpy() == pytest.approx(surface["error"] - surface["error"].min())
    assert surface["loss"].min() == 0
    inside = surface[surface["in_set"]]
    assert 0 < len(inside) < len(surface) / 2
    assert surface["error"].idxmin() in inside.index
    corners = surface[(surface[["share_depth", "share_width", "share_resolution"]] == 1).any(axis=1)]
    assert len(corners) == 3
    assert corners["loss"].between(0.7, 1.1).all()  # FACTS.md: 0.8 to 0.95


def test_a_law_on_another_base_comes_with_a_warning(b0, mobilenet, found):
    assert found.warning is None
    warning = search(mobilenet, laws.load()).warning
    assert "mobilenet-v2" in warning
    assert "EfficientNet-B0" in warning


def test_an_evaluator_rates_a_network_of_the_budget_for_every_triple(b0, counting, accuracy):
    evaluator = counting(std=0.2)
    result = search(b0, evaluator)
    assert len(evaluator.names) == len(set(evaluator.names)) == len(result.table) == 85
    assert set(evaluator.names) == {named(row) for _, row in result.table.iterrows()}
    for _, row in result.table.iterrows():
        assert row["error"] == pytest.approx(100 - accuracy(named(row)))
        assert row["error_std"] == 0.2
        assert (row["source"], row["failure"], row["seconds"]) == ("counting", "", 1.0)
    assert result.table["error"].is_monotonic_increasing
    assert result.alternatives == ()
    assert result.surface.empty
    assert result.warning is None
    errors = result.table["error"]
    near = errors - errors.min() <= 0.05 + 1.645 * math.hypot(0.2, 0.2)
    assert result.table["in_set"].tolist() == near.tolist()


def test_capacity_rates_the_network_that_is_realised(b0):
    capacity = evaluators.load("capacity")
    result = search(b0, capacity, tolerance=0.02)
    points = NetworkPoints(b0, capacity, 2.0)
    for _, row in result.table.iterrows():
        network = points.network((row["alpha"], row["beta"], row["gamma"]))
        assert row["error"] == pytest.approx(100 - capacity(network).accuracy)
    assert result.coefficients == Coefficients(*result.table.loc[0, ["alpha", "beta", "gamma"]])


def test_the_seed_reaches_the_evaluator(b0):
    seeds = []

    def evaluator(architecture, *, seed=0):
        seeds.append(seed)
        return Evaluation(70.0)

    search(b0, evaluator, seed=17, tolerance=0.02)
    assert set(seeds) == {17}


@pytest.mark.slow
def test_failed_points_are_recorded_and_never_chosen(b0, counting, accuracy):
    whole = search(b0, counting())
    best = [named(row) for _, row in whole.table.head(5).iterrows()]
    result = search(b0, counting(fails=lambda name: name in best))
    failed = result.table[result.table["failure"] != ""]
    assert {named(row) for _, row in failed.iterrows()} == set(best)
    assert set(failed["failure"]) == {"out of memory"}
    assert failed["error"].isna().all()
    assert failed.index.tolist() == [80, 81, 82, 83, 84]  # last
    assert not failed["in_set"].any()
    sixth = whole.table.iloc[5]
    assert result.coefficients == Coefficients(sixth["alpha"], sixth["beta"], sixth["gamma"])
    assert result.table["loss"].iloc[0] == 0
    assert not {
        (row["alpha"], row["beta"], row["gamma"]) for _, row in failed.iterrows()
    } & set(result.confidence_set)  # fmt: skip


def test_an_evaluator_that_raises_fails_its_point_alone(b0, counting):
    inner = counting()

    def evaluator(architecture, *, seed=0):
        if architecture.name.endswith("-1.4-1.2-1"):
            raise RuntimeError("no GPU here\nand more")
        return inner(architecture, seed=seed)

    result = search(b0, evaluator)
    failed = result.table[result.table["failure"] != ""]
    assert failed["failure"].tolist() == ["RuntimeError: no GPU here"]
    assert len(inner.names) == 84


def test_where_the_published_point_fails_the_files_stay_plain_json(b0, counting, tmp_path):
    result = search(b0, counting(fails=lambda name: name.endswith("-1.2-1.1-1.15")), run_dir=tmp_path / "run")
    assert result.published["in_set"] is False
    assert "inf" not in result.conclusion
    assert "nan" not in result.conclusion
    document = json.dumps(outputs.coefficients_document(result, b0, "counting"))

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    json.loads(document, parse_constant=refuse)


def test_an_evaluator_that_fails_everywhere_is_told(b0, counting, tmp_path):
    with pytest.raises(UserError, match="out of memory"):
        search(b0, counting(fails=lambda name: True), run_dir=tmp_path / "run")
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["state"] == "failed"


def test_an_evaluator_that_breaks_its_contract_ends_the_search(b0):
    def evaluator(architecture, *, seed=0):
        raise UserError("it returned 'seventy'")

    with pytest.raises(UserError, match="seventy"):
        search(b0, evaluator)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phi", 0), ("phi", -1), ("phi", math.nan), ("phi", 1e9), ("phi", "1"), ("engine", "rya"), ("step", 0),
        ("tolerance", -0.1), ("factor", 1), ("factor", math.nan), ("factor", -2),
    ],
)  # fmt: skip
@pytest.mark.parametrize("phi", [1.0, 2.0])
def test_wrong_arguments_are_refused_by_name_and_value(b0, tmp_path, name, value, phi):
    with pytest.raises((InvalidValue, UserError)) as raised:
        search(b0, laws.load(), run_dir=tmp_path / "run", **{"phi": phi, name: value})
    assert name in str(raised.value)
    assert repr(value) in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_a_growth_that_no_number_holds_is_refused(b0):
    with pytest.raises((InvalidValue, UserError), match="1e\\+300"):
        search(b0, laws.load(), factor=1e300, phi=2)


def test_a_phi_that_no_network_bears_is_refused_before_anything_is_rated(b0, tmp_path):
    """alpha^20 is more than a million layers for some triples."""
    with pytest.raises((InvalidValue, UserError), match="phi"):
        search(b0, laws.load(), phi=20, run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_progress_counts_the_triples(b0, counting):
    told = []
    search(b0, counting(), tolerance=0.02, on_progress=lambda done, total: told.append((done, total)))
    total = told[0][1]
    assert told == [(done, total) for done in range(1, total + 1)]


def test_nothing_is_written_without_a_run_directory(b0, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    search(b0, laws.load())
    assert list(tmp_path.iterdir()) == []


def test_the_files_of_a_run_say_the_same(b0, tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "check_cost", lambda network: None)  # the commands' tests do without this
    run = tmp_path / "runs" / "one"
    result = search(b0, laws.load(), run_dir=run)
    outputs.write_grid(result, b0, "law")
    written = pd.read_csv(run / "grid.csv", keep_default_na=False, dtype={"network": str})
    assert written["alpha"].tolist() == result.table["alpha"].tolist()
    assert written["error"].to_numpy() == pytest.approx(result.table["error"])
    assert written["network"].tolist() == result.table["network"].tolist()
    assert len(pd.read_csv(run / "surface.csv")) == 325
    document = json.loads((run / "coefficients.json").read_text())
    assert (document["alpha"], document["beta"], document["gamma"]) == (1.25, 1.1, 1.15)
    assert codec.load(run / "base.yaml") == b0
    assert codec.load(run / "family" / "b0.yaml").key == b0.key
    assert sorted(path.name for path in (run / "family").iterdir()) == [
        *(f"b{number}.yaml" for number in range(8)), "family.csv",
    ]  # fmt: skip
    manifest = json.loads((run / "manifest.json").read_text())
    assert (manifest["state"], manifest["seed"]) == ("done", 0)
    lines = [json.loads(line) for line in (run / "ledger.jsonl").read_text().splitlines()]
    assert sum(line.get("kind") == "point" for line in lines) == 85
    assert not [path for path in run.rglob("*") if path.name.startswith(".tmp")]


def test_the_results_of_a_grid_do_not_depend_on_how_it_is_chunked(b0, monkeypatch, timeless):
    from effsearch.grid_search import run_grid

    whole = search(b0, laws.load())
    monkeypatch.setattr(run_grid, "CHUNK", 7)
    pd.testing.assert_frame_equal(timeless(search(b0, laws.load()).table), timeless(whole.table), check_exact=True)


def test_numbers_of_numpy_are_taken(b0):
    assert search(b0, laws.load(), phi=np.float64(1.0)).coefficients == Coefficients(1.25, 1.1, 1.15)
