"""Networks in words, short enough for a table."""

from __future__ import annotations

from ..search_spaces.architecture import Architecture, Head, Stage, Stem

OPERATIONS = {"sepconv": "SepConv", "conv": "Conv", "basic": "Basic", "bottleneck": "Bottleneck"}
COMPARED = ("operation", "expand", "kernel", "stride", "channels", "repeats", "se_ratio", "skip", "activation")


def stage_label(stage: Stage) -> str:
    """ "MBConv6 k5 40 x2 /2 SE": kind and expansion, kernel, channels, layers, stride 2, squeeze-and-excitation."""
    kind = f"MBConv{stage.expand:g}" if stage.operation == "mbconv" else OPERATIONS[stage.operation]
    parts = [kind, f"k{stage.kernel}", str(stage.channels), f"x{stage.repeats}"]
    parts += ["/2"] if stage.stride == 2 else []
    parts += ["SE"] if stage.se_ratio else []
    parts += [] if stage.skip == "identity" else [f"skip {stage.skip}"]
    return " ".join(parts)


def stem_label(stem: Stem) -> str:
    return f"Conv k{stem.kernel} {stem.channels} /{stem.stride}" + (" max pool /2" if stem.pool == "max" else "")


def head_label(head: Head, classes: int) -> str:
    parts = [f"Conv k1 {head.channels}"] if head.channels else []
    parts += ["pool"]
    parts += [f"dense {head.hidden}"] if head.hidden else []
    return ", ".join([*parts, f"dense {classes}"])


def stage_labels(architecture: Architecture) -> tuple[str, ...]:
    """Stem, stages, head: as many as `cost.stage_costs` gives."""
    return (
        stem_label(architecture.stem),
        *(stage_label(stage) for stage in architecture.stages),
        head_label(architecture.head, architecture.classes),
    )


def differences(first: Stage, second: Stage) -> str:
    """ "kernel 5 / 3, repeats 1 / 2": the first's value and the second's, where they differ; "" for equal stages."""
    pairs = [(name, getattr(first, name), getattr(second, name)) for name in COMPARED]
    return ", ".join(f"{_words(name)} {_shown(a)} / {_shown(b)}" for name, a, b in pairs if a != b)


def _words(name: str) -> str:
    return {"se_ratio": "SE", "repeats": "layers"}.get(name, name)


def _shown(value: object) -> str:
    if value == 0 and not isinstance(value, bool):
        return "none"
    return f"{value:g}" if isinstance(value, int | float) else str(value)
