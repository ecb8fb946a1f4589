"""The two tables of the fit: what is in them, where the measurements are from.

Source: Accel-NASBench (Ahmad et al., github.com/afzalxo/Accel-NASBench, Apache-2.0), networks of the space `mnasnet-b0`
trained on ImageNet. `convert` makes the tables from that repository:

anb_public.csv.gz
    networks trained once for 16 epochs at 160 to 192 px, evaluated at 256 px. From
    anb_dataset/anb_dataset_jsons.tar.gz there (commit dcd4d726b33197dd9bc3d74a20393013398600ae). The committed
    coefficients were fitted on 4,100 of its networks; the table of those, uncompressed, has the SHA-256 below.
anb_two_schedules.csv
    78 other networks, three seeds each, after the same 16 epochs and after 50 epochs at 224 px. From
    plots/ablations_plots/csvs/{proxified,fewproxy}-seed{1,2,3}.csv there
    (commit 3af7375399004dbfb835b5e223ed092caaf94427).

Columns: e1..e7 expansion, k1..k7 kernel, l1..l7 layers, se1..se7 (0 or 1), mult_adds and params (our count, 224 px),
top1 in percent (top1_16_epochs and top1_50_epochs in the second); others are not used.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ...evaluators.surrogate_features import CHOICES
from ...evaluators.surrogate_model import Floats, Indices
from ...records.errors import UserError

PROXY: Final = "anb_public.csv.gz"
SCHEDULES: Final = "anb_two_schedules.csv"
SHA256: Final = {
    PROXY: "f4786bc7c7bbd62b555f33f780cc5233b96b53f60badfd298c1b5f30fb0d25ec",  # uncompressed
    SCHEDULES: "cb01136ece843c2403f74962ff4bf3851b9f0b9bd760b2e79a08ac119d862fe4",
}
GENES: Final = tuple(f"{name}{stage}" for name in ("e", "k", "l", "se") for stage in range(1, 8))


def read(path: Path, columns: Sequence[str]) -> tuple[Indices, Floats]:
    """Choice positions (n, 28) and the named columns (n, len(columns)) of a table. UserError for any other file."""
    text = _content(path).decode("utf-8", errors="replace")
    indices, values = [], []
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            indices.append([_position(row, gene, choices) for gene, choices in zip(GENES, CHOICES, strict=True)])
            values.append([_finite(row, column) for column in columns])
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        where = f"{path}: line {reader.line_num}"
        raise UserError(f"{where} is no row of this table: {type(error).__name__}: {error}") from error
    if not indices:
        raise UserError(f"{path} has no rows")
    return np.array(indices, dtype=np.int64), np.array(values, dtype=np.float64)


def _position(row: dict[str, str], gene: str, choices: tuple[int, ...]) -> int:
    value = int(row[gene])
    if value not in choices:
        raise ValueError(f"{gene} is {value}; allowed: {', '.join(map(str, choices))}")
    return choices.index(value)


def _finite(row: dict[str, str], column: str) -> float:
    value = float(row[column])
    if not math.isfinite(value):
        raise ValueError(f"{column} is {value}")
    return value


def differs(path: Path) -> bool:
    """Whether a table is another one than that of the committed coefficients."""
    return hashlib.sha256(_content(path)).hexdigest() != SHA256[path.name]


def _content(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            f"cannot read {path}: {error}", hint="see experiments/surrogate/tables.py for the data"
        ) from error
