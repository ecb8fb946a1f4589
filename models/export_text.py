"""Lines of Python as `ruff format` leaves them with its default settings, 88 columns."""

from __future__ import annotations

from collections.abc import Iterable

WIDTH = 88


def call(opening: str, arguments: Iterable[str], indent: int = 0, closing: str = ")") -> str:
    """`opening(arguments)`, on one line where it fits, else the arguments on one line, else one on each."""
    given, space = list(arguments), " " * indent
    line = f"{space}{opening}({', '.join(given)}{closing}"
    inside = f"{space}    {', '.join(given)}"
    if len(line) <= WIDTH and "\n" not in line:
        return line
    if len(inside) <= WIDTH and "\n" not in inside:
        return f"{space}{opening}(\n{inside}\n{space}{closing}"
    return exploded(opening, given, indent, closing)


def exploded(opening: str, arguments: Iterable[str], indent: int = 0, closing: str = ")") -> str:
    """One argument a line."""
    space = " " * indent
    lines = "".join(f"{space}    {argument},\n" for argument in arguments)
    return f"{space}{opening}(\n{lines}{space}{closing}"


def listed(opening: str, items: Iterable[str], indent: int = 0, closing: str = "]") -> str:
    """`opening` items `closing` on one line where they fit, else one item a line."""
    given, space = list(items), " " * indent
    line = f"{space}{opening}{', '.join(given)}{closing}"
    if len(line) < WIDTH and "\n" not in line:  # one column for a comma behind it
        return line
    lines = "".join(f"{space}    {item},\n" for item in given)
    return f"{space}{opening}\n{lines}{space}{closing}"


def text(value: str) -> str:
    """A string literal; double quotes, but where single ones save a backslash."""
    literal = repr(value)
    if literal.startswith('"'):
        return literal
    body = literal[1:-1].replace("\\'", "'")
    if body.count('"') > body.count("'"):
        return literal
    return '"' + body.replace('"', '\\"') + '"'


def constant(name: str, values: Iterable[str | float]) -> str:
    """NAME = (value, ...), one value a line where they do not fit on one."""
    literals = [text(value) if isinstance(value, str) else repr(float(value)) for value in values]
    if len(literals) == 1:
        return f"{name} = ({literals[0]},)"
    return listed(f"{name} = (", literals, closing=")")
