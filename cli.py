"""The command line. Each command parses its options and calls one function; nothing heavy is imported before that."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from .commands.cli_options import Config, DryRun, Epochs, Images, Json, Network, Out, Recipe, Resume, given
from .commands.latency_cli import app as latency
from .commands.scaling_cli import family, grid
from .commands.search_cli import nas, run

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


for command in (nas, grid, family, run):
    app.command()(command)
app.add_typer(latency, name="latency")


@app.command()
def profile(
    network: Annotated[str, typer.Argument(help="A catalogue name, a .yaml file, or a run of nas or run.")],
    as_json: Json = False,
    check: Annotated[bool, typer.Option("--check", help="Count with fvcore and torch, too.")] = False,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Print the network as YAML.")] = False,
    latency: Annotated[bool, typer.Option("--latency", help="Measure how long a batch takes, too.")] = False,
    device: Annotated[str | None, typer.Option(help="latency: cpu, cuda, cuda:1. [default: cpu]")] = None,
    batch: Annotated[str | None, typer.Option(help="latency: images at once, such as 1,32. [default: 1]")] = None,
    threads: Annotated[int | None, typer.Option(help="latency: of the CPU. [default: torch's]", min=1)] = None,
    engine: Annotated[
        str | None, typer.Option(help="latency: folded, eager, compile, onnxruntime. [default: folded]")
    ] = None,
    runs: Annotated[int | None, typer.Option(help="latency: so many. [default: 10 to 200, by time]", min=1)] = None,
    select: Annotated[
        str | None, typer.Option(help="Which network of a run: budget, reward or knee. [default: budget]")
    ] = None,
) -> None:
    """Count a network's parameters, mult-adds and activations; measure its latency."""
    from .commands import profile as command

    how = {"device": device, "batch": batch, "threads": threads, "engine": engine, "runs": runs}
    code = command.run(network, select=select, as_json=as_json, check=check, as_yaml=as_yaml, latency=latency, how=how)
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
def train(
    context: typer.Context,
    network: Annotated[str, typer.Argument(help="A catalogue name, a .yaml file, or a run of nas.")] = "",
    data: Annotated[str, typer.Option(help="Images: see effsearch data.")] = "",
    recipe: Annotated[str, typer.Option(help="proxy, modern, paper, or a .yaml file.")] = "modern",
    epochs: Annotated[int | None, typer.Option(help="Passes over the images. [default: the recipe's]", min=1)] = None,
    batch: Annotated[int | None, typer.Option(help="Images a step. [default: the recipe's]", min=1)] = None,
    images: Annotated[int | None, typer.Option(help="Train on so many images. [default: all]", min=1)] = None,
    weights: Annotated[str | None, typer.Option(help="Begin with those of a .safetensors or .pth file.")] = None,
    norm_eps: Annotated[
        float | None, typer.Option(help="weights: of the batch normalisation. [default: 0.001]")
    ] = None,
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
        "weights": weights, "norm_eps": norm_eps, "resolution": resolution, "size": size, "validation": validation,
        "select": select, "seed": seed,
    }  # fmt: skip
    stated = given(context, values)
    code = command.run(stated, out=out, resume=resume, config=config, device=device, as_json=as_json, dry_run=dry_run)
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


if __name__ == "__main__":
    main()
