"""The tables of docs/scaling-studies.md: simulated scaling studies against truths that are known.

    python -m effsearch.experiments.scaling_studies                      # 200 studies a cell: 4 minutes on one core
    python -m effsearch.experiments.scaling_studies --studies 20 --truths law corner
    python -m effsearch.experiments.scaling_studies --studies 80 --truths mobilenet-v2 separate wave     # held out

The numbers do not depend on the machine: each cell's generator is seeded with its name.
"""

from __future__ import annotations

import argparse
import sys
from itertools import product
from pathlib import Path

import pandas as pd

from .studies import BOOTSTRAP, METHODS, simulate
from .tables import recommendations, regrets, sets, worst
from .truths import HELD_OUT, TRUTHS

BOOTSTRAPPED = "less resolution"  # the truth that seeds are bootstrapped on


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = {truth.name: truth for truth in (*TRUTHS, *HELD_OUT)}
    parser.add_argument("--studies", type=int, default=200, help="of each cell")
    parser.add_argument("--truths", nargs="+", choices=known, default=[truth.name for truth in TRUTHS])
    parser.add_argument("--noise", nargs="+", type=float, default=(0.1, 0.3, 0.8), help="points, of one training")
    parser.add_argument("--runs", nargs="+", type=int, default=(45, 120), help="15 networks; multiples of 15, from 30")
    parser.add_argument("--out", type=Path, help="CSV with a row for each study")
    options = parser.parse_args()
    tables = []
    for name, noise, runs in product(options.truths, options.noise, options.runs):
        more = (BOOTSTRAP,) if name == BOOTSTRAPPED else ()
        for method in ("grid", *METHODS, *more):
            tables.append(simulate(known[name], noise, runs, method, options.studies))
        print(f"{name}, noise {noise:g}, {runs} runs", file=sys.stderr)
    rows = pd.concat(tables, ignore_index=True)
    if options.out:
        rows.to_csv(options.out, index=False)
    print(regrets(rows, ("grid", *METHODS)), end="\n\n")
    every = [name for name in (*METHODS, BOOTSTRAP) if name in set(rows["method"])]
    print(sets(rows, every), end="\n\n")
    print(recommendations(rows, list(METHODS)), end="\n\n")
    print(worst(rows, every))


if __name__ == "__main__":
    main()
