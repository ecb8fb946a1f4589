"""What the soft and the hard reward give, on the surrogate: five seeds, two samplers.

    python -m effsearch.experiments.rewards          # about 90 s on one core

Prints the tables of docs/nas.md: the budget's pick of five default runs against B0, and the reward's pick under both
rewards. Expect every budget's pick above B0, soft picks near 270M FLOPs and hard ones near 400M.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from .. import evaluators, nas, search_spaces
from ..evaluators.evaluation import Evaluator

TARGET = 400e6
SEEDS = range(5)


def main() -> None:
    evaluator = evaluators.load("surrogate")
    b0 = search_spaces.catalogue.load("b0")
    known = evaluator(b0)
    own = float(search_spaces.cost.cost(b0).mult_adds)
    print(f"B0: {known.accuracy:.2f} ± {known.std or 0:.2f} % at {own / 1e6:.1f}M")
    for reward in (nas.Reward(TARGET), nas.Reward.hard(TARGET)):
        print(f"B0's reward, exponents {reward.under:g} and {reward.over:g}: {reward(known.accuracy, own):.2f}")
    rows = pd.DataFrame(_runs(evaluator, own))
    print(rows.to_string(index=False, float_format="{:.2f}".format))
    print(
        rows.groupby(["sampler", "reward"], sort=False).mean(numeric_only=True).to_string(float_format="{:.2f}".format)
    )


def _runs(evaluator: Evaluator, own: float) -> Iterator[dict[str, object]]:
    for sampler in ("nsga2", "evolution"):
        for name, reward in (("soft", nas.Reward(TARGET)), ("hard", nas.Reward.hard(TARGET))):
            for seed in SEEDS:
                picks = _picks(evaluator, sampler, reward, seed, own)
                yield {"sampler": sampler, "reward": name, "seed": seed, **picks}


def _picks(evaluator: Evaluator, sampler: str, reward: nas.Reward, seed: int, own: float) -> dict[str, float]:
    space = search_spaces.load("mnasnet-b0")
    result = nas.search(space, evaluator, target_flops=TARGET, reward=reward, sampler=sampler, seed=seed)
    table = result.trials.set_index("number")
    budget, best = table.loc[result.picks["budget"]], table.loc[result.picks["reward"]]
    return {
        "budget %": budget["accuracy"],
        "at M": budget["mult_adds"] / 1e6,
        "at B0's FLOPs %": table.loc[table["mult_adds"] <= own, "accuracy"].max(),
        "reward's pick %": best["accuracy"],
        "at its M": best["mult_adds"] / 1e6,
        "its reward": best["reward"],
    }


if __name__ == "__main__":
    main()
