"""The trials, references and confirmations of a search, as its ledger knows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..evaluators.evaluation import Evaluation
from ..records.errors import UserError
from ..records.run_log import RunLog
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import shown
from .trial import Trial


class SearchLog:
    """Reads a RunLog and appends to it.

    Attributes
    ----------
    trials
        by number, read from the ledger and appended since.
    references
        name -> entry of networks that were evaluated for comparison.
    confirmations
        (key, seed) -> entry of networks that were evaluated again after the search.
    """

    def __init__(self, log: RunLog) -> None:
        self.log = log
        self.trials: dict[int, Trial] = {}
        self.references: dict[str, Mapping[str, Any]] = {}
        self.confirmations: dict[tuple[str, int], Mapping[str, Any]] = {}
        for where, entry in log.entries():
            try:
                self._take(entry)
            except (KeyError, TypeError, ValueError) as error:
                raise UserError(
                    f"{where} is no entry of a search: {type(error).__name__}: {error}",
                    hint="restore the file from a copy, or start a new run",
                ) from error

    def append(self, trial: Trial) -> None:
        self.log.append(trial.to_entry())
        self.trials[trial.number] = trial

    def append_reference(
        self, network: Architecture, evaluation: Evaluation, costs: Mapping[str, float], reward: float | None
    ) -> None:
        entry = {
            "kind": "reference",
            "name": network.name,
            "key": network.key,
            "evaluation": evaluation.to_mapping(),
            "costs": dict(costs),
            "reward": reward,
        }
        self.log.append(entry)
        self.references[network.name] = entry

    def append_confirmation(
        self, network: Architecture, role: str, seed: int, evaluation: Evaluation, costs: Mapping[str, float]
    ) -> None:
        entry = {
            "kind": "confirmation",
            "name": network.name,
            "role": role,
            "key": network.key,
            "seed": seed,
            "evaluation": evaluation.to_mapping(),
            "costs": dict(costs),
        }
        self.log.append(entry)
        self.confirmations[network.key, seed] = entry

    def _take(self, entry: Mapping[str, Any]) -> None:
        if entry["kind"] == "trial":
            trial = Trial.from_entry(entry)
            self.trials[trial.number] = trial
        elif entry["kind"] == "reference":
            self.references[entry["name"]] = entry
        elif entry["kind"] == "confirmation":
            self.confirmations[str(entry["key"]), int(entry["seed"])] = entry
        else:
            raise ValueError(f"kind is {shown(entry['kind'])}")
