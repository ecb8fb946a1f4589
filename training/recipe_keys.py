"""What each key of a recipe may be."""

from __future__ import annotations

import yaml

from ..search_spaces import checks
from ..search_spaces.checks import InvalidValue, nearest, shown

CHOICES = {
    "optimiser": ("rmsprop_tf", "sgd", "adamw"),
    "schedule": ("exponential", "cosine", "constant"),
    "crop": ("random_resized", "pad", "none"),
    "policy": ("none", "autoaugment", "randaugment", "trivial"),
    "precision": ("auto", "fp32", "bf16"),
}
WHOLE = {
    "epochs": (1, 100_000),
    "batch": (1, 1_000_000),
    "resolution": (8, 4096),
    "pad": (0, 16),
    "layers": (1, 8),
    "accumulate": (1, 10_000),
}
NUMBERS = {
    "learning_rate": (1e-9, 100.0),
    "momentum": (0.0, 0.9999),
    "weight_decay": (0.0, 1.0),
    "rmsprop_decay": (0.0, 0.99999),
    "epsilon": (1e-12, 1.0),
    "clip_norm": (0.0, 1e6),
    "warmup_epochs": (0.0, 1000.0),
    "decay_rate": (1e-6, 1.0),
    "decay_epochs": (0.01, 1000.0),
    "final_fraction": (0.0, 1.0),
    "label_smoothing": (0.0, 0.9),
    "ema": (0.0, 0.999999),
    "norm_momentum": (1e-6, 1.0),
    "norm_eps": (1e-12, 1.0),
    "dropout": (0.0, 0.99),
    "drop_path": (0.0, 0.99),
    "crop_scale": (0.01, 1.0),
    "magnitude": (0.0, 10.0),
    "erasing": (0.0, 1.0),
    "mixup": (0.0, 10.0),
    "cutmix": (0.0, 10.0),
}
SWITCHES = ("nesterov", "flip", "compile", "channels_last")
OPTIONAL = ("resolution", "dropout", "drop_path")  # None: the architecture's own


def check(key: str, value: object) -> None:
    """InvalidValue, with what is allowed, where a recipe's `key` cannot be `value`. The name is the caller's."""
    if value is None and key in OPTIONAL:
        return
    hint = None
    try:
        if key in CHOICES:
            hint = nearest(str(value), CHOICES[key])
            checks.choice(key, value, CHOICES[key])
        elif key in WHOLE:
            checks.integer(key, value, *WHOLE[key])
        elif key in NUMBERS:
            hint = _exponent(value)
            checks.number(key, value, *NUMBERS[key])
        elif key in SWITCHES and not isinstance(value, bool):
            raise InvalidValue(f"{key} is {shown(value)}; it must be true or false")
    except InvalidValue as error:
        raise InvalidValue(str(error), hint) from None


def _exponent(value: object) -> str | None:
    """A hint for 1e-5, which YAML takes for text."""
    try:
        written = yaml.safe_dump(float(value)).splitlines()[0] if isinstance(value, str) else None
    except ValueError:
        return None
    return written and f"YAML reads this as text; write {written}"
