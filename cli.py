"""The command line. Each command parses its options and calls one function; nothing heavy is imported before that."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

app = typer.Typer(
    name="effsearch",
    help="Search a network for your compute budget, then scale it: the EfficientNet recipe (arXiv 1905.11946).",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Network = Annotated[str, typer.Argument(help="A catalogue name (b0 .. b7, mobilenet-v2) or a .yaml file.")]
Epochs = Annotated[int | None, typer.Option(help="Surrogate: predict 50-epoch or 16-epoch accuracy. [default: 50]")]


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
    target_flops: Annotated[str, typer.Option(help="Budget in multiply-adds of one image: 400M, 0.4G.")] = "400M",
    space: Annotated[str, typer.Option(help="mnasnet-b0, mnasnet, or file.py:name.")] = "mnasnet-b0",
    around: Annotated[str | None, typer.Option(help="Network that the space mnasnet surrounds. [default: b0]")] = None,
    evaluator: Annotated[str, typer.Option(help="surrogate, capacity, or file.py:function.")] = "surrogate",
    epochs: Epochs = None,
    sampler: Annotated[str, typer.Option(help="nsga2, tpe, random or evolution.")] = "nsga2",
    reward: Annotated[str, typer.Option(help="soft (-0.07,-0.07), hard (0,-1) or UNDER,OVER.")] = "soft",
    limit: Annotated[list[str] | None, typer.Option(help="Another budget, NAME=SIZE: params=6M. Repeatable.")] = None,
    cost: Annotated[list[str] | None, typer.Option(help="A cost of your own, NAME=file.py:function.")] = None,
    objective: Annotated[
        list[str] | None, typer.Option(help="Objectives: accuracy and costs. [default: accuracy, mult_adds]")
    ] = None,
    compare: Annotated[
        list[str] | None, typer.Option(help="Network to evaluate beside. [default: b0 where that is free]")
    ] = None,
    trials: Annotated[int, typer.Option(help="Networks to evaluate.")] = 3000,
    batch: Annotated[int, typer.Option(help="Networks proposed before the next results count.")] = 50,
    seed: Annotated[int, typer.Option(help="Seed of the search.", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="Run directory. [default: a new one in runs/]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    config: Annotated[Path | None, typer.Option(help="Take the options from a run's config.yaml.")] = None,
    as_json: Json = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and how long.")] = False,
) -> None:
    """Search networks for accuracy against FLOPs."""
    from .commands import nas as command

    values = {
        "target_flops": target_flops, "space": space, "around": around, "evaluator": evaluator, "epochs": epochs,
        "sampler": sampler, "reward": reward, "limit": limit, "cost": cost, "objective": objective,
        "compare": compare, "trials": trials, "batch": batch, "seed": seed,
    }  # fmt: skip
    given = {name: _plain(value) for name, value in values.items() if _is_given(context, name)}
    code = command.run(given, out=out, resume=resume, config=config, as_json=as_json, dry_run=dry_run)
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
    evaluator: Annotated[str, typer.Option(help="law, capacity, or file.py:function.")] = "law",
    law: Annotated[str, typer.Option(help="additive, separate, logarithmic, mobilenet-v2, resnet-50.")] = "additive",
    seed: Annotated[int, typer.Option(help="Seed of the evaluations.", min=0)] = 0,
    engine: Annotated[str, typer.Option(help="ray or local; the tables are equal.")] = "ray",
    workers: Annotated[int | None, typer.Option(help="CPUs for Ray. [default: all]", min=1)] = None,
    ray_address: Annotated[str | None, typer.Option(help="A running Ray cluster.")] = None,
    out: Annotated[Path | None, typer.Option(help="Run directory. [default: a new one in runs/]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    config: Annotated[Path | None, typer.Option(help="Take the options from a run's config.yaml.")] = None,
    as_json: Json = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
) -> None:
    """Search alpha, beta, gamma, and write the family b0 to b7."""
    from .commands import grid as command

    values = {
        "phi": phi, "base": base, "select": select, "step": step, "tolerance": tolerance, "factor": factor,
        "evaluator": evaluator, "law": law, "seed": seed,
    }  # fmt: skip
    given = {name: value for name, value in values.items() if _is_given(context, name)}
    code = command.run(
        given, out=out, resume=resume, config=config, engine=engine, workers=workers, ray_address=ray_address,
        as_json=as_json, dry_run=dry_run,
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
    select: Annotated[str, typer.Option(help="Which network of a run: budget, reward or knee.")] = "budget",
    out: Annotated[Path, typer.Option(help="Folder for the YAML files.")] = Path("family"),
    as_json: Json = False,
) -> None:
    """Write a family of networks as YAML files."""
    from .commands import family as command

    code = command.run(
        base, coefficients=coefficients, preset=preset, phis=phis, flops=flops, select=select, out=out, as_json=as_json
    )
    raise typer.Exit(code)


@app.command()
def profile(
    network: Network,
    as_json: Json = False,
    check: Annotated[bool, typer.Option("--check", help="Count with fvcore and torch, too.")] = False,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Print the network as YAML.")] = False,
) -> None:
    """Count a network's parameters, mult-adds and activations."""
    from .commands import profile as command

    raise typer.Exit(command.run(network, as_json=as_json, check=check, as_yaml=as_yaml))


@app.command()
def evaluate(
    network: Network,
    evaluator: Annotated[str, typer.Option(help="surrogate, capacity, or file.py:function.")] = "surrogate",
    epochs: Epochs = None,
    seed: Annotated[int, typer.Option(help="Seed of the evaluation.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Rate one network."""
    from .commands import evaluate as command

    raise typer.Exit(command.run(network, evaluator=evaluator, epochs=epochs, seed=seed, as_json=as_json))


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

    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        return 130
    except NoArgsIsHelpError as error:
        print(error.format_message())
        return 2
    except ClickException as error:
        lines, code = _usage(error)
    except (Exception, KeyboardInterrupt) as error:
        lines, code = describe(error)
    else:
        return code if isinstance(code, int) else 0
    print("\n".join(lines), file=sys.stderr)
    return code


def _usage(error: Any) -> tuple[list[str], int]:
    from .records.errors import printable

    message = " ".join(error.format_message().split())
    given = _given_for(getattr(error, "param", None))
    if given is not None and given not in message:
        message += f", not {given!r:.60}"
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "effsearch"
    return [f"error: {printable(message)}", f"hint: {command} --help lists what is allowed"], 2


def _given_for(parameter: Any) -> str | None:
    """What stands on the command line for an option whose value was refused."""
    for place, word in enumerate(sys.argv):
        for option in getattr(parameter, "opts", ()):
            if word == option and place + 1 < len(sys.argv):
                return sys.argv[place + 1]
            if word.startswith(f"{option}="):
                return word.partition("=")[2]
    return None


def _interrupt(number: int, frame: object) -> NoReturn:  # noqa: ARG001
    raise KeyboardInterrupt


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name not in ("DEFAULT", "DEFAULT_MAP")


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


if __name__ == "__main__":
    main()
