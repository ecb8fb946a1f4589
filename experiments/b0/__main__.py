"""Run the recipe (recipe.yaml says how long it takes and what to expect) and print the tables of docs/b0.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ... import evaluators, nas, search_spaces
from ...evaluators.surrogate import Surrogate
from ...records.errors import UserError
from ...search_spaces.architecture import Architecture
from ...search_spaces.quantity import parse_count
from ...search_spaces.space import SearchSpace
from ...search_spaces.strict_yaml import load_mapping

RECIPE = Path(__file__).with_name("recipe.yaml")
RANDOM = 200_000  # networks that B0 is held against


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="tables of experiments.surrogate, for a second opinion")
    options = parser.parse_args()
    if options.data and find_spec("sklearn") is None:
        print("error: the second opinion needs scikit-learn\nhint: pip install 'effsearch[test]'", file=sys.stderr)
        return 2
    recipe = load_mapping(RECIPE)
    space, b0 = search_spaces.load(recipe["space"]), search_spaces.catalogue.load("b0")
    surrogate = Surrogate(recipe["epochs"])
    try:
        _print_b0(space, surrogate, b0)
        runs = list(_runs(recipe, space, surrogate, b0))
        _print_runs(runs)
        _print_genes(
            space, b0, [one["network"] for one in runs if (one["sampler"], one["reward"]) == ("nsga2", "soft")]
        )
        if options.data:
            _print_second_opinion(options.data, b0, runs)
    except UserError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return error.exit_code
    return 0


def _print_b0(space: SearchSpace, surrogate: Surrogate, b0: Architecture) -> None:
    known = surrogate(b0)
    indices = space.sample_indices(np.random.default_rng(0), RANDOM)
    near = np.abs(space.costs(indices)[:, 1] / 395e6 - 1) < 15 / 395
    accuracies = surrogate.predict(indices[near]).mean
    below = float((accuracies < known.accuracy).mean())
    print(f"B0: {known.accuracy:.2f} ± {known.std or 0:.2f} %, above {below:.2%} of {near.sum():,} random networks")
    print("of 380 to 410M\n")


def _runs(
    recipe: dict[str, Any], space: SearchSpace, surrogate: Surrogate, b0: Architecture
) -> Iterator[dict[str, Any]]:
    target = parse_count(recipe["target_flops"])
    own = search_spaces.cost.cost(b0).mult_adds
    for sampler in recipe["samplers"]:
        for name, reward in (("soft", nas.Reward(target)), ("hard", nas.Reward.hard(target))):
            for seed in recipe["seeds"]:
                result = nas.search(
                    space, surrogate, target_flops=target, reward=reward, sampler=sampler, seed=seed,
                    trials=recipe["trials"],
                )  # fmt: skip
                table = result.trials.set_index("number")
                budget, best = table.loc[result.picks["budget"]], table.loc[result.picks["reward"]]
                yield {
                    "sampler": sampler,
                    "reward": name,
                    "seed": seed,
                    "budget %": budget["accuracy"],
                    "at M": budget["mult_adds"] / 1e6,
                    "at B0's FLOPs %": table.loc[table["mult_adds"] <= own, "accuracy"].max(),
                    "reward's %": best["accuracy"],
                    "its M": best["mult_adds"] / 1e6,
                    "its reward": best["reward"],
                    "B0's reward": reward(surrogate(b0).accuracy, float(own)),
                    "network": result.selected["budget"],
                }


def _print_runs(runs: list[dict[str, Any]]) -> None:
    table = pd.DataFrame(runs).drop(columns="network")
    print(table.to_string(index=False, float_format="{:.2f}".format))
    means = table.groupby(["sampler", "reward"], sort=False).mean(numeric_only=True).drop(columns="seed")
    print("\nmeans\n" + means.to_string(float_format="{:.2f}".format) + "\n")


def _print_genes(space: SearchSpace, b0: Architecture, networks: list[Architecture]) -> None:
    """How many genes of each kind are B0's, next to what chance gives."""
    known = space.encode(b0)
    found = [space.encode(network) for network in networks]
    rows = {}
    for gene in dict.fromkeys(name.rpartition("_")[0] for name in known):
        names = [name for name in known if name.rpartition("_")[0] == gene]
        equal = [sum(point[name] == known[name] for name in names) for point in found]
        chance = sum(1 / len(one.choices) for one in space.dimensions if one.name in names)
        rows[gene] = [*equal, float(np.mean(equal)), chance, len(names)]
    columns = [*(f"seed {i}" for i in range(len(found))), "mean", "by chance", "of"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    table.loc["all"] = table.sum()
    print("genes that are B0's, nsga2\n" + table.to_string(float_format="{:.1f}".format) + "\n")


def _print_second_opinion(data: Path, b0: Architecture, runs: list[dict[str, Any]]) -> None:
    from .judge import fit

    judge = fit(data)
    print(f"second opinion: gradient boosting, 16 epochs, 5-fold tau {judge.tau:.3f}, error {judge.error:.2f}")
    proxy = evaluators.load("surrogate", epochs=16)
    theirs, ours = float(judge.predict([b0])[0]), proxy(b0).accuracy
    print(f"B0: {theirs:.2f} (surrogate, 16 epochs: {ours:.2f})")
    for run in runs:
        if run["reward"] == "soft":
            network = run["network"]
            gained = float(judge.predict([network])[0]) - theirs
            print(
                f"{run['sampler']:<10} seed {run['seed']}: {gained:+.2f} over B0 "
                f"(surrogate, 16 epochs: {proxy(network).accuracy - ours:+.2f})"
            )


if __name__ == "__main__":
    sys.exit(main())
