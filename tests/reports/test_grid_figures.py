"""The drawings of a grid's page: contours, the triangle, labels, levels, words for shares."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effsearch.reports import callouts, contours, ternary_figure
from effsearch.reports.extent_figure import Extent, span
from effsearch.reports.extent_figure import draw as draw_extents
from effsearch.reports.family_figure import FamilyView, Panel
from effsearch.reports.family_figure import draw as draw_family
from effsearch.reports.grid_figures import LEVELS, levels_up_to
from effsearch.reports.grid_tables import compared, shares
from effsearch.reports.ternary_figure import TernaryMark, TernaryView, level_of

PARTS = 24


def lattice(function) -> dict[tuple[int, int], float]:
    return {(i, j): function(i, j) for i in range(PARTS + 1) for j in range(PARTS + 1 - i)}


def area(values, level) -> float:
    """Of the region, in small triangles: twice the shoelace formula."""
    total = 0.0
    for loop in contours.regions(values, level):
        points = [contours.position(key, values, level) for key in loop]
        for (x, y), (u, v) in zip(points, points[1:] + points[:1], strict=True):
            total += x * v - u * y
    return total


def test_everything_and_nothing_exceed_a_level():
    values = lattice(lambda i, j: 1.0)
    assert area(values, 0.5) == pytest.approx(PARTS**2)
    assert len(contours.regions(values, 0.5)) == 1
    assert contours.regions(values, 1.5) == []


@pytest.mark.parametrize("level", [0.3, 7.25, 12.0, 23.5])
def test_of_a_plane_the_region_is_a_triangle(level):
    values = lattice(lambda i, j: float(i))
    assert area(values, level) == pytest.approx((PARTS - level) ** 2)
    (loop,) = contours.regions(values, level)
    for key in loop:
        x, _ = contours.position(key, values, level)
        assert x >= level - 1e-9
        if contours.crossed(key):
            assert x == pytest.approx(level)


@given(st.lists(st.integers(0, 5), min_size=15, max_size=15), st.sampled_from([0.5, 1.0, 2.5, 4.0]))
def test_regions_above_and_below_fill_the_lattice(numbers, level):
    cells = [(i, j) for i in range(5) for j in range(5 - i)]
    values = dict(zip(cells, map(float, numbers), strict=True))
    below = {cell: -value for cell, value in values.items()}
    above, rest = area(values, level), area(below, math.nextafter(-level, 1))
    assert above >= -1e-9
    assert above + rest == pytest.approx(16, abs=1e-6)


def test_a_hole_is_left_open():
    values = lattice(lambda i, j: math.hypot(i - 8, j - 8))
    loops = contours.regions(values, 3.0)
    assert len(loops) == 2
    assert area(values, 3.0) == pytest.approx(PARTS**2 - 2 * math.pi * 9, rel=0.01)


@pytest.mark.parametrize(
    ("worst", "levels"),
    [(0.0, ()), (0.04, ()), (0.95, (0.05, 0.1, 0.2, 0.5)), (1.5, LEVELS[:5]), (30.0, (0.05, 0.2, 1.0, 5.0, 20.0))],
)
def test_few_levels_from_the_smallest_to_the_largest(worst, levels):
    assert levels_up_to(worst) == levels


def test_levels_part_losses():
    assert [level_of(loss, (0.05, 0.1)) for loss in (0.0, 0.049, 0.05, 0.2)] == [0, 0, 1, 2]


def test_shares_and_words_for_them():
    assert shares((2.0, 1.0, 1.0)) == pytest.approx((1, 0, 0))
    assert shares((1.25, 1.1, 1.15)) == pytest.approx((0.3218628, 0.27495127, 0.40318593))  # as in grid.csv
    assert sum(shares((1.0, 1.0, 1.0))) == pytest.approx(1)
    assert compared((2.0, 1.0, 1.0), (1.0, 2**0.5, 1.0)) == "more depth, less width"
    assert compared((1.2, 1.1, 1.15), (1.25, 1.1, 1.15)) == "about the same"
    assert compared((1.2, 1.1, 1.15), (1.2, 1.1, 1.15)) == "the same triple"


@given(st.lists(st.tuples(st.floats(0, 500), st.integers(1, 3)), max_size=8))
def test_labels_in_a_column_keep_off_each_other(rows):
    wanted, heights = sorted(y for y, _ in rows), [16.0 * lines for _, lines in rows]
    tops = callouts.spread(wanted, heights, 0.0, 500.0)
    for place in range(len(tops) - 1):
        assert tops[place] + heights[place] <= tops[place + 1] + 1e-6
    if tops:
        assert tops[-1] + heights[-1] <= 500


def view(**changes: object) -> TernaryView:
    values = {
        "corners": (("a", "b"), ("c", "d"), ("e", "f")), "ticks": (((0.5, "alpha 1.41"),), (), ()),
        "surface": {}, "parts": 1, "points": (((0.2, 0.3, 0.5), 0.0, True), ((1.0, 0.0, 0.0), 0.3, False)),
        "levels": (0.05, 0.1), "key": ("x", "y", "z"), "key_title": "Loss", "marks": (), "title": "t",
        "description": "d",
    }  # fmt: skip
    return TernaryView(**{**values, **changes})


def dots(drawn: str, style: str) -> list[tuple[int, int]]:
    """Of the last path of a style that is not in the key."""
    paths = re.findall(rf'<path d="([^"]*)" class="{style} few"/>', drawn)
    return [tuple(map(int, one)) for one in re.findall(r"M(\d+) (\d+)h0", paths[0])] if paths else []


def test_corners_are_the_shares_of_one():
    drawn = str(ternary_figure.draw(view()))
    assert dots(drawn, "loss-dot dot-0") == [(543, 492)]  # 0.5 + 0.2 / 2 of the side; 0.2 of the height
    assert dots(drawn, "loss-dot dot-2") == [(480, 56)]
    assert len(dots(drawn, "set-ring")) == 1


def test_a_triple_with_a_mark_has_no_dot_besides():
    mark = TernaryMark("budget", ("chosen",), (0.2, 0.3, 0.5))
    drawn = str(ternary_figure.draw(view(marks=(mark,))))
    assert "loss-dot dot-0" not in drawn
    assert 'class="mark budget"' in drawn
    assert "chosen" in drawn


def test_a_surface_is_filled_and_its_levels_named():
    surface = {(i, j): math.hypot(i - 8, j - 8) / 60 for i, j in lattice(lambda i, j: 0.0)}
    drawn = str(ternary_figure.draw(view(surface=surface, parts=PARTS)))
    for number in range(3):
        assert f'class="level-{number}"' in drawn
    assert "loss-dot" not in drawn
    assert re.findall(r'class="contour-name on-level-\d"[^>]*>([^<]*)<', drawn) == ["0.05", "0.1"]


def test_drawing_twice_and_in_another_order_gives_the_same():
    points = tuple((((i % 10) / 20, (i % 7) / 20, 1 - (i % 10) / 20 - (i % 7) / 20), i / 100, False) for i in range(99))
    assert ternary_figure.draw(view(points=points)) == ternary_figure.draw(view(points=points[::-1]))


def test_words_of_users_are_escaped():
    mark = TernaryMark("knee", ("<script>&",), (0.2, 0.3, 0.5))
    drawn = str(ternary_figure.draw(view(marks=(mark,), corners=(("<b>",), ("<b>",), ("<b>",)))))
    assert "<script>" not in drawn
    assert "<b>" not in drawn
    family = FamilyView(("<b>",), (Panel("p", (1.0,), (None,), str),), "<b>", "o", "<b>", "<b>")
    assert "<b>" not in str(draw_family(family))


def test_a_family_without_official_networks_and_of_one_member():
    panels = (Panel("layers", (16.0,), (None,), str), Panel("px", (224.0,), (224.0,), str, log=False))
    drawn = str(draw_family(FamilyView(("small",), panels, "found", "official", "t", "d")))
    assert drawn.count('class="dot found"') == 3  # one in the key
    assert drawn.count('class="official"') == 2


def test_an_extent_of_one_value():
    assert span((1.1, 1.1)) == "1.1"
    assert span((1.15, 1.4)) == "1.15 to 1.4"
    drawn = str(draw_extents((Extent("alpha, depth", (1.2, 1.2), (1.2, 1.2), 1.2, 1.2),)))
    assert "nan" not in drawn
