"""`python -m effsearch.experiments.surrogate`: exit codes, what it prints, what it writes, what it refuses."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from effsearch.evaluators.surrogate import COEFFICIENTS
from effsearch.evaluators.surrogate_model import load
from effsearch.experiments.surrogate import __main__ as surrogate_command
from effsearch.experiments.surrogate import tables


def command(*arguments, cwd):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    code = [sys.executable, "-m", "effsearch.experiments.surrogate", *map(str, arguments)]
    return subprocess.run(code, env=environment, cwd=cwd, capture_output=True, text=True)


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the command in this process: exit code, lines on stdout, lines on stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["surrogate", *map(str, arguments)])
        code = surrogate_command.main()
        captured = capsys.readouterr()
        return code, captured.out.splitlines(), captured.err.splitlines()

    return run


@pytest.mark.data
@pytest.mark.slow
def test_the_committed_coefficients_are_what_the_tables_give(data, tmp_path):
    done = command("--data", data, "--check", "--output", tmp_path / "surrogate.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "the committed coefficients are equal"
    assert done.stderr == ""
    found, committed = (json.loads(path.read_text()) for path in (tmp_path / "surrogate.json", COEFFICIENTS))
    for key, value in committed.items():
        np.testing.assert_allclose(found[key], value, rtol=2e-5, atol=0, err_msg=key)


@pytest.mark.data
def test_a_change_of_one_point_in_one_row_is_seen(data, tmp_path, run, monkeypatch):
    for name in ("print_proxy", "print_correction", "print_capacity"):
        monkeypatch.setattr(surrogate_command.report, name, lambda *_: None)
    shutil.copy(data / tables.PROXY, tmp_path)
    header, first, *rest = (data / tables.SCHEDULES).read_text().splitlines()
    cells = first.split(",")
    place = header.split(",").index("top1_50_epochs")
    cells[place] = str(float(cells[place]) + 1)
    (tmp_path / tables.SCHEDULES).write_text("\n".join([header, ",".join(cells), *rest]) + "\n")
    code, out, err = run("--data", tmp_path, "--check")
    assert code == 1
    assert out == ["the committed coefficients are DIFFERENT"]
    assert err == [f"note: {tables.SCHEDULES} is not the table of the committed coefficients"]


def test_other_tables_are_noted_and_their_coefficients_differ(synthetic, written, run, tmp_path):
    folder = written(*synthetic)
    code, out, err = run("--data", folder, "--check", "--output", tmp_path / "new.json")
    assert code == 1
    assert out[-1] == "the committed coefficients are DIFFERENT"
    assert err == [
        f"note: {name} is not the table of the committed coefficients" for name in (tables.PROXY, tables.SCHEDULES)
    ]
    first = (tmp_path / "new.json").read_bytes()
    assert load(tmp_path / "new.json").keys() == load(COEFFICIENTS).keys()
    assert run("--data", folder, "--output", tmp_path / "new.json")[0] == 0  # without --check nothing is compared
    assert (tmp_path / "new.json").read_bytes() == first


def test_the_report_has_the_figures_that_the_documentation_quotes(synthetic, written, run):
    _, out, _ = run("--data", written(*synthetic))
    text = "\n".join(out)
    for words in (
        "Kendall tau, mean",
        "root mean square error",
        "mult-adds 300-400M",
        "leave-one-out error",
        "capacity: Kendall tau",
    ):
        assert words in text
    assert "nan" not in text.lower().split()


def test_a_folder_without_tables_exits_2_with_an_error_and_a_hint(tmp_path):
    done = command("--data", tmp_path, "--check", cwd=tmp_path)
    assert done.returncode == 2
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: cannot read ")
    assert tables.PROXY in error
    assert hint.startswith("hint: ")
    assert done.stdout == ""


def refused(result, *named):
    code, out, err = result
    assert code == 2
    assert err[0].startswith("error: ")
    assert len(err) <= 2
    for name in named:
        assert str(name) in err[0]
    assert not any("equal" in line for line in out)


def altered(rows, line, column, value):
    """The rows with one value changed, `line` counted from 1."""
    changed = [list(row) for row in rows]
    changed[line - 1][rows[0].index(column)] = value
    return changed


@pytest.mark.parametrize(
    ("column", "value"),
    [("top1", "high"), ("e3", 5), ("top1", "nan"), ("top1", "inf"), ("mult_adds", "nan")],
)
def test_a_value_that_cannot_be_fitted_is_refused_by_file_and_line(synthetic, written, run, column, value):
    proxy, both = synthetic
    refused(run("--data", written(altered(proxy, 5, column, value), both), "--check"), tables.PROXY, "line 5")


@pytest.mark.parametrize("value", [72.0, 99.0])
def test_an_accuracy_at_or_above_the_asymptote_is_refused(synthetic, written, run, value):
    proxy, both = synthetic
    refused(run("--data", written(altered(proxy, 5, "top1", value), both), "--check"), tables.PROXY)


@pytest.mark.parametrize("value", ["nan", "-inf"])
def test_a_50_epoch_accuracy_that_cannot_be_fitted_is_refused(synthetic, written, run, value):
    proxy, both = synthetic
    changed = altered(both, 7, "top1_50_epochs", value)
    refused(run("--data", written(proxy, changed), "--check"), tables.SCHEDULES, "line 7")


@pytest.mark.parametrize("count", [1, 3])
def test_too_few_networks_are_refused(synthetic, written, run, count):
    proxy, both = synthetic
    refused(run("--data", written(proxy[: count + 1], both), "--check"), tables.PROXY)


@pytest.mark.parametrize("count", [1, 4])
def test_too_few_networks_of_two_schedules_are_refused(synthetic, written, run, count, tmp_path):
    proxy, both = synthetic
    output = tmp_path / "new.json"
    refused(run("--data", written(proxy, both[: count + 1]), "--output", output), tables.SCHEDULES)
    assert not output.exists()


def test_tables_without_networks_of_350_to_400M_get_a_report_too(synthetic, written, run):  # noqa: N802 (M is the unit)
    proxy, both = synthetic
    place = proxy[0].index("mult_adds")
    others = [row for row in proxy[1:] if not 350e6 <= row[place] <= 400e6]
    assert len(others) > 100
    assert run("--data", written([proxy[0], *others], both), "--check")[0] == 1


@pytest.mark.parametrize("place", ["missing/new.json", "file/new.json", "folder"])
def test_an_output_that_cannot_be_written_is_refused(synthetic, written, run, tmp_path, place):
    (tmp_path / "file").write_text("a file")
    (tmp_path / "folder").mkdir()
    refused(run("--data", written(*synthetic), "--output", tmp_path / place), place)


def test_the_data_folder_is_required(run):
    with pytest.raises(SystemExit) as caught:
        run("--check")
    assert caught.value.code == 2
