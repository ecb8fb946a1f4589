"""Time EfficientNet-B0's forward and backward: ours, timm's and torchvision's in turn, round after round; and our
forward with the batch normalisations folded into the convolutions.

    python -m effsearch.experiments.model_speed                    # on a GPU, where there is one: bf16, channels-last
    python -m effsearch.experiments.model_speed --device cpu --cases 32x64,224x8 --modes eager
    python -m effsearch.experiments.model_speed --rounds 41 --out results.json

Prints the median of a pass in milliseconds, and the median over the rounds of the other's time / ours, with its
95 % interval. A case is PIXELSxIMAGES. Compiling takes a minute or more for each library and case.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import torch

from ...records import atomic
from ...records.errors import UserError, cannot
from ...training.devices import choose_device
from ..training_speed.paired import Timing, paired
from .passes import MODES, OURS, PASSES, TIMED, timed_pass
from .ratio import paired_ratio
from .torchvision_import import missing

CASES = {"cpu": "32x64,224x8", "cuda": "32x512,224x128,224x256,224x512"}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", help=f"default on the CPU {CASES['cpu']}, on a GPU {CASES['cuda']}")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--device")
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"))
    parser.add_argument("--out", help="a file for all seconds, as JSON")
    options = parser.parse_args(arguments)
    try:
        device = choose_device(options.device)
        cases = [_case(text) for text in (options.cases or CASES.get(device.type, CASES["cpu"])).split(",")]
        modes = options.modes.split(",")
        if options.rounds < 1 or not set(modes) <= set(MODES):
            raise UserError(f"--rounds must be 1 or more, --modes of {', '.join(MODES)}")
        results = [
            _measured(pixels, batch, mode, kind, options.rounds, device, options.precision)
            for pixels, batch in cases
            for mode in modes
            for kind in PASSES
        ]
        if options.out:
            _write(Path(options.out), results)
    except UserError as error:
        print(*error.lines(), sep="\n", file=sys.stderr)
        return error.exit_code
    return 0


def _case(text: str) -> tuple[int, int]:
    pixels, _, batch = text.partition("x")
    if not (pixels.isdecimal() and batch.isdecimal() and int(pixels) > 0 and int(batch) > 0):
        raise UserError(f"--cases has {text!r:.40}; a case is PIXELSxIMAGES", hint="such as 224x8")
    return int(pixels), int(batch)


def _measured(
    pixels: int, batch: int, mode: str, kind: str, rounds: int, device: torch.device, bits: str
) -> dict[str, Any]:
    """Every library that can be had, printed and as plain values."""
    steps = {}
    for library in TIMED[kind]:
        try:
            steps[library] = timed_pass(library, kind, mode, pixels=pixels, batch=batch, device=device, bits=bits)
        except (ImportError, RuntimeError) as error:
            print(f"note: {library} is left out: {missing(library) or str(error).splitlines()[0]}", file=sys.stderr)
    timing = paired(steps, rounds)
    torch.compiler.reset()
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(f"{pixels} px, {batch} images, {mode}, {kind}, {bits}, {where}, {rounds} rounds")
    rows = [_row(timing, library, batch) for library in steps]
    print(flush=True)
    return {"pixels": pixels, "images": batch, "mode": mode, "pass": kind, "precision": bits, "device": where,
            "torch": torch.__version__, "rounds": rounds, "libraries": rows}  # fmt: skip


def _row(timing: Timing, library: str, batch: int) -> dict[str, Any]:
    seconds = timing.median(library)
    line = f"  {library:18} {seconds * 1e3:10.2f} ms   {batch / seconds:9.1f} images/s"
    row: dict[str, Any] = {"library": library, "median_seconds": seconds, "seconds": timing.seconds[library]}
    if library != OURS:
        ratio = paired_ratio(timing.seconds[OURS], timing.seconds[library])
        line += f"   its time / ours {ratio.median:.3f} ({ratio.low:.3f} to {ratio.high:.3f})"
        row["ratio"] = dataclasses.asdict(ratio)
    print(line)
    return row


def _write(path: Path, results: list[dict[str, Any]]) -> None:
    try:
        atomic.write_text(path, json.dumps(results, indent=1) + "\n")
    except OSError as error:
        raise cannot("write", path, error) from error


if __name__ == "__main__":
    raise SystemExit(main())
