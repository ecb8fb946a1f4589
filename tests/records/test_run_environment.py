"""environment(): versions without imports, and the commit of this source, not of a repository around it."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from effsearch.records.environment import PACKAGE_ROOT, PACKAGES, environment, source_commit

Start = Callable[..., "subprocess.Popen[str]"]  # the fixture in conftest.py


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "effsearch"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "cli.py").write_text("1\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


def test_says_what_it_runs_on() -> None:
    found = environment()
    assert found["python"] == platform.python_version()
    assert found["hostname"] == platform.node()
    assert int(found["cpus"]) >= 1
    assert all(isinstance(value, str) for value in found.values())
    for package in PACKAGES:
        try:
            expected = metadata.version(package)
        except metadata.PackageNotFoundError:
            assert package not in found
        else:
            assert found[package] == expected


def test_imports_nothing_that_it_asks_about(start: Start) -> None:
    code = """
import sys
from effsearch.records.environment import environment
environment()
print({"numpy", "torch", "optuna", "ray", "fvcore", "pandas", "matplotlib"} & set(sys.modules))
"""
    assert start(code).communicate()[0] == "set()\n"


def test_the_package_root_is_the_one_that_holds_records() -> None:
    assert (PACKAGE_ROOT / "records" / "environment.py").is_file()


@needs_git
def test_the_commit_of_a_checkout_and_whether_it_was_modified(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    assert source_commit(checkout) == commit
    (checkout / "untracked.txt").write_text("")
    assert source_commit(checkout) == commit
    (checkout / "cli.py").write_text("2\n")
    assert source_commit(checkout) == f"{commit}-dirty"
    git(checkout, "add", "cli.py")
    assert source_commit(checkout) == f"{commit}-dirty"


@needs_git
def test_a_repository_around_the_package_does_not_count(checkout: Path) -> None:
    installed = checkout / ".venv" / "lib" / "site-packages" / "effsearch"
    installed.mkdir(parents=True)
    assert source_commit(installed) is None
    (installed / ".git").mkdir()  # git passes over a broken one and finds the repository around it
    assert source_commit(installed) is None


@needs_git
def test_a_linked_worktree_counts(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "worktree", "add", "--quiet", str(tmp_path / "other"))
    assert source_commit(tmp_path / "other") == git(checkout, "rev-parse", "HEAD")


@needs_git
def test_the_variables_of_a_git_hook_do_not_mislead(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    monkeypatch.setenv("GIT_DIR", str(checkout / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(plain))
    assert source_commit(plain) is None


@needs_git
def test_no_commit_yet_or_no_repository(tmp_path: Path) -> None:
    assert source_commit(tmp_path) is None
    git(tmp_path, "init", "--quiet")
    assert source_commit(tmp_path) is None
    assert source_commit(tmp_path / "missing") is None


def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert source_commit() is None
    assert "git" not in environment()


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script as git")
def test_git_that_fails(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\necho nonsense\nexit 128\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert source_commit(checkout) is None


def test_metadata_without_a_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "optuna-0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Name: optuna\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "optuna" not in environment()
