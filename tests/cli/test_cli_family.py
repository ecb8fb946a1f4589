"""`effsearch family`: members by phi or by FLOPs, from coefficients typed or found, and what it refuses."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

from effsearch.search_spaces import Coefficients, catalogue, codec, scale
from effsearch.search_spaces.architecture import Architecture, Head, Stage, Stem
from effsearch.search_spaces.cost import cost

B0 = catalogue.load("b0")
COEFFICIENTS = {
    "format": "effsearch-coefficients", "version": 1, "alpha": 1.3, "beta": 1.05, "gamma": 1.1,
    "product": 1.734, "phi": 1.0, "evaluator": "law", "confidence_set": [[1.3, 1.05, 1.1]], "published": {},
}  # fmt: skip
# FACTS.md, section 2
PARAMETERS = (5_288_548, 7_794_184, 9_109_994, 12_233_232, 19_341_616, 30_389_784, 43_040_704, 66_347_960)
MULT_ADDS = ("385.8", "686.8", "993.6", "1827", "4394", "10266", "19068", "37746")


@pytest.fixture
def quick(monkeypatch):
    """Members are not built by torch: other tests do without this."""
    from effsearch.grid_search import outputs

    monkeypatch.setattr(outputs, "check_cost", lambda network: None)


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if "__pycache__" not in path.parts
    }


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
def test_the_default_is_the_ladder_of_the_published_coefficients(folder, here):
    done = here("family")
    assert done.code == 0, done.stderr
    assert names(folder / "family") == [*(f"b{number}.yaml" for number in range(8)), "family.csv"]
    phis = (0, 0.5, 1, 2, 3.5, 5, 6, 7)
    for number, phi in enumerate(phis):
        network = codec.load(folder / "family" / f"b{number}.yaml")
        assert network.name == f"b{number}"
        assert network.resolution == math.floor(224 * 1.15**phi / 8 + 0.5) * 8
        layers = [math.ceil(round(count * 1.2**phi, 9)) for count in (1, 2, 2, 3, 3, 4, 1)]
        assert [stage.repeats for stage in network.stages] == layers
        assert f"{network.resolution}" in done.stdout
    assert pd.read_csv(folder / "family" / "family.csv")["phi"].tolist() == list(phis)
    assert "family" in done.stdout.splitlines()[-1]


def test_the_papers_family_can_be_profiled_one_by_one(folder, here, quick):
    done = here("family", "--preset", "paper", "--out", "paper")
    assert done.code == 0, done.stderr
    for number in range(8):
        profile = json.loads(here("profile", f"paper/b{number}.yaml", "--json").stdout)
        assert profile["params"] == PARAMETERS[number]
        digits = 1 if "." in MULT_ADDS[number] else 0
        assert f"{profile['mult_adds'] / 1e6:.{digits}f}" == MULT_ADDS[number]
    table = pd.read_csv(folder / "paper" / "family.csv")
    assert (table["params"] == table["official_params"]).all()
    assert (table["mult_adds"] == table["official_mult_adds"]).all()


@pytest.mark.parametrize(
    ("phis", "expected"),
    [
        ("1", {"phi1": 1}), ("0.5,2", {"phi0.5": 0.5, "phi2": 2}), ("small=-1,large=1.5", {"small": -1, "large": 1.5}),
        (" a = 1 , -2 ", {"a": 1, "phi-2": -2}), ("b2=1", {"b2": 1}), ("1e-1", {"phi1e-1": 0.1}),
    ],
)  # fmt: skip
def test_phis_are_numbers_with_or_without_names(folder, here, quick, phis, expected):
    done = here("family", "--phis", phis, "--out", "out", "--json")
    assert done.code == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["name"]: row["phi"] for row in rows} == {"b0": 0, **expected}
    assert names(folder / "out") == sorted([*(f"{name}.yaml" for name in ("b0", *expected)), "family.csv"])
    for row in rows[1:]:
        network = codec.load(folder / "out" / f"{row['name']}.yaml")
        assert network.resolution == math.floor(224 * 1.15 ** row["phi"] / 8 + 0.5) * 8
        assert row["mult_adds"] == cost(network).mult_adds
        assert row["params"] == cost(network).params


@pytest.mark.parametrize("flops", ["0.7G,1G", "700M,1000M", "700e6,1e9", "200M"])
def test_flops_are_met_by_the_phi_that_comes_nearest(folder, here, quick, flops):
    done = here("family", "--flops", flops, "--out", "out", "--json")
    assert done.code == 0, done.stderr
    rows = json.loads(done.stdout)[1:]
    targets = [7e8, 1e9] if "," in flops else [2e8]
    assert len(rows) == len(targets)
    for row, target in zip(rows, targets, strict=True):
        assert row["mult_adds"] == pytest.approx(target, rel=0.1)
        near = [row["phi"] + offset / 100 for offset in range(-50, 51)]
        costs = [cost(scale(B0, Coefficients(1.2, 1.1, 1.15).at(phi))).mult_adds for phi in near]
        nearest = min(abs(math.log(one / target)) for one in costs)
        assert abs(math.log(row["mult_adds"] / target)) == pytest.approx(nearest)
        assert codec.load(folder / "out" / f"{row['name']}.yaml").name == row["name"]


@pytest.mark.slow
def test_what_misses_the_flops_is_said_where_exact_rounding_comes_nearer(folder, here, quick):
    done = here("family", "--flops", "0.7G,1G", "--out", "official", "--json")
    official = {row["name"]: row["mult_adds"] for row in json.loads(done.stdout)}
    exact = here("family", "--flops", "0.7G,1G", "--rounding", "exact", "--out", "exact", "--json")
    nearer = {row["name"]: row["mult_adds"] for row in json.loads(exact.stdout)}
    assert abs(official["700M"] - 7e8) < abs(nearer["700M"] - 7e8)  # the official one is nearer already: no word
    assert abs(official["1G"] - 1e9) > abs(nearer["1G"] - 1e9)
    assert done.stderr == "note: --rounding exact comes nearer: 1G has 1.043G FLOPs (with it 1.013G)\n"
    assert exact.stderr == ""


def test_what_meets_the_flops_is_no_note(folder, here, quick):
    wanted = cost(scale(B0, Coefficients(1.2, 1.1, 1.15).at(1.0))).mult_adds
    done = here("family", "--flops", str(wanted), "--out", "out")
    assert (done.code, done.stderr) == (0, "")


def test_coefficients_are_typed_or_those_of_a_run_or_a_file(folder, here, quick):
    (folder / "run").mkdir()
    (folder / "run" / "coefficients.json").write_text(json.dumps(COEFFICIENTS))
    found = []
    for out, text in enumerate(("1.3,1.05,1.1", " 1.3, 1.05 ,1.1", "run", "run/coefficients.json")):
        done = here("family", "--coefficients", text, "--phis", "x=2", "--out", f"out{out}")
        assert done.code == 0, done.stderr
        found.append((folder / f"out{out}" / "x.yaml").read_bytes())
    assert len(set(found)) == 1
    assert codec.load(folder / "out0" / "x.yaml").resolution == math.floor(224 * 1.1**2 / 8 + 0.5) * 8


def test_the_base_is_a_name_a_file_or_a_search(folder, here, quick):
    (folder / "mine.yaml").write_text(here("profile", "b1", "--yaml").stdout)
    search = folder / "search"
    (search / "selected").mkdir(parents=True)
    (search / "ledger.jsonl").write_text("")
    for rule, name in (("budget", "b2"), ("knee", "b3")):
        codec.dump(catalogue.load(name), search / "selected" / f"{rule}.yaml")
    for place, (base, name) in enumerate(
        ((("mobilenet-v2",), "mobilenet-v2"), (("mine.yaml",), "b1"), (("search",), "b2"),
         (("search", "--select", "knee"), "b3"))
    ):  # fmt: skip
        done = here("family", "--base", *base, "--phis", "1", "--out", f"out{place}")
        assert done.code == 0, done.stderr
        assert codec.load(folder / f"out{place}" / "b0.yaml").key == catalogue.load(name).key


def test_the_members_are_counted_by_torch_before_they_are_written(folder, here, monkeypatch):
    from effsearch.grid_search import outputs

    counted = []
    monkeypatch.setattr(outputs, "check_cost", lambda network: counted.append(network.name))
    here("family", "--phis", "x=1", "--out", "out")
    assert counted == ["b0", "x"]


def test_an_empty_folder_is_written_into(folder, here, quick):
    (folder / "out").mkdir()
    assert here("family", "--phis", "1", "--out", "out").code == 0
    assert here("family", "--phis", "1", "--out", "a/new/one").code == 0
    assert names(folder / "a" / "new" / "one") == ["b0.yaml", "family.csv", "phi1.yaml"]


# arguments, what the error names; exit code 2 and nothing left behind
MISTAKES = {
    "unknown preset": (("--preset", "papr"), "'papr'"),
    "phis and flops": (("--phis", "1", "--flops", "1G"), "--flops"),
    "preset and phis": (("--preset", "paper", "--phis", "1"), "--phis"),
    "preset and flops": (("--preset", "paper", "--flops", "1G"), "--flops"),
    "preset and coefficients": (("--preset", "paper", "--coefficients", "1.3,1.1,1.1"), "--coefficients"),
    "preset and base": (("--preset", "paper", "--base", "mobilenet-v2"), "--base"),
    "phi in words": (("--phis", "1,two"), "'two'"),
    "phi nan": (("--phis", "nan"), "nan"),
    "endless phi": (("--phis", "inf"), "inf"),
    "phi too large": (("--phis", "50"), "50"),
    "phi too small": (("--phis", "-7"), "-7"),
    "no phis": (("--phis", ""), "--phis"),
    "phis with a hole": (("--phis", "1,,2"), "''"),
    "phi twice": (("--phis", "1,1"), "phi1"),
    "name twice": (("--phis", "a=1,a=2"), "'a'"),
    "name of the base": (("--phis", "b0=1"), "'b0'"),
    "name with a slash": (("--phis", "a/b=1"), "'a/b'"),
    "name that climbs": (("--phis", "../b=1"), "'../b'"),
    "name with a newline": (("--phis", "a\nb=1"), r"a\nb"),
    "name without letters": (("--phis", "=1"), "''"),
    "endless name": (("--phis", "a" * 300 + "=1"), "aaa"),
    "unknown unit": (("--flops", "1Z"), "'1Z'"),
    "negative flops": (("--flops", "-5"), "'-5'"),
    "no flops": (("--flops", ""), "--flops"),
    "flops twice": (("--flops", "1G,1000M"), "1G"),
    "flops below every network": (("--flops", "1"), "mult-adds"),
    "flops above every network": (("--flops", "1e30"), "1e+30"),
    "two coefficients": (("--coefficients", "1.2,1.1"), "1.1"),
    "four coefficients": (("--coefficients", "1.2,1.1,1.15,2"), "1.15"),
    "coefficients in words": (("--coefficients", "a,b,c"), "'a'"),
    "coefficient nan": (("--coefficients", "1.2,nan,1.15"), "nan"),
    "coefficient of zero": (("--coefficients", "0,1.1,1.15"), "0"),
    "coefficients too large for B7": (("--coefficients", "10,10,10"), "22400"),
    "run without coefficients": (("--coefficients", "stuff"), "stuff"),
    "missing coefficients": (("--coefficients", "none.json"), "none.json"),
    "broken coefficients": (("--coefficients", "broken.json"), "broken.json"),
    "coefficients of the future": (("--coefficients", "future.json"), "2"),
    "coefficients of something else": (("--coefficients", "other.json"), "other.json"),
    "coefficients that lack one": (("--coefficients", "lacking.json"), "lacking.json"),
    "unknown base": (("--base", "b00"), "'b00'"),
    "base that is a folder": (("--base", "stuff"), "stuff"),
    "unknown selection": (("--select", "best"), "'best'"),
    "folder that is not empty": (("--out", "stuff"), "stuff"),
    "folder that is a file": (("--out", "a_file"), "a_file"),
    "folder below a file": (("--out", "a_file/b"), "a_file"),
}  # fmt: skip
HINTED = {
    "two coefficients": "1.2,1.1,1.15", "phi in words": "0.5,1,2", "unknown unit": "400M", "unknown base": "b0",
    "folder that is not empty": "--out",
}  # fmt: skip


@pytest.fixture
def files(folder: Path) -> Path:
    for name, content in {
        "broken.json": '{"format": "effsearch-coefficients", ',
        "future.json": json.dumps(COEFFICIENTS | {"version": 2}),
        "other.json": json.dumps({"format": "effsearch-architecture", "version": 1}),
        "lacking.json": json.dumps({name: value for name, value in COEFFICIENTS.items() if name != "beta"}),
        "a_file": "text",
        "stuff/thesis.tex": "mine",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    return folder


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_line_and_leaves_nothing(files, here, quick, mistake):
    arguments, value = MISTAKES[mistake]
    before = contents(files)
    done = here("family", *arguments)
    assert "Traceback" not in done.stderr, done.stderr[-500:]
    assert done.code == 2, done.stdout + done.stderr
    lines = done.stderr.splitlines()
    assert lines[0].startswith("error: ")
    assert value in lines[0]
    assert len(lines) <= 2
    assert all(line.startswith("hint: ") for line in lines[1:])
    assert done.stdout == ""
    if mistake in HINTED:
        assert HINTED[mistake] in lines[1]
    assert contents(files) == before


def test_a_disk_that_fills_up_is_told_in_one_line(folder, here, quick, monkeypatch):
    from effsearch.records import atomic

    def full(path, text):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(atomic, "write_text", full)
    done = here("family", "--phis", "1", "--out", "out")
    assert done.code == 2
    assert done.stderr.startswith("error: ")
    assert "No space left" in done.stderr


@pytest.mark.slow
def test_the_program_says_the_same_as_a_process(folder, finish):
    done = finish("family", "--phis", "1", "--out", "out", "--json")
    assert done.code == 0, done.stderr
    (_, row) = json.loads(done.stdout)
    assert (row["name"], row["resolution"]) == ("phi1", 256)
    assert done.stderr == ""
    shutil.rmtree(folder / "out")
    refused = finish("family", "--phis", "nan")
    assert (refused.code, refused.stdout) == (2, "")
    assert "Traceback" not in refused.stderr
    assert not (folder / "family").exists()


def test_a_thin_base_has_members_of_exact_budgets_unless_the_official_rounding_is_asked_for(here, folder):
    stages = (Stage("mbconv", 16, 2, 2, expand=3), Stage("mbconv", 32, 3, 2, expand=3))
    thin = Architecture("thin", Stem(8, stride=1), stages, Head(64), 32, 1, 10)
    (folder / "thin.yaml").write_text(codec.dumps(thin))
    for rounding, off in (((), 0.03), (("--rounding", "exact"), 0.03), (("--rounding", "official"), None)):
        out = folder / f"family{len(rounding)}{off}"
        done = here("family", "--base", "thin.yaml", "--coefficients", "1.3,1.1,1.1", *rounding, "--out", out)
        assert done.code == 0, done.stderr
        factor = 1.3 * 1.1**2 * 1.1**2
        ratios = {
            phi: cost(codec.load(out / f"{name}.yaml")).mult_adds / (factor**phi * cost(thin).mult_adds)
            for name, phi in {"b1": 0.5, "b2": 1, "b3": 2, "b4": 3.5}.items()
        }
        assert all(abs(ratio - 1) <= 0.03 for ratio in ratios.values()) == (off is not None), ratios


def test_exact_members_of_given_flops(here, folder):
    done = here("family", "--rounding", "exact", "--flops", "0.7G,1.5G", "--out", "own", "--json")
    assert [row["mult_adds"] for row in json.loads(done.stdout)][1:] == pytest.approx([0.7e9, 1.5e9], rel=0.03)
    for arguments, words in ((("--rounding", "up"), "'up'"), (("--coefficients", "1,1,1", "--flops", "1G"), "1")):
        done = here("family", *arguments, *(() if "--rounding" in arguments else ("--rounding", "exact")), "--out", "x")
        assert done.code == 2
        assert words in done.stderr.splitlines()[0]
        assert not (folder / "x").exists()
