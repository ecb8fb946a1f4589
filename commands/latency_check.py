"""`effsearch latency check`: networks measured whole against what a table predicts, and whether it can be trusted."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from ..records.errors import UserError
from ..search_spaces import checks, latency_file, loading
from ..search_spaces.block_signature import network_blocks
from ..search_spaces.checks import shown
from ..search_spaces.latency_fit import agreement as agreement_of
from ..search_spaces.latency_mismatch import mismatch
from ..search_spaces.latency_trust import BUSY, WAITED, trusted, verdict
from . import latency_shown as words
from .latency_measuring import measuring, note_doubts, other_machine
from .latency_space import Place, draw


def check(path: Path, where: Place, *, networks: int, rounds: int, seed: int, as_json: bool) -> int:
    """Measure random networks, compare. Returns the exit code."""
    table = latency_file.load(path)
    checks.integer("--rounds", rounds, 1, 10**6)
    if where == Place() and table.space not in loading.SPACES:
        raise UserError(
            f"the table is of the space {shown(table.space)}, which has no name of ours",
            hint="give the --space, --around or --data that it was built with",
        )
    space = where.load(table.space)
    fitted = frozenset(table.correction.keys if table.correction else ())
    drawn = draw(space, networks, seed, without=fitted)
    wrong = mismatch(table, str(path), drawn, f"those of {space.name} here")
    if wrong:
        raise wrong
    for one in drawn:
        table.require(network_blocks(one), f"{one.name}, {one.resolution} px")
    predicted, plain = [table(one) for one in drawn], [table.plain(one) for one in drawn]
    from ..models.latency import conditions_for
    from ..models.latency_blocks import measure_networks

    conditions = conditions_for(**dataclasses.asdict(table.conditions))
    note_doubts(table, path)
    other = other_machine(table)
    if other:
        print(f"note: {other}", file=sys.stderr)
    with measuring(f"{len(drawn)} networks", conditions) as (tell, known):
        measured = measure_networks(drawn, conditions, rounds=rounds, seed=seed, tell=tell)
    found, without = agreement_of(predicted, measured), agreement_of(plain, measured)
    disturbed = WAITED in known and int(known[WAITED].split()[0]) < 100 * BUSY
    said = verdict(found, without, corrected=table.correction is not None, disturbed=disturbed)
    if as_json:
        rows = [
            {"key": one.key, "predicted": first, "measured": second}
            for one, first, second in zip(drawn, predicted, measured, strict=True)
        ]
        document = {
            **words.agreement_document(found), "without_correction": words.agreement_document(without),
            "trusted": trusted(found, disturbed), "verdict": said, "disturbed": disturbed,
            "seconds": float(known["seconds"]), "rows": rows,
        }  # fmt: skip
        print(json.dumps(document, indent=1, allow_nan=False))
        return 0
    words.show([
        ("networks", f"{len(drawn)} of {space.name}, none that the correction was fitted to"),
        ("measured", f"{min(measured):.4g} to {max(measured):.4g} ms, {table.conditions}, {known['seconds']} s"),
        ("predicted", words.agreement(found)),
        ("sums of blocks", f"{words.agreement(without)} (without the correction)"),
        ("verdict", said),
    ])  # fmt: skip
    return 0
