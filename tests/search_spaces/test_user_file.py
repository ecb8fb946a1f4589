"""file.py:name: the user's own objects, and errors that say in which line the file went wrong."""

import sys

import pytest

from effsearch.search_spaces import InvalidValue, SearchSpace, load
from effsearch.search_spaces.user_file import is_reference, load_object

SPACE = """
from dataclasses import replace
from effsearch.search_spaces import Dimension, SearchSpace, catalogue

BASE = catalogue.load("b0")

def build(point):
    return replace(BASE, resolution=point["resolution"])

space = SearchSpace("sizes", (Dimension("resolution", (192, 224)),), build)
number = 3
"""


@pytest.fixture(autouse=True)
def no_module_stays():
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("effsearch_user_"):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a Python file and goes to its folder; gives its absolute path."""
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> str:
        path = tmp_path / "mine.py"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def refusal(reference: str) -> InvalidValue:
    with pytest.raises(InvalidValue) as raised:
        load_object(reference, "an evaluator")
    assert "\n" not in str(raised.value)
    return raised.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file.py:name", True),
        ("/a/b.py:name", True),
        ("C:\\a\\b.py:name", True),
        ("my.file.py:name", True),
        ("mnasnet", False),
        ("file.py", False),
        ("supernet:path", False),
        ("file.pyc:name", False),
        ("", False),
    ],
)
def test_references_end_in_py_and_a_name(text, expected):
    assert is_reference(text) is expected


@pytest.mark.parametrize("relative", [False, True])
def test_a_good_object_is_given_back(write, relative):
    path = write(SPACE)
    assert load_object(f"{'mine.py' if relative else path}:number", "a number") == 3


def test_a_good_search_space_loads_by_reference(write):
    space = load(f"{write(SPACE)}:space")
    assert isinstance(space, SearchSpace)
    assert (space.name, space.size) == ("sizes", 2)
    assert space.decode({"resolution": 192}).resolution == 192


def test_classes_of_the_file_can_be_dataclasses_and_pickled(write):
    text = """
import dataclasses, pickle

@dataclasses.dataclass
class Mine:
    x: "int"

COPY = pickle.loads(pickle.dumps(Mine(1)))
"""
    assert load_object(f"{write(text)}:COPY", "a copy").x == 1


def test_a_missing_file_is_named_and_the_form_hinted(tmp_path):
    error = refusal(f"{tmp_path}/none.py:name")
    assert "there is no file" in str(error)
    assert "none.py" in str(error)
    assert error.hint == "an evaluator is written file.py:name"


def test_a_directory_is_no_file(tmp_path):
    (tmp_path / "folder.py").mkdir()
    assert "there is no file" in str(refusal(f"{tmp_path}/folder.py:name"))


@pytest.mark.parametrize("reference", ["mine.py:name", "./mine.py:name", "{path}:name"])
def test_a_file_that_raises_is_refused_with_error_and_line(write, reference):
    path = write("name = 1\n\nraise KeyError('missing')\n")
    message = str(refusal(reference.format(path=path)))
    assert "mine.py raises KeyError in line 3: 'missing'" in message


@pytest.mark.parametrize("reference", ["mine.py:name", "{path}:name"])
def test_the_line_is_that_of_the_users_file_even_if_the_error_comes_from_elsewhere(write, reference):
    path = write("import json\n\n\nname = json.loads('{')\n")
    assert "JSONDecodeError in line 4" in str(refusal(reference.format(path=path)))


@pytest.mark.parametrize("reference", ["mine.py:name", "{path}:name"])
def test_a_syntax_error_is_refused_with_its_line(write, reference):
    path = write("name = 1\nother = (\n")
    assert "mine.py raises SyntaxError in line 2" in str(refusal(reference.format(path=path)))


def test_an_import_that_fails_is_named(write):
    message = str(refusal(f"{write('import no_such_module_here')}:name"))
    assert "ModuleNotFoundError in line 1: No module named 'no_such_module_here'" in message


@pytest.mark.parametrize(
    "text", ["a = '\0'", "raise Exception", "raise ValueError('a' * 1000 + '\\n' * 10)", "def f(): f()\nf()"]
)
def test_other_broken_files_are_refused_in_one_short_line(write, text):
    path = write(text)
    assert len(str(refusal(f"{path}:name")).replace(path, "")) < 300


def test_a_file_that_ends_the_program_is_refused(write):
    """A script without `if __name__ == "__main__"` would end effsearch without a word."""
    path = write("import sys\nsys.exit(3)\n")
    message = str(refusal(f"{path}:name"))
    assert "SystemExit in line 2" in message


def test_a_missing_name_is_refused_with_the_nearest(write):
    error = refusal(f"{write('accuracy = 1')}:acuracy")
    assert "mine.py has no 'acuracy' to be an evaluator" in str(error)
    assert error.hint == "did you mean accuracy?"
    assert refusal(f"{write('accuracy = 1')}:zzz").hint is None


def test_a_file_that_failed_can_be_mended_and_loaded(write):
    refusal(f"{write('name = 1 / 0')}:name")
    assert load_object(f"{write('name = 1234')}:name", "a number") == 1234


def test_two_files_of_one_name_are_two_modules(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.py").write_text(f"def name(): return '{folder}'\n")
    first, second = (load_object(f"{tmp_path}/{folder}/same.py:name", "a function") for folder in ("a", "b"))
    assert (first(), second()) == ("a", "b")


@pytest.mark.parametrize(("name", "kind"), [("number", "int"), ("build", "function"), ("SearchSpace", "type")])
def test_what_is_no_search_space_is_refused_by_its_type(write, name, kind):
    path = write(SPACE)
    with pytest.raises(InvalidValue) as raised:
        load(f"{path}:{name}")
    message = str(raised.value)
    assert message == f"{path}:{name} is '{kind}'; it must be an effsearch.search_spaces.SearchSpace"


def test_a_mistyped_search_space_gets_the_nearest_name(write):
    with pytest.raises(InvalidValue, match="has no 'spcae' to be a search space") as raised:
        load(f"{write(SPACE)}:spcae")
    assert raised.value.hint == "did you mean space?"
