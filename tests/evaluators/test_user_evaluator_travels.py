"""A user's evaluator in another process: its file's text goes along, and is run there as it was read here."""

import pickle
import sys

import pytest

from effsearch.evaluators import Noisy, load
from effsearch.records.errors import UserError
from effsearch.search_spaces import catalogue

B0 = catalogue.load("b0")
CODE = """
from dataclasses import dataclass
from pathlib import Path
from effsearch.evaluators import Evaluation

@dataclass
class Rating:
    bonus: float = 0.0
    def __call__(self, architecture, *, seed=0):
        return Evaluation(50.0 + self.bonus + seed, fidelity=str(Path(__file__)))

def rate(architecture): return Evaluation(60.0)
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(CODE)
    return path


def travelled(evaluator):
    """As another process has it, which never ran the file."""
    data = pickle.dumps(evaluator)
    for name in [name for name in sys.modules if name.startswith("effsearch_user_")]:
        del sys.modules[name]
    return pickle.loads(data)  # noqa: S301


def test_it_rates_alike_without_its_file(path):
    evaluator = load(f"{path}:Rating", bonus=2.0)
    path.unlink()
    copy = travelled(evaluator)
    result, expected = copy(B0, seed=3), evaluator(B0, seed=3)
    assert (result.accuracy, result.source) == (expected.accuracy, expected.source) == (55.0, f"{path}:Rating")
    assert result.fidelity == str(path)
    assert travelled(copy)(B0).accuracy == 52.0  # and on to the next


def test_the_name_it_was_given_by_stays_although_the_path_is_made_absolute(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    evaluator = load("mine.py:rate")
    monkeypatch.chdir("/")
    assert travelled(evaluator)(B0).source == "mine.py:rate"


def test_a_file_that_is_edited_meanwhile_is_not_run_in_its_new_form(path):
    evaluator = load(f"{path}:rate")
    path.write_text(CODE.replace("60.0", "10.0"))
    assert travelled(evaluator)(B0).accuracy == 60.0


def test_wrappers_take_it_along(path):
    evaluator = Noisy(load(f"{path}:rate"), 1.0)
    path.unlink()
    assert travelled(evaluator)(B0).accuracy == evaluator(B0).accuracy


def test_what_it_imports_from_beside_it_must_be_there(path, monkeypatch):
    (path.parent / "beside.py").write_text("three = 3")
    path.write_text("import beside\n" + CODE)
    with monkeypatch.context() as here_only:
        here_only.syspath_prepend(path.parent)
        evaluator = load(f"{path}:rate")
    sys.modules.pop("beside", None)
    with pytest.raises(UserError, match=r"mine\.py raises ModuleNotFoundError: .*beside") as raised:
        travelled(evaluator)
    assert "PYTHONPATH" in raised.value.hint
