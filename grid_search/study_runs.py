"""One training of a study, as the ledger holds it, and the work that does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..evaluators.evaluation import Evaluation, Evaluator, checked
from ..search_spaces.architecture import Architecture
from ..workers.attempt import source_of

KIND = "run"

RunName = tuple[str, int]  # the design's point, the seed


@dataclass(frozen=True)
class StudyRun:
    """point: a name of the design. key: of the network that was trained."""

    point: str
    key: str
    evaluation: Evaluation

    @property
    def name(self) -> RunName:
        return self.point, self.evaluation.seed

    def to_entry(self) -> dict[str, Any]:
        return {"kind": KIND, "point": self.point, "key": self.key, **self.evaluation.to_mapping()}

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> StudyRun:
        content = {name: value for name, value in entry.items() if name not in ("kind", "point", "key")}
        point, key = entry["point"], entry["key"]
        if not (isinstance(point, str) and isinstance(key, str)):
            raise TypeError("point and key must be text")
        return cls(point, key, Evaluation.from_mapping(content))


@dataclass(frozen=True)
class StudyWork:
    """Trains the networks of a design; goes to other processes."""

    evaluator: Evaluator
    networks: Mapping[str, Architecture]

    def entries(self, items: Sequence[RunName]) -> list[dict[str, Any]]:
        """Raises what the evaluator raises."""
        return [self._trained(point, int(seed)).to_entry() for point, seed in items]

    def of(self, item: RunName, evaluation: Evaluation) -> StudyRun:
        point, seed = item
        return StudyRun(point, self.networks[point].key, replace(evaluation, seed=int(seed)))

    def failed(self, item: RunName, reason: str) -> dict[str, Any]:
        return self.of(item, Evaluation.failed(reason, source=source_of(self.evaluator))).to_entry()

    def _trained(self, point: str, seed: int) -> StudyRun:
        result = self.evaluator(self.networks[point], seed=seed)
        return self.of((point, seed), checked(result, source_of(self.evaluator)))
