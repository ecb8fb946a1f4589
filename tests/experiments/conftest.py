"""The tables of the surrogate's fit: the real ones where they are, small made-up ones anywhere."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

import effsearch
from effsearch.evaluators.surrogate import Surrogate, measured_space
from effsearch.experiments.surrogate import tables


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of the two tables: EFFSEARCH_DATA, or shared/data beside the checkout."""
    beside = Path(effsearch.__file__).resolve().parent.parent / "shared" / "data"
    folders = [Path(os.environ["EFFSEARCH_DATA"]), beside] if os.environ.get("EFFSEARCH_DATA") else [beside]
    for folder in folders:
        if all((folder / name).is_file() for name in tables.SHA256):
            return folder
    pytest.skip(
        f"no {' and '.join(tables.SHA256)} in {' or '.join(map(str, folders))}; EFFSEARCH_DATA names the folder"
    )


@pytest.fixture(scope="session")
def public(data: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Choice positions, top-1 (percent, 16 epochs) and mult-adds of the networks of the fit."""
    indices, values = tables.read(data / tables.PROXY, ("top1", "mult_adds"))
    return indices, values[:, 0], values[:, 1]


@pytest.fixture(scope="session")
def schedules(data: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Choice positions, top-1 after 16 and after 50 epochs of the networks trained on both schedules."""
    indices, values = tables.read(data / tables.SCHEDULES, ("top1_16_epochs", "top1_50_epochs"))
    return indices, values[:, 0], values[:, 1]


@pytest.fixture(scope="session")
def synthetic() -> tuple[list[list[object]], list[list[object]]]:
    """Rows of both tables, headers first: 240 and 30 random networks as the surrogate predicts them, with noise."""
    space, rng = measured_space(), np.random.default_rng(0)
    found: list[list[list[object]]] = []
    for count, schedules, name in ((240, (16,), "top1"), (30, (16, 50), "top1_{}_epochs")):
        rows = space.sample_indices(rng, count)
        accuracies = [Surrogate(epochs).predict(rows).mean + rng.normal(0, 0.2, count) for epochs in schedules]
        genes = [
            [int(choice > 0) if 0.25 in options else choice for choice, options in zip_choices(row)] for row in rows
        ]
        numbers = [[round(float(value), 4) for value in values] for values in zip(*accuracies, strict=True)]
        cost = space.costs(rows)[:, 1].tolist()
        header = [*tables.GENES, *(name.format(epochs) for epochs in schedules), "mult_adds"]
        found.append([header, *([*gene, *number, one] for gene, number, one in zip(genes, numbers, cost, strict=True))])
    return found[0], found[1]


def zip_choices(row: Sequence[int]) -> list[tuple[object, tuple[object, ...]]]:
    """The choice and all choices of every dimension of a row of choice positions."""
    dimensions = measured_space().dimensions
    return [
        (dimension.choices[position], dimension.choices) for position, dimension in zip(row, dimensions, strict=True)
    ]


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Writes the rows of both tables into a new folder."""

    def written(proxy: list[list[object]], both: list[list[object]]) -> Path:
        folder = tmp_path / "tables"
        folder.mkdir()
        for name, rows in ((tables.PROXY, proxy), (tables.SCHEDULES, both)):
            path = folder / name
            with gzip.open(path, "wt", newline="") if path.suffix == ".gz" else path.open("w", newline="") as file:
                csv.writer(file).writerows(rows)
        return folder

    return written
