"""The tables of docs/assisted.md.

    python -m effsearch.experiments.benchmarks --out samplers.csv      # samplers; 10 seeds: an hour or two on a core
    python -m effsearch.experiments.benchmarks --data FOLDER           # the posterior, on trained networks: a minute

--out keeps a row for each finished search, and a search whose rows are there is not run again. FOLDER holds the tables
that experiments/surrogate/tables.py describes.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import pandas as pd

from .picks import checked
from .samplers import compared

SAMPLERS = ("random", "nsga2", "tpe", "assisted")
COUNTS = (30, 60, 100, 200, 500)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="CSV of the samplers' rows")
    parser.add_argument("--data", type=Path, help="folder of anb_public.csv.gz")
    parser.add_argument("--samplers", nargs="+", default=SAMPLERS)
    parser.add_argument("--noise", nargs="+", type=float, default=(0.0, 0.3, 1.0))
    parser.add_argument("--trials", nargs="+", type=int, default=COUNTS)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    if options.data:
        rows = pd.DataFrame(checked(options.data, (30, 60, 120), (0.3, 0.5, 1.0), 3 * options.seeds))
        print(rows.groupby(["networks", "noise"]).mean().drop(columns="seed").round(3).to_string())
    if options.out:
        _samplers(options)


def _samplers(options: argparse.Namespace) -> None:
    table = pd.read_csv(options.out) if options.out.exists() else pd.DataFrame()
    for seed, noise, sampler in product(range(options.seeds), options.noise, options.samplers):
        if len(table) and ((table["sampler"] == sampler) & (table["noise"] == noise) & (table["seed"] == seed)).any():
            continue
        table = pd.concat([table, pd.DataFrame(compared(sampler, noise, seed, options.trials))], ignore_index=True)
        table.to_csv(options.out, index=False)
    means = table.groupby(["noise", "sampler", "trials"]).mean(numeric_only=True).drop(columns="seed")
    print(means.round(3).to_string())


if __name__ == "__main__":
    main()
