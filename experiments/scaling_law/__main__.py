"""Fit the scaling laws, or check the committed fit.

    python -m effsearch.experiments.scaling_law --check                 # 15 s on one core; ends in "equal"
    python -m effsearch.experiments.scaling_law --output laws.json

The results are in results.py. Expect the additive law to leave 0.05 point, 0.11 when each result is left out in turn.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ...grid_search.law import LAWS
from .fit import fit_laws


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="write the laws there")
    parser.add_argument("--check", action="store_true", help="compare with the committed laws")
    options = parser.parse_args()
    if find_spec("scipy") is None:
        print("error: the fit needs scipy\nhint: pip install 'effsearch[test]'", file=sys.stderr)
        return 2
    laws = fit_laws()
    print(f"{'law':<14}{'rows':>5}{'left':>8}{'left out':>10}   c, a, b, e, p, q, r")
    for name, law in laws.items():
        left_out = "" if law["leave_one_out"] is None else f"{law['leave_one_out']:.3f}"
        coefficients = "  ".join(f"{value:.3f}" for value in law["coefficients"])
        print(f"{name:<14}{law['rows']:>5}{law['residual']:>8.3f}{left_out:>10}   {coefficients}")
    if options.output:
        document = {"format": "effsearch-scaling-laws", "version": 1, "laws": laws}
        options.output.write_text(json.dumps(document, indent=0) + "\n", encoding="utf-8")
    if options.check:
        known = json.loads(LAWS.read_text(encoding="utf-8"))["laws"]
        same = known.keys() == laws.keys() and all(
            np.allclose(known[name][part], laws[name][part], rtol=2e-3, atol=1e-4)
            for name in laws
            for part in ("coefficients", "samples")
        )
        print(f"the committed laws are {'equal' if same else 'DIFFERENT'}")
        return 0 if same else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
