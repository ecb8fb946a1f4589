"""Recipes: the three that come along, strict reading, checks, and what the fingerprint depends on."""

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from effsearch.search_spaces.checks import InvalidValue
from effsearch.training import recipe as recipes
from effsearch.training.recipe import BUILT_IN, Recipe
from effsearch.training.recipe_keys import CHOICES, NUMBERS, OPTIONAL, SWITCHES, WHOLE

SMALLEST = "format: effsearch-recipe\nversion: 1\nname: mine\nepochs: 10\nbatch: 64\n"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "recipes.md"


def read(tmp_path: Path, text: str | bytes) -> Recipe:
    path = tmp_path / "mine.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return recipes.load(path)


@st.composite
def any_recipe(draw: st.DrawFn) -> Recipe:
    values: dict[str, object] = {key: draw(st.sampled_from(allowed)) for key, allowed in CHOICES.items()}
    values |= {key: draw(st.integers(*span)) for key, span in WHOLE.items()}
    values |= {key: draw(st.floats(*span)) for key, span in NUMBERS.items()}
    values |= {key: draw(st.booleans()) for key in SWITCHES}
    values |= {key: None for key in OPTIONAL if draw(st.booleans())}
    values |= {"accumulate": 1, "nesterov": False}
    return Recipe(name=draw(st.text(min_size=1, max_size=20)), **values)


def test_every_key_has_a_check():
    checked = [*CHOICES, *WHOLE, *NUMBERS, *SWITCHES]
    assert len(set(checked)) == len(checked)
    assert {field.name for field in fields(Recipe)} == {*checked, "name"}


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_recipes_that_come_along_are_read_and_say_how_they_are_used(name):
    found = recipes.load(name)
    assert found.name == name
    header = [line for line in (recipes.FOLDER / f"{name}.yaml").read_text().splitlines() if line.startswith("#")]
    assert any(f"--recipe {name}" in line or f'recipe="{name}"' in line for line in header)


def test_the_papers_recipe_is_the_papers():
    paper = recipes.load("paper")
    assert paper.learning_rate_at(4096) == pytest.approx(0.256)
    assert (paper.optimiser, paper.rmsprop_decay, paper.momentum, paper.epsilon) == ("rmsprop_tf", 0.9, 0.9, 1e-3)
    assert (paper.weight_decay, paper.decay_rate, paper.decay_epochs) == (1e-5, 0.97, 2.4)
    assert (paper.norm_momentum, paper.ema, paper.epochs) == (pytest.approx(1 - 0.99), 0.9999, 350)
    assert (paper.policy, paper.drop_path, paper.dropout) == (
        "autoaugment",
        0.2,
        None,
    )  # dropout grows with the network


def test_the_proxy_changes_no_network_and_blends_no_labels():
    proxy = recipes.load("proxy")
    assert (proxy.dropout, proxy.drop_path, proxy.policy, proxy.mixup, proxy.cutmix) == (0, 0, "none", 0, 0)
    assert proxy.with_changes(epochs=1).epochs == 1
    assert proxy.with_changes(epochs=10).epochs == 10


@settings(max_examples=20, deadline=None)
@given(any_recipe())
def test_what_is_written_is_read_again(recipe):
    again = recipes.from_mapping(yaml.safe_load(recipes.dumps(recipe)))
    assert again == recipe
    assert again.fingerprint == recipe.fingerprint


def test_a_written_file_is_read_again(tmp_path):
    paper = recipes.load("paper")
    assert read(tmp_path, recipes.dumps(paper)) == paper


def test_a_key_left_out_has_the_value_of_the_class(tmp_path):
    assert read(tmp_path, SMALLEST) == Recipe("mine", 10, 64)


def test_the_fingerprint_is_of_the_content_alone():
    one = Recipe("a", 10, 64, weight_decay=1)
    assert re.fullmatch("[0-9a-f]{16}", one.fingerprint)
    assert replace(one, name="b", weight_decay=1.0).fingerprint == one.fingerprint
    others = [one.with_changes(**change) for change in ({"epochs": 11}, {"flip": True}, {"dropout": 0.0})]
    assert len({one.fingerprint, *(other.fingerprint for other in others)}) == 4


def test_the_rate_is_linear_in_the_batch():
    recipe = Recipe("a", 10, 64, learning_rate=0.4)
    assert recipe.learning_rate_at() == pytest.approx(0.1)
    assert recipe.learning_rate_at(1024) == pytest.approx(1.6)


@pytest.mark.parametrize(
    ("line", "complaint", "hint"),
    [
        ("learning_rate: .nan", "learning_rate is nan", None),
        ("learning_rate: .inf", "learning_rate is inf", None),
        ("learning_rate: -0.1", "learning_rate is -0.1", None),
        ("learning_rate: 0", "learning_rate is 0", None),
        ("learning_rate: true", "learning_rate is True", None),
        ("learning_rate: " + "9" * 400, "learning_rate is 999", None),
        ("learning_rate: " + "9" * 5000, "is no plain YAML", None),
        ("weight_decay: 1e-5", "weight_decay is '1e-5'", "write 1.0e-05"),
        ("weight_decay: much", "weight_decay is 'much'", None),
        ("weight_decay: null", "weight_decay is None", None),
        ("batch: 64", "stands twice", None),
        ("layers: 2.0", "layers is 2.0", None),
        ("layers: true", "layers is True", None),
        ("pad: -1", "pad is -1", None),
        ("flip: 1", "flip is 1; it must be true or false", None),
        ("flip: auto", "flip is 'auto'", None),
        ("dropout: 1.0", "dropout is 1.0", None),
        ("resolution: 7", "resolution is 7", None),
        ("optimiser: sdg", "optimiser is 'sdg'; allowed: rmsprop_tf, sgd, adamw", "did you mean sgd?"),
        ("policy: [trivial]", "policy is ['trivial']", None),
        ("policy: null", "policy is None", None),
        ("precision: fp16", "precision is 'fp16'; allowed: auto, fp32, bf16", "did you mean"),
        ("optimizer: sgd", "unknown key 'optimizer'", "did you mean optimiser?"),
        ("warmup_epochs: -1", "warmup_epochs is -1; it must be a number from 0 to 1000", None),
        ("accumulate: 3", "accumulate is 3; it must divide the batch of 64", None),
        ("nesterov: true\nmomentum: 0", "nesterov is true", None),
        ("momentum: &anchor 0.9", "anchors and aliases", None),
        ("momentum: !!python/name:os.system x", "tag", None),
        ("? [1]\n: 2", "", None),
        ("mixup: {alpha: 1}", "mixup is {'alpha': 1}", None),
        ("name: 5", "stands twice", None),
    ],
)
def test_a_wrong_line_is_named_with_its_file(tmp_path, line, complaint, hint):
    with pytest.raises(InvalidValue, match=r"mine\.yaml") as found:
        read(tmp_path, f"{SMALLEST}{line}\n")
    assert complaint in str(found.value)
    assert "\n" not in str(found.value)
    assert len(str(found.value)) < 700
    assert (hint is None) or (hint in (found.value.hint or ""))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "must be a mapping"),
        (b"\xff\xfe\x00\x01", "UTF-8"),
        (b"\x00", "YAML"),
        (b"- proxy", "must be a mapping"),
        (SMALLEST.replace("effsearch-recipe", "effsearch-architecture"), "format is 'effsearch-architecture'"),
        (SMALLEST.replace("version: 1", "version: 2"), "version is 2; this program reads 1"),
        (SMALLEST.replace("version: 1", "version: true"), "version is True"),
        (SMALLEST.replace("version: 1", "version: 1.0"), "version is 1.0"),
        (SMALLEST.replace("epochs: 10\n", ""), "epochs is missing"),
        (SMALLEST.replace("name: mine", "name: ''"), "name is ''"),
        (SMALLEST.replace("name: mine", "name: 5"), "name is 5"),
    ],
)
def test_what_is_no_recipe_is_named_with_its_file(tmp_path, content, complaint):
    with pytest.raises(InvalidValue, match=r"mine\.yaml") as found:
        read(tmp_path, content)
    assert complaint in str(found.value)


@pytest.mark.parametrize(
    ("name", "complaint", "hint"),
    [
        ("modem", "there is no recipe 'modem'; known: proxy, modern, paper", "did you mean modern?"),
        ("", "there is no recipe ''", None),
        ("missing.yaml", "cannot read missing.yaml", None),
        ("../proxy", "there is no recipe", None),
    ],
)
def test_a_recipe_that_does_not_exist(name, complaint, hint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidValue) as found:
        recipes.load(name)
    assert complaint in str(found.value)
    assert hint is None or found.value.hint == hint


def test_changes_are_checked_too():
    proxy = recipes.load("proxy")
    with pytest.raises(InvalidValue, match="unknown key 'epoch'") as found:
        proxy.with_changes(epoch=3)
    assert found.value.hint == "did you mean epochs?"
    with pytest.raises(InvalidValue, match="epochs is 0"):
        proxy.with_changes(epochs=0)


def test_the_document_lists_every_key_with_its_range():
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = {row[1]: row[0] for row in re.findall(r"^(\| `(\w+)` \|.*)$", text, re.MULTILINE)}
    assert {field.name for field in fields(Recipe)} <= set(rows)
    for key, (low, high) in {**WHOLE, **NUMBERS}.items():
        assert f"{low:g} to {high:g}" in rows[key], key
    for key, allowed in CHOICES.items():
        assert all(f"`{one}`" in rows[key] for one in allowed), key
