"""What made a run, and how it ended: `manifest.json`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

from . import atomic, strict_json
from .environment import environment as current_environment
from .errors import UserError, cannot

FORMAT = "effsearch-manifest"
VERSION = 1
ENDS = ("done", "interrupted", "failed")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Manifest:
    """A run's origin and state. It has an end unless it is running; a killed run still says running.

    Attributes:
        command: the arguments, as in sys.argv.
        seed: of the run.
        environment: versions and machine, of the first start.
        started, ended, resumed: UTC times in ISO format, to the second.
        state: running, done, interrupted or failed.
        data_sha256: of the user's data, 64 hexadecimal digits; None where there is none.
    """

    command: tuple[str, ...]
    seed: int
    environment: Mapping[str, str] = field(hash=False)
    started: str
    ended: str | None = None
    state: str = "running"
    data_sha256: str | None = None
    resumed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.state not in ("running", *ENDS):
            raise ValueError(f"state: {self.state!r}; allowed are running, {', '.join(ENDS)}")
        if (self.state == "running") != (self.ended is None):
            raise ValueError(f"ended: {self.ended!r} does not go with the state {self.state!r}")

    @classmethod
    def begin(
        cls,
        command: Sequence[str],
        seed: int,
        *,
        environment: Mapping[str, str] | None = None,
        data_sha256: str | None = None,
    ) -> Manifest:
        """A run that starts now; `environment` is this process's if it is not given."""
        known = current_environment() if environment is None else dict(environment)
        return cls(tuple(command), seed, known, now(), data_sha256=data_sha256)

    def resume(self) -> Manifest:
        """The same run, going on now."""
        return replace(self, state="running", ended=None, resumed=(*self.resumed, now()))

    def finish(self, state: str) -> Manifest:
        """The same run, ended now: done, interrupted or failed."""
        return replace(self, state=state, ended=now())

    def save(self, path: Path | str) -> None:
        """Writes it to `path`, whole or not at all."""
        document = {"format": FORMAT, "version": VERSION, **asdict(self)}
        try:
            atomic.write_bytes(path, strict_json.dump(document, indent=2) + b"\n")
        except OSError as error:
            raise cannot("write", path, error) from error

    @classmethod
    def load(cls, path: Path | str) -> Manifest:
        """Reads it from `path`.

        Raises:
            UserError: naming the path and the key that is missing, unknown or of the wrong kind.
        """
        document = _document(path)
        allowed = {"format", "version", *(each.name for each in fields(cls))}
        for key in document:
            if key not in allowed:
                raise UserError(f"{path}: unknown key {key!r}; known are {', '.join(sorted(allowed))}")

        def take(key: str, kind: Callable[[object], Value]) -> Value:
            if key not in document:
                raise UserError(f"{path}: the key {key!r} is missing")
            try:
                return kind(document[key])
            except ValueError as error:
                raise UserError(f"{path}: {key} is {document[key]!r}; it must be {error}") from error

        try:
            return cls(
                command=take("command", _texts),
                seed=take("seed", _integer),
                environment=take("environment", _mapping),
                started=take("started", _time),
                ended=take("ended", _time_or_none),
                state=take("state", _text),
                data_sha256=take("data_sha256", _sha256_or_none),
                resumed=take("resumed", _times),
            )
        except ValueError as error:
            raise UserError(f"{path}: {error}") from error


def now() -> str:
    """The time in UTC, to the second: 2025-01-31T12:00:00+00:00."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _document(path: Path | str) -> dict[str, object]:
    try:
        document = strict_json.parse(Path(path).read_bytes())
    except OSError as error:
        raise cannot("read", path, error) from error
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UserError(f"{path}: not the manifest of an effsearch run (its format is not {FORMAT!r})")
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise UserError(f"{path}: version is {version!r}; it must be a whole number from 1 to {VERSION}")
    if version > VERSION:
        raise UserError(
            f"{path}: version is {version}; this effsearch reads versions up to {VERSION}",
            "upgrade: pip install --upgrade effsearch",
        )
    return document


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a string")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("a list of strings")
    return tuple(value)


def _integer(value: object) -> int:
    if type(value) is not int:  # true and false are ints to isinstance
        raise ValueError("a whole number")
    return value


def _mapping(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ValueError("a table of strings")
    return value


def _time(value: object) -> str:
    allowed = "a time with its offset, like 2025-01-31T12:00:00+00:00"
    if not isinstance(value, str):
        raise ValueError(allowed)
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(allowed) from None
    if time.tzinfo is None:
        raise ValueError(allowed)
    return value


def _time_or_none(value: object) -> str | None:
    return None if value is None else _time(value)


def _times(value: object) -> tuple[str, ...]:
    return tuple(_time(each) for each in _texts(value))


def _sha256_or_none(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
        raise ValueError("null or 64 hexadecimal digits")
    return value
