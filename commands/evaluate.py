"""`effsearch evaluate`: one network's accuracy by an evaluator."""

from __future__ import annotations

import dataclasses
import json

from ..records.errors import UserError
from ..search_spaces import loading
from ..search_spaces.cost import cost
from ..search_spaces.quantity import format_count


def run(network: str, *, evaluator: str, epochs: int | None, seed: int, as_json: bool) -> int:
    from .. import evaluators
    from ..reports import terminal
    from ..workers.local import LocalExecutor

    architecture = loading.load_network(network)
    rate = evaluators.load(evaluator, **({} if epochs is None else {"epochs": epochs}))
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
