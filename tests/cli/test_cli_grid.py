"""`effsearch grid`: what it writes and prints, what it refuses, and that a run cut off is continued."""

from __future__ import annotations

import json
import math
import random
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from effsearch.search_spaces import catalogue, codec

LOCAL = ("--engine", "local")
SMALL = ("--tolerance", "0.02", *LOCAL)  # 30 triples
CONFIG = "format: effsearch-config\nversion: 1\ncommand: {}\n"
FAMILY = {*(f"b{number}.yaml" for number in range(8)), "family.csv"}

RATINGS = """
import math, os, time, zlib
from pathlib import Path
from effsearch.evaluators import Evaluation

def rate(architecture, *, seed=0):
    # notes the triple that it is asked about (it is in the name) before and after a while
    time.sleep(float(os.environ.get("TEST_SECONDS", "0")))
    if "TEST_NOTES" in os.environ:
        with Path(os.environ["TEST_NOTES"]).open("a") as file:
            file.write(architecture.name + "\\n")
    return Evaluation(60 + zlib.crc32(architecture.name.encode()) % 10000 / 1000, std=0.1, seconds=1.0)

def sometimes(architecture):
    if zlib.crc32(architecture.name.encode()) % 3 == 0:
        raise RuntimeError("no GPU here\\nand more")
    return rate(architecture)

def without_published(architecture):
    return Evaluation.failed("lost") if architecture.name.endswith("-1.2-1.1-1.15") else rate(architecture)

def raises(architecture): raise RuntimeError("no GPU here\\nand more")
def text(architecture): return "seventy"
def nan(architecture): return Evaluation(math.nan)
three = 3
"""


@pytest.fixture
def files(folder: Path) -> Path:
    (folder / "ratings.py").write_text(RATINGS)
    return folder


@pytest.fixture
def quick(monkeypatch):
    """Members are not built by torch: three tests do without this."""
    from effsearch.grid_search import outputs

    monkeypatch.setattr(outputs, "check_cost", lambda network: None)


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if "__pycache__" not in path.parts
    }


def plain_json(text: str) -> dict:
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def table(run: Path) -> str:
    return pd.read_csv(run / "grid.csv", dtype=str).drop(columns="seconds").to_csv(index=False)


def check_same(run: Path, expected: Path) -> None:
    assert table(run) == table(expected)
    names = ["coefficients.json", "base.yaml", *(f"family/{name}" for name in FAMILY)]
    for name in names:
        assert (run / name).read_bytes() == (expected / name).read_bytes(), name


def known_triples(run: Path) -> set[str]:
    """Those whose line in the ledger is complete, as the networks' names write them."""
    data = (run / "ledger.jsonl").read_bytes() if (run / "ledger.jsonl").exists() else b""
    entries = [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]
    return {"-".join(f"{one:g}" for one in entry["triple"]) for entry in entries if entry.get("kind") == "point"}


def noted(path: Path) -> list[str]:
    lines = path.read_text().split() if path.exists() else []
    return [line.removeprefix("efficientnet-b0-") for line in lines]


@pytest.mark.slow
def test_json_is_one_document_with_the_keys_of_the_design(files, here):
    done = here("grid", "--phi", 1, *LOCAL, "--json", "--out", "run")
    assert done.code == 0, done.stderr
    document = plain_json(done.stdout)
    assert {
        "alpha", "beta", "gamma", "product", "phi", "evaluator", "confidence_set", "published", "format", "version",
    } <= set(document)  # fmt: skip
    assert (document["alpha"], document["beta"], document["gamma"]) == (1.25, 1.1, 1.15)
    assert document["product"] == pytest.approx(1.25 * 1.1**2 * 1.15**2)
    assert document["phi"] == 1
    assert "law" in document["evaluator"]
    assert [1.25, 1.1, 1.15] in document["confidence_set"]
    assert [1.2, 1.1, 1.15] in document["confidence_set"]
    assert document["published"]["rank"] >= 2
    assert 0 < document["published"]["loss"] <= 0.05
    assert "reproduces" in document["conclusion"]
    assert document["warning"] is None
    written = plain_json((files / "run" / "coefficients.json").read_text())
    assert written == {name: document[name] for name in written}
    assert Path(document["run"]) == Path("run")


@pytest.mark.slow
def test_a_run_leaves_the_files_of_the_design(files, here):
    done = here("grid", *LOCAL, "--out", "run")
    assert done.code == 0, done.stderr
    run = files / "run"
    names = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    assert names >= {
        "ledger.jsonl", "manifest.json", "config.yaml", "grid.csv", "surface.csv", "coefficients.json", "base.yaml",
        *(f"family/{name}" for name in FAMILY),
    }  # fmt: skip
    assert json.loads((run / "manifest.json").read_text())["state"] == "done"
    assert codec.load(run / "base.yaml") == catalogue.load("b0")
    members = [codec.load(run / "family" / f"b{number}.yaml") for number in range(8)]
    assert [one.name for one in members] == [f"b{number}" for number in range(8)]
    # 1.25 x 1.1 x 1.15: b2 is one step, b3 two
    assert (members[2].stem.channels, members[2].resolution) == (32, 256)
    assert sum(one.repeats for one in members[2].stages) == sum(math.ceil(1.25 * n) for n in (1, 2, 2, 3, 3, 4, 1))
    assert (members[3].stem.channels, members[3].resolution) == (40, 296)
    assert pd.read_csv(run / "family" / "family.csv")["name"].tolist() == [one.name for one in members]
    assert "1.25, 1.1, 1.15" in done.stdout
    assert "published" in done.stdout
    assert "other laws" in done.stdout
    assert "85/85" in done.stderr
    program, *arguments = shlex.split(done.stdout.splitlines()[-1].removeprefix("next:"))
    assert program == "effsearch"
    assert here(*arguments[:2]).code == 0


def test_the_config_of_a_run_runs_the_same_and_an_option_goes_before_it(files, here, quick):
    assert here("grid", *SMALL, "--seed", 3, "--phi", 0.5, "--out", "run").code == 0
    again = here("grid", "--config", "run/config.yaml", *LOCAL, "--out", "again")
    assert again.code == 0, again.stderr
    check_same(files / "again", files / "run")
    assert (files / "again" / "config.yaml").read_bytes() == (files / "run" / "config.yaml").read_bytes()
    config = yaml.safe_load((files / "run" / "config.yaml").read_text())
    assert (config["phi"], config["tolerance"], config["seed"], config["evaluator"]) == (0.5, 0.02, 3, "law")
    assert here("grid", "--config", "run/config.yaml", *LOCAL, "--phi", 2, "--out", "other").code == 0
    assert json.loads((files / "other" / "coefficients.json").read_text())["phi"] == 2


def test_the_default_directory_is_never_an_old_one(files, here, quick):
    for _ in range(2):
        assert here("grid", *SMALL).code == 0
    names = sorted(path.name for path in (files / "runs").iterdir())
    assert names == ["grid-efficientnet-b0-phi1", "grid-efficientnet-b0-phi1-2"]
    check_same(*(files / "runs" / name for name in names))


@pytest.mark.parametrize("options", [(), ("--json",), ("--out", "later/run")])
def test_a_dry_run_makes_no_files(files, here, options):
    before = contents(files)
    done = here("grid", "--step", 0.01, "--tolerance", 0.1, "--dry-run", *options)
    assert done.code == 0, done.stderr
    assert contents(files) == before
    if "--json" in options:
        assert plain_json(done.stdout)["triples"] == 10_309
    else:
        assert "10,309" in done.stdout


def test_the_base_is_a_name_or_a_file(files, here, quick):
    (files / "mine.yaml").write_text(here("profile", "b1", "--yaml").stdout)
    for base, key in (("b1", catalogue.load("b1").key), ("mine.yaml", catalogue.load("b1").key)):
        out = f"run-{base}"
        done = here("grid", "--base", base, *SMALL, "--json", "--out", out)
        assert done.code == 0, done.stderr
        assert plain_json(done.stdout)["base_key"] == codec.load(files / out / "base.yaml").key == key


def test_a_law_on_another_base_is_warned_of_on_stderr(files, here, quick):
    done = here("grid", "--base", "mobilenet-v2", *SMALL, "--json", "--out", "run")
    assert done.code == 0
    (note,) = [line for line in done.stderr.splitlines() if line.startswith("note: ")]
    assert "mobilenet-v2" in note
    assert note.removeprefix("note: ") == plain_json(done.stdout)["warning"]


def test_another_law_gives_other_coefficients(files, here, quick):
    done = here("grid", "--law", "mobilenet-v2", *SMALL, "--json", "--out", "run")
    assert plain_json(done.stdout)["gamma"] < 1.15


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> dict[str, Path]:
    return {"path": tmp_path_factory.mktemp("searched") / "search"}


@pytest.fixture
def nas_run(files, here, searched) -> Path:
    """A small search's run directory, made once."""
    if not searched["path"].exists():
        done = here("nas", "--trials", 60, "--batch", 20, "--out", "search")
        assert done.code == 0, done.stderr
        shutil.copytree(files / "search", searched["path"])
    else:
        shutil.copytree(searched["path"], files / "search")
    return files / "search"


@pytest.mark.slow
def test_a_search_a_grid_on_it_and_a_family_of_both(files, here, nas_run):
    done = here("grid", "--base", "search", *SMALL, "--out", "grid", "--json")
    assert done.code == 0, done.stderr
    chosen = codec.load(nas_run / "selected" / "budget.yaml")
    found = plain_json(done.stdout)
    assert found["base_key"] == chosen.key
    assert codec.load(files / "grid" / "family" / "b0.yaml").key == chosen.key
    assert "note: " in done.stderr  # the law does not know this network
    done = here("family", "--base", "search", "--coefficients", "grid", "--out", "again", "--json")
    assert done.code == 0, done.stderr
    rows = plain_json('{"rows": ' + done.stdout + "}")["rows"]
    assert [row["name"] for row in rows] == [f"b{number}" for number in range(8)]
    for name in FAMILY:
        assert (files / "again" / name).read_bytes() == (files / "grid" / "family" / name).read_bytes(), name


def test_another_network_of_a_search_can_be_the_base(files, here, nas_run, quick):
    done = here("grid", "--base", "search", "--select", "knee", *SMALL, "--out", "grid", "--json")
    assert done.code == 0, done.stderr
    assert plain_json(done.stdout)["base_key"] == codec.load(nas_run / "selected" / "knee.yaml").key


def test_an_evaluator_of_ones_own_that_fails_now_and_then(files, here, quick):
    done = here("grid", "--evaluator", "ratings.py:sometimes", *SMALL, "--json", "--out", "run")
    assert done.code == 0, done.stderr
    document = plain_json(done.stdout)
    assert document["evaluator"] == "ratings.py:sometimes"
    rows = pd.read_csv(files / "run" / "grid.csv", keep_default_na=False)
    failed = rows["failure"] != ""
    assert 0 < failed.sum() < len(rows)
    assert set(rows.loc[failed, "failure"]) == {"RuntimeError: no GPU here"}
    assert (rows.loc[failed, "error"] == "").all()
    first = rows.iloc[0]
    assert (document["alpha"], document["beta"], document["gamma"]) == (first["alpha"], first["beta"], first["gamma"])
    assert not (files / "run" / "surface.csv").exists()


def test_where_the_published_triple_failed_the_document_is_plain_json(files, here, quick):
    done = here("grid", "--evaluator", "ratings.py:without_published", *SMALL, "--json", "--out", "run")
    assert done.code == 0, done.stderr
    document = plain_json(done.stdout)
    assert document["published"]["in_set"] is False
    assert " inf " not in document["conclusion"]
    plain_json((files / "run" / "coefficients.json").read_text())


# arguments, what the error names; exit code 2 and nothing left behind
EARLY = {
    "letters for a number": ("--phi one", "one"),
    "phi 0": ("--phi 0", "0"),
    "negative phi": ("--phi -1", "-1"),
    "phi nan": ("--phi nan", "nan"),
    "endless phi": ("--phi 1e9", "1000000000"),
    "phi that no network bears": ("--phi 20", "phi"),
    "step 0": ("--step 0", "0"),
    "step nan": ("--step nan", "nan"),
    "step too fine": ("--step 0.001", "0.001"),
    "negative tolerance": ("--tolerance -0.1", "-0.1"),
    "tolerance without triples": ("--step 0.3 --tolerance 0", "0.3"),
    "factor 1": ("--factor 1", "1"),
    "factor nan": ("--factor nan", "nan"),
    "factor that overflows": ("--factor 1e300 --phi 2", "1e+300"),
    "unknown engine": ("--engine rya", "'rya'"),
    "unknown law": ("--law aditive", "'aditive'"),
    "unknown evaluator": ("--evaluator capacty", "'capacty'"),
    "evaluator in a missing file": ("--evaluator none.py:rate", "'none.py'"),
    "evaluator that is missing in its file": ("--evaluator ratings.py:rrate", "'rrate'"),
    "evaluator that cannot be called": ("--evaluator ratings.py:three", "ratings.py:three"),
    "unknown base": ("--base b00", "'b00'"),
    "missing base file": ("--base none.yaml", "none.yaml"),
    "broken base file": ("--base broken.yaml", "broken.yaml"),
    "base file of something else": ("--base other.yaml", "other.yaml"),
    "base that is a folder": ("--base stuff", "stuff"),
    "search without the network": ("--base unfinished", "unfinished"),
    "unknown selection": ("--select best", "'best'"),
    "no workers": ("--workers 0", "0"),
    "negative seed": ("--seed -1", "-1"),
    "seed of a fraction": ("--seed 1.5", "1.5"),
    "typo in an option": ("--tolerence 0.1", "--tolerence"),
    "option without a value": ("--phi", "--phi"),
    "missing config": ("--config none.yaml", "none.yaml"),
    "config of a search": ("--config nas.yaml", "'nas'"),
    "config with an unknown option": ("--config unknown.yaml", "'tolerence'"),
    "config with text for a number": ("--config words.yaml", "'wide'"),
    "config with a phi that is none": ("--config nan.yaml", "nan"),
    "config with a negative seed": ("--config seed.yaml", "-1"),
    "run directory that is not empty": ("--out stuff", "stuff"),
    "run directory that is a file": ("--out a_file", "a_file"),
    "run directory below a file": ("--out a_file/run", "a_file"),
    "resume of no directory": ("--resume", "--resume"),
    "resume of nothing": ("--resume --out missing", "missing"),
    "resume of a folder of something else": ("--resume --out stuff", "stuff"),
}
HINTED = {
    "unknown law": "additive", "unknown evaluator": "capacity", "evaluator that is missing in its file": "rate",
    "unknown base": "b0", "tolerance without triples": "--tolerance", "resume of no directory": "--out",
    "run directory that is not empty": "--out", "config with an unknown option": "tolerance",
    "typo in an option": "--help",
}  # fmt: skip


@pytest.fixture
def mistakes(files: Path) -> Path:
    for name, content in {
        "broken.yaml": "a: [1, 2\nb: }",
        "other.yaml": "format: something-else\nversion: 1\n",
        "nas.yaml": CONFIG.format("nas"),
        "unknown.yaml": CONFIG.format("grid") + "tolerence: 0.1\n",
        "words.yaml": CONFIG.format("grid") + "tolerance: wide\n",
        "nan.yaml": CONFIG.format("grid") + "phi: .nan\n",
        "seed.yaml": CONFIG.format("grid") + "seed: -1\n",
        "a_file": "text",
        "stuff/thesis.tex": "mine",
        "unfinished/ledger.jsonl": "",
        "unfinished/manifest.json": "{}",
    }.items():
        (files / name).parent.mkdir(exist_ok=True)
        (files / name).write_text(content)
    return files


def check_error(done, value: str, code: int = 2) -> list[str]:
    assert "Traceback" not in done.stderr, done.stderr[-500:]
    assert done.code == code, done.stdout + done.stderr
    lines = done.stderr.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 1, lines
    assert value in errors[0]
    after = lines[lines.index(errors[0]) + 1 :]
    assert len(after) <= 1
    assert all(line.startswith("hint: ") for line in after)
    return lines


@pytest.mark.parametrize("mistake", EARLY)
def test_a_mistake_is_told_in_one_line_and_leaves_nothing(mistakes, here, mistake):
    command, value = EARLY[mistake]
    before = contents(mistakes)
    engine = () if "--engine" in command else LOCAL
    done = here("grid", *engine, *command.split())
    lines = check_error(done, value)
    assert lines[0].startswith("error: ")
    assert "np.float64" not in lines[0]
    assert done.stdout == ""
    if mistake in HINTED:
        assert HINTED[mistake] in lines[1]
    assert contents(mistakes) == before


@pytest.mark.parametrize(
    "mistake",
    ["phi nan", "endless phi", "phi 0", "step 0", "factor 1", "unknown engine", "config with a negative seed",
     "config with a phi that is none", "factor that overflows"],
)  # fmt: skip
def test_a_dry_run_refuses_what_the_run_would_refuse(mistakes, here, mistake):
    command, value = EARLY[mistake]
    done = here("grid", *command.split(), "--dry-run", "--json")
    check_error(done, value)
    assert done.stdout == ""


@pytest.mark.parametrize(("function", "value"), [("raises", "no GPU here"), ("text", "'seventy'"), ("nan", "nan")])
def test_what_goes_wrong_in_the_users_code_is_no_traceback(files, here, function, value):
    done = here("grid", *SMALL, "--evaluator", f"ratings.py:{function}", "--out", "run")
    check_error(done, value)
    assert done.stdout == ""


def test_networks_outside_the_surrogates_space_are_refused_with_what_to_use(files, here):
    done = here("grid", *SMALL, "--evaluator", "surrogate", "--out", "run")
    lines = check_error(done, "mnasnet-b0")
    assert "capacity" in lines[-1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--phi", 2), "phi"), (("--step", 0.1), "step"), (("--tolerance", 0.08), "tolerance"),
        (("--factor", 3), "factor"), (("--seed", 4), "seed"), (("--base", "b1"), "base"),
        (("--law", "separate"), "separate"), (("--evaluator", "capacity"), "capacity"),
    ],
)  # fmt: skip
def test_other_options_on_resume_are_refused_by_name(files, here, quick, finished, options, words):
    before = contents(files / "run")
    done = here("grid", "--resume", "--out", "run", *LOCAL, *options)
    check_error(done, words)
    assert contents(files / "run") == before


@pytest.fixture(scope="module")
def grid_run(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("grid") / "run"


@pytest.fixture
def finished(files, here, quick, grid_run) -> Path:
    """run/ of a whole small grid with the law, made once."""
    if not grid_run.exists():
        assert here("grid", *SMALL, "--out", "run").code == 0
        shutil.copytree(files / "run", grid_run)
    else:
        shutil.copytree(grid_run, files / "run")
    return files / "run"


def test_a_torn_ledger_line_is_told_and_the_files_become_the_same(files, here, finished, grid_run):
    path = finished / "ledger.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    (finished / "grid.csv").unlink()
    done = here("grid", "--resume", "--out", "run", *LOCAL)
    assert done.code == 0, done.stderr
    assert "note: " in done.stderr
    assert "torn" in done.stderr
    check_same(finished, grid_run)


def test_the_resume_of_a_search_by_grid_is_refused(files, here, nas_run):
    before = contents(nas_run)
    check_error(here("grid", "--resume", "--out", "search", *LOCAL), "nas")
    assert contents(nas_run) == before


RATED = ("grid", "--tolerance", "0.02", "--evaluator", "ratings.py:rate")
TOTAL = 30


@pytest.fixture(scope="module")
def rated_run(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("rated") / "run"


@pytest.fixture
def expected(files, here, rated_run, quick) -> Path:
    """The run directory of RATED in one go, made once."""
    if not rated_run.exists():
        done = here(*RATED, *LOCAL, "--out", "expected")
        assert done.code == 0, done.stderr
        shutil.copytree(files / "expected", rated_run)
    return rated_run


@pytest.mark.slow
def test_an_interrupt_is_saved_and_the_printed_command_finishes_the_run(
    files, here, start, wait_for_lines, expected, monkeypatch
):
    notes = files / "notes"
    process = start(*RATED, *LOCAL, "--out", "my run", TEST_SECONDS=0.05, TEST_NOTES=notes)
    wait_for_lines(process, notes, 9)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stdout == ""
    assert "Traceback" not in stderr
    assert json.loads((files / "my run" / "manifest.json").read_text())["state"] == "interrupted"
    known, before = known_triples(files / "my run"), len(noted(notes))
    assert 8 <= len(known) < TOTAL
    (line,) = [line for line in stderr.splitlines() if "continue with" in line]
    program, *arguments = shlex.split(line.partition("continue with: ")[2])
    assert program == "effsearch"
    monkeypatch.setenv("TEST_NOTES", str(notes))
    assert here(*arguments, *LOCAL).code == 0
    again = noted(notes)[before:]
    assert not known & set(again)
    assert len(known) + len(again) == TOTAL
    check_same(files / "my run", expected)


@pytest.mark.slow
def test_the_command_that_continues_names_the_engine_of_the_run(files, start, wait_for_lines):
    """A machine without Ray must not be sent to it by the line that it is told to type."""
    notes = files / "notes"
    process = start(*RATED, *LOCAL, "--out", "run", TEST_SECONDS=0.05, TEST_NOTES=notes)
    wait_for_lines(process, notes, 2)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--engine local" in stderr.partition("continue with: ")[2]


@pytest.mark.slow
def test_a_second_driver_is_refused_while_the_first_runs(files, here, start, wait_for_lines):
    notes = files / "notes"
    process = start(*RATED, *LOCAL, "--out", "run", TEST_SECONDS=0.3, TEST_NOTES=notes)
    wait_for_lines(process, notes, 2)
    for arguments in (("grid", "--resume"), RATED):
        done = here(*arguments, *LOCAL, "--out", "run")
        check_error(done, "run")
        assert done.stdout == ""
    assert str(process.pid) in here("grid", "--resume", *LOCAL, "--out", "run").stderr
    assert process.poll() is None  # it was not disturbed


def kill_and_finish(files, here, process, notes, monkeypatch, engine) -> None:
    """kill -9 the process; the run is resumed, and no triple whose line was complete is rated again."""
    process.kill()
    process.communicate(timeout=60)
    run = files / "run"
    known, before = known_triples(run), len(noted(notes))
    command = ("grid", "--resume") if (run / "ledger.jsonl").exists() else RATED
    monkeypatch.setenv("TEST_NOTES", str(notes))
    done = here(*command, *engine, "--out", "run")
    assert done.code == 0, done.stderr
    again = noted(notes)[before:]
    assert not known & set(again)
    assert len(again) == len(set(again)) == TOTAL - len(known)


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 4, 25])
def test_killed_at_any_instant_a_grid_is_resumed_to_the_same_files(
    files, here, start, wait_for_lines, expected, monkeypatch, after
):
    notes, draw = files / "notes", random.Random(after)  # noqa: S311
    process = start(*RATED, *LOCAL, "--out", "run", TEST_SECONDS=0.03, TEST_NOTES=notes)
    wait_for_lines(process, notes if after else files / "run" / "ledger.jsonl", after)
    time.sleep(draw.random() / 30)
    kill_and_finish(files, here, process, notes, monkeypatch, LOCAL)
    check_same(files / "run", expected)


def ours(files: Path) -> list[str]:
    """Processes of Ray that were started from this folder: they carry its variable in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"TEST_SESSION={files}".encode() in path.read_bytes():
                found.append((path.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:150])
        except OSError:
            continue
    return found


def quiet_within(files: Path, seconds: float) -> list[str]:
    deadline = time.monotonic() + seconds
    while ours(files) and time.monotonic() < deadline:
        time.sleep(0.2)
    return ours(files)


def ended(process: subprocess.Popen[str], seconds: float) -> tuple[str, str]:
    """What it said, if it ends in time; else it is stopped, and the test fails."""
    try:
        return process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
        pytest.fail(f"it did not end within {seconds} s")


@pytest.mark.slow
def test_on_ray_a_function_of_ones_own_rates_the_networks_and_nothing_is_left(files, start, expected):
    """In a folder with others that are called like ours: Ray's workers must not see them."""
    for name in ("nas", "reports", "records", "grid_search"):
        (files / name).mkdir()
        (files / name / "__init__.py").write_text("raise RuntimeError('hidden by the user')\n")
    notes, short = files / "notes", Path(tempfile.mkdtemp(prefix="tmp"))  # Ray's sockets need a short path
    process = start(
        *RATED, "--out", "run", "--json", "--workers", 2, TEST_NOTES=notes, TEST_SESSION=files, TMPDIR=short
    )  # fmt: skip
    stdout, stderr = ended(process, 60)
    assert process.returncode == 0, stderr[-500:]
    assert "hidden by the user" not in stderr
    assert plain_json(stdout)["evaluator"] == "ratings.py:rate"  # nothing else on stdout
    assert len(noted(notes)) == len(set(noted(notes))) == TOTAL
    check_same(files / "run", expected)
    assert quiet_within(files, 5) == []
    left = [path.name for path in short.iterdir() if path.name.startswith("effsearch")]
    shutil.rmtree(short, ignore_errors=True)
    assert left == []


@pytest.mark.slow
def test_on_ray_what_goes_wrong_in_the_users_code_is_no_traceback(files, start):
    process = start(
        "grid", "--tolerance", "0.02", "--evaluator", "ratings.py:text", "--out", "run", "--workers", 2,
        TEST_SESSION=files,
    )  # fmt: skip
    stdout, stderr = ended(process, 120)
    assert process.returncode == 2
    assert "Traceback" not in stderr
    assert "'seventy'" in stderr
    assert stdout == ""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_on_ray_an_interrupt_is_saved_and_the_printed_command_finishes_the_run(
    files, here, start, wait_for_lines, number, quick
):
    """With many triples that are rated by something that every worker has."""
    command = ("grid", "--evaluator", "capacity", "--step", 0.02)
    process = start(*command, "--out", "run", "--workers", 1, TEST_SESSION=files)
    wait_for_lines(process, files / "run" / "ledger.jsonl", 30)
    assert any("raylet" in one for one in ours(files))
    process.send_signal(number)
    stdout, stderr = ended(process, 120)
    known = known_triples(files / "run")
    assert 0 < len(known) < 1101
    assert "Traceback" not in stderr
    assert process.returncode == 130
    assert stdout == ""
    assert json.loads((files / "run" / "manifest.json").read_text())["state"] == "interrupted"
    assert "effsearch grid --resume --out run" in stderr
    assert quiet_within(files, 5) == []
    assert here("grid", "--resume", "--out", "run", *LOCAL).code == 0
    assert here(*command, *LOCAL, "--out", "expected").code == 0
    assert table(files / "run") == table(files / "expected")


@pytest.mark.slow
def test_killed_on_ray_a_grid_is_resumed_to_the_same_files(files, here, start, wait_for_lines, expected, monkeypatch):
    notes = files / "notes"
    process = start(
        *RATED, "--out", "run", "--workers", 1, TEST_SECONDS=0.2, TEST_NOTES=notes, TEST_SESSION=files
    )  # fmt: skip
    deadline = time.monotonic() + 40
    while not known_triples(files / "run") and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert known_triples(files / "run"), "nothing was rated"
    process.kill()
    process.communicate(timeout=60)
    quiet_within(files, 30)  # Ray's own processes outlive a kill for a while, and note what they rate
    kill_and_finish(files, here, process, notes, monkeypatch, LOCAL)
    check_same(files / "run", expected)
