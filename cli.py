"""The command line. Each command parses its options and calls one function; nothing heavy is imported before that."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from .commands.cli_options import (
    Config,
    CpusPerTrial,
    DryRun,
    EngineName,
    Epochs,
    GpusPerTrial,
    Images,
    Json,
    Network,
    Out,
    RayAddress,
    Recipe,
    Resume,
    Workers,
)
from .commands.latency_cli import app as latency

app = typer.Typer(
    name="effsearch",
    help="Search a network for your compute budget, then scale it: the EfficientNet recipe (arXiv 1905.11946).",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback(invoke_without_command=True)
def _version(
    show: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if show:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"effsearch {version('effsearch')}")
        except PackageNotFoundError:
            print("effsearch (not installed)")
        raise typer.Exit


@app.command()
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
    from .commands import nas as command
    from .commands.engine import Engine

    values = {
        "target_flops": target_flops, "target_latency": target_latency, "latency_table": latency_table,
        "space": space, "around": around, "evaluator": evaluator, "data": data, "epochs": epochs, "recipe": recipe,
        "images": images, "resolution": resolution, "confirm": confirm,
        "sampler": sampler, "reward": reward, "limit": limit, "cost": cost, "objective": objective,
        "compare": compare, "trials": trials, "batch": batch, "seed": seed,
    }  # fmt: skip
    given = {name: _plain(value) for name, value in values.items() if _is_given(context, name)}
    where = Engine(engine, workers, cpus_per_trial, gpus_per_trial, ray_address, budget)
    code = command.run(given, out=out, resume=resume, config=config, engine=where, as_json=as_json, dry_run=dry_run)
    raise typer.Exit(code)


@app.command()
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
    from .commands import grid as command
    from .grid_search.where import Where

    values = {
        "phi": phi, "base": base, "select": select, "step": step, "tolerance": tolerance, "factor": factor,
        "evaluator": evaluator, "law": law, "seed": seed, "design": design, "fix": fix, "seeds": seeds,
        "lattice": lattice, "channel_step": channel_step, "response": response, "prior": prior, "form": form,
        "effect": effect, "data": data, "epochs": epochs, "recipe": recipe, "images": images,
        "resolution": resolution, "validation": validation,
    }  # fmt: skip
    given = {name: _plain(value) for name, value in values.items() if _is_given(context, name)}
    where = Where(engine, ray_address, workers, 1.0 if cpus_per_trial is None else cpus_per_trial, gpus_per_trial)
    code = command.run(
        given, out=out, resume=resume, config=config, where=where, pilot=pilot, sigma=sigma, as_json=as_json,
        dry_run=dry_run,
    )  # fmt: skip
    raise typer.Exit(code)


@app.command()
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
    from .commands import family as command

    code = command.run(
        base, coefficients=coefficients, preset=preset, phis=phis, flops=flops, rounding=rounding, select=select,
        out=out, as_json=as_json,
    )  # fmt: skip
    raise typer.Exit(code)


@app.command()
def profile(
    network: Network,
    as_json: Json = False,
    check: Annotated[bool, typer.Option("--check", help="Count with fvcore and torch, too.")] = False,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Print the network as YAML.")] = False,
    latency: Annotated[bool, typer.Option("--latency", help="Measure how long a batch takes, too.")] = False,
    device: Annotated[str | None, typer.Option(help="latency: cpu, cuda, cuda:1. [default: cpu]")] = None,
    batch: Annotated[str | None, typer.Option(help="latency: images at once, such as 1,32. [default: 1]")] = None,
    threads: Annotated[int | None, typer.Option(help="latency: of the CPU. [default: torch's]", min=1)] = None,
    engine: Annotated[str | None, typer.Option(help="latency: eager, compile or onnxruntime. [default: eager]")] = None,
    runs: Annotated[int | None, typer.Option(help="latency: so many. [default: 10 to 200, by time]", min=1)] = None,
) -> None:
    """Count a network's parameters, mult-adds and activations; measure its latency."""
    from .commands import profile as command

    how = {"device": device, "batch": batch, "threads": threads, "engine": engine, "runs": runs}
    code = command.run(network, as_json=as_json, check=check, as_yaml=as_yaml, latency=latency, how=how)
    raise typer.Exit(code)


@app.command()
def export(
    network: Annotated[str, typer.Argument(help="A catalogue name, a .yaml file, or a run of nas, train or run.")],
    to: Annotated[str, typer.Option(help="onnx, pt2, timm or python.")],
    out: Annotated[Path, typer.Option(help="The file to write: .onnx, .pt2, or .py for timm and python.")],
    select: Annotated[
        str | None, typer.Option(help="Which network of a search: budget, reward or knee. [default: budget]")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="A .safetensors or .pth file. [default: the run's, or none]")
    ] = None,
    norm_eps: Annotated[
        float | None, typer.Option(help="weights: of the batch normalisation. [default: 0.001]")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of random weights. [default: 0]", min=0)] = None,
    resolution: Annotated[
        int | None, typer.Option(help="onnx, pt2: pixels of the images. [default: the training's or the network's]")
    ] = None,
    opset: Annotated[int | None, typer.Option(help="onnx: version of the operators, 18 to 24. [default: 18]")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    as_json: Json = False,
) -> None:
    """Write a network as a file that runs without effsearch."""
    from .commands import export as command

    code = command.run(
        network, to=to, out=out, select=select, weights=weights, norm_eps=norm_eps, seed=seed, resolution=resolution,
        opset=opset, force=force, as_json=as_json,
    )  # fmt: skip
    raise typer.Exit(code)


@app.command()
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
    from .commands import run as command
    from .commands.engine import Engine

    values = {
        "data": data, "target_flops": target_flops, "recipe": recipe, "epochs": epochs, "images": images,
        "resolution": resolution, "trials": trials, "confirm": confirm, "law": law, "final_recipe": final_recipe,
        "final_epochs": final_epochs, "seed": seed,
    }  # fmt: skip
    given = {name: value for name, value in values.items() if _is_given(context, name)}
    how = Engine(engine, workers, cpus_per_trial, gpus_per_trial, ray_address)
    code = command.run(
        given, out=out, resume=resume, config=config, engine=how, device=device, as_json=as_json, dry_run=dry_run
    )
    raise typer.Exit(code)


@app.command()
def train(
    context: typer.Context,
    network: Annotated[str, typer.Argument(help="A catalogue name, a .yaml file, or a run of nas.")] = "",
    data: Annotated[str, typer.Option(help="Images: see effsearch data.")] = "",
    recipe: Annotated[str, typer.Option(help="proxy, modern, paper, or a .yaml file.")] = "modern",
    epochs: Annotated[int | None, typer.Option(help="Passes over the images. [default: the recipe's]", min=1)] = None,
    batch: Annotated[int | None, typer.Option(help="Images a step. [default: the recipe's]", min=1)] = None,
    images: Annotated[int | None, typer.Option(help="Train on so many images. [default: all]", min=1)] = None,
    resolution: Annotated[int | None, typer.Option(help="Pixels. [default: the network's or the data's]")] = None,
    size: Annotated[int | None, typer.Option(help="Pixels that images are stored at. [default: by the data]")] = None,
    validation: Annotated[float, typer.Option(help="Share of the training images to validate on.")] = 0.1,
    select: Annotated[str, typer.Option(help="Which network of a run: budget, reward or knee.")] = "budget",
    seed: Annotated[int, typer.Option(help="Seed of the training.", min=0)] = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1. [default: the first GPU]")] = None,
    out: Out = None,
    resume: Resume = False,
    config: Config = None,
    as_json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Train a network on images."""
    from .commands import train as command

    values = {
        "network": network, "data": data, "recipe": recipe, "epochs": epochs, "batch": batch, "images": images,
        "resolution": resolution, "size": size, "validation": validation, "select": select, "seed": seed,
    }  # fmt: skip
    given = {name: value for name, value in values.items() if _is_given(context, name)}
    code = command.run(given, out=out, resume=resume, config=config, device=device, as_json=as_json, dry_run=dry_run)
    raise typer.Exit(code)


@app.command()
def evaluate(
    network: Network,
    evaluator: Annotated[
        str | None, typer.Option(help="surrogate, capacity, train, or file.py:function. [default: surrogate]")
    ] = None,
    epochs: Epochs = None,
    data: Annotated[str | None, typer.Option(help="Images to train on: see effsearch data.")] = None,
    recipe: Recipe = None,
    images: Images = None,
    resolution: Annotated[int | None, typer.Option(help="Pixels to train at. [default: the network's]")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the evaluation.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Rate one network."""
    from .commands import evaluate as command

    training = {"data": data, "recipe": recipe, "images": images, "resolution": resolution}
    code = command.run(network, evaluator=evaluator, epochs=epochs, training=training, seed=seed, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def data(
    path: Annotated[Path, typer.Argument(help="Class folders, a zip of them, idx files, CIFAR-10, .npz or .parquet.")],
    size: Annotated[int | None, typer.Option(help="Pixels a side. [default: that of the pictures, up to 256]")] = None,
    validation: Annotated[float, typer.Option(help="Share of the training images to compare networks on.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Seed of that split.", min=0)] = 0,
    cache: Annotated[
        Path | None, typer.Option(help="Folder for caches. [default: $EFFSEARCH_CACHE or ~/.cache/effsearch]")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Threads that decode. [default: all CPUs]", min=1)] = None,
    as_json: Json = False,
) -> None:
    """Look at a data set: classes, sizes, broken and doubled pictures."""
    from .commands import data as command

    code = command.run(path, size=size, validation=validation, seed=seed, cache=cache, workers=workers, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="A run directory.")],
    out: Annotated[Path | None, typer.Option(help="The page. [default: RUN/report.html]")] = None,
    as_json: Json = False,
) -> None:
    """Write a run's report: one self-contained HTML page."""
    from .commands import report as command

    raise typer.Exit(command.run(run, out=out, as_json=as_json))


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run directories, at least two.")],
    out: Annotated[Path | None, typer.Option(help="The page. [default: compare.html]")] = None,
    as_json: Json = False,
) -> None:
    """Put searches side by side on one HTML page."""
    from .commands import compare as command

    raise typer.Exit(command.run(runs, out=out, as_json=as_json))


app.add_typer(latency, name="latency")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check that everything a search needs is installed and works."""
    from .commands import doctor as command

    raise typer.Exit(command.run(as_json=as_json))


def main() -> NoReturn:
    """The console script. A user's mistake ends in `error:` and `hint:` lines on stderr, never in a traceback."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(_run())


def _run() -> int:
    from typer._click.exceptions import ClickException, NoArgsIsHelpError

    from .commands.errors import describe
    from .commands.usage import usage

    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        return 130
    except NoArgsIsHelpError as error:
        print(error.format_message())
        return 2
    except ClickException as error:
        lines, code = usage(error)
    except (Exception, KeyboardInterrupt) as error:
        lines, code = describe(error)
    else:
        return code if isinstance(code, int) else 0
    print("\n".join(lines), file=sys.stderr)
    return code


def _interrupt(number: int, frame: object) -> NoReturn:  # noqa: ARG001
    raise KeyboardInterrupt


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name not in ("DEFAULT", "DEFAULT_MAP")


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


if __name__ == "__main__":
    main()
