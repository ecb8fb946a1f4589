"""`effsearch family`: networks of one base and one set of coefficients, as files."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..records.errors import UserError, cannot
from ..search_spaces.checks import InvalidValue, shown
from ..search_spaces.cost import cost
from ..search_spaces.quantity import format_count, parse_count
from ..search_spaces.scaling import Coefficients
from ..search_spaces.strict_yaml import load_mapping
from .base import load_base

if TYPE_CHECKING:
    from ..search_spaces.architecture import Architecture


def run(
    base: str | None,
    *,
    coefficients: str | None,
    preset: str | None,
    phis: str | None,
    flops: str | None,
    rounding: str | None,
    select: str,
    out: Path,
    as_json: bool,
) -> int:
    """Write OUT/NAME.yaml for every member and OUT/family.csv; print the table."""
    from ..grid_search import LADDER
    from ..grid_search.budget_family import ROUNDINGS, family_by, rounding_for
    from ..grid_search.outputs import write_family
    from ..grid_search.scaled_family import family_table, paper
    from ..reports import grid_terminal, terminal

    if preset not in (None, "paper"):
        raise UserError(f"--preset is {shown(preset)}; allowed: paper")
    if rounding not in (None, *ROUNDINGS):
        raise UserError(f"--rounding is {shown(rounding)}; allowed: {', '.join(ROUNDINGS)}")
    if phis is not None and flops is not None:
        raise UserError("--phis and --flops both say how large the networks are; give one")
    if preset is not None and any(one is not None for one in (base, coefficients, phis, flops, rounding)):
        raise UserError(
            "--preset paper is the official family; it takes no --base, --coefficients, --phis, --flops or --rounding"
        )
    if preset:
        members = paper()
        network, numbers = members[0], [0.0, *LADDER.values()]
    else:
        network = load_base(base or "b0", select)
        found = read_coefficients(coefficients or "1.2,1.1,1.15")
        how = _as_the_study(coefficients) if rounding is None else {}
        rounding = rounding or ("exact" if how else rounding_for(network))
        wanted = dict(LADDER)
        if flops is not None:
            wanted = _by_flops(network, found, flops, rounding)
        elif phis is not None:
            wanted = _phis(phis)
        members = (replace(network, name="b0"), *family_by(rounding, network, found, wanted, **how))
        numbers = [0.0, *wanted.values()]
    _refuse_contents(out)
    write_family(out, network, members, numbers)
    if flops is not None and rounding == "official":
        _say_what_misses(network, found, flops, members[1:])
    table = family_table(network, members, numbers)
    if as_json:
        print(json.dumps(json.loads(table.to_json(orient="records")), indent=1))
    else:
        terminal.show(*grid_terminal.family(table), f"\nfiles: {out}")
    return 0


STEPS = (8, 4, 2, 1)  # channels
MISS = 0.01  # of the FLOPs that were asked for: more is said


def read_coefficients(text: str) -> Coefficients:
    """ "1.2,1.1,1.15", or the coefficients of a grid's run directory."""
    path = Path(text) / "coefficients.json" if Path(text).is_dir() else Path(text)
    if Path(text).is_dir() and not path.exists():
        raise UserError(f"{text} holds no coefficients.json", hint="give a finished run of effsearch grid")
    if path.suffix == ".json":
        content = load_mapping(path, largest=100_000_000)
        if content.get("format") != "effsearch-coefficients":
            raise UserError(f"{path}: format is {shown(content.get('format'))}; it must be effsearch-coefficients")
        if content.get("version") != 1:
            raise UserError(
                f"{path}: version is {shown(content.get('version'))}; this program reads 1", hint="update effsearch"
            )
        return _coefficients([content.get(name) for name in ("alpha", "beta", "gamma")], str(path))
    return _coefficients(text.split(","), "--coefficients")


def _as_the_study(text: str | None) -> dict[str, Any]:
    """How the family of a study was built, so that more of it are built alike; {} for other coefficients."""
    path = Path(text or "") / "coefficients.json"
    content = load_mapping(path, largest=100_000_000) if text and path.is_file() else {}
    if content.get("rounding") != "exact":
        return {}
    step, keep = content.get("channel_step"), content.get("keep_resolution")
    if step not in STEPS or isinstance(step, bool) or not isinstance(keep, bool):
        raise UserError(f"{path}: channel_step {shown(step)} and keep_resolution {shown(keep)} are no study's")
    return {"channel_step": step, "keep_resolution": keep}


def _coefficients(values: list[Any], where: str) -> Coefficients:
    try:
        alpha, beta, gamma = (float(value) for value in values)
    except (TypeError, ValueError):
        raise UserError(
            f"{where}: {shown(values)} are no coefficients; give ALPHA,BETA,GAMMA or a run of effsearch grid",
            hint="--coefficients 1.2,1.1,1.15",
        ) from None
    return Coefficients(alpha, beta, gamma)


def _phis(text: str) -> dict[str, float]:
    wanted: dict[str, float] = {}
    for part in text.split(","):
        name, equals, value = part.strip().rpartition("=")
        try:
            phi = float(value)
        except ValueError:
            raise UserError(f"--phis: {shown(part)} is no number", hint="write 0.5,1,2 or small=-1,large=2") from None
        _add(wanted, name.strip() if equals else f"phi{value.strip()}", phi, "--phis")
    return wanted


def _by_flops(base: Architecture, coefficients: Coefficients, text: str, rounding: str) -> dict[str, float]:
    from ..grid_search.scaled_family import phi_for

    wanted: dict[str, float] = {}
    for part in text.split(","):
        size = parse_count(part, "--flops")
        phi = phi_for(base, coefficients, size) if rounding == "official" else _exact_phi(base, coefficients, size)
        _add(wanted, format_count(size), phi, "--flops")
    return wanted


def _say_what_misses(
    base: Architecture, coefficients: Coefficients, flops: str, members: Sequence[Architecture]
) -> None:
    """A note on stderr where exact rounding comes nearer to the FLOPs than a member that misses them."""
    from ..grid_search.budget_family import family_by

    wanted = {format_count(size): size for size in (parse_count(part, "--flops") for part in flops.split(","))}
    missed = [one for one in members if _miss(one, wanted[one.name]) > MISS]
    phis = {one.name: _exact_phi(base, coefficients, wanted[one.name]) for one in missed}
    try:
        exact = family_by("exact", base, coefficients, phis)
    except InvalidValue:
        return
    nearer = [
        f"{one.name} has {format_count(cost(one).mult_adds)} FLOPs (with it {format_count(cost(other).mult_adds)})"
        for one, other in zip(missed, exact, strict=True)
        if _miss(other, wanted[one.name]) < _miss(one, wanted[one.name])
    ]
    if nearer:
        print(f"note: --rounding exact comes nearer: {', '.join(nearer)}", file=sys.stderr)


def _miss(network: Architecture, size: float) -> float:
    return abs(cost(network).mult_adds / size - 1)


def _exact_phi(base: Architecture, coefficients: Coefficients, size: float) -> float:
    growth = coefficients.flops_factor
    if growth <= 1.001:
        raise UserError(f"--coefficients: alpha * beta^2 * gamma^2 is {growth:.4g}; nothing grows by that")
    return math.log(size / cost(base).mult_adds) / math.log(growth)


def _add(wanted: dict[str, float], name: str, phi: float, option: str) -> None:
    if name in (*wanted, "b0") or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}", name):
        raise UserError(f"{option}: {shown(name)} cannot name a file, or stands twice")
    wanted[name] = phi


def _refuse_contents(out: Path) -> None:
    try:
        if out.exists() and any(out.iterdir()):
            raise UserError(f"{out} is there already and is not empty", hint="give another --out")
    except OSError as error:
        raise cannot("write to", out, error, "give another --out") from error
