"""The model card: names are text in it, whatever they are, and its figures are of the pixels that were trained at."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from effsearch.records.errors import printable
from effsearch.search_spaces.cost import cost
from effsearch.training import train
from effsearch.training.model_card import as_text

HOSTILE = (
    "<img src=x onerror=alert(2)>", "a|b", "line\nbreak", "`code`", "*star* _bar_ ~~gone~~", "[link](http://x.y)",
    "https://x.y www.x.y a@x.y", "&lt; &#60;", "\\", "\\*", "\\|", "a\\|b\\", "# #", "--- | ---", "$x$", "\u202eback",
    "日本", "![i](x)", "\\n", "<!-- x", "$ \\(x\\) \\[y\\]",
)  # fmt: skip
NAMES = st.one_of(
    st.sampled_from(HOSTILE), st.text(max_size=20), st.text(alphabet="\\|`*_<>[]()&#!~:/w. ax", max_size=20)
)


class Rendered(HTMLParser):
    """Elements and the text of those that were closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.texts.append("")

    def handle_data(self, data):
        if self.texts:
            self.texts[-1] += data


@pytest.fixture(scope="module")
def markdown():
    """CommonMark with tables and strike-through that lets HTML pass, by a library of others."""
    library = pytest.importorskip("markdown_it", reason="markdown-it-py renders the card in tests")
    return library.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def rendered(markdown, text: str) -> Rendered:
    return Rendered(markdown.render(text))


@given(name=NAMES)
@example(name="\\")
@example(name="a\\")
def test_a_name_is_text_in_a_heading_and_in_a_cell(markdown, name):
    heading = rendered(markdown, f"# {as_text(name)} on {as_text(name)}\n")
    assert heading.elements == ["h1"]
    assert heading.texts[0].strip() == f"{printable(name)} on {printable(name)}".strip()
    table = rendered(
        markdown, f"| | |\n|-|-|\n| classes | {as_text(name)}, {as_text(name)} and 3 more |\n| next | 1 |\n"
    )
    assert table.elements == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td", "tr", "td", "td"]
    assert table.texts[8].strip() == f"{printable(name)}, {printable(name)} and 3 more".strip()


@pytest.mark.parametrize("name", ["https://x.y", "HTTP://X.Y", "www.x.y", "WWW.x.y", "a@x.y"])
def test_an_address_in_a_name_is_no_link(name):
    """Where bare addresses become links, as GitHub does it: nothing that looks like one is left."""
    assert not any(sign in as_text(name).lower() for sign in ("://", "www.", "@"))


@pytest.mark.parametrize("name", ["efficientnet-b0 at 1M", "mnasnet-dvq1ztlrm18", "fash.npz", "7: seven", "Äpfel"])
def test_plain_names_stay_as_they_are(name):
    assert as_text(name) == name


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory, digits, tiny, quick_recipe):
    """One epoch at 12 pixels of a network for 8, on pictures stored with 8."""
    run = tmp_path_factory.mktemp("card") / "run"
    classes = ("<img src=x onerror=alert(2)>", "a|b", "new\nline", "=1+1", *"efghij")
    recipe = replace(quick_recipe.with_changes(epochs=1), name="x|y<b>")
    named = replace(digits, classes=classes, name="<script>|\n# d")
    train(replace(tiny, name="my|net"), named, recipe, run_dir=run, images=32, resolution=12, test=True)
    return run, classes


def test_figures_are_of_the_pixels_it_was_trained_and_scored_at(hostile_run, tiny):
    run, _ = hostile_run
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["mult_adds"] == cost(replace(tiny, resolution=12)).mult_adds
    assert metrics["network_mult_adds"] == cost(tiny).mult_adds != metrics["mult_adds"]
    assert (metrics["resolution"], metrics["network_resolution"]) == (12, tiny.resolution)
    assert metrics["params"] == cost(tiny).params
    card = (run / "README.md").read_text(encoding="utf-8")
    assert f"| mult-adds at 12 px | {metrics['mult_adds']:,} |" in card
    assert f"| mult-adds at 8 px, the network's own | {metrics['network_mult_adds']:,} |" in card
    assert "32 images, 1 epoch, recipe" in card


def test_the_whole_card_renders_as_one_heading_and_one_table(hostile_run, markdown):
    run, classes = hostile_run
    page = rendered(markdown, (run / "README.md").read_text(encoding="utf-8"))
    assert set(page.elements) <= {"h1", "p", "table", "thead", "tbody", "tr", "th", "td", "pre", "code"}
    assert page.elements.count("h1") == page.elements.count("table") == 1
    assert page.texts[0].strip() == "my|net on <script>|\\n# d"
    assert page.elements.count("td") == 2 * (page.elements.count("tr") - 1)
    (cell,) = [text for text in page.texts if "onerror" in text]
    assert cell.strip() == ", ".join(printable(name) for name in classes)


def test_the_card_says_how_pictures_become_inputs(hostile_run, tiny, digits, quick_recipe, tmp_path):
    run, _ = hostile_run
    card = " ".join((run / "README.md").read_text(encoding="utf-8").split())
    assert "one grey channel, the shorter side is resized to 8 px (bicubic, antialiased) and the centre square" in card
    assert "These squares are resized to 12 x 12 px (bilinear, antialiased). Values are scaled to 0..1" in card
    train(tiny, digits, quick_recipe.with_changes(epochs=1), run_dir=tmp_path / "run", images=32, score_every=None)
    plain = (tmp_path / "run" / "README.md").read_text(encoding="utf-8")
    assert "These squares" not in plain
    assert plain.count("mult-adds at") == 1
