"""The options of `effsearch grid` and `family`, as the command line declares them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .cli_options import (
    Config,
    CpusPerTrial,
    DryRun,
    Epochs,
    GpusPerTrial,
    Images,
    Json,
    Out,
    RayAddress,
    Recipe,
    Resume,
    given,
)


def grid(
    context: typer.Context,
    phi: Annotated[float, typer.Option(help="How far to scale for the comparison.")] = 1.0,
    base: Annotated[str, typer.Option(help="A catalogue name, a .yaml file, or a run of nas.")] = "b0",
    select: Annotated[str, typer.Option(help="Which network of a run: budget, reward or knee.")] = "budget",
    step: Annotated[float, typer.Option(help="Step of alpha, beta and gamma.")] = 0.05,
    tolerance: Annotated[float, typer.Option(help="How far alpha*beta^2*gamma^2 may be from --factor.")] = 0.08,
    factor: Annotated[float, typer.Option(help="Growth of the FLOPs for each unit of phi.")] = 2.0,
    evaluator: Annotated[
        str | None, typer.Option(help="law, train, capacity, or file.py:function. [default: law; with --data train]")
    ] = None,
    law: Annotated[str, typer.Option(help="additive, separate, logarithmic, mobilenet-v2, resnet-50.")] = "additive",
    design: Annotated[
        str | None, typer.Option(help="grid, or simplex: few networks, several seeds. [default: grid; train simplex]")
    ] = None,
    fix: Annotated[list[str] | None, typer.Option(help="simplex: hold one coefficient, such as gamma=1.")] = None,
    seeds: Annotated[int, typer.Option(help="simplex: trainings of each network.", min=1)] = 3,
    lattice: Annotated[int, typer.Option(help="simplex: shares of the FLOPs in steps of 1/LATTICE.", min=2)] = 4,
    channel_step: Annotated[
        int | None, typer.Option(help="simplex: widths in steps of 8, 4, 2 or 1. [default: by the base]")
    ] = None,
    response: Annotated[str, typer.Option(help="simplex: what is fitted, error or loss.")] = "error",
    prior: Annotated[str, typer.Option(help="simplex: law (weak, around the published one) or none.")] = "law",
    form: Annotated[str, typer.Option(help="simplex: additive or quadratic.")] = "additive",
    effect: Annotated[float, typer.Option(help="simplex: points of error that shall be told apart.")] = 0.1,
    pilot: Annotated[
        bool, typer.Option("--pilot", help="simplex: 6 trainings, what they say, stop. Continue with --resume.")
    ] = False,
    sigma: Annotated[
        float | None, typer.Option(help="simplex, with --dry-run: noise of a training, in points.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Images to train on: see effsearch data.")] = None,
    epochs: Epochs = None,
    recipe: Recipe = None,
    images: Images = None,
    resolution: Annotated[int | None, typer.Option(help="train: pixels of the base. [default: its own]")] = None,
    validation: Annotated[
        float | None, typer.Option(help="train: share of the training images to compare on. [default: 0.1]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the evaluations, or the first of several.", min=0)] = 0,
    engine: Annotated[str, typer.Option(help="ray or local; the tables are equal.")] = "ray",
    workers: Annotated[int | None, typer.Option(help="Evaluations at once. [default: as many as fit]", min=1)] = None,
    cpus_per_trial: CpusPerTrial = None,
    gpus_per_trial: GpusPerTrial = None,
    ray_address: RayAddress = None,
    out: Out = None,
    resume: Resume = False,
    config: Config = None,
    as_json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Search alpha, beta, gamma, and write the family b0 to b7."""
    from ..grid_search.where import Where
    from . import grid as command

    values = {
        "phi": phi, "base": base, "select": select, "step": step, "tolerance": tolerance, "factor": factor,
        "evaluator": evaluator, "law": law, "seed": seed, "design": design, "fix": fix, "seeds": seeds,
        "lattice": lattice, "channel_step": channel_step, "response": response, "prior": prior, "form": form,
        "effect": effect, "data": data, "epochs": epochs, "recipe": recipe, "images": images,
        "resolution": resolution, "validation": validation,
    }  # fmt: skip
    stated = given(context, values)
    where = Where(engine, ray_address, workers, 1.0 if cpus_per_trial is None else cpus_per_trial, gpus_per_trial)
    code = command.run(
        stated, out=out, resume=resume, config=config, where=where, pilot=pilot, sigma=sigma, as_json=as_json,
        dry_run=dry_run,
    )  # fmt: skip
    raise typer.Exit(code)


def family(
    base: Annotated[
        str | None, typer.Option(help="A catalogue name, a .yaml file, or a run of nas. [default: b0]")
    ] = None,
    coefficients: Annotated[
        str | None, typer.Option(help="A run of grid, or ALPHA,BETA,GAMMA. [default: 1.2,1.1,1.15]")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="paper: the official B0 to B7.")] = None,
    phis: Annotated[str | None, typer.Option(help="PHI,PHI,... or NAME=PHI,... [default: the B1-B7 ladder]")] = None,
    flops: Annotated[str | None, typer.Option(help="Solve phi for these FLOPs: 0.7G,1G.")] = None,
    rounding: Annotated[
        str | None,
        typer.Option(help="official, or exact: FLOPs to within 3 %. [default: official; exact for thin bases]"),
    ] = None,
    select: Annotated[str, typer.Option(help="Which network of a run: budget, reward or knee.")] = "budget",
    out: Annotated[Path, typer.Option(help="Folder for the YAML files.")] = Path("family"),
    as_json: Json = False,
) -> None:
    """Write a family of networks as YAML files."""
    from . import family as command

    code = command.run(
        base, coefficients=coefficients, preset=preset, phis=phis, flops=flops, rounding=rounding, select=select,
        out=out, as_json=as_json,
    )  # fmt: skip
    raise typer.Exit(code)
