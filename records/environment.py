"""What a run ran on: versions, machine, and the commit of effsearch's source, without importing any of it."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = ("effsearch", "numpy", "torch", "optuna", "ray", "fvcore", "pandas", "matplotlib")
PACKAGE_ROOT = Path(__file__).resolve().parent.parent


def environment() -> dict[str, str]:
    """Name -> value: python, platform, hostname, cpus (that this process may use), package versions, git.

    Packages that are not installed are left out, and so is `git` where the package is not a source checkout.
    """
    result = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "hostname": platform.node(),
        "cpus": str(_cpus()),
    }
    for package in PACKAGES:
        version = _version(package)
        if version is not None:
            result[package] = version
    commit = source_commit()
    if commit is not None:
        result["git"] = commit
    return result


def source_commit(root: Path = PACKAGE_ROOT) -> str | None:
    """The commit checked out at `root`, with `-dirty` if a tracked file differs; None if there is none.

    `root` must be the top of the checkout. A repository around it (a project whose virtual environment
    effsearch is installed in) says nothing about effsearch.
    """
    described = _git(root, "rev-parse", "--show-prefix", "HEAD")
    if described is None:
        return None
    prefix, _, commit = described.partition("\n")  # the prefix is empty at the top
    if prefix:
        return None
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    if changes is None:
        return None
    return f"{commit.strip()}-dirty" if changes else commit.strip()


def _git(root: Path, *arguments: str) -> str | None:
    """What git prints; None if it is missing, fails or hangs."""
    # a hook of another repository sets GIT_DIR and more
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 (the arguments are this file's own)
            ["git", "--no-optional-locks", *arguments],  # noqa: S607 (the user's git)
            cwd=root,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)  # None or a KeyError where the metadata names no version
    except (metadata.PackageNotFoundError, KeyError):
        return None


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
