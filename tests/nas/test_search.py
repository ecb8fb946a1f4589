"""search(): the contract by name, with every selected number computed again here."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from effsearch import nas
from effsearch.evaluators import Evaluation
from effsearch.nas import Reward, search
from effsearch.records.errors import UserError
from effsearch.search_spaces import Dimension, InvalidValue, SearchSpace, catalogue, codec
from effsearch.search_spaces.cost import cost

COLUMNS = {
    "number", "state", "accuracy", "accuracy_std", "mult_adds", "params", "reward", "seconds", "source", "key",
}  # fmt: skip


def beaten(row, table, objectives) -> bool:
    """Whether another row is at least as good everywhere and better somewhere; accuracy counts upwards."""
    signs = {name: -1 if name == "accuracy" else 1 for name in objectives}
    better = [
        all(signs[n] * other[n] <= signs[n] * row[n] for n in objectives)
        and any(signs[n] * other[n] < signs[n] * row[n] for n in objectives)
        for _, other in table.iterrows()
    ]
    return any(better)


@pytest.fixture(scope="module")
def found(measured, surrogate):
    return search(measured, surrogate, target_flops=300e6, trials=200, seed=5)


def test_the_tables_have_the_columns_of_the_contract(found, measured):
    assert isinstance(found.trials, pd.DataFrame)
    assert isinstance(found.front, pd.DataFrame)
    names = {dimension.name for dimension in measured.dimensions}
    assert set(found.trials.columns) >= COLUMNS | names
    assert list(found.front.columns) == list(found.trials.columns)
    assert set(found.selected) == {"budget", "reward", "knee"}


def test_every_row_describes_its_network(found, measured, surrogate):
    reward = Reward(300e6)
    names = [dimension.name for dimension in measured.dimensions]
    for _, row in found.trials.iterrows():
        network = measured.decode({name: row[name] for name in names})
        assert row["key"] == network.key
        assert {name: row[name] for name in ("params", "mult_adds", "activations")} == asdict(cost(network))
        assert row["accuracy"] == pytest.approx(surrogate(network).accuracy, abs=1e-9)
        assert row["reward"] == pytest.approx(reward(row["accuracy"], float(row["mult_adds"])), rel=1e-12)
        assert row["feasible"] == (row["mult_adds"] <= 300e6)
    assert found.trials["number"].tolist() == list(range(200))
    assert set(found.trials["state"]) == {"complete"}


def test_the_front_is_the_feasible_rows_that_none_beats(found):
    feasible = found.trials[found.trials["mult_adds"] <= 300e6]
    objectives = ("accuracy", "mult_adds")
    expected = [row["number"] for _, row in feasible.iterrows() if not beaten(row, feasible, objectives)]
    assert sorted(found.front["number"]) == sorted(expected)
    assert found.front["mult_adds"].is_monotonic_increasing
    assert found.front["accuracy"].is_monotonic_increasing
    assert len(found.front) < len(feasible) < 200  # so that there was something to leave out


def test_the_selected_networks_are_those_of_the_rules(found):
    table = found.trials.set_index("number")
    feasible = table[table["mult_adds"] <= 300e6]
    assert found.picks["budget"] == feasible["accuracy"].idxmax()
    assert found.picks["reward"] == table["reward"].idxmax()
    front = found.front
    x, y = np.log(front["mult_adds"].to_numpy(dtype=float)), front["accuracy"].to_numpy(dtype=float)
    height = (y - y.min()) / np.ptp(y) - (x - x.min()) / np.ptp(x)
    assert found.picks["knee"] == front["number"].iloc[int(height.argmax())]
    for rule, network in found.selected.items():
        assert network.key == table.loc[found.picks[rule], "key"]


def test_the_files_of_a_run_say_the_same(tiny, rate, tmp_path):
    run = tmp_path / "runs" / "one"
    result = search(tiny, rate, trials=60, batch=20, run_dir=run, target_flops=2e6)
    table = pd.read_csv(run / "trials.csv", dtype={"key": str})
    feasible = table[(table["state"] == "complete") & (table["mult_adds"] <= 2e6)]
    assert 0 < len(feasible) < 60
    best = feasible.loc[feasible["accuracy"].idxmax()]
    assert codec.load(run / "selected" / "budget.yaml").key == best["key"]
    assert sorted(path.name for path in (run / "selected").iterdir()) == ["budget.yaml", "knee.yaml", "reward.yaml"]
    front = pd.read_csv(run / "front.csv")
    assert sorted(front["number"]) == sorted(result.front["number"])
    assert result.run_dir == run
    manifest = json.loads((run / "manifest.json").read_text())
    assert (manifest["state"], manifest["seed"]) == ("done", 0)
    lines = [json.loads(line) for line in (run / "ledger.jsonl").read_text().splitlines()]
    assert [line["number"] for line in lines if line.get("kind") == "trial"] == list(range(60))
    assert not [path for path in run.rglob("*") if path.name.startswith(".tmp")]


def test_one_call_of_the_evaluator_a_trial(tiny, rate, counting):
    evaluator = counting(rate)
    result = search(tiny, evaluator, trials=130, batch=30)
    assert len(evaluator.keys) == len(set(evaluator.keys)) == len(result.trials) == 130
    assert evaluator.keys == result.trials["key"].tolist()


def test_the_seed_reaches_the_evaluator(tiny, rate):
    seeds = []

    def evaluator(architecture, *, seed=0):
        seeds.append(seed)
        return rate(architecture, seed=seed)

    result = search(tiny, evaluator, trials=4, seed=17)
    assert seeds == [17] * 4
    assert set(result.trials["seed"]) == {17}


def test_nothing_is_written_without_a_run_directory(tiny, rate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert search(tiny, rate, trials=5).run_dir is None
    assert list(tmp_path.iterdir()) == []


def test_the_default_budget_is_400_million_mult_adds(measured, surrogate):
    table = search(measured, surrogate, trials=30).trials
    assert table["feasible"].tolist() == (table["mult_adds"] <= 400e6).tolist()
    assert 0 < table["feasible"].sum() < 30


def test_every_budget_counts(measured, surrogate):
    result = search(measured, surrogate, trials=100, budgets={"mult_adds": 350e6, "params": 4e6})
    table = result.trials
    assert table["feasible"].tolist() == ((table["mult_adds"] <= 350e6) & (table["params"] <= 4e6)).tolist()
    assert result.front["feasible"].all()
    best = table[table["feasible"]].set_index("number")["accuracy"].idxmax()
    assert result.picks["budget"] == best


def latency(architecture) -> float:
    return 0.5 + cost(architecture).activations / 1e6 + architecture.stages[0].repeats


def test_a_cost_of_ones_own_is_an_objective_and_a_budget(measured, surrogate):
    result = search(
        measured, surrogate, trials=100, objectives=("accuracy", "latency", "params"), costs={"latency": latency},
        budgets={"latency": 7.0}, reward=Reward(7.0, cost="latency"),
    )  # fmt: skip
    table, names = result.trials, [dimension.name for dimension in measured.dimensions]
    for _, row in table.iterrows():
        assert row["latency"] == latency(measured.decode({name: row[name] for name in names}))
        assert row["reward"] == pytest.approx(row["accuracy"] * (row["latency"] / 7) ** -0.07)
    assert table["feasible"].tolist() == (table["latency"] <= 7).tolist()
    assert 0 < table["feasible"].sum() < 100
    feasible = table[table["feasible"]]
    objectives = ("accuracy", "latency", "params")
    expected = [row["number"] for _, row in feasible.iterrows() if not beaten(row, feasible, objectives)]
    assert sorted(result.front["number"]) == sorted(expected)


@pytest.mark.parametrize("name", ["accuracy", "reward", "number", "state", "key", "mult_adds", "params", "feasible"])
def test_a_cost_cannot_take_the_name_of_a_column(tiny, rate, name):
    with pytest.raises(UserError, match=name):
        search(tiny, rate, trials=3, costs={name: latency})


@pytest.mark.parametrize("name", ["accuracy", "state", "seed", "key", "params"])
def test_a_dimension_cannot_take_the_name_of_a_column(sixty, rate, name):
    first, *others = sixty.dimensions
    space = SearchSpace(
        "clash",
        (Dimension(name, first.choices), *others),
        lambda point: sixty.build({**{key: value for key, value in point.items() if key != name}, "a": point[name]}),
    )
    with pytest.raises(UserError, match=name):
        search(space, rate, trials=3)


@pytest.mark.parametrize("bad", [lambda _: 1 / 0, lambda _: "fast", lambda _: math.nan, lambda _: None])
def test_a_cost_that_is_no_number_is_told_by_its_name(tiny, rate, bad, tmp_path):
    with pytest.raises(UserError, match="latency"):
        search(tiny, rate, trials=3, costs={"latency": bad}, run_dir=tmp_path / "run")


def test_references_are_evaluated_once_beside_the_trials(measured, surrogate, counting):
    b0 = catalogue.load("b0")
    evaluator = counting(surrogate)
    result = search(measured, evaluator, trials=20, references=[b0])
    assert evaluator.keys[0] == b0.key
    assert len(evaluator.keys) == 21
    entry = result.references["efficientnet-b0"]
    assert entry["key"] == b0.key
    assert entry["evaluation"]["accuracy"] == pytest.approx(surrogate(b0).accuracy)
    assert entry["reward"] == pytest.approx(Reward(400e6)(surrogate(b0).accuracy, 385_814_752))
    alone = search(measured, surrogate, trials=20)
    assert alone.references == {}
    assert alone.trials["key"].tolist() == result.trials["key"].tolist()  # they do not change the search


def failing_sometimes(rate):
    def evaluator(architecture, *, seed=0):
        if int(architecture.key, 16) % 3 == 0:
            return Evaluation.failed("out of memory", seed=seed)
        return rate(architecture, seed=seed)

    return evaluator


def test_a_failed_evaluation_is_recorded_with_its_reason(tiny, rate, tmp_path):
    result = search(tiny, failing_sometimes(rate), trials=90, batch=30, run_dir=tmp_path / "run")
    failed = result.trials["state"] == "failed"
    assert failed.tolist() == [int(key, 16) % 3 == 0 for key in result.trials["key"]]
    assert 10 < failed.sum() < 80
    assert set(result.trials.loc[failed, "failure"]) == {"out of memory"}
    assert result.trials.loc[failed, ["accuracy", "reward"]].isna().all(axis=None)
    assert result.trials.loc[~failed, "accuracy"].notna().all()
    assert result.trials.loc[failed, "mult_adds"].notna().all()
    assert not set(result.front["number"]) & set(result.trials.loc[failed, "number"])
    assert not set(result.picks.values()) & set(result.trials.loc[failed, "number"])


def test_an_exception_is_a_failure_after_a_second_try(tiny, rate):
    calls = []

    def evaluator(architecture, *, seed=0):
        calls.append(architecture.key)
        if calls.count(architecture.key) == 1 and len(set(calls)) % 2 == 0:
            raise RuntimeError("the network was gone\nfor a moment")
        if int(architecture.key, 16) % 5 == 0:
            raise ValueError("never works")
        return rate(architecture, seed=seed)

    table = search(tiny, evaluator, trials=40, batch=20).trials
    expected = ["ValueError: never works" if int(key, 16) % 5 == 0 else "" for key in table["key"]]
    assert table["failure"].tolist() == expected
    assert 0 < (table["failure"] != "").sum() < 40
    assert max(calls.count(key) for key in set(calls)) == 2


@pytest.mark.parametrize("sampler", ["nsga2", "tpe", "evolution"])
def test_a_failure_is_not_told_as_a_result(tiny, rate, sampler):
    """The proposals are the same whatever accuracy a failed evaluation might have had."""

    def evaluator(accuracy):
        def evaluate(architecture, *, seed=0):
            good = rate(architecture, seed=seed)
            failed = int(architecture.key, 16) % 3 == 0
            return replace(good, accuracy=accuracy, failure="broke") if failed else good

        return evaluate

    one, two = (search(tiny, evaluator(a), sampler=sampler, trials=140, batch=20).trials for a in (0.0, 100.0))
    assert one["key"].tolist() == two["key"].tolist()
    assert (one["state"] == "failed").any()
    assert one.loc[one["state"] == "failed", "reward"].isna().all()


def test_an_evaluator_that_fails_on_everything_ends_the_search(tiny, tmp_path):
    calls = []

    def evaluator(architecture, *, seed=0):
        calls.append(architecture.key)
        raise RuntimeError("no GPU here")

    with pytest.raises(UserError, match="RuntimeError: no GPU here") as raised:
        search(tiny, evaluator, trials=500, batch=10, run_dir=tmp_path / "run")
    assert raised.value.hint
    assert len(set(calls)) == 10  # after the first batch
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["state"] == "failed"


@pytest.mark.parametrize("result", [70.0, "70", None, {"accuracy": 70}, (70, 1)])
def test_an_evaluator_that_returns_no_evaluation_is_told_so(tiny, result, tmp_path):
    with pytest.raises(UserError, match="Evaluation"):
        search(tiny, lambda architecture, *, seed=0: result, trials=5, run_dir=tmp_path / "run")


@pytest.mark.parametrize("accuracy", [math.nan, math.inf, "70", None])
def test_an_accuracy_that_is_no_number_is_never_a_complete_trial(tiny, rate, accuracy, tmp_path):
    def evaluator(architecture, *, seed=0):
        return replace(rate(architecture), accuracy=accuracy)

    with pytest.raises(UserError, match="accuracy"):
        search(tiny, evaluator, trials=5, run_dir=tmp_path / "run")


def test_an_evaluators_own_many_must_answer_for_all(tiny, rate):
    class Short:
        def __call__(self, architecture, *, seed=0):
            return rate(architecture)

        def many(self, architectures, *, seed=0):
            return [rate(one) for one in architectures[:-1]]

    with pytest.raises(UserError):
        search(tiny, Short(), trials=5)


def test_a_user_error_of_the_evaluator_ends_the_search(surrogate, tiny, tmp_path):
    with pytest.raises(UserError, match="mnasnet-b0"):
        search(tiny, surrogate, trials=5, run_dir=tmp_path / "run")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"target_flops": 300e6, "budgets": {"mult_adds": 400e6}}, "give one"),
        ({"objectives": ("accuracy",)}, "accuracy and at least one cost"),
        ({"objectives": ("mult_adds", "params")}, "accuracy and at least one cost"),
        ({"objectives": ("accuracy", "params", "params")}, "accuracy and at least one cost"),
        ({"objectives": ("accuracy", "latency")}, "latency"),
        ({"budgets": {"latency": 3.0}}, "latency"),
        ({"reward": Reward(3.0, cost="latency")}, "latency"),
        ({"trials": 0}, "trials is 0"),
        ({"trials": -1}, "trials is -1"),
        ({"trials": 4.5}, "trials is 4.5"),
        ({"batch": 0}, "batch is 0"),
        ({"batch": True}, "batch is True"),
        ({"seed": -1}, "-1"),
        ({"budgets": {"params": 0.0}}, "params is 0"),
        ({"budgets": {"params": math.nan}}, "params is nan"),
        ({"target_flops": -5}, "-5"),
        ({"sampler": "genetic"}, "genetic"),
        ({"resume": True}, "resume"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_done(measured, settings, says, tmp_path):
    def evaluator(architecture, *, seed=0):
        pytest.fail("nothing may be evaluated")

    with pytest.raises((UserError, InvalidValue)) as raised:
        search(measured, evaluator, **{"trials": 5, **settings})
    assert says in str(raised.value)
    if "resume" not in settings:
        with pytest.raises((UserError, InvalidValue)):
            search(measured, evaluator, **{"trials": 5, **settings}, run_dir=tmp_path / "run")
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("budgets", [{"mult_adds": 1e6}, {"params": 1e5}, {"activations": 10}])
def test_a_budget_below_the_smallest_network_has_exit_code_1(measured, surrogate, budgets, tmp_path):
    name = next(iter(budgets))
    with pytest.raises(UserError, match=f"no network of mnasnet-b0 has {name}") as raised:
        search(measured, surrogate, budgets=budgets, run_dir=tmp_path / "run")
    assert raised.value.exit_code == 1
    assert not (tmp_path / "run").exists()
    least = measured.tables.cheapest(name)
    smallest = {dimension.name: min(dimension.choices) for dimension in measured.dimensions}
    assert least == getattr(cost(measured.decode(smallest)), name)


def test_where_no_network_meets_the_budget_the_other_rules_still_select(measured, surrogate, tmp_path):
    least = measured.tables.cheapest("mult_adds")
    result = search(measured, surrogate, target_flops=least + 1, trials=20, run_dir=tmp_path / "run")
    assert set(result.selected) == {"reward"}
    assert len(result.front) == 0
    assert not result.trials["feasible"].any()
    assert not (tmp_path / "run" / "selected" / "budget.yaml").exists()


def test_equal_accuracies_go_to_the_cheaper_network(tiny):
    result = search(tiny, lambda architecture, *, seed=0: Evaluation(50.0), trials=40)
    table = result.trials
    assert result.picks["budget"] == table.loc[table["mult_adds"].idxmin(), "number"]
    assert len(result.front) == 1


def test_progress_is_told_after_each_batch_and_grows(tiny, rate):
    told = []
    result = search(tiny, rate, trials=110, batch=25, on_batch=told.append)
    assert [one.done for one in told] == [25, 50, 75, 100, 110]
    assert {one.total for one in told} == {110}
    best = [one.best for one in told]
    assert best == sorted(best)
    assert best[-1] == result.trials["accuracy"].max()
    assert told[-1].front == len(result.front)
    assert all(0 <= one.hypervolume <= 1 for one in told)
    assert isinstance(told[0], nas.Progress)


def test_a_directory_that_is_not_empty_is_left_alone(tiny, rate, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        search(tiny, rate, trials=3, run_dir=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
