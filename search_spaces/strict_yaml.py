"""YAML and JSON from anywhere: plain mappings, lists, text and numbers of a bounded size, no key twice."""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from .checks import InvalidValue, shown

LARGEST = 1_000_000  # bytes
DEEPEST = 30  # nested mappings and lists


def load_mapping(path: str | Path, *, largest: int = LARGEST) -> dict[str, Any]:
    """The mapping that a .yaml, .yml or .json file holds. InvalidValue names the file and the place."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise InvalidValue(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:  # a path that no system could hold
        raise InvalidValue(f"cannot read {shown(str(path))}: {error}") from None
    if len(content) > largest:
        raise InvalidValue(f"{path} is larger than {largest:,} bytes; that is no file of this kind")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidValue(f"{path} is not UTF-8 text (byte {error.start})") from None
    return parse_mapping(text, where=str(path), is_json=path.suffix.lower() == ".json")


def parse_mapping(text: str, *, where: str = "text", is_json: bool = False) -> dict[str, Any]:
    """The same from text; `where` names it in messages."""
    try:
        value = json.loads(text, object_pairs_hook=_unique) if is_json else _parse_yaml(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" in line {mark.line + 1}" if mark else ""
        raise InvalidValue(f"{where} is no plain YAML{place}: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        first = str(error).splitlines()[0]
        raise InvalidValue(f"{where} is no plain {'JSON' if is_json else 'YAML'}: {first:.150}") from None
    except RecursionError:
        raise InvalidValue(f"{where} is nested too deeply") from None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InvalidValue(f"{where} holds {shown(value)}; it must be a mapping with text as keys")
    return value


class _PlainLoader(yaml.SafeLoader):
    """SafeLoader without tags, anchors and repeated keys, and with a limit on the depth."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        problem = None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            problem = "anchors and aliases are not allowed"
        elif getattr(event, "tag", None):
            problem = f"the tag {event.tag!r:.60} is not allowed"
        elif self.depth > DEEPEST:
            problem = f"more than {DEEPEST} levels of nesting are not allowed"
        if problem:
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(None, None, "the merge key << is not allowed", key.start_mark)
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                problem = f"key {key.value!r:.60} stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


def _parse_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_PlainLoader)  # noqa: S506  (a SafeLoader)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError("a key stands twice")
    return mapping
