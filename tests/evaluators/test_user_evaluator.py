"""A user's own evaluator: every form that works, every wrong result refused by file and value."""

import math
import re
import time

import pytest

from effsearch.evaluators import Evaluation, Repeated, load
from effsearch.records.errors import UserError
from effsearch.search_spaces import catalogue

B0 = catalogue.load("b0")


@pytest.fixture
def written(tmp_path):
    """Writes a user's file and gives `file.py:name`."""

    def written(code, name="rate"):
        path = tmp_path / "mine.py"
        path.write_text(f"import functools\nimport math\nfrom effsearch.evaluators import Evaluation\n{code}\n")
        return f"{path}:{name}"

    return written


def test_a_function_with_a_seed_gets_it(written):
    reference = written("def rate(architecture, *, seed=0):\n    return Evaluation(50.0 + seed, seed=seed)")
    result = load(reference)(B0, seed=7)
    assert (result.accuracy, result.seed) == (57.0, 7)


def test_a_function_without_a_seed_is_called_without(written):
    reference = written("def rate(architecture):\n    return Evaluation(architecture.resolution / 10)")
    assert load(reference)(B0, seed=7).accuracy == 22.4


def test_the_seed_is_noted_even_where_the_function_does_not_take_it(written):
    reference = written("def rate(architecture):\n    return Evaluation(50.0)")
    assert load(reference)(B0, seed=7).seed == 7


@pytest.mark.parametrize(
    "code",
    [
        "rate = lambda architecture, seed: Evaluation(50.0 + seed)",
        "def rate(architecture, **anything):\n    return Evaluation(50.0 + anything['seed'])",
        "def f(network, bonus, seed):\n    return Evaluation(bonus + seed)\nrate = functools.partial(f, bonus=50)",
        "class Rate:\n    def __call__(self, network, *, seed):\n        return Evaluation(50.0 + seed)\nrate = Rate()",
        "class rate:\n    def __call__(self, network, *, seed):\n        return Evaluation(50.0 + seed)",
    ],
    ids=["lambda", "keywords", "partial", "object", "class"],
)
def test_every_callable_gets_the_seed_it_takes(written, code):
    assert load(written(code))(B0, seed=3).accuracy == 53.0


CLASS = """
class rate:
    def __init__(self, accuracy=50.0, bonus=0.0):
        self.accuracy = accuracy + bonus
    def __call__(self, architecture):
        return Evaluation(self.accuracy)
"""


def test_a_class_gets_the_options_and_is_made_once(written):
    evaluator = load(written(CLASS), accuracy=60.0, bonus=2.0)
    assert [evaluator(B0).accuracy for _ in range(2)] == [62.0, 62.0]
    assert load(written(CLASS))(B0).accuracy == 50.0


def test_an_option_that_the_class_does_not_take_is_refused_by_name(written):
    with pytest.raises(UserError, match=r"mine\.py:rate.*bonsu"):
        load(written(CLASS), bonsu=2.0)


def test_options_to_a_function_are_refused_by_name(written):
    with pytest.raises(UserError, match=r"mine\.py:rate is a function and takes no options: accuracy, bonus"):
        load(written("def rate(architecture):\n    pass"), accuracy=60.0, bonus=1.0)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("rate = 3", "int"),
        ("rate = 'surrogate'", "str"),
        ("rate = Evaluation(50.0)", "Evaluation"),
        ("rate = None", "None"),
    ],
)
def test_what_cannot_be_called_is_refused(written, code, kind):
    with pytest.raises(UserError, match=rf"mine\.py:rate is .*{kind}.*; it must be callable"):
        load(written(code))


def test_a_class_whose_objects_cannot_be_called_is_refused(written):
    with pytest.raises(UserError, match=r"mine\.py:rate is 'rate'; it must be callable"):
        load(written("class rate:\n    pass"))


@pytest.mark.parametrize(
    ("result", "shown", "kind"),
    [
        ("'76.3'", "'76.3'", "str"),
        ("None", "None", "NoneType"),
        ("76.3", "76.3", "float"),
        ("True", "True", "bool"),
        ("{'accuracy': 76.3}", "{'accuracy': 76.3}", "dict"),
        ("(76.3, 0.1)", "(76.3, 0.1)", "tuple"),
        ("Evaluation", "", "type"),
    ],
)
def test_a_result_that_is_no_evaluation_is_refused_by_file_and_value(written, result, shown, kind):
    evaluator = load(written(f"def rate(architecture):\n    return {result}"))
    with pytest.raises(UserError, match=rf"mine\.py:rate returned .*{re.escape(shown)}.* {kind}; it must be") as caught:
        evaluator(B0)
    assert "Evaluation(accuracy=...)" in caught.value.hint


@pytest.mark.parametrize(
    ("accuracy", "shown"),
    [
        ("math.nan", "nan"),
        ("math.inf", "inf"),
        ("101", "101"),
        ("100.0001", "100.0001"),
        ("-0.5", "-0.5"),
        ("True", "True"),
        ("'76.3'", "'76.3'"),
        ("None", "None"),
        ("[76.3]", "[76.3]"),
        ("76.3 + 0j", "(76.3+0j)"),
    ],
)
def test_an_accuracy_that_is_no_percentage_is_refused_by_file_and_value(written, accuracy, shown):
    evaluator = load(written(f"def rate(architecture):\n    return Evaluation({accuracy})"))
    with pytest.raises(
        UserError, match=rf"mine\.py:rate returned the accuracy {re.escape(shown)}; .* 0 to 100"
    ) as caught:
        evaluator(B0)
    assert "Evaluation.failed" in caught.value.hint


@pytest.mark.parametrize("accuracy", ["0", "100", "0.0", "100.0", "__import__('numpy').float64(76.3)"])
def test_percentages_up_to_both_ends_are_taken(written, accuracy):
    evaluator = load(written(f"def rate(architecture):\n    return Evaluation({accuracy})"))
    assert 0 <= evaluator(B0).accuracy <= 100


@pytest.mark.parametrize("std", ["'0.3'", "math.nan", "math.inf", "-0.1"])
def test_a_std_that_is_none_is_refused(written, std):
    """It would break the ledger's strict JSON, or the noise added to it, long after."""
    evaluator = load(written(f"def rate(architecture):\n    return Evaluation(70.0, std={std})"))
    with pytest.raises(UserError, match=r"mine\.py:rate returned .*std"):
        evaluator(B0)


def test_a_returned_failure_is_taken(written):
    result = load(written("def rate(architecture):\n    return Evaluation.failed('diverged')"))(B0)
    assert result.failure == "diverged"
    assert math.isnan(result.accuracy)
    assert result.source.endswith("mine.py:rate")


@pytest.mark.parametrize("error", ["ValueError('mine')", "KeyboardInterrupt()", "MemoryError()"])
def test_what_the_function_raises_passes_through(written, error):
    evaluator = load(written(f"def rate(architecture):\n    raise {error}"))
    with pytest.raises(type(eval(error))):  # noqa: S307 (a literal of this test)
        evaluator(B0)


def test_seconds_and_source_are_filled_in(written):
    reference = written("import time\ndef rate(architecture):\n    time.sleep(0.02)\n    return Evaluation(50.0)")
    started = time.perf_counter()
    result = load(reference)(B0)
    assert 0.02 <= result.seconds <= time.perf_counter() - started
    assert result.source == reference


def test_seconds_and_source_are_not_overwritten(written):
    reference = written("def rate(architecture):\n    return Evaluation(50.0, std=0.2, seconds=123.0, source='my lab')")
    result = load(reference)(B0)
    assert (result.seconds, result.source, result.std) == (123.0, "my lab", 0.2)


def test_a_file_that_raises_is_named_with_the_line(written):
    with pytest.raises(Exception, match=r"mine\.py raises ZeroDivisionError in line 4") as caught:
        load(written("rate = 1 / 0"))
    assert type(caught.value).__name__ in ("UserError", "InvalidValue")


def test_wrappers_take_a_users_evaluator(written):
    reference = written("def rate(architecture, seed):\n    return Evaluation(50.0 + seed)")
    result = Repeated(load(reference), 3)(B0, seed=1)
    assert isinstance(result, Evaluation)
    assert result.accuracy == 54.0
