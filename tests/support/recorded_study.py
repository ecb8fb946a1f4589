"""A study's run directory written by hand, from a truth that is a few lines: nothing is trained or fitted."""

import csv
import json
import math
from pathlib import Path

from recorded_training import begin

SEEDS = (0, 1, 2)
EFFECTS = {0: 0.04, 1: -0.05, 2: 0.01}
NATS = 0.03  # a point of error
NAMES = ("alpha", "beta", "gamma")
FREE = {None: (0, 1, 2), "alpha": (1, 2), "gamma": (0, 1)}


def truth(shares, best=(0.5, 0.5, 0.0)):
    """Percent of error: 8 and the squared distance from the best."""
    return 8 + sum((one - other) ** 2 for one, other in zip(shares, best, strict=True))


def triple(shares):
    return (2 ** shares[0], 2 ** (shares[1] / 2), 2 ** (shares[2] / 2))


def lattice(parts, fixed=None):
    """Shares; a fixed dimension has none."""
    if fixed is None:
        return [(i / parts, j / parts, (parts - i - j) / parts) for i in range(parts + 1) for j in range(parts + 1 - i)]
    rows = []
    for i in range(parts + 1):
        row = [0.0, 0.0, 0.0]
        row[FREE[fixed][0]], row[FREE[fixed][1]] = i / parts, (parts - i) / parts
        rows.append(tuple(row))
    return rows


def named(shares):
    return "-".join(f"{name}{round(100 * one)}" for name, one in zip("dwr", shares, strict=True))


def study(
    path: Path,
    *,
    best=(0.5, 0.5, 0.0),
    reach: float = 0.1,
    fixed: str | None = None,
    response: str = "error",
    failed=(),
    reason: str = "out of memory",
    state: str = "done",
    config: dict | None = None,
    **given: object,
) -> Path:
    """A finished study. reach: points; what loses less may be the best. failed: (point, seed). given: other values in
    coefficients.json."""
    settings = {
        "study": "simplex", "base": "00", "points": "oracle", "phi": 1.0, "factor": 2.0,
        "fixed": {fixed: 1.0} if fixed else {}, "lattice": 4, "channel_step": 8, "seed": 0,
    }  # fmt: skip
    begin(path, settings, state=state, command="grid")
    config = {"command": "grid", "data": "/data/insects"} if config is None else config
    (path / "config.yaml").write_text(json.dumps(config))
    unit = 1.0 if response == "error" else NATS
    points = [(named(one), one) for one in lattice(4, fixed)] + [("base", None)]
    runs = [_run(name, shares, seed, best, (name, seed) in failed, reason) for seed in SEEDS for name, shares in points]
    _write(path / "runs.csv", runs)
    _write(path / "grid.csv", [_network(name, shares, runs, best, unit) for name, shares in points])
    rows = lattice(24, fixed)
    lowest = min(truth(one, best) for one in rows)
    surface = [_place(one, best, lowest, reach, unit) for one in rows]
    _write(path / "surface.csv", surface)
    (path / "base.yaml").write_text("no: network\n")
    (path / "family").mkdir()
    _write(path / "family" / "family.csv", [_member(number, phi) for number, phi in enumerate((0, 0.5, 1, 2))])
    (path / "family" / "b2.yaml").write_text("no: network\n")
    (path / "coefficients.json").write_text(
        json.dumps({**_document(surface, best, fixed, response, len(runs) - len(failed), settings), **given}, indent=1)
    )
    return path


def _run(name, shares, seed, best, failed, reason):
    error = 9.0 if shares is None else truth(shares, best)
    error += EFFECTS[seed] + (0.1 if seed == 0 else -0.05)
    names = ("error", "accuracy", "accuracy_std", "loss")
    result = dict(zip(names, ("",) * 4 if failed else (error, 100 - error, "", error * NATS), strict=True))
    return {
        "point": name, "seed": seed, "state": "failed" if failed else "complete", **result,
        "seconds": 60.0, "source": "oracle", "fidelity": "insects top-1, 9 epochs", "failure": reason if failed else "",
        "key": "00",
    }  # fmt: skip


def built(shares):
    """A tenth less of the largest share, and a twentieth less than nothing of what has none."""
    most = max(shares)
    return tuple(0.9 * one if one == most else one if one else -0.05 for one in shares)


def _network(name, shares, runs, best, unit):
    mine = [one for one in runs if one["point"] == name and one["state"] == "complete"]
    mean = sum(one["error"] for one in mine) / len(mine) if mine else ""
    planned, real = shares or (0.0, 0.0, 0.0), built(shares) if shares else (0.0, 0.0, 0.0)
    return {
        "point": name, **_three("share", planned), **dict(zip(NAMES, triple(planned), strict=True)),
        **dict(zip(("depth", "width", "resolution"), triple(real), strict=True)), **_three("built", real),
        "pixels": 24, "layers": 12, "params": 123_456, "mult_adds": 7_890_000, "flops_ratio": 0.99, "runs": len(mine),
        "error": mean, "error_std": 0.1 / math.sqrt(len(mine)) if mine and unit == 1 else "",
        "loss": mean * NATS if mine else "", "fitted": truth(shares, best) * unit if shares else "", "network": "00",
    }  # fmt: skip


def _place(shares, best, lowest, reach, unit):
    value = truth(shares, best)
    loss = value - lowest
    return {
        **_three("share", shares), **dict(zip(NAMES, triple(shares), strict=True)), "fitted": value * unit,
        "low": (value - 0.06) * unit, "high": (value + 0.07) * unit, "loss": loss, "loss_low": 0.0,
        "loss_high": loss + 0.1, "in_set": loss <= reach, "near": max(0.0, 1 - loss), "activations": 2.0,
    }  # fmt: skip


def _three(name, values):
    return {f"{name}_{one}": value for one, value in zip(("depth", "width", "resolution"), values, strict=True)}


def _member(number, phi):
    size = 2.0**phi
    return {
        "name": f"b{number}", "phi": phi, "resolution": 20 + number, "blocks": 8 + number, "params": 1e5 * size,
        "mult_adds": 4e6 * size * (1.02 if number == 2 else 1), "flops_ratio": size * (1.02 if number == 2 else 1),
        "dropout": 0.0, "official_resolution": 240, "official_params": 5e6, "official_mult_adds": 4e8,
    }  # fmt: skip


def _document(surface, best, fixed, response, complete, settings):
    inside = [row for row in surface if row["in_set"]]
    chosen = min(inside, key=lambda row: (abs(row["loss"] - 0.03), row["alpha"]))
    lowest = min(surface, key=lambda row: row["loss"])
    known = {
        "alpha": 1.2137, "beta": 1.1066, "gamma": 1.1601, "shares": [0.28, 0.29, 0.43], "loss": 0.31,
        "loss_at_most": 0.44, "near": 0.125, "in_set": False,
    }  # fmt: skip
    equal = {"alpha": 1.26, "beta": 1.1225, "gamma": 1.1225, "shares": [1 / 3] * 3, "loss": 0.16,
             "loss_at_most": 0.27, "near": 0.004, "in_set": True}  # fmt: skip
    unit = 1.0 if response == "error" else NATS
    reading = {"response": "error", "form": "additive", "prior": "none", "best": [1.5, 1.1, 1.05], "share": 0.4,
               "chosen_loss": 0.04, "published_near": None if fixed else 0.6}  # fmt: skip
    return {
        "format": "effsearch-coefficients", "version": 1, **{name: chosen[name] for name in NAMES}, "product": 2.0,
        "phi": 1.0, "base": "thin", "base_key": "00", "evaluator": "train", "rated_by": "oracle", "design": "simplex",
        "growth": 2.0, "fixed": settings["fixed"], "best": [lowest[name] for name in NAMES], "loss_at_most": 0.17,
        "confidence_set": [[row[name] for name in NAMES] for row in inside],
        "share_in_set": len(inside) / len(surface), "flat": len(inside) == len(surface),
        "published": None if fixed else known, "equal_shares": None if fixed else equal, "response": response,
        "form": "additive", "prior": "law", "per_point": unit, "trainings": complete, "seeds": len(SEEDS),
        "noise": {"sigma": 0.1 * unit, "own": 0.0, "degrees": 30,
                  "lack_of_fit": {"f": 1.1, "p": 0.4, "degrees": [9, 30]}},
        "seed_effects": {str(seed): value * unit for seed, value in EFFECTS.items()},
        "readings": [reading, {**reading, "form": "quadratic", "chosen_loss": 0.09}], "alternatives": [],
        "same_network": {}, "conclusion": "", "warning": None,
        "rounding": "exact", "channel_step": 8, "keep_resolution": False,
    }  # fmt: skip


def _write(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
