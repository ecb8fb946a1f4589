"""Memory that ran out, told as a user's mistake: torch, ONNX Runtime and Python each say it in their own way."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..records.errors import UserError

WORDS = (  # in the message of a RuntimeError of torch or of an exception of ONNX Runtime
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "out of memory",
    "failed to allocate memory",
    "bad_alloc",
    "bad allocation",
    "alloc_failed",
)


@contextmanager
def memory_errors(what: str, hint: str) -> Iterator[None]:
    """Where memory runs out inside: a UserError (exit code 1) "there is not enough memory {what}". Other errors pass.

    what: such as "to measure with batch 64".
    """
    try:
        yield
    except Exception as error:
        if not is_memory_error(error):
            raise
        failure = UserError(f"there is not enough memory {what}", hint, exit_code=1)
    else:
        return
    # outside the handler: the traceback of what failed would keep its tensors
    raise failure


def is_memory_error(error: BaseException | None) -> bool:
    """Of this error, or of one behind it: torch.compile wraps what happened inside, torch.save fails once more."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        if _is_one(error):
            return True
        error = error.__cause__ or error.__context__ or getattr(error, "inner_exception", None)
    return False


def _is_one(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, RuntimeError) or type(error).__module__.startswith("onnxruntime"):
        said = str(error).lower()
        return any(word in said for word in WORDS)
    return False
