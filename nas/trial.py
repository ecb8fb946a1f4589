"""One evaluated network of a search, and its line in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..evaluators.evaluation import Evaluation
from ..search_spaces.space import Point


@dataclass(frozen=True)
class Trial:
    """What the ledger keeps of a trial.

    number
        0, 1, ... in the order in which the sampler proposed them.
    costs
        name -> value: params, mult_adds, activations and the user's own.
    reward
        None where the evaluation failed.
    attributes
        the sampler's notes (NSGA-II keeps its generations there).
    """

    number: int
    key: str
    point: Point
    evaluation: Evaluation
    costs: dict[str, float]
    reward: float | None
    feasible: bool
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        return self.evaluation.failure is None

    def to_entry(self) -> dict[str, Any]:
        return {
            "kind": "trial",
            "number": self.number,
            "key": self.key,
            "point": self.point,
            "evaluation": self.evaluation.to_mapping(),
            "costs": self.costs,
            "reward": self.reward,
            "feasible": self.feasible,
            "attributes": self.attributes,
        }

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> Trial:
        content = {key: value for key, value in entry.items() if key != "kind"}
        return cls(**{**content, "evaluation": Evaluation.from_mapping(entry["evaluation"])})
