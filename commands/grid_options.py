"""The options of `effsearch grid`: which design, rated by what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..records.errors import UserError
from ..search_spaces.checks import InvalidValue, nearest, shown
from .data_options import data_name

if TYPE_CHECKING:
    from ..evaluators.evaluation import Evaluator

DESIGNS = ("grid", "simplex")
FOR_GRID = ("step", "tolerance")
FOR_SIMPLEX = ("fix", "seeds", "lattice", "channel_step", "response", "prior", "form", "effect")
FOR_TRAINING = ("data", "epochs", "recipe", "images", "resolution", "validation")


@dataclass(frozen=True)
class GridOptions:
    """Every option that makes a grid or a study what it is; the defaults are those of the command. None leaves the
    choice to us: see `settled`."""

    COMMAND: ClassVar[str] = "grid"

    base: str = "b0"
    select: str = "budget"
    phi: float = 1.0
    step: float = 0.05
    tolerance: float = 0.08
    factor: float = 2.0
    evaluator: str | None = None
    law: str = "additive"
    seed: int = 0
    design: str | None = None
    fix: tuple[str, ...] = ()
    seeds: int = 3
    lattice: int = 4
    channel_step: int | None = None
    response: str = "error"
    prior: str = "law"
    form: str = "additive"
    effect: float = 0.1
    data: str | None = None
    data_name: str | None = None
    epochs: int | None = None
    recipe: str | None = None
    images: int | None = None
    resolution: int | None = None
    validation: float | None = None

    @property
    def trains(self) -> bool:
        return self.evaluator == "train"

    @property
    def is_study(self) -> bool:
        return self.design == "simplex"

    @property
    def fixed(self) -> dict[str, float]:
        """("gamma=1",) -> {"gamma": 1.0}. InvalidValue for other text."""
        found: dict[str, float] = {}
        for text in self.fix:
            name, equals, value = text.partition("=")
            try:
                number = float(value)
            except ValueError:
                number = math.nan
            if not equals or math.isnan(number):
                raise InvalidValue(f"--fix is {shown(text)}; it must be NAME=VALUE", hint="write --fix gamma=1")
            if name.strip() in found:
                raise InvalidValue(f"--fix {name.strip()} was given twice")
            found[name.strip()] = number
        return found


def settled(options: GridOptions, given: Mapping[str, Any]) -> GridOptions:
    """With our choices in the places of None. `given`: what this command line says. UserError or InvalidValue for
    options that do not go together."""
    evaluator = options.evaluator or ("train" if options.data is not None else "law")
    design = options.design or ("simplex" if evaluator == "train" else "grid")
    if design not in DESIGNS:
        raise InvalidValue(f"--design is {shown(design)}; allowed: {', '.join(DESIGNS)}", hint=nearest(design, DESIGNS))
    if design == "simplex" and evaluator == "law":
        raise UserError(
            "the design simplex is for networks that are trained; the law is known everywhere already",
            hint="give --data DIR, or --evaluator file.py:function",
        )
    _refuse(FOR_GRID, given, design == "grid", "the design grid", f"--design is {design}")
    _refuse(FOR_SIMPLEX, given, design == "simplex", "the design simplex", f"--design is {design}")
    _refuse(FOR_TRAINING, given, evaluator == "train", "the evaluator train", f"--evaluator is {shown(evaluator)}")
    _refuse(("law",), given, evaluator == "law", "the evaluator law", f"--evaluator is {shown(evaluator)}")
    if evaluator == "train" and options.data is None:
        raise UserError("the evaluator train needs images", hint="give --data DIR (effsearch data DIR looks at it)")
    changes: dict[str, Any] = {"evaluator": evaluator, "design": design}
    if options.data is not None:  # a run may be resumed from another folder
        changes["data"] = str(Path(options.data).absolute())
        changes["data_name"] = options.data_name or data_name(options.data)
        changes["recipe"] = options.recipe or "proxy"
    return replace(options, **changes)


def load_evaluator(options: GridOptions, threads: int) -> Evaluator:
    """Other than the law."""
    from .. import evaluators

    if not options.trains or options.data is None:
        return evaluators.load(str(options.evaluator))
    from ..evaluators.training import TrainingEvaluator

    return TrainingEvaluator(
        options.data, epochs=options.epochs, images=options.images, recipe=options.recipe or "proxy", threads=threads,
        data_name=options.data_name, **split_of(options),
    )  # fmt: skip


def split_of(options: GridOptions) -> dict[str, Any]:
    """How the training images are split, as `load_dataset` takes it."""
    return {} if options.validation is None else {"validation": options.validation}


def _refuse(names: tuple[str, ...], given: Mapping[str, Any], allowed: bool, owner: str, instead: str) -> None:
    for name in names:
        if name in given and not allowed:
            raise UserError(f"--{name.replace('_', '-')} is for {owner}; {instead}")
