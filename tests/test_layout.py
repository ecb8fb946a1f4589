"""The layers of the package: who may import whom, what is light to import, and that the packaging lists it all."""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOT_OURS = {"tests", "build", "dist", "runs"}

# Layer -> the others that it may import
BASE = {"records", "search_spaces"}
UP_TO_EVALUATORS = BASE | {"models", "training", "evaluators"}
MAY_IMPORT = {
    "records": set(),
    "search_spaces": set(),
    "reports": BASE,
    "models": BASE,
    "training": BASE | {"models"},
    "evaluators": BASE | {"models", "training"},
    "workers": UP_TO_EVALUATORS,
    "nas": UP_TO_EVALUATORS | {"workers"},
    "grid_search": UP_TO_EVALUATORS | {"workers"},
    "experiments": UP_TO_EVALUATORS | {"workers", "nas", "grid_search", "reports"},
}
# The command line and the public names may import everything, but not before it is asked for; nobody imports them.
TOP = ("__init__.py", "cli.py", "commands/")
# Library -> the folders and files that may import it
ONLY_IN = {
    **dict.fromkeys(("torch", "torchvision", "fvcore"), ("models/", "training/", "evaluators/", "experiments/")),
    "optuna": ("nas/",),
    "ray": ("workers/ray.py", "workers/ray_workers.py", "grid_search/tune.py"),
}
# Layer -> all the libraries besides the standard one that it may import
LIBRARIES = {"records": set(), "search_spaces": {"numpy", "yaml"}}
HEAVY = {"torch", "ray", "optuna", "sklearn", "pandas", "matplotlib", "plotly"}
OPTIONAL = {"ray"}  # what an installation may do without


def package_folders(folder: Path = ROOT) -> Iterator[str]:
    """Folders with an __init__.py, as dotted names below effsearch; "" for the root itself."""
    if (folder / "__init__.py").is_file():
        yield ".".join(folder.relative_to(ROOT).parts)
        for inner in sorted(folder.iterdir()):
            if inner.is_dir() and inner.name not in NOT_OURS and not inner.name.startswith("."):
                yield from package_folders(inner)


PACKAGES = sorted(set(package_folders()))
SOURCES = sorted(ROOT.glob("*.py")) + sorted(
    path for package in PACKAGES if package and "." not in package for path in (ROOT / package).rglob("*.py")
)


def imports(source: str, file: str) -> Iterator[tuple[str, bool]]:
    """(module, lazily) of every import in a source; modules of ours as effsearch.x.y. Lazily: inside a function, or
    for a type checker only. A literal import_module("...") is an import too."""
    package = ["effsearch", *Path(file).parent.parts]

    def absolute(level: int, module: str) -> str:
        base = package[: len(package) - level + 1] if level else []
        return ".".join([*base, *module.split(".")] if module else base) or "nothing"

    def walk(node: ast.AST, lazily: bool) -> Iterator[tuple[str, bool]]:
        if isinstance(node, ast.Import):
            yield from ((alias.name, lazily) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = absolute(node.level, node.module or "")
            if module == "effsearch":  # from .. import records
                yield from ((f"effsearch.{alias.name}", lazily) for alias in node.names)
            else:
                yield module, lazily
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if function in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                name = node.args[0].value
                yield absolute(len(name) - len(name.lstrip(".")), name.lstrip(".")), lazily
        for child in ast.iter_child_nodes(node):
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            typed = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) and child not in node.orelse
            yield from walk(child, lazily or inside or typed)

    yield from walk(ast.parse(source), False)


def complaints(source: str, file: str) -> list[str]:
    """What the imports of a file (its path below the root) do that the table does not allow."""
    layer = Path(file).parts[0]
    found = []
    for module, lazily in imports(source, file):
        top, _, rest = module.partition(".")
        ours = rest.partition(".")[0]
        if file.startswith(TOP):
            light = ours in {"commands", *BASE} if top == "effsearch" else top not in ONLY_IN and top not in HEAVY
            if not lazily and not light:
                found.append(f"{file} imports {module} outside of a function")
        elif top == "effsearch":
            if ours not in MAY_IMPORT[layer] | {layer}:
                found.append(f"{file} imports {module}; {layer} may import {sorted(MAY_IMPORT[layer]) or 'nothing'}")
        elif top in MAY_IMPORT:
            found.append(f"{file} imports {module}, which exists as effsearch.{module} only")
        elif not file.startswith(ONLY_IN.get(top, "")):
            found.append(f"{file} imports {module}; only {', '.join(ONLY_IN[top])} may")
        elif layer in LIBRARIES and top not in LIBRARIES[layer] | sys.stdlib_module_names:
            found.append(f"{file} imports {module}; {layer} needs {sorted(LIBRARIES[layer]) or 'nothing'} only")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_one_way(path):
    assert complaints(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()) == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("records/ledger.py", "from ..search_spaces import checks"),
        ("records/ledger.py", "import numpy"),
        ("search_spaces/cost.py", "from ..records.errors import UserError"),
        ("search_spaces/cost.py", "import effsearch.records"),
        ("search_spaces/cost.py", "from effsearch import models"),
        ("search_spaces/cost.py", "def f():\n    import pandas"),
        ("search_spaces/cost.py", "import torch.nn as nn"),
        ("models/build.py", "from .. import evaluators"),
        ("models/build.py", "import optuna"),
        ("evaluators/training.py", "from ..workers.local import Executor"),
        ("evaluators/training.py", "async def f():\n    from .. import nas"),
        ("workers/local.py", "import ray"),
        ("workers/jobs.py", "import ray"),
        ("workers/local.py", "import torch"),
        ("nas/loop.py", "from ..grid_search import family"),
        ("nas/loop.py", "import_module('..grid_search', __package__)"),
        ("nas/loop.py", "if TYPE_CHECKING:\n    import torch"),
        ("nas/loop.py", "import importlib\nimportlib.import_module('ray.tune')"),
        ("nas/loop.py", "from ..cli import app"),
        ("nas/loop.py", "from records import ledger"),
        ("grid_search/grid.py", "from ..nas import search"),
        ("grid_search/grid.py", "from ray import tune"),
        ("reports/page.py", "from ..nas.pareto import front"),
        ("reports/page.py", "from ..models import build"),
        ("reports/inner/page.py", "from ... import nas"),
        ("cli.py", "from .nas import search"),
        ("cli.py", "import torch"),
        ("cli.py", "import pandas"),
        ("commands/nas.py", "from ..nas import search"),
        ("commands/nas.py", "import torch"),
        ("experiments/fit.py", "from ..commands import nas"),
        ("__init__.py", "from . import models"),
        ("__init__.py", "if not TYPE_CHECKING:\n    pass\nelse:\n    pass\nimport optuna"),
    ],
)
def test_a_forbidden_import_would_be_noticed(file, source):
    assert complaints(source, file)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("records/ledger.py", "import json\nfrom .errors import UserError\nfrom . import atomic"),
        ("search_spaces/cost.py", "import numpy as np\nimport yaml\nfrom effsearch.search_spaces import checks"),
        ("models/build.py", "from torch import nn\nfrom ..search_spaces.cost import cost"),
        ("workers/ray.py", "import ray\nfrom .ray import x"),
        ("workers/local.py", "from .ray import RayExecutor"),
        ("grid_search/tune.py", "from ray import tune"),
        ("nas/samplers.py", "import optuna\nfrom ..workers.local import Executor"),
        ("experiments/fit.py", "import torch\nfrom .. import nas, grid_search, reports"),
        ("reports/page.py", "import pandas\nfrom ..records import ledger\nfrom ..search_spaces import codec"),
        ("cli.py", "import typer\nfrom .search_spaces import InvalidValue\ndef f():\n    from .commands import nas"),
        ("commands/nas.py", "from ..records import errors\nfrom .options import x\ndef f():\n    import torch"),
        ("__init__.py", "if TYPE_CHECKING:\n    from . import nas\ndef f(): import torch"),
    ],
)
def test_an_allowed_import_passes(file, source):
    assert complaints(source, file) == []


def test_the_packaging_lists_exactly_the_folders_with_an_init():
    tomllib = pytest.importorskip("tomllib")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert settings["package-dir"] == {"effsearch": "."}
    assert sorted(settings["packages"]) == [f"effsearch.{name}".removesuffix(".") for name in PACKAGES]


def test_every_python_file_is_in_a_listed_package():
    """A folder without __init__.py would be left out of the wheel without a word."""
    folders = {path.parent for path in ROOT.glob("[!.]*/**/*.py") if path.relative_to(ROOT).parts[0] not in NOT_OURS}
    assert {".".join(folder.relative_to(ROOT).parts) for folder in folders} == set(PACKAGES) - {""}


def test_every_package_has_its_place_among_the_layers():
    assert {package.partition(".")[0] for package in PACKAGES} - {"", "commands"} <= set(MAY_IMPORT)


def test_no_name_at_the_top_shadows_the_standard_library():
    names = {path.stem for path in ROOT.glob("*.py")} | {path.name for path in ROOT.iterdir() if path.is_dir()}
    assert names
    assert names & sys.stdlib_module_names == set()


@pytest.mark.parametrize("package", [*PACKAGES, "cli"], ids=lambda package: package or "effsearch")
def test_importing_a_package_or_the_command_line_imports_nothing_heavy(package, tmp_path):
    module = f"effsearch.{package}".removesuffix(".")
    code = f"import json, sys; import {module}; print(json.dumps(list(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, check=True, capture_output=True, text=True
    )
    imported = set(json.loads(done.stdout))
    assert module in imported
    assert imported & HEAVY == set()


@pytest.mark.slow  # imports torch and optuna
@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package or "effsearch")
def test_every_public_name_resolves(package):
    module = importlib.import_module(f"effsearch.{package}".removesuffix("."))
    names = getattr(module, "__all__", ())
    assert len(set(names)) == len(names)
    for name in names:
        try:
            assert getattr(module, name) is not None
        except ModuleNotFoundError as error:
            assert error.name in OPTIONAL  # noqa: PT017
    with pytest.raises(AttributeError):
        module.no_such_name  # noqa: B018
