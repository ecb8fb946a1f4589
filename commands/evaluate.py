"""`effsearch evaluate`: one network's accuracy by an evaluator."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from ..records.errors import UserError
from ..search_spaces.cost import cost
from ..search_spaces.quantity import format_count
from .base import load_base
from .data_options import suit


def run(
    network: str, *, evaluator: str | None, epochs: int | None, training: Mapping[str, Any], seed: int, as_json: bool
) -> int:
    """`training`: the options of the evaluator train, None where they were not given."""
    from .. import evaluators
    from ..reports import terminal
    from ..training.datasets.dataset import Dataset
    from ..workers.local import LocalExecutor

    architecture = load_base(network)
    given = {name: value for name, value in {"epochs": epochs, **training}.items() if value is not None}
    name = evaluator or ("train" if "data" in given else "surrogate")
    pixels = given.pop("resolution", None) if name == "train" else None
    rate = evaluators.load(name, **given)
    if isinstance(dataset := getattr(rate, "dataset", None), Dataset):
        architecture = suit(architecture, dataset, pixels)
    ((_, result),) = LocalExecutor(retries=0).run(rate, [architecture], seed=seed)
    total = cost(architecture)
    if as_json:
        document = {"name": architecture.name, "key": architecture.key, **result.to_mapping()}
        print(json.dumps(document | dataclasses.asdict(total), indent=1))
    elif result.failure is None:
        std = "" if result.std is None else f" ± {result.std:.2f}"
        rows = [
            ("network", f"{architecture.name}, {architecture.resolution} px"),
            ("accuracy", f"{result.accuracy:.2f}{std} %"),
            ("of what", result.fidelity or "not said"),
            ("by", result.source),
            ("FLOPs (mult-adds)", format_count(total.mult_adds)),
            ("parameters", format_count(total.params)),
        ]
        terminal.show(terminal.pairs(rows))
    if result.failure is not None:
        raise UserError(f"the evaluation of {architecture.name} failed: {result.failure}", exit_code=1)
    return 0
