"""Everything a training does besides the network, the images and the seed: one frozen value, read from strict YAML.

Version 1: `format: effsearch-recipe`, `version: 1`, then the fields of Recipe. A key left out has the value that the
class gives it; an unknown key is an error. docs/recipes.md lists every key with its unit.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

from ..search_spaces import checks
from ..search_spaces.checks import InvalidValue, nearest, shown
from ..search_spaces.strict_yaml import load_mapping
from .recipe_keys import NUMBERS, check

FORMAT, VERSION = "effsearch-recipe", 1
FOLDER = Path(__file__).with_name("recipes")
BUILT_IN = ("proxy", "modern", "paper")
REFERENCE_BATCH = 256  # images that `learning_rate` is meant for
REFERENCE_SIZE = 32  # pixels that `pad` is meant for


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. InvalidValue names the key, the value and what is allowed.

    `batch` is the number of images a step of the optimiser, over all processes and accumulated parts together;
    `learning_rate` is meant for 256 images and scaled linearly (arXiv 1706.02677), see `learning_rate_at`.
    `norm_momentum` is PyTorch's: the weight of the new batch. Probabilities and fractions are from 0 to 1.
    """

    name: str
    epochs: int
    batch: int
    optimiser: str = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9  # the first beta of adamw
    weight_decay: float = 1e-4
    rmsprop_decay: float = 0.9
    epsilon: float = 1e-8  # rmsprop_tf and adamw
    nesterov: bool = False  # sgd
    clip_norm: float = 0.0  # largest norm of the gradient of all weights together; 0: not clipped
    schedule: str = "cosine"
    warmup_epochs: float = 0.0
    decay_rate: float = 0.97  # exponential: times this ...
    decay_epochs: float = 2.4  # ... every so many epochs
    final_fraction: float = 0.0  # cosine: ends at this part of the learning rate
    label_smoothing: float = 0.0
    ema: float = 0.0  # decay a step of the averaged weights; 0: none
    norm_momentum: float = 0.1
    norm_eps: float = 1e-3
    dropout: float | None = None
    drop_path: float | None = None
    resolution: int | None = None
    crop: str = "none"
    crop_scale: float = 0.08  # random_resized: smallest part of the area
    pad: int = 4  # pad: pixels at 32 px, scaled with the resolution
    flip: bool = False
    policy: str = "none"
    magnitude: float = 5.0  # randaugment: 10 is the whole range of each operation
    layers: int = 2  # randaugment: operations an image
    erasing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    precision: str = "auto"
    compile: bool = False
    accumulate: int = 1
    channels_last: bool = True

    def __post_init__(self) -> None:
        checks.text("name", self.name)
        for key, value in asdict(self).items():
            if key != "name":
                check(key, value)
            if key in NUMBERS and value is not None:
                object.__setattr__(self, key, float(value))  # 1 and 1.0 are one recipe
        self._check_together()

    def _check_together(self) -> None:
        if self.batch % self.accumulate:
            raise InvalidValue(f"accumulate is {self.accumulate}; it must divide the batch of {self.batch}")
        if self.nesterov and not self.momentum:
            raise InvalidValue("nesterov is true; it needs a momentum above 0")

    def learning_rate_at(self, batch: int | None = None) -> float:
        """The learning rate for `batch` images a step (None: the recipe's own batch): linear in them."""
        return self.learning_rate * (self.batch if batch is None else batch) / REFERENCE_BATCH

    def with_changes(self, **changes: Any) -> Recipe:
        """The recipe with other values, checked again. InvalidValue: an unknown key or a value out of range."""
        _known(changes, "recipe")
        return replace(self, **changes)

    @property
    def fingerprint(self) -> str:
        """16 hex digits of the content, without the name."""
        content = {key: value for key, value in asdict(self).items() if key != "name"}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def load(name_or_path: str | Path) -> Recipe:
    """ "proxy", "modern", "paper", or a .yaml, .yml or .json file. InvalidValue names the file, key and value."""
    path = Path(name_or_path)
    if str(name_or_path) in BUILT_IN:
        path = FOLDER / f"{name_or_path}.yaml"
    elif path.suffix.lower() not in (".yaml", ".yml", ".json"):
        raise InvalidValue(
            f"there is no recipe {shown(str(name_or_path))}; known: {', '.join(BUILT_IN)}, or a .yaml or .json file",
            hint=nearest(str(name_or_path), BUILT_IN),
        )
    return from_mapping(load_mapping(path), str(path))


def from_mapping(mapping: dict[str, Any], where: str = "recipe") -> Recipe:
    """Strict reading; `where` names the source in messages."""
    if mapping.get("format") != FORMAT:
        raise InvalidValue(f"{where}: format is {shown(mapping.get('format'))}; it must be {FORMAT}")
    version = mapping.get("version")
    if version != VERSION or not isinstance(version, int) or isinstance(version, bool):
        newer = isinstance(version, int) and version > VERSION
        raise InvalidValue(
            f"{where}: version is {shown(version)}; this program reads {VERSION}",
            hint="update effsearch to read it" if newer else None,
        )
    content = {key: value for key, value in mapping.items() if key not in ("format", "version")}
    _known(content, where)
    for field in fields(Recipe):
        if field.default is MISSING and field.name not in content:
            raise InvalidValue(f"{where}: {field.name} is missing")
    try:
        return Recipe(**content)
    except InvalidValue as error:
        raise InvalidValue(f"{where}: {error}", hint=error.hint) from None


def dumps(recipe: Recipe) -> str:
    """YAML text with every key, that `load` reads as an equal recipe."""
    text: str = yaml.safe_dump({"format": FORMAT, "version": VERSION, **asdict(recipe)}, sort_keys=False, width=10_000)
    return text


def _known(content: dict[str, Any], where: str) -> None:
    known = [field.name for field in fields(Recipe)]
    for key in content:
        if key not in known:
            raise InvalidValue(f"{where}: unknown key {shown(key)}; allowed: {', '.join(known)}", nearest(key, known))
