"""A user's own evaluator: `file.py:function`."""

from __future__ import annotations

import hashlib
import inspect
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

from ..records.errors import UserError
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import shown
from ..search_spaces.user_file import load_object
from .evaluation import HINT, Evaluation, checked


class UserEvaluator:
    """Calls the function, with `seed` where it takes one, and checks what comes back.

    UserError where the result is no Evaluation with a finite accuracy; whatever the function raises passes through.
    """

    def __init__(self, reference: str, **options: Any) -> None:
        function = load_object(reference, "an evaluator")
        self.text = Path(reference.rpartition(":")[0]).read_bytes()
        self._take(function, reference, options)

    def _take(self, function: Any, reference: str, options: dict[str, Any]) -> None:
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
        self.options = options
        self.function = function
        self.takes_seed = _takes_seed(function)

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process, which may be on another machine, the text of the file is run again: what it defines
        cannot be imported there. What the file imports from beside it does not travel."""
        location, _, name = self.reference.rpartition(":")
        return _again, (f"{Path(location).resolve()}:{name}", self.options, self.source, self.text)

    def __call__(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        started = perf_counter()
        result = self.function(architecture, seed=seed) if self.takes_seed else self.function(architecture)
        result = checked(result, self.reference)
        return replace(
            result,
            seed=seed,
            source=result.source or self.source,
            seconds=result.seconds or perf_counter() - started,
        )


def _again(reference: str, options: dict[str, Any], source: str, text: bytes) -> UserEvaluator:
    location, _, name = reference.rpartition(":")
    module = ModuleType(f"effsearch_user_{hashlib.sha256(text).hexdigest()[:12]}_{Path(location).stem}")
    module.__file__ = location
    sys.modules[module.__name__] = module  # pickle and dataclasses look the module up
    try:
        exec(compile(text, location, "exec"), vars(module))  # noqa: S102 (the user's own file, sent by the driver)
    except (Exception, SystemExit) as error:
        first = (str(error).splitlines() or [""])[0]
        raise UserError(
            f"{location} raises {type(error).__name__}: {first:.150}",
            hint="only the file itself is sent to workers: install what it imports, or name its folder in PYTHONPATH",
        ) from error
    evaluator = UserEvaluator.__new__(UserEvaluator)
    evaluator.text = text
    evaluator._take(getattr(module, name), reference, options)
    evaluator.source = source
    return evaluator


def _takes_seed(function: object) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return any(one.name == "seed" or one.kind is one.VAR_KEYWORD for one in parameters)
