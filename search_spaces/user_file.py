"""`file.py:name`: an object from a user's own Python file."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import Any

from .checks import InvalidValue, nearest, shown

LONGEST = 70  # letters of a path in a message


def is_reference(text: str) -> bool:
    """Whether text has the form file.py:name."""
    return text.rpartition(":")[0].endswith(".py")


def load_object(reference: str, what: str) -> Any:
    """Run the file, return what it calls `name`. `what` ("an evaluator") words the errors.

    InvalidValue where the file or the name is missing, or the file raises; the message says in which line.
    """
    location, _, name = reference.rpartition(":")
    path = Path(location).resolve()
    if not path.is_file():
        end = (
            location if len(location) <= LONGEST else f"...{location[-LONGEST:]}"
        )  # the name tells more than its folder
        raise InvalidValue(f"there is no file {shown(end)} for {what}", hint=f"{what} is written file.py:name")
    module_name = f"effsearch_user_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise InvalidValue(f"{shown(location)} cannot be imported as a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # pickle and dataclasses look the module up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        raise InvalidValue(f"{location} raises {_where(error, path)}") from error
    if not hasattr(module, name):
        public = [key for key in vars(module) if not key.startswith("_")]
        raise InvalidValue(f"{location} has no {shown(name)} to be {what}", hint=nearest(name, public))
    return getattr(module, name)


def _where(error: BaseException, path: Path) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    line = frames[-1].lineno if frames else getattr(error, "lineno", None)
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}{f' in line {line}' if line else ''}: {first:.150}"
