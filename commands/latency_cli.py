"""The options of `effsearch latency build`, `predict` and `check`, as the command line declares them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .cli_options import Json

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Measure the blocks of a search space, and predict latencies from them.",
)

Space = Annotated[str | None, typer.Option(help="mnasnet-b0, mnasnet, or file.py:name. [default: mnasnet-b0]")]
Around = Annotated[str | None, typer.Option(help="Network that the space mnasnet surrounds. [default: b0]")]
Resolution = Annotated[int | None, typer.Option(help="Pixels. [default: the space's]", min=8)]
Data = Annotated[str | None, typer.Option(help="The space of a search on these images; with --target-flops.")]
TargetFlops = Annotated[str | None, typer.Option(help="With --data: as for effsearch nas.")]
Table = Annotated[Path, typer.Option(help="A file of effsearch latency build.")]


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="The table, a .json file.")],
    space: Space = None,
    around: Around = None,
    data: Data = None,
    target_flops: TargetFlops = None,
    resolution: Resolution = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1.")] = "cpu",
    batch: Annotated[int, typer.Option(help="Images at once.", min=1)] = 1,
    threads: Annotated[int, typer.Option(help="Of the CPU.", min=1)] = 1,
    engine: Annotated[str, typer.Option(help="folded, eager or compile.")] = "folded",
    rounds: Annotated[int, typer.Option(help="Each block is measured in so many rounds.", min=1)] = 30,
    calibration: Annotated[int, typer.Option(help="Whole networks that the correction is fitted to.", min=5)] = 20,
    seed: Annotated[int, typer.Option(help="Of the order and the calibration networks.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Measure every block that the space's networks can hold."""
    from . import latency as command
    from .latency_space import Place

    where = Place(space, around, data, target_flops, resolution)
    code = command.build(
        where, device=device, batch=batch, threads=threads, engine=engine, rounds=rounds, calibration=calibration,
        seed=seed, out=out, as_json=as_json,
    )  # fmt: skip
    raise typer.Exit(code)


@app.command()
def predict(
    network: Annotated[str, typer.Argument(help="A catalogue name, a .yaml file, or a run of nas or run.")],
    table: Table,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure blocks that the table lacks, and add them to it.")
    ] = False,
    rounds: Annotated[int, typer.Option(help="With --measure: rounds.", min=1)] = 30,
    as_json: Json = False,
) -> None:
    """The latency of a network by a table."""
    from . import latency as command

    raise typer.Exit(command.predict(network, table, measure=measure, rounds=rounds, as_json=as_json))


@app.command()
def check(
    table: Table,
    networks: Annotated[int, typer.Option(help="Random networks of the space.", min=2)] = 50,
    space: Space = None,
    around: Around = None,
    data: Data = None,
    target_flops: TargetFlops = None,
    resolution: Resolution = None,
    rounds: Annotated[int, typer.Option(help="Each network is measured in so many rounds.", min=1)] = 10,
    seed: Annotated[int, typer.Option(help="Of the networks.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Compare predicted with measured latencies of whole networks that the table was not fitted to."""
    from . import latency_check as command
    from .latency_space import Place

    where = Place(space, around, data, target_flops, resolution)
    code = command.check(table, where, networks=networks, rounds=rounds, seed=seed, as_json=as_json)
    raise typer.Exit(code)
