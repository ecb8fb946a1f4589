"""What speaks against a latency table, and what a comparison with measured networks says of it."""

from __future__ import annotations

import re

from .latency_fit import Agreement, implausible
from .latency_table import LatencyTable

WAITED = "time on the processor"  # names in the table's machine
UNCORRECTED = "no correction"
BUSY = 0.9  # of the time on the processor; with less, other programs disturbed the measurement
TRUSTED = 10.0  # percent, mean error
PERCENT = re.compile(r"([0-9]{1,3}) %")
AGAIN = "build it again on a machine that does nothing else"


def doubts(table: LatencyTable) -> list[str]:
    """What its file says against it, a clause each; empty for a table without reproach."""
    found: list[str] = []
    share = PERCENT.fullmatch(table.machine.get(WAITED, ""))
    if share and int(share[1]) < 100 * BUSY:
        found.append(
            f"other programs disturbed its measurement, which had the processor for {int(share[1])} % of the time only"
        )
    one = table.correction
    reason = None if one is None else implausible(one.slope, one.error, one.plain_error)
    if one is None:
        why = table.machine.get(UNCORRECTED)
        found.append("it has no correction" + (f" ({why})" if why else ""))
    elif reason:
        found.append(f"its correction is not plausible: {reason}")
    return found


def trusted(found: Agreement, disturbed: bool = False) -> bool | None:
    """disturbed: the measurement of the comparison. None where that may be the reason for large errors."""
    good = found.mean_error <= TRUSTED
    return None if disturbed and not good else good


def verdict(found: Agreement, plain: Agreement, *, corrected: bool, disturbed: bool = False) -> str:
    """found, plain: of the predictions and of the sums of blocks with the same measured networks."""
    error = f"{found.mean_error:.1f} %"
    worse = corrected and found.mean_error > plain.mean_error
    if disturbed and (worse or not trusted(found)):
        return f"none, as other programs disturbed this check (a mean error of {error}): repeat it"
    if worse:
        return (
            f"its correction makes the table worse, {error} against {plain.mean_error:.1f} % of the sums of its "
            f"blocks: {AGAIN}"
        )
    if trusted(found):
        return f"the table can be trusted: a mean error of {error}, and up to {TRUSTED:g} % is good"
    return f"the table cannot be trusted: a mean error of {error}, where {TRUSTED:g} % is the most; {AGAIN}"
