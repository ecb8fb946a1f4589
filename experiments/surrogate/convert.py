"""Make the two tables of the fit from a checkout of Accel-NASBench.

    git clone https://github.com/afzalxo/Accel-NASBench
    python -m effsearch.experiments.surrogate.convert --source Accel-NASBench --output DIR

The archive holds one JSON file a network: `architecture` with block0_e .. block6_se, `metrics` with val_top1. The CSV
files have no header: column 4 is top-1, columns 9 to 36 are e, k, l, se of the seven stages.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import sys
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from ...evaluators.surrogate import measured_space
from ...evaluators.surrogate_features import CHOICES
from ...records import atomic
from ...records.errors import UserError, cannot
from .tables import GENES, PROXY, SCHEDULES

ARCHIVE = "anb_dataset/anb_dataset_jsons.tar.gz"
CSVS = "plots/ablations_plots/csvs"
LARGEST = 1_000_000  # bytes of one JSON file

Genes = tuple[int, ...]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="checkout of Accel-NASBench")
    parser.add_argument("--output", type=Path, required=True, help="folder for the two tables")
    options = parser.parse_args()
    try:
        proxy = proxy_table(options.source / ARCHIVE)
        schedules = schedules_table(options.source / CSVS)
        _write(options.output, proxy, schedules)
    except UserError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return error.exit_code
    print(f"{proxy.count(chr(10)) - 1} and {schedules.count(chr(10)) - 1} networks written to {options.output}")
    return 0


def _write(folder: Path, proxy: str, schedules: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(folder / PROXY, gzip.compress(proxy.encode(), mtime=0))
        atomic.write_text(folder / SCHEDULES, schedules)
    except OSError as error:
        raise cannot("write to", folder, error) from error


def proxy_table(archive: Path) -> str:
    """CSV text of every network in the archive; of a network that stands twice, the first."""
    accuracies: dict[Genes, float] = {}
    for name, content in _json_files(archive):
        try:
            described = content["architecture"]
            genes = tuple(
                _number(described[f"block{stage}_{gene}"]) for gene in ("e", "k", "l", "se") for stage in range(7)
            )
            accuracies.setdefault(_checked(genes), _percent(content["metrics"]["val_top1"]))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UserError(f"{archive}: {name} is no result: {type(error).__name__}: {error}") from error
    if not accuracies:
        raise UserError(f"{archive} holds no JSON results")
    return _table([(*genes, *_costs(genes), top1) for genes, top1 in accuracies.items()], "mult_adds", "params", "top1")


def schedules_table(folder: Path) -> str:
    """CSV text of the networks that have all three seeds on both schedules: means over the seeds."""
    found: dict[Genes, dict[str, dict[int, float]]] = defaultdict(lambda: {"proxified": {}, "fewproxy": {}})
    for schedule in ("proxified", "fewproxy"):
        for seed in (1, 2, 3):
            path = folder / f"{schedule}-seed{seed}.csv"
            try:
                rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
                for row in rows:
                    genes = _checked(tuple(_number(value) for value in row[9:37]))
                    found[genes][schedule].setdefault(seed, _percent(row[4]))
            except (OSError, IndexError, ValueError, csv.Error) as error:
                raise UserError(f"cannot read {path}: {error}") from error
    whole = {genes: runs for genes, runs in found.items() if all(len(run) == 3 for run in runs.values())}
    rows_out = [
        (*genes, *(round(mean(runs[one].values()), 4) for one in ("proxified", "fewproxy")), _costs(genes)[0])
        for genes, runs in whole.items()
    ]
    return _table(rows_out, "top1_16_epochs", "top1_50_epochs", "mult_adds")


def _json_files(archive: Path) -> Iterator[tuple[str, Any]]:
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if not member.isfile() or not member.name.endswith(".json") or member.size > LARGEST:
                    continue
                file = tar.extractfile(member)
                if file is not None:
                    yield member.name, _parsed(file.read(), f"{archive}: {member.name}")
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise UserError(f"cannot read {archive}: {error}") from error


def _parsed(content: bytes, where: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is no JSON: {error}") from error


def _percent(value: object) -> float:
    percent = float(str(value))
    if not 0 <= percent <= 100:
        raise ValueError(f"top-1 is {percent}")
    return percent


def _number(value: object) -> int:
    """Genes are numbers, or True and False, or those as text."""
    named = {"True": 1, "False": 0}.get(str(value))
    return int(str(value)) if named is None else named


def _checked(genes: Genes) -> Genes:
    for name, value, choices in zip(GENES, genes, CHOICES, strict=True):
        if value not in choices:
            raise ValueError(f"{name} is {value}")
    return genes


def _costs(genes: Genes) -> tuple[int, int]:
    indices = np.array([[choices.index(gene) for gene, choices in zip(genes, CHOICES, strict=True)]], dtype=np.int64)
    params, mult_adds, _ = measured_space().costs(indices)[0]
    return int(mult_adds), int(params)


def _table(rows: list[tuple[float, ...]], *columns: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*GENES, *columns])
    writer.writerows(rows)
    return text.getvalue()


if __name__ == "__main__":
    sys.exit(main())
