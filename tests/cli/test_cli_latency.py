"""`effsearch latency`, `profile --latency`, and a search for a latency, from the command line."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import yaml
from digits_data import write_npz
from hypothesis import given
from hypothesis import strategies as st

from effsearch.commands.duration import parse_latency
from effsearch.commands.latency_space import Place, draw
from effsearch.commands.nas_options import NasOptions, prepare, settled
from effsearch.models.latency import Timing
from effsearch.records.errors import UserError
from effsearch.reports import live
from effsearch.search_spaces import InvalidValue, catalogue, codec, latency_file, load
from effsearch.search_spaces.block_signature import network_blocks, signatures, space_blocks
from effsearch.search_spaces.cost import block_cost
from effsearch.search_spaces.latency_table import Conditions, Correction, Entry, LatencyTable

B0 = catalogue.load("b0")
STORED = Path(__file__).resolve().parents[1] / "stored" / "nas-v1"
NAS = ("nas", "--trials", 40, "--batch", 20, "--sampler", "random", "--out", "run")
TARGET = ("--target-latency", "22ms", "--latency-table", "t.json")


@cache
def made_up(slower: float = 1.0) -> LatencyTable:
    """Milliseconds by activations and mult-adds; B0 takes 31.9."""
    found = {**space_blocks(load("mnasnet-b0")), **network_blocks(B0)}
    counted = {text: block_cost(block) for text, block in found.items()}
    times = {text: slower * (one.activations * 3e-6 + one.mult_adds * 2e-8 + 0.05) for text, one in counted.items()}
    entries = {text: Entry(value, 0.9 * value, 1.1 * value, 9) for text, value in times.items()}
    correction = Correction(1.1, 0.01, ("a" * 16,) * 20, 3.2, 9.1)
    machine = {"processor": "<b>a processor</b>", "torch": "2.13.0"}
    return LatencyTable("mnasnet-b0", Conditions(threads=2), entries, correction, 30, 0, machine)


@pytest.fixture(scope="module")
def text() -> str:
    return latency_file.dumps(made_up())


@pytest.fixture
def table(folder, text) -> Path:
    (folder / "t.json").write_text(text)
    return folder / "t.json"


# Times in words


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [("12ms", 12), ("0.012s", 12), (" 12 MS ", 12), ("800us", 0.8), ("1.5s", 1500), (".5ms", 0.5), ("1e-2s", 10)],
)
def test_a_latency_in_words(written, milliseconds):
    assert parse_latency(written) == pytest.approx(milliseconds)


@pytest.mark.parametrize(
    "written",
    ["", "12", "ms", "12m", "12 min", "-3ms", "0ms", "nanms", "infms", "1e400s", "2h", "12ms3", "\u0661ms", "12msms"],
)
def test_what_is_no_latency_is_refused(written):
    with pytest.raises(InvalidValue, match="must be a time with its unit"):
        parse_latency(written)


@given(st.text(max_size=8))
def test_any_text_is_a_latency_or_refused(written):
    try:
        found = parse_latency(written)
    except InvalidValue:
        return
    assert 0 < found <= 3_600_000


# Wrong input: one line that names it, one with a hint


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nas --target-latency 12ms", "needs --latency-table"),
        ("nas --target-latency 12 --latency-table t.json", "--target-latency is '12'"),
        ("nas --target-latency 12ms --latency-table none.json", "none.json"),
        ("nas --target-latency 12ms --latency-table own.py", "own.py is no latency table"),
        ("nas --target-latency 12ms --latency-table t.json --limit latency=9ms", "several budgets"),
        ("nas --latency-table t.json --limit latency=9", "--limit latency is '9'"),
        ("nas --target-latency 12ms --latency-table t.json --cost latency=own.py:latency", "both say"),
        ("nas --target-latency 12ms --latency-table small.json", "no block “"),
        (
            "nas --target-latency 12ms --latency-table t.json --compare b1 --evaluator capacity",
            "efficientnet-b1, which the search",
        ),
        ("latency build --out t.json", "t.json exists already"),
        ("latency build --out t.yaml", "ends in .json"),
        ("latency build --out no/t.json", "there is no folder no"),
        ("latency build --out n.json --engine onnxruntime", "--engine is 'onnxruntime'"),
        ("latency build --out n.json --engine magic", "--engine is 'magic'"),
        ("latency build --out n.json --device tpu", "device is 'tpu'"),
        ("latency build --out n.json --space nowhere", "'nowhere'"),
        ("latency build --out n.json --space mnasnet-b0 --around b0", "--around is for the space mnasnet"),
        ("latency build --out n.json --target-flops 3M", "--target-flops is for --data"),
        ("latency predict b1 --table t.json", "of efficientnet-b1"),
        ("latency predict nothing --table t.json", "'nothing'"),
        ("latency predict b0 --table own.py", "own.py is no latency table"),
        ("latency check --table t.json --resolution 32", "is of other networks: they have 224 px and 1,000 classes"),
        ("latency build --out n.json --seed 99999999999999999999", "--seed is 99999999999999999999"),
        ("latency build --out /proc/n.json", "cannot write /proc/n.json"),
        ("latency build --out dangling.json", "dangling.json exists already"),
        ("profile .", "is a folder without a ledger"),
        ("profile b0 --select knee", "--select chooses among the networks of a run"),
        ("nas --target-latency 12ms --latency-table negative.json", "correction gives"),
        ("latency predict b0 --table runtime.json", "engine is 'onnxruntime'; a table"),
        ("profile b0 --batch 3", "--batch is for --latency"),
        ("profile b0 --latency --batch 1,x", "--batch is 'x'"),
        ("profile b0 --latency --batch 0", "batch is 0"),
        ("profile b0 --latency --device cuda:99", "device is cuda:99"),
        ("profile b0 --latency --engine magic", "'magic'"),
    ],
)
def test_what_is_wrong_is_named(folder, here, table, line, words):
    stem = dict([next(iter(made_up().entries.items()))])
    Path("small.json").write_text(latency_file.dumps(replace(made_up(), entries=stem)))
    negative = replace(made_up(), correction=replace(made_up().correction, per_block=-0.9))
    Path("negative.json").write_text(latency_file.dumps(negative))
    Path("runtime.json").write_text(latency_file.dumps(made_up()).replace('"folded"', '"onnxruntime"'))
    Path("dangling.json").symlink_to("nowhere/x.json")
    before = sorted(folder.iterdir())
    done = here(*line.split())
    assert done.code == 2, done.stderr
    first, *rest = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert words in first
    assert not any("Traceback" in one for one in rest)
    assert [path for path in sorted(folder.iterdir()) if path.name != "__pycache__"] == before


def test_a_space_with_too_few_networks_is_refused(folder):
    space = load("mnasnet-b0")
    some = draw(space, 5, seed=0)
    assert len({one.key for one in some}) == 5
    again = draw(space, 5, seed=0, without=frozenset({some[0].key}))
    assert some[0].key not in {one.key for one in again}
    few = replace(space, dimensions=tuple(replace(one, choices=one.choices[:1]) for one in space.dimensions))
    with pytest.raises(UserError, match="too few networks: 2 were wanted, 1 found"):
        draw(few, 2, seed=0)


def test_a_space_at_another_resolution(folder):
    random_network = draw(Place(resolution=64).load(), 1, seed=0)[0]
    assert random_network.resolution == 64
    around = Place(around="b1", resolution=96).load()
    assert (around.name, draw(around, 1, seed=0)[0].resolution) == ("mnasnet", 96)


# What a table says


@pytest.mark.slow  # imports rich
def test_predict_prints_what_the_table_says(here, table):
    expected = 1.1 * sum(made_up().entries[text].median for text, _ in signatures(B0)) + 0.01 * 18
    document = json.loads(here("latency", "predict", "b0", "--table", "t.json", "--json").stdout)
    assert document["milliseconds"] == pytest.approx(expected)
    assert sum(one["milliseconds"] for one in document["stages"]) == pytest.approx(document["sum_of_blocks"])
    assert document["table"]["threads"] == 2
    done = here("latency", "predict", "b0", "--table", "t.json")
    assert done.code == 0
    assert f"{expected:.4g} ms predicted" in done.stdout
    assert "2 threads" in done.stdout


@pytest.mark.slow
def test_build_predict_and_check(folder, here, monkeypatch):
    """By the processor's time: that of the clock says nothing where other tests run beside."""
    from effsearch.models import latency

    monkeypatch.setattr(latency, "perf_counter", time.thread_time)
    done = here("latency", "build", "--out", "t.json", "--resolution", 32, "--rounds", 2, "--calibration", 5, "--json")
    assert done.code == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["blocks"], document["threads"], document["rounds"]) == (170, 1, 2)
    built = latency_file.load("t.json")
    assert set(built.entries) == {
        text.replace("112px", "16px").replace("56px", "8px").replace("28px", "4px").replace("14px", "2px")
        .replace("224px", "32px").replace(" 7px", " 1px")
        for text in space_blocks(load("mnasnet-b0"))
    }  # fmt: skip
    assert len(set(built.correction.keys)) == 5
    done = here("latency", "check", "--table", "t.json", "--resolution", 32, "--networks", 4, "--rounds", 2, "--json")
    document = json.loads(done.stdout)
    assert document["networks"] == len(document["rows"]) == 4
    assert not {row["key"] for row in document["rows"]} & set(built.correction.keys)
    assert document["mean_error"] > 0
    said = here("latency", "check", "--table", "t.json", "--resolution", 32, "--networks", 4, "--rounds", 1)
    assert "Kendall tau" in said.stdout
    assert ("verdict" in said.stdout, "verdict" in document) == (True, True)
    assert document["trusted"] in (True, False, None)  # None where other tests disturbed it: test_latency_table.py
    codec.dump(replace(B0, resolution=40), "b0-40.yaml")
    refused = here("latency", "predict", "b0-40.yaml", "--table", "t.json")
    assert (refused.code, "40px" in refused.stderr) == (2, True)
    done = here("latency", "predict", "b0-40.yaml", "--table", "t.json", "--measure", "--rounds", 1)
    assert done.code == 0, done.stderr
    assert "blocks were measured and added" in done.stderr
    assert here("latency", "predict", "b0-40.yaml", "--table", "t.json").code == 0
    assert len(latency_file.load("t.json").entries) > 170
    assert [path.name for path in folder.iterdir() if path.name.startswith(".tmp")] == []


def test_blocks_of_another_machine_are_not_added(folder, here, table):
    before = table.read_bytes()
    done = here("latency", "predict", "b1", "--table", "t.json", "--measure")
    assert done.code == 2
    assert "the table has processor '<b>a processor</b>', here it is" in done.stderr
    assert table.read_bytes() == before


@pytest.mark.slow
def test_profile_measures_batches(folder, here):
    codec.dump(replace(B0, resolution=32), "small.yaml")
    options = ("--latency", "--batch", "1,2", "--runs", 2, "--threads", 1)
    document = json.loads(here("profile", "small.yaml", *options, "--json").stdout)["latency"]
    assert [one["batch"] for one in document["batches"]] == [1, 2]
    assert all(one["low"] <= one["median"] <= one["high"] and one["runs"] == 2 for one in document["batches"])
    assert (document["threads"], document["engine"], document["unit"]) == (1, "folded", "ms")
    done = here("profile", "small.yaml", *options, "--engine", "eager")
    assert "images/s" in done.stdout
    assert "1 thread, eager" in done.stdout

    assert all(one["spread"] == one["high"] / one["low"] for one in document["batches"])
    assert all(0 < one["on_processor"] <= 1 for one in document["batches"])
    assert "batch 2 (2 of 2): run 2 of 2" in done.stderr


def timing(batch: int, low: float, high: float, on_processor: float | None) -> Timing:
    return Timing(batch, low, low, high, 9, on_processor)


def test_profile_says_that_the_machine_was_busy(folder, here, monkeypatch):
    from effsearch.models import latency

    found = {1: timing(1, 3.0, 3.1, 0.7), 2: timing(2, 3.0, 5.4, 0.99), 3: timing(3, 3.0, 4.4, None)}
    monkeypatch.setattr(latency, "measure", lambda network, conditions, **_: found[conditions.batch])
    done = here("profile", "b0", "--latency", "--batch", "1,2,3", "--threads", 1, "--json")
    assert done.code == 0, done.stderr
    notes = done.stderr.splitlines()
    assert len(notes) == 2
    assert "note: batch 1: this process had the processor for 70 % of the time only" in notes[0]
    assert "note: batch 2: the upper quartile is 1.8 times the lower one" in notes[1]
    rows = json.loads(done.stdout)["latency"]["batches"]
    assert [(one["on_processor"], round(one["spread"], 1)) for one in rows] == [(0.7, 1.0), (0.99, 1.8), (None, 1.5)]


# A table that something speaks against


@pytest.fixture
def disturbed(folder) -> Path:
    """Without a correction, and measured with 70 % of the processor."""
    table = replace(made_up(), correction=None, machine={**made_up().machine, "time on the processor": "70 %"})
    (folder / "bad.json").write_text(latency_file.dumps(table))
    return folder / "bad.json"


def test_what_speaks_against_a_table_is_repeated(folder, here, disturbed):
    for line in ("latency predict b0 --table bad.json --json", "nas --latency-table bad.json --dry-run"):
        done = here(*line.split())
        assert done.code == 0, done.stderr
        assert "is doubtful: other programs disturbed its measurement" in done.stderr
        assert "is doubtful: it has no correction" in done.stderr
    assert (
        len(json.loads(here("latency", "predict", "b0", "--table", "bad.json", "--json").stdout)["table"]["doubts"])
        == 2
    )


def test_what_a_table_says_cannot_write_on_the_terminal(here, table):
    table.write_text(latency_file.dumps(
        replace(made_up(), correction=None, machine={"no correction": "\x1b[2J\nerror: all is lost"})
    ))  # fmt: skip
    done = here("latency", "predict", "b0", "--table", "t.json")
    assert done.code == 0
    assert "\x1b" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_page_repeats_what_speaks_against_a_table(folder, here, disturbed):
    assert here(*NAS, "--latency-table", "bad.json", "--target-latency", "22ms").code == 0
    assert "The table is doubtful: other programs disturbed" in Path("run/report.html").read_text()


@pytest.mark.parametrize(
    ("factors", "trusted", "words"),
    [
        ((1.0,), True, "the table can be trusted"),
        ((1.3,), False, "the table cannot be trusted"),
        ((0.93,), True, "its correction makes the table worse"),
    ],
)
def test_a_check_ends_with_a_verdict(folder, here, table, monkeypatch, factors, trusted, words):
    from effsearch.models import latency_blocks

    def measured(networks, conditions, **_):
        return [factors[0] * made_up()(one) for one in networks]

    monkeypatch.setattr(latency_blocks, "measure_networks", measured)
    done = here("latency", "check", "--table", "t.json", "--networks", 3, "--json")
    document = json.loads(done.stdout)
    assert (document["trusted"], document["verdict"].startswith(words)) == (trusted, True)
    assert words in " ".join(here("latency", "check", "--table", "t.json", "--networks", 3).stdout.split())


def test_where_all_are_equal_there_is_no_rank_correlation(folder, here, table, monkeypatch):
    from effsearch.models import latency_blocks

    monkeypatch.setattr(latency_blocks, "measure_networks", lambda networks, *_, **__: [9.0] * len(networks))
    document = json.loads(
        here("latency", "check", "--table", "t.json", "--networks", 2, "--json").stdout, parse_constant=pytest.fail
    )
    assert document["tau"] is document["without_correction"]["tau"] is None
    assert "no Kendall tau" in here("latency", "check", "--table", "t.json", "--networks", 2).stdout


# The file of a new table


def test_a_build_that_fails_leaves_no_file(folder, here, monkeypatch):
    from effsearch.models import latency_blocks

    def fails(*given, **options):
        assert [path.name[:5] for path in folder.iterdir() if path.suffix == ".json"] == [".tmp-"]  # it is held
        raise UserError("there is not enough memory")

    monkeypatch.setattr(latency_blocks, "build_table", fails)
    before = sorted(folder.iterdir())
    done = here("latency", "build", "--out", "new.json")
    assert (done.code, "not enough memory" in done.stderr) == (2, True)
    assert sorted(folder.iterdir()) == before


def test_a_full_disk_is_told_before_the_measurement(folder, here, monkeypatch):
    from effsearch.models import latency_blocks

    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(latency_blocks, "build_table", pytest.fail)
    monkeypatch.setattr(Path, "write_bytes", full)
    done = here("latency", "build", "--out", "new.json")
    assert (done.code, done.stderr.splitlines()[0]) == (2, "error: cannot write new.json: No space left on device")
    assert not any(path.suffix == ".json" for path in folder.iterdir())


# Tables of other networks, and budgets that nothing meets


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_latency_that_no_network_has_is_refused_before_the_search(folder, here, table, options):
    before = sorted(folder.iterdir())
    for budget in (("--target-latency", "0.5ms"), ("--limit", "latency=0.5ms")):
        done = here("nas", "--latency-table", "t.json", *budget, *options)
        assert done.code == 1
        first, hint = done.stderr.splitlines()
        assert "no network of mnasnet-b0 has a latency <= 0.5 ms by the table; the fastest has 6.155 ms" in first
        assert "at least 6.16 ms" in hint
    assert sorted(folder.iterdir()) == before


@pytest.mark.slow
def test_tables_of_a_search_on_images(folder, here, table, monkeypatch):
    monkeypatch.setenv("EFFSEARCH_CACHE", str(folder / "cache"))
    write_npz(folder / "digits.npz")
    where = ("--data", "digits.npz", "--target-flops", "0.5M")
    done = here("nas", *where, "--latency-table", "t.json", "--dry-run")
    assert done.code == 2
    assert "is of other networks: they have 224 px and 1,000 classes" in done.stderr
    assert "--data DIR --target-flops 3M" in done.stderr
    space = Place(data="digits.npz", target_flops="0.5M").load()
    entries = {text: Entry(1.0, 1.0, 1.0, 9) for text in space_blocks(space)}
    Path("own.json").write_text(latency_file.dumps(replace(made_up(), space=space.name, entries=entries)))
    done = here("latency", "check", "--table", "own.json")
    assert done.code == 2
    assert "is of other networks: they have 8 px and 10 classes" in done.stderr
    assert "--data DIR --target-flops 3M" in done.stderr
    from effsearch.models import latency_blocks

    monkeypatch.setattr(latency_blocks, "measure_networks", lambda networks, *_, **__: [9.0] * len(networks))
    done = here("latency", "check", "--table", "own.json", *where)
    assert done.code == 0, done.stderr
    assert "each training" not in done.stderr


# A run in place of a network


def test_profile_and_predict_take_a_run(here, table):
    for rule in ("budget", "knee"):
        chosen = codec.load(STORED / "selected" / f"{rule}.yaml")
        document = json.loads(here("profile", STORED, "--select", rule, "--json").stdout)
        assert document["key"] == chosen.key
    document = json.loads(here("latency", "predict", STORED, "--table", "t.json", "--json").stdout)
    assert document["key"] == json.loads(here("profile", STORED, "--json").stdout)["key"]
    Path("family").mkdir()
    codec.dump(B0, "family/base.yaml")
    assert here("profile", "family").stderr.splitlines()[1] == f"hint: try {Path('family', 'base.yaml')}"


# A search for a latency


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return {"path": tmp_path_factory.mktemp("kept") / "run"}


@pytest.fixture
def done(folder, here, table, kept):
    """The end of a search with 40 trials into run/, made once."""
    if "said" in kept:
        shutil.copytree(kept["path"], folder / "run")
    else:
        kept["said"] = here(*NAS, *TARGET, "--reward", "hard")
        shutil.copytree(folder / "run", kept["path"])
    return kept["said"]


@pytest.mark.slow
def test_the_best_network_within_the_latency_is_found(folder, done):
    assert done.code == 0, done.stderr
    table, trials = made_up(), pd.read_csv("run/trials.csv")
    space = load("mnasnet-b0")
    names = [dimension.name for dimension in space.dimensions]
    for _, row in trials.iloc[::10].iterrows():
        assert row["latency"] == pytest.approx(table(space.build({name: row[name] for name in names})))
    assert trials["feasible"].tolist() == (trials["latency"] <= 22).tolist()
    assert 0 < trials["feasible"].sum() < len(trials)
    best = trials[trials["feasible"]].sort_values("accuracy").iloc[-1]
    chosen = codec.load("run/selected/budget.yaml")
    assert (chosen.key, table(chosen) <= 22) == (best["key"], True)
    over = (trials["latency"] > 22).to_numpy()
    ratio = trials["latency"] / 22
    assert trials["reward"].tolist() == pytest.approx((trials["accuracy"] * ratio.where(over, 1.0) ** -1).tolist())
    assert (pd.read_csv("run/front.csv")["latency"].diff().dropna() > 0).all()


@pytest.mark.slow
def test_terminal_and_page_speak_of_milliseconds(folder, done):
    run = live.load("run")
    best, reference = run.selected["budget"], run.references[0]
    assert f"{best.others['latency']:.4g}" in done.stdout
    assert "latency, ms" in done.stdout
    assert "next:  effsearch profile run/selected/budget.yaml --latency --device cpu" in done.stdout
    assert f"{reference.others['latency']:.4g}*" in done.stdout
    assert "* over the budget (latency ≤ 22 ms)" in done.stdout
    assert "efficientnet-b0's own" not in done.stdout  # at most that, it is the pick that stands in the table
    html = Path("run/report.html").read_text()
    for words in (
        "Accuracy against latency", "latency ≤ 22 ms", "target 22 ms", "latency, ms, log scale", "(latency / 22 ms)^w",
        f"at {best.others['latency']:.4g} ms", "less latency", "cpu, 2 threads, batch 1, folded",
        "--latency --device cpu --batch 1 --threads 2 --engine folded", 'class="facts five"',
    ):  # fmt: skip
        assert words in html, words
    assert "<b>a processor" not in html
    assert "quoted from papers" not in html  # they have no latency
    assert "latency, ms" in Path("run/figures/pareto.svg").read_text()


@pytest.mark.slow
def test_the_copy_of_the_table_is_enough_to_go_on(folder, here, table, done):
    assert latency_file.load("run/latency.json").fingerprint == made_up().fingerprint
    table.unlink()
    assert here("nas", "--resume", "--out", "run", "--trials", 60).code == 0
    again = here(*NAS[:-1], "again", "--config", "run/config.yaml", "--trials", 60, "--json")
    document = json.loads(again.stdout)
    assert document["selected"]["budget"]["latency"] <= 22
    assert document["settings"]["units"] == {"latency": "ms"}
    first, second = (pd.read_csv(f"{name}/trials.csv").drop(columns="seconds") for name in ("run", "again"))
    pd.testing.assert_frame_equal(first, second)
    config = yaml.safe_load(Path("run/config.yaml").read_text())
    assert (config["target_latency"], config["target_flops"]) == ("22ms", None)


@pytest.mark.slow
def test_another_table_or_target_is_refused_on_resume(folder, here, table, done):
    before = {path: path.read_bytes() for path in (folder / "run").rglob("*") if path.is_file()}
    Path("slow.json").write_text(latency_file.dumps(made_up(slower=2)))
    for options, words in (
        (("--latency-table", "slow.json"), "another latency of this name"),
        (("--target-latency", "23ms"), "budgets"),
    ):
        refused = here("nas", "--resume", "--out", "run", "--trials", 80, *options)
        assert refused.code == 2
        assert words in refused.stderr.splitlines()[0]
    assert {path: path.read_bytes() for path in (folder / "run").rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_searches_for_different_costs_are_compared_by_flops(folder, here, done):
    assert here("compare", "run", STORED, "--out", "both.html").code == 0
    both = Path("both.html").read_text()
    assert "FLOPs of one image" in both
    assert "latency, ms" not in both
    shutil.copytree("run", "twin")
    assert here("compare", "run", "twin", "--out", "same.html").code == 0
    assert "latency, ms" in Path("same.html").read_text()


@pytest.mark.slow  # imports optuna
def test_both_budgets_hold_and_a_table_alone_adds_a_cost(folder, table):
    aimed = NasOptions(target_latency="22ms", latency_table="t.json", target_flops="300M", reward="-0.1,-0.5")
    both = prepare(settled(aimed))
    assert both["budgets"] == {"mult_adds": 300e6, "latency": 22}
    assert vars(both["reward"]) == {"target": 22, "under": -0.1, "over": -0.5, "cost": "latency"}
    assert both["objectives"] == ("accuracy", "latency")
    assert both["costs"]["latency"](B0) == made_up()(B0)
    assert both["keep"] == {"latency.json": latency_file.dumps(made_up())}
    only = prepare(settled(NasOptions(latency_table="t.json", limit=("latency=0.03s", "params=6M"))))
    assert only["budgets"] == {"mult_adds": 400e6, "latency": 30, "params": 6e6}
    assert (only["objectives"], only["reward"].cost) == (("accuracy", "mult_adds"), "mult_adds")
    neither = prepare(settled(NasOptions()))
    assert (neither["budgets"], neither["costs"], neither["keep"]) == ({"mult_adds": 400e6}, {}, {})


def test_a_dry_run_says_the_budget_in_milliseconds(folder, here, table):
    before = sorted(folder.iterdir())
    done = here(*NAS[:-2], *TARGET, "--dry-run")
    assert done.code == 0, done.stderr
    assert "latency <= 22 ms" in done.stdout
    assert "nas-22ms-seed0" in done.stdout
    assert sorted(folder.iterdir()) == before


@pytest.mark.slow
def test_nothing_within_the_latency_is_said(folder, here, table):
    done = here(*NAS, "--target-latency", "6.3ms", "--latency-table", "t.json")
    assert done.code == 1
    assert "meets the budget (latency <= 6.3 ms)" in done.stderr
    assert "the smallest has" in Path("run/report.html").read_text()


@pytest.mark.slow
def test_settings_that_name_a_cost_without_values_are_refused(folder, here, done):
    lines = Path("run/ledger.jsonl").read_text().splitlines()
    for units in ({"latency": "ms", "power": "W"}, {"key": "ms"}):
        changed = json.dumps({**json.loads(lines[1]), "units": units})
        Path("run/ledger.jsonl").write_text("\n".join([lines[0], changed, *lines[2:]]) + "\n")
        refused = here("report", "run")
        assert (refused.code, "is no whole search" in refused.stderr) == (2, True)
