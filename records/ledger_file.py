"""The bytes of a ledger: which lines are whole, where the last one is torn, and what is no ledger at all."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from json import JSONDecodeError
from pathlib import Path

from . import strict_json
from .errors import UserError, cannot

FORMAT = "effsearch-ledger"
VERSION = 1
HEADER = strict_json.dump({"format": FORMAT, "version": VERSION}) + b"\n"
LONGEST_LINE = 16 * 2**20  # bytes; an evaluation takes some hundred


@dataclass(frozen=True)
class Contents:
    """What stands in a ledger.

    Attributes:
        entries: one an evaluation, in order.
        whole: bytes up to the end of the last whole line; 0 where even the header is torn or missing.
        torn: bytes after them.
    """

    entries: list[dict[str, object]]
    whole: int
    torn: int


def scan(path: Path) -> Contents:
    """Reads the ledger `path` and changes nothing.

    The last line is torn if it has no newline or is no JSON: the process, or the machine, died writing it.

    Raises:
        UserError: it cannot be read, is no ledger, is of a later version, or has a corrupt line elsewhere.
    """
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"cannot read {path}: not a file")
        with path.open("rb") as file:
            header = file.readline(LONGEST_LINE + 1)
            if not header.endswith(b"\n") and HEADER.startswith(header.rstrip(b"\0")):
                return Contents([], 0, len(header))
            _check_header(path, header)
            entries: list[dict[str, object]] = []
            whole = len(header)
            for number in count(2):
                line = file.readline(LONGEST_LINE + 1)
                if len(line) > LONGEST_LINE:
                    raise _corrupt(path, number, f"longer than {LONGEST_LINE} bytes")
                if not line.endswith(b"\n"):
                    break
                try:
                    entries.append(parse_entry(line))
                except (JSONDecodeError, UnicodeDecodeError) as error:
                    if not file.read(1):
                        break
                    raise _corrupt(path, number, _reason(error)) from error
                except ValueError as error:
                    raise _corrupt(path, number, str(error)) from error
                whole += len(line)
            return Contents(entries, whole, len(line))
    except (OSError, ValueError) as error:
        raise cannot("read", path, error) from error


def parse_entry(line: bytes) -> dict[str, object]:
    """The JSON object in `line`; errors as `strict_json.parse`, and ValueError for another JSON value."""
    value = strict_json.parse(line)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _check_header(path: Path, line: bytes) -> None:
    try:
        header = parse_entry(line) if line.endswith(b"\n") else {}
    except ValueError:
        header = {}
    version = header.get("version")
    if header.get("format") != FORMAT or type(version) is not int or version < 1:
        raise UserError(
            f"{path}, line 1: not the header of an effsearch ledger",
            f"a ledger begins with {HEADER.decode().strip()}",
        )
    if version > VERSION:
        raise UserError(
            f"{path} is a ledger of version {version}; this effsearch reads versions up to {VERSION}",
            "upgrade: pip install --upgrade effsearch",
        )


def _corrupt(path: Path, number: int, reason: str) -> UserError:
    return UserError(
        f"{path}, line {number}: {reason}",
        "restore the file from a copy, or take that line out: only its evaluation is lost",
    )


def _reason(error: JSONDecodeError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    return f"not JSON ({error.msg}, column {error.colno})"
