"""Fit the surrogate, or check the committed fit.

    python -m effsearch.experiments.surrogate --data DIR --check    # 10 s on one core; ends in "equal"
    python -m effsearch.experiments.surrogate --data DIR --output surrogate.json

DIR holds the two tables that `tables.py` describes and `convert.py` makes. Expect a 5-fold Kendall tau of 0.932.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from ...evaluators.surrogate import COEFFICIENTS
from ...evaluators.surrogate_model import Coefficients, load, write
from ...records.errors import UserError, cannot
from . import report, tables
from .fit import ASYMPTOTE, assemble, fit, fit_correction

# One unit of the sixth digit: what another linear-algebra library may change.
TOLERANCE = 2e-5
FEWEST = 10  # rows


def equal(first: Coefficients, second: Coefficients) -> bool:
    """Whether two fits agree up to the rounding of six significant digits."""
    return first.keys() == second.keys() and all(
        np.shape(first[key]) == np.shape(second[key])  # type: ignore[literal-required]
        and np.allclose(first[key], second[key], rtol=TOLERANCE, atol=1e-13)  # type: ignore[literal-required]
        for key in first
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the two tables")
    parser.add_argument("--output", type=Path, help="write the coefficients there")
    parser.add_argument("--check", action="store_true", help="compare with the committed coefficients")
    options = parser.parse_args()
    try:
        indices, values = tables.read(options.data / tables.PROXY, ("top1", "mult_adds"))
        others, schedules = tables.read(options.data / tables.SCHEDULES, ("top1_16_epochs", "top1_50_epochs"))
        for name, rows in ((tables.PROXY, indices), (tables.SCHEDULES, others)):
            if len(rows) < FEWEST:
                raise UserError(f"{options.data / name} has {len(rows)} rows; a fit needs at least {FEWEST}")
        if (values[:, 0] >= ASYMPTOTE).any() or (values[:, 0] < 0).any():
            raise UserError(f"{options.data / tables.PROXY}: top1 must be from 0 to below {ASYMPTOTE:g}")
        changed = [name for name in tables.SHA256 if tables.differs(options.data / name)]
    except UserError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return error.exit_code
    coefficients = fit_correction(assemble(fit(indices, values[:, 0])), others, schedules[:, 1])
    if options.output:
        try:
            write(coefficients, options.output)
        except OSError as error:
            print("\n".join(cannot("write", options.output, error).lines()), file=sys.stderr)
            return 2
    for name in changed:
        print(f"note: {name} is not the table of the committed coefficients", file=sys.stderr)
    report.print_proxy(indices, values[:, 0], values[:, 1])
    report.print_correction(coefficients, others, schedules)
    report.print_capacity(indices, values[:, 0], values[:, 1])
    if options.check:
        same = equal(coefficients, load(COEFFICIENTS))
        print(f"the committed coefficients are {'equal' if same else 'DIFFERENT'}")
        return 0 if same else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
