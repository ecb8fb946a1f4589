"""Lint and types are part of the tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import effsearch

ROOT = Path(effsearch.__file__).resolve().parent


def run(*command, **environment):
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True
    )


def test_ruff_finds_nothing():
    done = run("ruff", "check", "--no-cache", ".")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_code_is_formatted():
    done = run("ruff", "format", "--check", "--no-cache", ".")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_mypy_strict_finds_nothing(tmp_path):
    (tmp_path / "effsearch").symlink_to(ROOT)
    cache = f"--cache-dir={os.environ.get('MYPY_CACHE_DIR', ROOT / '.mypy_cache')}"
    configured = f"--config-file={ROOT / 'pyproject.toml'}"
    done = run("mypy", "--strict", "-p", "effsearch", configured, cache, MYPYPATH=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no issues found in" in done.stdout
