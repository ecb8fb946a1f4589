"""The options that several commands share, as the command line declares them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

Out = Annotated[Path | None, typer.Option(help="Run directory. [default: a new one in runs/]")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")]
Config = Annotated[Path | None, typer.Option(help="Take the options from a run's config.yaml.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and how long it takes.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Network = Annotated[str, typer.Argument(help="A catalogue name (b0 .. b7, mobilenet-v2) or a .yaml file.")]
Epochs = Annotated[
    int | None, typer.Option(help="train: passes over the images [the recipe's]; surrogate: predict 50 or 16 [50].")
]
Recipe = Annotated[str | None, typer.Option(help="train: proxy, modern, paper or a .yaml file. [default: proxy]")]
Images = Annotated[int | None, typer.Option(help="train: on so many of the images. [default: all]", min=1)]
EngineName = Annotated[
    str | None, typer.Option(help="local or ray; the result is equal. [default: ray where workers > 1]")
]
Workers = Annotated[int | None, typer.Option(help="Networks evaluated at once. [default: 1]", min=1)]
CpusPerTrial = Annotated[float | None, typer.Option(help="CPUs, and threads, of each. [default: 1]")]
GpusPerTrial = Annotated[float | None, typer.Option(help="GPUs of each, such as 0.25. [default: shared out evenly]")]
RayAddress = Annotated[str | None, typer.Option(help="A running Ray cluster.")]


def given(context: typer.Context, values: Mapping[str, Any]) -> dict[str, Any]:
    """Of a command's options by name, those that stand on this command line; lists as tuples."""
    found = {}
    for name, value in values.items():
        source = context.get_parameter_source(name)
        if source is not None and source.name not in ("DEFAULT", "DEFAULT_MAP"):
            found[name] = tuple(value) if isinstance(value, list) else value
    return found
