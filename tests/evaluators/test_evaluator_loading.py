"""Evaluators by name, and what a mistyped name or option is told."""

import pytest

from effsearch import evaluators
from effsearch.evaluators.capacity import Capacity
from effsearch.evaluators.surrogate import Surrogate
from effsearch.evaluators.user import UserEvaluator
from effsearch.records.errors import UserError
from effsearch.search_spaces import InvalidValue


def test_evaluators_are_loaded_by_name():
    assert isinstance(evaluators.load("capacity"), Capacity)
    assert isinstance(evaluators.load("surrogate"), Surrogate)
    assert evaluators.load("surrogate").epochs == 50
    assert evaluators.load("surrogate", epochs=16).epochs == 16


def test_a_reference_to_a_file_is_a_users_own(tmp_path):
    (tmp_path / "mine.py").write_text("def rate(architecture):\n    pass\n")
    assert isinstance(evaluators.load(f"{tmp_path / 'mine.py'}:rate"), UserEvaluator)


@pytest.mark.parametrize(
    ("name", "meant"), [("surogate", "surrogate"), ("Surrogate", "surrogate"), ("capcity", "capacity")]
)
def test_a_mistyped_name_is_named_with_what_is_known_and_a_hint(name, meant):
    with pytest.raises(
        UserError, match=rf"no evaluator '{name}'; known: surrogate, capacity, train, or file\.py"
    ) as caught:
        evaluators.load(name)
    assert caught.value.hint == f"did you mean {meant}?"


@pytest.mark.parametrize("name", ["", "xyzzy", ":", "file.txt:function", "surrogate "])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(UserError, match="there is no evaluator"):
        evaluators.load(name)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("surrogate", {"epoch": 50}, "the evaluator surrogate has no option 'epoch'; it takes epochs"),
        ("surrogate", {"epochs": 16, "seed": 1}, "the evaluator surrogate has no option 'seed'"),
        ("surrogate", {"epochs": 30}, "epochs is 30; .*50 .*16"),
        ("capacity", {"epochs": 50}, "the evaluator capacity has no option 'epochs'; it takes none"),
    ],
)
def test_an_unknown_option_or_value_is_refused(name, options, message):
    with pytest.raises(UserError, match=message):
        evaluators.load(name, **options)


def test_a_missing_file_and_a_missing_name_are_named(tmp_path):
    with pytest.raises((UserError, InvalidValue), match=r"no file .*nothing\.py' for an evaluator"):
        evaluators.load(f"{tmp_path / 'nothing.py'}:rate")
    (tmp_path / "mine.py").write_text("def rate(architecture):\n    pass\n")
    with pytest.raises((UserError, InvalidValue), match=r"mine\.py has no 'rat'") as caught:
        evaluators.load(f"{tmp_path / 'mine.py'}:rat")
    assert caught.value.hint == "did you mean rate?"


def test_the_package_names_what_it_does_not_have():
    with pytest.raises(AttributeError, match="nothing_of_this_name"):
        _ = evaluators.nothing_of_this_name
    assert all(getattr(evaluators, name) for name in evaluators.__all__)
