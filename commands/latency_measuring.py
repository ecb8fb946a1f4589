"""Around a measurement: its progress on stderr, whether other programs disturbed it, and the file that it is for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter, process_time

from ..records import atomic
from ..records.errors import UserError, cannot, printable
from ..search_spaces.checks import shown
from ..search_spaces.latency_table import Conditions, LatencyTable
from ..search_spaces.latency_trust import BUSY, WAITED, doubts

MACHINE = ("processor", "torch")  # what must agree between a table and who adds to it
Tell = Callable[[int, int], None]


@contextmanager
def measuring(what: str, conditions: Conditions) -> Iterator[tuple[Tell, dict[str, str]]]:
    """(what to call after each round, and what is known of the measurement at the end); a note where it was
    disturbed."""
    from ..reports.progress import Meter, duration

    begun, known = perf_counter(), dict[str, str]()
    since, used = begun, process_time()  # of the rounds after the first, which builds and compiles everything
    compiling = conditions.engine == "compile"

    with Meter() as meter:

        def tell(done: int, total: int) -> None:
            nonlocal since, used, compiling
            left = (perf_counter() - begun) / done * (total - done)
            meter.show(done, total, f"{what}: round {done} of {total}, {duration(left)} to go")
            if done == 1 and total > 1:
                since, used, compiling = perf_counter(), process_time(), False

        yield tell, known
    ended = perf_counter()
    known["seconds"] = f"{ended - begun:.1f}"
    if conditions.device == "cpu" and conditions.threads == 1 and not compiling:  # else the two times say nothing
        share = min((process_time() - used) / (ended - since), 1.0)
        known[WAITED] = f"{100 * share:.0f} %"
        note_if_busy(share)


def note_if_busy(share: float | None, of: str = "") -> bool:
    """share: of the time, on the processor; None: not known. of: what was measured, such as "batch 32: "."""
    if share is None or share >= BUSY:
        return False
    print(
        f"note: {of}this process had the processor for {100 * share:.0f} % of the time only: other programs disturbed "
        "the measurement; repeat it on a machine that does nothing else",
        file=sys.stderr,
    )
    return True


def note_doubts(table: LatencyTable, path: Path | str) -> None:
    for doubt in doubts(table):
        print(printable(f"note: the latency table {path} is doubtful: {doubt}; build it again"), file=sys.stderr)


def other_machine(table: LatencyTable) -> str | None:
    """In which way this is not the machine of the table."""
    from ..models.latency import conditions_for, machine

    here = machine(conditions_for(table.conditions.device).device)
    for name in MACHINE:
        if here[name] != table.machine.get(name):
            return f"the table has {name} {shown(table.machine.get(name))}, here it is {shown(here[name])}"
    return None


def check_new(out: Path) -> None:
    """UserError for what cannot be the file of a new table."""
    if out.suffix.lower() != ".json":
        raise UserError(f"--out is {shown(str(out))}; a latency table is a file that ends in .json")
    if os.path.lexists(out):
        raise UserError(f"{out} exists already", hint="remove it, or give another --out")
    if not out.parent.is_dir():
        raise UserError(f"there is no folder {out.parent} for --out", hint="make it first")


@contextmanager
def held(out: Path, size: int) -> Iterator[Callable[[str], None]]:
    """What writes the file `out`. Before minutes are spent, the UserError that it cannot be written: a temporary
    file of `size` bytes lies beside it meanwhile, and nothing does where the body fails."""
    with ExitStack() as stack:
        with _named(out):
            temporary = stack.enter_context(atomic.replacing(out))
            temporary.write_bytes(b" " * size)

        def write(text: str) -> None:
            with _named(out):
                temporary.write_text(text, encoding="utf-8")

        yield write
        with _named(out):
            stack.close()


@contextmanager
def _named(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot("write", out, error, "check the path and the space left") from error
