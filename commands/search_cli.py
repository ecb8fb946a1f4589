"""The options of `effsearch nas` and `run`, as the command line declares them."""

from __future__ import annotations

from typing import Annotated

import typer

from .cli_options import (
    Config,
    CpusPerTrial,
    DryRun,
    EngineName,
    Epochs,
    GpusPerTrial,
    Images,
    Json,
    Out,
    RayAddress,
    Recipe,
    Resume,
    Workers,
    given,
)


def nas(
    context: typer.Context,
    target_flops: Annotated[
        str | None,
        typer.Option(help="Budget in multiply-adds of one image: 400M, 0.4G. [default: 400M; with a latency none]"),
    ] = None,
    target_latency: Annotated[
        str | None, typer.Option(help="Budget for a batch's latency: 12ms, 0.012s. Needs --latency-table.")
    ] = None,
    latency_table: Annotated[
        str | None, typer.Option(help="A file of effsearch latency build; makes latency a cost.")
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(help="mnasnet-b0, mnasnet, or file.py:name. [default: mnasnet-b0; with --data mnasnet]"),
    ] = None,
    around: Annotated[str | None, typer.Option(help="Network that the space mnasnet surrounds. [default: b0]")] = None,
    evaluator: Annotated[
        str | None,
        typer.Option(help="surrogate, capacity, train or file.py:function. [default: surrogate; with --data train]"),
    ] = None,
    data: Annotated[str | None, typer.Option(help="Images to train on: see effsearch data.")] = None,
    epochs: Epochs = None,
    recipe: Recipe = None,
    images: Images = None,
    resolution: Annotated[int | None, typer.Option(help="train: pixels of the networks. [default: the data's]")] = None,
    confirm: Annotated[
        int | None,
        typer.Option(help="Train the picks and B0 again with so many seeds. [default: 3 with --data]", min=0),
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(help="nsga2, tpe, random, evolution or assisted. [default: nsga2; with --data assisted]"),
    ] = None,
    reward: Annotated[str, typer.Option(help="soft (-0.07,-0.07), hard (0,-1) or UNDER,OVER.")] = "soft",
    limit: Annotated[list[str] | None, typer.Option(help="Another budget, NAME=SIZE: params=6M. Repeatable.")] = None,
    cost: Annotated[list[str] | None, typer.Option(help="A cost of your own, NAME=file.py:function.")] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(help="Objectives: accuracy and costs. [default: accuracy and mult_adds, or latency]"),
    ] = None,
    compare: Annotated[
        list[str] | None, typer.Option(help="Network to evaluate beside. [default: b0 where that is free]")
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Networks to evaluate. [default: 3000; with --data 60]")] = None,
    batch: Annotated[
        int | None, typer.Option(help="Networks proposed before the next results count. [default: 50; with --data 6]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the search.", min=0)] = 0,
    engine: EngineName = None,
    workers: Workers = None,
    cpus_per_trial: CpusPerTrial = None,
    gpus_per_trial: GpusPerTrial = None,
    ray_address: RayAddress = None,
    budget: Annotated[str | None, typer.Option(help="Time after which no evaluation is started: 2h, 90m.")] = None,
    out: Out = None,
    resume: Resume = False,
    config: Config = None,
    as_json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Search networks for accuracy against FLOPs."""
    from . import nas as command
    from .engine import Engine

    values = {
        "target_flops": target_flops, "target_latency": target_latency, "latency_table": latency_table,
        "space": space, "around": around, "evaluator": evaluator, "data": data, "epochs": epochs, "recipe": recipe,
        "images": images, "resolution": resolution, "confirm": confirm,
        "sampler": sampler, "reward": reward, "limit": limit, "cost": cost, "objective": objective,
        "compare": compare, "trials": trials, "batch": batch, "seed": seed,
    }  # fmt: skip
    stated = given(context, values)
    where = Engine(engine, workers, cpus_per_trial, gpus_per_trial, ray_address, budget)
    code = command.run(stated, out=out, resume=resume, config=config, engine=where, as_json=as_json, dry_run=dry_run)
    raise typer.Exit(code)


def run(
    context: typer.Context,
    data: Annotated[str, typer.Option(help="Images: see effsearch data.")] = "",
    target_flops: Annotated[str, typer.Option(help="Budget in multiply-adds of one image: 3M, 0.4G.")] = "",
    recipe: Annotated[str, typer.Option(help="Of the search: proxy, modern, paper or a .yaml file.")] = "proxy",
    epochs: Annotated[int | None, typer.Option(help="Of the search's trainings. [default: the recipe's]")] = None,
    images: Annotated[int | None, typer.Option(help="Of the search: train on so many. [default: all]", min=1)] = None,
    resolution: Annotated[int | None, typer.Option(help="Pixels of the networks. [default: the data's]")] = None,
    trials: Annotated[int, typer.Option(help="Networks to evaluate.")] = 60,
    confirm: Annotated[int, typer.Option(help="Fresh seeds for the picks and B0.", min=0)] = 3,
    law: Annotated[str, typer.Option(help="additive, separate, logarithmic, mobilenet-v2, resnet-50.")] = "additive",
    final_recipe: Annotated[str, typer.Option(help="Of the final training.")] = "modern",
    final_epochs: Annotated[int | None, typer.Option(help="Of the final training. [default: the recipe's]")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every step.", min=0)] = 0,
    device: Annotated[str | None, typer.Option(help="Of the final training. [default: the first GPU]")] = None,
    engine: EngineName = None,
    workers: Workers = None,
    cpus_per_trial: CpusPerTrial = None,
    gpus_per_trial: GpusPerTrial = None,
    ray_address: RayAddress = None,
    out: Out = None,
    resume: Resume = False,
    config: Config = None,
    as_json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """The whole recipe on your images: search, confirm, scale, train."""
    from . import run as command
    from .engine import Engine

    values = {
        "data": data, "target_flops": target_flops, "recipe": recipe, "epochs": epochs, "images": images,
        "resolution": resolution, "trials": trials, "confirm": confirm, "law": law, "final_recipe": final_recipe,
        "final_epochs": final_epochs, "seed": seed,
    }  # fmt: skip
    stated = given(context, values)
    how = Engine(engine, workers, cpus_per_trial, gpus_per_trial, ray_address)
    code = command.run(
        stated, out=out, resume=resume, config=config, engine=how, device=device, as_json=as_json, dry_run=dry_run
    )
    raise typer.Exit(code)
