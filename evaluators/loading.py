"""Evaluators by what people write on the command line."""

from __future__ import annotations

from inspect import signature
from typing import Any

from ..records.errors import UserError
from ..search_spaces.checks import nearest, shown
from ..search_spaces.user_file import is_reference
from .evaluation import Evaluator

KNOWN = ("surrogate", "capacity", "train")


def load(name: str, **options: Any) -> Evaluator:
    """ "surrogate" (option `epochs`, 50 or 16), "capacity", "train" (`data` and the other options of
    TrainingEvaluator), or "file.py:function" of the user's own.

    Raises UserError for an unknown name or option.
    """
    if is_reference(name):
        from .user import UserEvaluator

        return UserEvaluator(name, **options)
    if name == "surrogate":
        from .surrogate import Surrogate

        _only(name, options, "epochs")
        return Surrogate(**options)
    if name == "capacity":
        from .capacity import Capacity

        _only(name, options)
        return Capacity()
    if name == "train":
        from .training import TrainingEvaluator

        _only(name, options, *signature(TrainingEvaluator).parameters)
        if not options.get("data"):
            raise UserError("the evaluator train needs images", hint="give --data DIR (effsearch data DIR looks at it)")
        return TrainingEvaluator(**options)
    raise UserError(
        f"there is no evaluator {shown(name)}; known: {', '.join(KNOWN)}, or file.py:function",
        hint=nearest(name, KNOWN),
    )


def _only(name: str, options: dict[str, Any], *allowed: str) -> None:
    for option in options:
        if option not in allowed:
            takes = f"takes {', '.join(allowed)}" if allowed else "takes none"
            raise UserError(f"the evaluator {name} has no option {shown(option)}; it {takes}")
