"""A user's own evaluator: `file.py:function`."""

from __future__ import annotations

import inspect
import math
from dataclasses import replace
from numbers import Real
from time import perf_counter
from typing import Any

from ..records.errors import UserError
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import shown
from ..search_spaces.user_file import load_object
from .evaluation import Evaluation

HINT = "an evaluator takes an Architecture and returns effsearch.evaluators.Evaluation(accuracy=...), percent top-1"


class UserEvaluator:
    """Calls the function, with `seed` where it takes one, and checks what comes back.

    UserError where the result is no Evaluation with a finite accuracy; whatever the function raises passes through.
    """

    def __init__(self, reference: str, **options: Any) -> None:
        function = load_object(reference, "an evaluator")
        if inspect.isclass(function):
            try:
                inspect.signature(function).bind(**options)
            except TypeError as error:
                raise UserError(f"{reference} does not take these options: {error}", hint=HINT) from error
            function = function(**options)
        elif options:
            raise UserError(f"{reference} is a function and takes no options: {', '.join(options)}", hint=HINT)
        if not callable(function):
            raise UserError(f"{reference} is {shown(type(function).__name__)}; it must be callable", hint=HINT)
        self.reference = self.source = reference
        self.function = function
        self.takes_seed = _takes_seed(function)

    def __call__(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        started = perf_counter()
        result = self.function(architecture, seed=seed) if self.takes_seed else self.function(architecture)
        if not isinstance(result, Evaluation):
            raise UserError(
                f"{self.reference} returned {shown(result)}, a {type(result).__name__}; it must be an Evaluation",
                hint=HINT,
            )
        if result.failure is None and not _is_percent(result.accuracy):
            raise UserError(
                f"{self.reference} returned the accuracy {shown(result.accuracy)}; it must be a number from 0 to 100",
                hint="return Evaluation.failed('reason') where there is none",
            )
        if not (result.std is None or (_is_number(result.std) and result.std >= 0)):
            raise UserError(
                f"{self.reference} returned the std {shown(result.std)}; it must be a number of at least 0, or None"
            )
        return replace(
            result,
            accuracy=float(result.accuracy),
            std=None if result.std is None else float(result.std),
            seed=seed,
            source=result.source or self.reference,
            seconds=result.seconds or perf_counter() - started,
        )


def _takes_seed(function: object) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return any(one.name == "seed" or one.kind is one.VAR_KEYWORD for one in parameters)


def _is_percent(value: object) -> bool:
    return _is_number(value) and 0 <= float(str(value)) <= 100


def _is_number(value: object) -> bool:
    """Finite; numpy's numbers too."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
