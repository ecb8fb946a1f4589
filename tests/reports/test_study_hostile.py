"""Files of a study that were cut, edited or lost: a UserError in one line, never a traceback."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from recorded_study import study

from effsearch.commands import report
from effsearch.records.errors import UserError
from effsearch.reports import study_page, study_run

FILES = ("runs.csv", "grid.csv", "surface.csv", "coefficients.json", "family/family.csv")
NESTED = "[" * 100_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return study(tmp_path_factory.mktemp("study") / "runs" / "s1")


@pytest.fixture
def copy(whole) -> Iterator[Path]:
    """The study, to be spoiled; as it was afterwards."""
    known = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    yield whole
    for path, content in known.items():
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)


def refused(path: Path) -> UserError:
    with pytest.raises(UserError) as raised:
        study_run.load(path)
    lines = raised.value.lines()
    assert len(lines) == 2
    assert all("\n" not in line and len(line) < 700 for line in lines)
    assert "effsearch grid --resume --out runs/s1" in lines[1]
    return raised.value


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_an_unfinished_study(copy, name):
    (copy / name).unlink()
    error = refused(copy)
    assert "has no tables to report yet: the study ended before it wrote them" in error.message
    assert error.hint == "continue it with: effsearch grid --resume --out runs/s1"


@pytest.mark.parametrize(
    ("state", "words"),
    [("running", "is still running, or was killed"), ("interrupted", "was interrupted"), ("failed", "was failed")],
)
def test_an_unfinished_study_says_how_far_it_is_and_how_to_go_on(tmp_path, state, words):
    path = study(tmp_path / "runs" / "s1", state=state)
    for name in FILES:
        (path / name).unlink()
    with (path / "ledger.jsonl").open("a") as file:
        file.writelines(json.dumps({"kind": "run", "point": "base", "seed": seed}) + "\n" for seed in range(3))
    with pytest.raises(UserError) as raised:
        report.run(path, out=None, as_json=False)
    assert f"the study {words}, with 3 trainings in its ledger" in raised.value.message
    assert "effsearch grid --resume --out runs/s1" in str(raised.value.hint)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "content", ["", "a,b\n1,2\n", "{}", "[]", '"', "\x00", "null", NESTED], ids=lambda text: text[:8]
)
def test_other_content_is_no_study(copy, name, content):
    (copy / name).write_text(content)
    assert "is no whole study" in refused(copy).message


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_in_the_middle(copy, name):
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: len(content) * 2 // 5 - 3])
    assert "is no whole study" in refused(copy).message


@pytest.mark.parametrize("name", FILES)
def test_bytes_that_are_no_text(copy, name):
    (copy / name).write_bytes(b"\xff\xfe" + bytes(range(256)))
    assert "is no whole study" in refused(copy).message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "row", "column", "value"),
    [
        ("grid.csv", 1, "error", "-1"),
        ("grid.csv", 1, "error", ""),
        ("grid.csv", 1, "fitted", ""),
        ("grid.csv", 1, "fitted", "1e300"),
        ("grid.csv", 1, "params", "inf"),
        ("grid.csv", 1, "layers", "-3"),
        ("grid.csv", 1, "depth", "0"),
        ("grid.csv", 1, "built_width", "nan"),
        ("grid.csv", 1, "runs", "many"),
        ("grid.csv", 2, "point", "d0-w0-r100"),
        ("runs.csv", 1, "point", "elsewhere"),
        ("runs.csv", 1, "state", "maybe"),
        ("runs.csv", 1, "error", "101"),
        ("runs.csv", 1, "error", ""),
        ("runs.csv", 1, "seed", "0.5"),
        ("runs.csv", 1, "seed", "-1"),
        ("runs.csv", 1, "seconds", "-1"),
        ("surface.csv", 1, "in_set", "perhaps"),
        ("surface.csv", 1, "fitted", "nan"),
        ("surface.csv", 1, "high", "-inf"),
        ("surface.csv", 1, "loss", "-0.5"),
        ("surface.csv", 1, "share_depth", "0.9"),
        ("surface.csv", 1, "near", "2"),
        ("family/family.csv", 1, "mult_adds", "0"),
        ("family/family.csv", 1, "params", "1e400"),
        ("family/family.csv", 1, "phi", "x"),
    ],
)
def test_a_cell_that_cannot_be(copy, name, row, column, value):
    lines = [line.split(",") for line in (copy / name).read_text().splitlines()]
    lines[row][lines[0].index(column)] = value
    (copy / name).write_text("\n".join(map(",".join, lines)) + "\n")
    assert "is no whole study" in refused(copy).message


@pytest.mark.parametrize("change", ["shorter", "twice", "none in the set"])
def test_a_surface_that_is_no_lattice(copy, change):
    lines = (copy / "surface.csv").read_text().splitlines()
    changed = {
        "shorter": lines[:-1], "twice": [*lines[:-1], lines[-2]],
        "none in the set": [line.replace("True", "False") for line in lines],
    }[change]  # fmt: skip
    (copy / "surface.csv").write_text("\n".join(changed) + "\n")
    assert "is no whole study: ValueError: surface.csv" in refused(copy).message


@pytest.mark.slow
@pytest.mark.parametrize(
    "values",
    [
        {"alpha": "1.2"}, {"alpha": float("nan")}, {"alpha": True}, {"gamma": 1e300}, {"beta": None}, {"best": [1, 2]},
        {"best": [1, 2, 3, 4]}, {"best": "111"}, {"growth": 1.0}, {"phi": 0}, {"phi": -1}, {"base": 3}, {"flat": 0},
        {"share_in_set": 1.5}, {"loss_at_most": -1}, {"response": "accuracy"}, {"form": ["additive"]}, {"prior": None},
        {"published": []}, {"published": {}}, {"equal_shares": {"alpha": 1}}, {"noise": None}, {"noise": {"sigma": 1}},
        {"seed_effects": {"first": 0.1}}, {"seed_effects": [0.1]}, {"readings": {}}, {"readings": [1]},
        {"readings": [{}] * 20_000}, {"fixed": {"gamma": 1.0, "alpha": 1.0}}, {"fixed": {"delta": 1.0}},
        {"per_point": 0}, {"trainings": 0}, {"seeds": 0.5}, {"same_network": {"a": 1}}, {"warning": 3},
    ],
    ids=lambda values: next(iter(values)),
)  # fmt: skip
def test_a_document_that_cannot_be(copy, values):
    document = json.loads((copy / "coefficients.json").read_text())
    (copy / "coefficients.json").write_text(json.dumps({**document, **values}))
    assert "is no whole study" in refused(copy).message


def test_a_number_of_thousands_of_digits(copy):
    text = (copy / "coefficients.json").read_text()
    (copy / "coefficients.json").write_text(text.replace('"seeds": 3', f'"seeds": 3{"0" * 5000}'))
    assert "is no whole study" in refused(copy).message


@pytest.mark.parametrize(
    "settings", [{"study": "circle"}, {"study": 3}, {"factor": "2"}, {"phi": None}, {"factor": 1e9}]
)
def test_settings_that_cannot_be(copy, settings):
    lines = (copy / "ledger.jsonl").read_text().splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), **settings})
    (copy / "ledger.jsonl").write_text("\n".join(lines) + "\n")
    assert "is no whole study" in refused(copy).message


def test_a_fixed_dimension_needs_a_line_not_a_triangle(copy):
    document = json.loads((copy / "coefficients.json").read_text())
    (copy / "coefficients.json").write_text(json.dumps({**document, "fixed": {"gamma": 1.0}}))
    assert "is no whole study" in refused(copy).message


def test_a_huge_but_allowed_study_is_drawn(copy):
    document = json.loads((copy / "coefficients.json").read_text())
    wild = {"sigma": 1e8, "own": 1e8, "degrees": 1, "lack_of_fit": {"f": 1e300, "p": 0, "degrees": [1, 1]}}
    known = {**document["published"], "loss": 1e8, "loss_at_most": 1e9}
    changed = {**document, "noise": wild, "published": known, "growth": 1e30, "loss_at_most": 1e9, "base": "x" * 10_000}
    (copy / "coefficients.json").write_text(json.dumps(changed))
    assert "1000000000.00 points" in study_page.page_of(copy)


@pytest.mark.slow
def test_damage_anywhere_is_drawn_or_refused(whole, tmp_path):
    """Bytes changed, cut out and doubled, with a fixed seed."""
    rng, seen = random.Random(7), {"drawn": 0, "refused": 0}  # noqa: S311
    for number in range(40):
        path = Path(shutil.copytree(whole, tmp_path / str(number) / "runs" / "s1"))
        name = rng.choice([*FILES, "coefficients.json", "manifest.json", "config.yaml", "ledger.jsonl"])
        content = bytearray((path / name).read_bytes())
        for _ in range(rng.choice([1, 1, 3])):
            start = rng.randrange(len(content))
            end = min(len(content), start + rng.choice([1, 2, 40]))
            content[start:end] = rng.choice(
                [b"", b"9", b"-", b"\xff", b",", b"\n", content[start:end] * 2, b"nan", b'"']
            )
        (path / name).write_bytes(bytes(content))
        error = _told(path)
        assert error is None or not any("\n" in line for line in error.lines())
        seen["refused" if error else "drawn"] += 1
    assert min(seen.values()) > 3


def _told(path: Path) -> UserError | None:
    try:
        study_page.page_of(path)
    except UserError as error:
        return error
    return None
