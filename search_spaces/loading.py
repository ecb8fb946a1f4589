"""Spaces and networks by what people write on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import catalogue, codec
from .architecture import Architecture
from .checks import InvalidValue, nearest, shown
from .mnasnet import mnasnet, mnasnet_b0
from .space import SearchSpace
from .user_file import is_reference, load_object

SPACES = {"mnasnet": mnasnet, "mnasnet-b0": mnasnet_b0}


def load_space(name: str, **options: Any) -> SearchSpace:
    """ "mnasnet" (option `reference`), "mnasnet-b0", or "file.py:name", a SearchSpace of the user's own."""
    if is_reference(name):
        _refuse(name, options)
        space = load_object(name, "a search space")
        if not isinstance(space, SearchSpace):
            raise InvalidValue(
                f"{name} is {shown(type(space).__name__)}; it must be an effsearch.search_spaces.SearchSpace"
            )
        return space
    if name not in SPACES:
        raise InvalidValue(
            f"there is no search space {shown(name)}; known: {', '.join(SPACES)}, or file.py:name",
            hint=nearest(name, SPACES),
        )
    _refuse(name, {option: value for option, value in options.items() if (name, option) != ("mnasnet", "reference")})
    return SPACES[name](**options)


def _refuse(name: str, options: dict[str, Any]) -> None:
    for option in options:
        raise InvalidValue(f"the search space {name} has no option {shown(option)}")


def load_network(name: str) -> Architecture:
    """A catalogue name ("b0"), or a .yaml, .yml or .json file."""
    path = Path(name)
    if not name.strip():
        raise InvalidValue("the network has no name", hint="give one of the catalogue, such as b0, or a file")
    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        return codec.load(name)
    if path.is_dir():
        found = next((one for one in (path / "selected" / "budget.yaml", path / "base.yaml") if one.is_file()), None)
        raise InvalidValue(f"{name} is a folder; a network is a file or a name", hint=f"try {found}" if found else None)
    if len(path.parts) > 1 or path.suffix:
        raise InvalidValue(
            f"there is no network {shown(name)}: a file of one ends in .yaml, .yml or .json"
            + ("" if path.exists() else ", and this one does not exist")
        )
    return catalogue.load(name)
