"""The options of `effsearch nas`, and the arguments of `nas.search` that they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..records.errors import UserError
from ..search_spaces import loading
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import nearest, shown
from ..search_spaces.quantity import parse_count
from ..search_spaces.space import SearchSpace
from ..search_spaces.tables import COLUMNS
from ..search_spaces.user_file import is_reference, load_object
from .data_options import data_name
from .nas_latency import read_latency

if TYPE_CHECKING:
    from ..evaluators.evaluation import Evaluator
    from ..nas.reward import Reward

TARGET_FLOPS = "400M"  # the paper's
OWN = ("surrogate", "capacity")  # evaluators that rate a network for comparison at no cost
DEFAULTS: dict[str, Any] = {
    "space": "mnasnet-b0", "evaluator": "surrogate", "sampler": "nsga2", "trials": 3000, "batch": 50, "confirm": 0,
}  # fmt: skip
FOR_TRAINING: dict[str, Any] = {
    "space": "mnasnet", "evaluator": "train", "sampler": "assisted", "trials": 60, "batch": 6, "confirm": 3,
    "recipe": "proxy", "around": "b0",
}  # fmt: skip


@dataclass(frozen=True)
class NasOptions:
    """The defaults are those of the command. None leaves the choice to us: see `settled`."""

    COMMAND: ClassVar[str] = "nas"

    target_flops: str | None = None
    target_latency: str | None = None
    latency_table: str | None = None
    space: str | None = None
    around: str | None = None
    evaluator: str | None = None
    data: str | None = None
    epochs: int | None = None
    recipe: str | None = None
    images: int | None = None
    resolution: int | None = None
    data_name: str | None = None
    confirm: int | None = None
    sampler: str | None = None
    reward: str = "soft"
    limit: tuple[str, ...] = ()
    cost: tuple[str, ...] = ()
    objective: tuple[str, ...] | None = None
    compare: tuple[str, ...] | None = None
    trials: int | None = None
    batch: int | None = None
    seed: int = 0

    @property
    def trains(self) -> bool:
        """Whether networks are trained on the user's images."""
        return self.evaluator == "train" or (self.evaluator is None and self.data is not None)


def settled(options: NasOptions) -> NasOptions:
    """With our choices in the places of None. UserError for images without a training and the other way round."""
    defaults = FOR_TRAINING if options.trains else DEFAULTS
    defaults = {**defaults, "objective": ("accuracy", "latency" if options.target_latency else "mult_adds")}
    defaults |= {} if options.target_latency else {"target_flops": TARGET_FLOPS}
    missing = {name: value for name, value in defaults.items() if getattr(options, name) is None}
    if options.latency_table is not None:  # a run may be resumed from another folder
        missing["latency_table"] = str(Path(options.latency_table).absolute())
    if not options.trains:
        for name in ("data", "recipe", "images", "resolution"):
            if getattr(options, name) is not None:
                raise UserError(
                    f"--{name} is for the evaluator train; --evaluator is {shown(options.evaluator)}",
                    hint="leave --evaluator out to train on the images",
                )
    elif options.data is None:
        raise UserError("the evaluator train needs images", hint="give --data DIR (effsearch data DIR looks at it)")
    if options.trains and options.data is not None:  # a run may be resumed from another folder
        missing |= {
            "data": str(Path(options.data).absolute()),
            "data_name": options.data_name or data_name(options.data),
        }
    return replace(options, **missing)


def prepare(options: NasOptions, threads: int = 1, kept: Path | None = None) -> dict[str, Any]:
    """The arguments of `nas.search` for settled options, checked as far as it goes without running anything.

    threads: of each training. kept: a latency table that goes before the one named in the options.
    """
    from .. import evaluators
    from ..nas.samplers import make_sampler
    from ..nas.settings import check_settings

    target = None if options.target_flops is None else parse_count(options.target_flops, "--target-flops")
    make_sampler(str(options.sampler))
    if options.latency_table is not None and kept is None and not Path(options.latency_table).exists():
        raise UserError(
            f"--latency-table is {options.latency_table}; there is no such file",
            hint="effsearch latency build --out latency.json measures the blocks of a space on your machine",
        )
    latency = read_latency(options.target_latency, options.latency_table, options.limit, options.cost, kept)
    limits = dict(_limit(text) for text in options.limit if not latency.limits(text))
    if "mult_adds" in limits and target is not None:
        raise UserError("--limit mult_adds is a second budget for the FLOPs", hint="give --target-flops alone")
    evaluator: Evaluator
    baseline: Architecture | None
    if options.trains:
        from .nas_training import prepare_training

        if target is None:
            raise UserError(
                "a search on images with --target-latency needs --target-flops, too: how large its networks are",
                hint="it is a budget besides; give what the latency allows, or somewhat more",
            )
        evaluator, space, baseline = prepare_training(options, target, threads)
    else:
        evaluator = evaluators.load(str(options.evaluator), **_given(epochs=options.epochs))
        space, baseline = _space(options), None
    compare = options.compare
    if compare is None:
        compare = ("b0",) if options.evaluator in OWN else ()
    references = [loading.load_network(name) for name in compare]
    arguments: dict[str, Any] = {
        "space": space,
        "evaluator": evaluator,
        "budgets": {**({} if target is None else {"mult_adds": target}), **latency.budgets, **limits},
        "objectives": options.objective,
        "costs": {**dict(_cost(text) for text in options.cost), **latency.costs},
        "reward": _reward(options.reward, *latency.target(target)),
        "sampler": options.sampler,
        "trials": options.trials,
        "batch": options.batch,
        "seed": options.seed,
        "references": references if baseline is None else [baseline, *references],
        "picks": "posterior" if options.trains else "observed",
        "confirm": options.confirm,
        "baseline": baseline,
        "keep": latency.keep,
    }
    _check_names([*arguments["costs"]], {"--limit": limits, "--objective": arguments["objectives"]})
    numbers = {name: arguments[name] for name in ("trials", "batch", "seed")}
    check_settings(
        space, arguments["objectives"], arguments["budgets"], arguments["costs"], arguments["reward"], numbers
    )
    if options.evaluator in OWN:  # it costs nothing to see now whether they know such networks
        _check_rates(options, space, arguments["evaluator"])
        for network in arguments["references"]:
            arguments["evaluator"](network)
    latency.check_covers(space, arguments["references"])
    return arguments


def _check_names(costs: Sequence[str], wanted: Mapping[str, Iterable[str]]) -> None:
    """UserError for a budget or an objective of a cost that there is not."""
    known = [*COLUMNS, *costs]
    for option, names in wanted.items():
        allowed = ["accuracy", *known] if option == "--objective" else known
        for name in names:
            if name not in allowed:
                raise UserError(
                    f"{option}: there is no cost {shown(name)}; known: {', '.join(allowed)}",
                    hint=nearest(name, allowed),
                )


def _check_rates(options: NasOptions, space: SearchSpace, evaluator: Evaluator) -> None:
    """UserError where an evaluator of ours cannot rate the networks of the space."""
    try:
        evaluator(space.decode(space.point([0] * len(space.dimensions))))
    except UserError as error:
        why = f": {error.__cause__}" if error.__cause__ and is_reference(str(options.space)) else ""
        raise UserError(
            f"--space is {options.space}; the evaluator surrogate rates networks of mnasnet-b0 alone{why}",
            hint="give --evaluator capacity, which rates all networks untrained, or file.py:function of your own",
        ) from error


def _given(**values: Any) -> dict[str, Any]:
    """Those that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def _space(options: NasOptions) -> SearchSpace:
    if options.around is None:
        return loading.load_space(str(options.space))
    if options.space != "mnasnet":
        raise UserError(f"--around is for the space mnasnet; --space is {shown(options.space)}")
    reference: Architecture = loading.load_network(options.around)
    return loading.load_space("mnasnet", reference=reference)


def _reward(text: str, target: float, cost: str) -> Reward:
    from ..nas import Reward

    if text == "soft":
        return Reward(target, cost=cost)
    if text == "hard":
        return Reward.hard(target, cost=cost)
    try:
        under, over = (float(part) for part in text.split(","))
        return Reward(target, under, over, cost)
    except ValueError as error:
        raise UserError(
            f"--reward is {shown(text)}; it must be soft, hard or two exponents from -10 to 0",
            hint="soft is -0.07,-0.07 and hard is 0,-1 (under and over the target)",
        ) from error


def _limit(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UserError(f"--limit is {shown(text)}; it must be written NAME=SIZE", hint="for example params=6M")
    return name, parse_count(value, f"--limit {name}")


def _cost(text: str) -> tuple[str, Any]:
    name, equals, reference = text.partition("=")
    if not equals or not name.isidentifier() or not is_reference(reference):
        raise UserError(
            f"--cost is {shown(text)}; it must be written NAME=file.py:function",
            hint="the function takes an Architecture and returns a number, for example a latency",
        )
    function = load_object(reference, "a cost")
    if not callable(function):
        raise UserError(f"{reference} is {shown(type(function).__name__)}; a cost must be callable")
    return name, function
