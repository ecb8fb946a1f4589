"""The page of a study: true to its files, the same twice, in words that fit what was found."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from html_page import Page
from hypothesis import given
from hypothesis import strategies as st
from recorded_study import NATS, lattice, named, study, truth

from effsearch.commands import report
from effsearch.evaluators import Evaluation
from effsearch.grid_search import study as train
from effsearch.grid_search import study_outputs
from effsearch.grid_search.where import Where
from effsearch.reports import study_page, study_run, study_triangle, study_view, ternary_figure
from effsearch.reports.study_meaning import noise
from effsearch.reports.study_profile import joined
from effsearch.reports.study_rows import direction, family_rows, network_rows
from effsearch.reports.study_words import verdict
from effsearch.search_spaces import catalogue
from effsearch.search_spaces.architecture import Architecture, Head, Stage, Stem

HOSTILE = "<script>alert(1)</script>\"'&\n\u202ereversed\u2066 {{ 7 * 7 }} {count} " + "w" * 300
DASH = "\N{EN DASH}"


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    return study(tmp_path_factory.mktemp("study") / "runs" / "s1")


@pytest.fixture(scope="module")
def view(plain) -> study_view.StudyView:
    return study_view.study_view(study_run.load(plain))


@pytest.fixture(scope="module")
def html(plain) -> str:
    return study_page.page_of(plain)


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def document(path: Path) -> dict:
    return json.loads((path / "coefficients.json").read_text())


def words_of(path: Path) -> tuple[str, str]:
    """The headline and the details."""
    found = verdict(study_run.load(path))
    return found.headline, " ".join(found.details)


def test_the_verdict_is_the_result_of_the_files(plain, page):
    known = document(plain)
    surface = pd.read_csv(plain / "surface.csv")
    names = ", ".join(f"{name} {known[name]:.4g}" for name in ("alpha", "beta", "gamma"))
    share = f"{100 * surface['in_set'].mean():.0f} %"
    assert page.headline == (
        f"For thin, 48 trainings recommend {names}. It loses at most 0.17 point (95 %) against the best; {share} of "
        "all ways to divide the growth may be that best."
    )
    inside = surface[surface["in_set"]]
    assert f"alpha is {inside['alpha'].min():.4g} to {inside['alpha'].max():.4g}" in page.text
    assert "The lowest place of the fit is 1.414, 1.189, 1." in page.text
    assert "The published 1.2, 1.1, 1.15 (1.214, 1.107, 1.16 at exactly 2 times the FLOPs) is not among" in page.text
    assert (
        "it loses 0.31 point (at most 0.44 point) and is within 0.1 point of the best with probability 12 %"
        in page.text
    )
    assert "Equal shares, 1.26, 1.123, 1.123, may be the best: it loses 0.16 point" in page.text
    assert "with probability under 1 %" in page.text
    assert "without it the best is 1.5, 1.1, 1.05, and the recommended one loses 0.04 point" in page.text
    assert "builds 10 layers at 22 px: 200k parameters, 8.16M FLOPs, 2.04 times the base's" in page.text


def test_the_tiles(plain, page):
    inside = pd.read_csv(plain / "surface.csv").query("in_set")
    assert f"may be 1 to {inside['gamma'].max():.4g}" in page.text
    assert "0.10 point standard deviation" in page.texts["dd"]
    assert "48 16 networks, 3 seeds" in page.texts["dd"]
    assert "48 min of all, one after the other" in page.texts["dd"]


def test_nothing_is_loaded_nothing_runs_and_names_are_unique(html, page):
    assert {"script", "link", "iframe", "img", "object", "form"} & {tag for tag, _ in page.elements} == set()
    assert re.findall(r"url\(|@import|https?://| on[a-z]+=", html) == []
    ids = page.attributes("id")
    assert len(set(ids)) == len(ids)
    figures = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert len(figures) == 4
    for attributes in figures:
        assert set(attributes["aria-labelledby"].split()) <= set(ids)
    assert all("scope" in attributes for tag, attributes in page.elements if tag == "th")


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3), st.floats(0.1, 10))
def test_networks_stand_in_the_triangle_in_the_direction_that_they_grew(built, scale):
    found = direction(tuple(built))
    if max(built) <= 1e-9:
        assert found is None
    if found is None:
        return
    assert min(found) >= 0
    assert sum(found) == pytest.approx(1)
    assert found == pytest.approx(direction(tuple(scale * one for one in built)) or found, rel=1e-6, abs=1e-6)
    assert found.index(max(found)) == built.index(max(built))


def test_where_the_networks_are_drawn(view):
    assert direction((0.45, 0.5, -0.05)) == pytest.approx((0.45 / 0.95, 0.5 / 0.95, 0))
    dots = {one.title.partition(":")[0]: one for one in view.triangle.networks}
    assert len(dots) == 15
    assert "base" not in dots
    assert dots["d100-w0-r0"].shares == (1, 0, 0)  # -0.05 of width and resolution are none
    whole = 0.9 * 0.5 + 0.25 + 0.25
    assert dots["d50-w25-r25"].shares == pytest.approx((0.45 / whole, 0.25 / whole, 0.25 / whole))
    error = truth((0.5, 0.25, 0.25))
    assert dots["d50-w25-r25"].words == f"{error:.2f} %"
    assert dots["d50-w25-r25"].title == f"d50-w25-r25: {error:.2f} %, 3 trainings"


def test_the_set_is_drawn_place_by_place(plain, view, html):
    surface = pd.read_csv(plain / "surface.csv")
    inside = surface[surface["in_set"]]
    assert view.triangle.region == {
        (round(24 * row.share_depth), round(24 * row.share_width)) for row in inside.itertuples()
    }
    dots = re.findall(r'<path d="([^"]*)" class="region-dot"/>', html)
    assert sorted(one.count("M") for one in dots) == [2, len(inside)]  # the key's, and one for each place


@pytest.mark.parametrize("region", ["all", "one", "corner"])
def test_the_outline_goes_around_the_set_and_stays_in_the_triangle(view, region):
    every = frozenset(view.triangle.ternary.surface)
    places = {"all": every, "one": frozenset({(8, 8)}), "corner": frozenset({(24, 0)})}[region]
    drawn = str(study_triangle.draw(study_triangle.StudyTriangle(view.triangle.ternary, places, (), ("a", "b"))))
    (path,) = re.findall(r'<path d="(M[^"]*Z)" class="region-halo"', drawn)
    points = [tuple(map(float, one.split())) for one in re.split("[ML]", path.rstrip("Z")) if one]
    corners = [ternary_figure.spot(one) for one in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))]
    area = abs(sum(x * v - u * y for (x, y), (u, v) in zip(points, points[1:] + points[:1], strict=True))) / 2
    whole = (ternary_figure.RIGHT - ternary_figure.LEFT) * (ternary_figure.BOTTOM - ternary_figure.TOP) / 2
    if region == "all":
        assert area == pytest.approx(whole, rel=1e-3)
    else:
        assert 0 < area < whole / 24**2 * 3
    assert min(y for _, y in points) >= corners[0][1] - 0.1
    assert max(y for _, y in points) <= corners[1][1] + 0.1


def test_the_profiles_are_the_edges_of_the_surface_and_the_trainings_near_them(plain, view):
    first, second, third = view.profiles.panels
    assert [one.title for one in (first, second, third)] == [
        "depth to width",
        "width to resolution",
        "resolution to depth",
    ]
    assert first.ends == (("all into depth", "alpha 2"), ("all into width", "beta 1.414"))
    for place, (x, fitted, low, high) in enumerate(second.line):
        assert x == pytest.approx(place / 24)
        error = truth((0.0, 1 - place / 24, place / 24))
        assert (fitted, low, high) == pytest.approx((error, error - 0.06, error + 0.07))
    assert first.inside == pytest.approx([x / 24 for x in range(25) if 2 * (x / 24 - 0.5) ** 2 <= 0.1])
    assert second.inside == third.inside == ()
    near = {dot.title.partition(":")[0]: dot for dot in first.trained}
    assert set(near) == {"d100-w0-r0", "d75-w25-r0", "d50-w50-r0", "d25-w75-r0", "d0-w100-r0"}
    dot = near["d75-w25-r0"]
    assert dot.x == pytest.approx(0.25 / (0.9 * 0.75 + 0.25))
    error = truth((0.75, 0.25, 0.0))
    assert sorted(dot.singles) == pytest.approx([error - 0.05, error - 0.05, error + 0.1])  # without the seeds' effects
    assert dot.mean == pytest.approx(error)
    assert (view.profiles.sigma, view.profiles.runs, view.profiles.axis) == (0.1, 3, "error, %")
    styles = [style for style, _, _ in first.marks]
    assert styles == (["knee", "budget"] if document(plain)["gamma"] == 1 else ["knee"])


def test_neighbours_of_the_set_are_one_stretch():
    assert joined((0.25, 0.5, 1.0), 0.25) == [(0.125, 0.625), (0.875, 1.0)]
    assert joined((), 0.25) == []


def test_the_networks_are_those_of_the_table(plain, page):
    table = pd.read_csv(plain / "grid.csv").set_index("point")
    rows = [row for row in page.rows if len(row) == 12 and row[0] in table.index]
    means = [float(row[10].split()[0]) for row in rows]
    assert len(rows) == 16
    assert means[:-1] == sorted(means[:-1])
    assert rows[-1][0] == "base"
    assert rows[-1][-1] == DASH
    for row in rows:
        known = table.loc[row[0]]
        assert row[1:4] == [f"{known[name]:.3f}" for name in ("depth", "width", "resolution")]
        paid = known["depth"] * known["width"] ** 2 * known["resolution"] ** 2 / (1 if row[0] == "base" else 2)
        assert row[4] == f"{paid:.2f}"
        assert row[5:10] == ["12", "24", "123k", "7.89M", "3"]
        assert row[10] == f"{known['error']:.2f} ± {0.1 / math.sqrt(3):.2f}"


def test_the_noise_in_words(plain, page):
    assert "scatters by a standard deviation of 0.10 point. The mean of 3 is known to 0.06 point" in page.text
    assert f"differ by up to {1.96 * math.sqrt(2 / 3) * 0.1:.2f} point by chance" in page.text
    fitted = pd.read_csv(plain / "surface.csv")["fitted"]
    width = fitted.max() - fitted.min()
    assert f"{width:.2f} points, {width / 0.1:.1f} times the scatter of one training" in page.text
    assert "seed 0 +0.04, seed 1 -0.05, seed 2 +0.01" in page.text
    assert "Nothing speaks against it" in page.text


@pytest.mark.parametrize(
    ("check", "own", "words"),
    [
        ({"f": 2.0, "p": 0.1, "degrees": [9, 30]}, 0.08, "a little further than seeds explain (F = 2.00, p = 0.1)"),
        ({"f": 5.0, "p": 0.001, "degrees": [9, 30]}, 0.08, "Not wholly"),
        ({"f": math.inf, "p": 0.0, "degrees": [9, 30]}, 0.08, "F = inf"),
        (None, 0.0, "cannot be checked"),
    ],
)
def test_the_lack_of_fit_in_words(plain, tmp_path, check, own, words):
    edit(plain, tmp_path / "run", noise={"sigma": 0.1, "own": own, "degrees": 30, "lack_of_fit": check})
    run = study_run.load(tmp_path / "run")
    said = dict(noise(run, network_rows(run)))["Does the surface fit?"]
    assert words in said
    assert ("deviate by 0.08 point" in said) == bool(own)


def edit(source: Path, target: Path, **values: object) -> None:
    """A copy of a study with other values in its document."""
    target.mkdir(exist_ok=True)
    for path in [one for one in source.rglob("*") if one.is_file()]:
        (target / path.relative_to(source)).parent.mkdir(exist_ok=True)
        (target / path.relative_to(source)).write_bytes(path.read_bytes())
    (target / "coefficients.json").write_text(json.dumps({**document(target), **values}))


def test_the_readings_and_whether_they_agree(plain, page, tmp_path):
    rows = [row for row in page.rows if len(row) == 7 and row[1] in ("additive", "quadratic")]
    assert [row[0] for row in rows] == ["error this page", "error", "error"]
    assert rows[1] == ["error", "additive", "none", "1.5, 1.1, 1.05", "40 %", "0.04", "60 %"]
    assert "They agree: by 2 other readings, the recommended triple loses at most 0.09 point." in page.text
    readings = document(plain)["readings"]
    readings[1]["chosen_loss"] = 0.4
    edit(plain, tmp_path / "run", readings=readings)
    said = study_view.study_view(study_run.load(tmp_path / "run")).agree
    assert (
        "They disagree: by 1 of 2 other readings the recommended triple loses more than 0.1 point, up to 0.40" in said
    )
    assert "(quadratic, without a prior, fitted to the error, whose best is 1.5, 1.1, 1.05)" in said


def test_a_fixed_dimension_has_one_line_and_no_triangle(tmp_path):
    path = study(tmp_path / "runs" / "fixed", fixed="gamma")
    page = Page(study_page.page_of(path))
    assert "With gamma = 1 fixed, nothing is said of other values, nor of the published 1.2, 1.1, 1.15." in page.text
    assert "Where the growth goes" not in page.text
    assert "1 fixed" in page.texts["dd"]
    view = study_view.study_view(study_run.load(path))
    (panel,) = view.profiles.panels
    assert view.triangle is None
    assert panel.title == "depth to width"
    assert [one[1] for one in panel.line] == pytest.approx([truth((1 - x / 24, x / 24, 0)) for x in range(25)])
    assert len(panel.trained) == 5
    assert len(view.readings) == 3
    assert all(row[-1] == DASH for row in page.rows if len(row) == 7 and row[1] == "additive")
    other = study_view.study_view(study_run.load(study(tmp_path / "other", fixed="alpha", best=(0.0, 0.5, 0.5))))
    assert other.profiles.panels[0].ends[0] == ("all into width", "beta 1.414")


def test_where_nothing_is_told_apart_it_says_so(tmp_path):
    path = study(tmp_path / "run", reach=9.0)
    headline, details = words_of(path)
    assert headline.startswith(
        "For thin, 48 trainings tell nothing apart: every way to divide the growth may be the best."
    )
    assert "recommend" not in headline
    assert "More seeds" in details
    assert len(study_view.study_view(study_run.load(path)).triangle.region) == len(lattice(24))


@pytest.mark.parametrize(
    ("best", "reach", "words"),
    [
        ((0.0, 0.0, 1.0), 1e-4, "All into resolution: alpha = 1 and beta = 1 here."),
        ((1.0, 0.0, 0.0), 1e-4, "All into depth: beta = 1 and gamma = 1 here."),
        ((0.5, 0.5, 0.0), 1e-4, "gamma = 1 here: nothing that may be the best grows resolution."),
        (
            (0.5, 0.5, 0.0),
            0.1,
            "All that may be the best grow depth and width; whether resolution should grow at all is",
        ),
        ((1 / 3, 1 / 3, 1 / 3), 0.01, "All that may be the best grow depth, width and resolution: none is best left"),
        (
            (0.0, 0.0, 1.0),
            0.1,
            "whether depth and width should grow at all is not told, and all into resolution may be",
        ),
        ((1 / 3, 1 / 3, 1 / 3), 0.4, "Whether depth, width and resolution should grow at all is not told."),
    ],
)
def test_edges_and_corners_in_words(tmp_path, best, reach, words):
    headline, details = words_of(study(tmp_path / "run", best=best, reach=reach))
    assert words in details
    assert ("nothing else may be that best" in headline) == (reach < 1e-3)


@pytest.mark.slow
def test_the_loss_is_in_nats_and_what_is_lost_in_points(tmp_path):
    path = study(tmp_path / "run", response="loss")
    page = Page(study_page.page_of(path))
    assert page.texts["text"].count("loss, nats") == 1
    assert not any("error, %" in text for text in (*page.texts["text"], *page.texts["th"]))
    assert "with their mean loss in nats" in page.text
    assert "standard deviation of 0.003 nats (0.10 point of error)" in page.text
    error = truth((0.5, 0.25, 0.25))
    (row,) = [row for row in page.rows if row[0] == "d50-w25-r25"]
    assert row[10:] == [f"{error * NATS:.4f} ± {0.1 * NATS / math.sqrt(3):.4f}", f"{error * NATS:.4f}"]
    view = study_view.study_view(study_run.load(path))
    assert view.triangle.ternary.surface[12, 12] == pytest.approx(0)
    assert view.triangle.ternary.surface[24, 0] == pytest.approx(0.5)  # points, not nats
    dot = next(one for one in view.profiles.panels[0].trained if one.title.startswith("d50-w50-r0"))
    assert dot.mean == pytest.approx(8 * NATS)


def test_failures_are_told_and_left_out(tmp_path):
    lost = [(named((0.5, 0.5, 0.0)), seed) for seed in (0, 1, 2)] + [("d25-w75-r0", 0)]
    path = study(tmp_path / "run", failed=lost)
    page = Page(study_page.page_of(path))
    failed = pd.read_csv(path / "runs.csv").query("state == 'failed'")
    first = f"{failed['point'].iloc[0]}, seed {failed['seed'].iloc[0]}"
    assert ["out of memory", "4", f"{100 * 4 / 48:.1f} %", first] in page.rows
    assert "16 networks, 3 seeds; 4 failed" in page.text
    (row,) = [row for row in page.rows if row[0] == "d50-w50-r0"]
    assert row[9:11] == ["0", "failed"]
    rows = {row.name: row for row in network_rows(study_run.load(path))}
    assert (rows["d50-w50-r0"].mean, rows["d50-w50-r0"].singles) == (None, ())
    assert any(text == "failed" for text in page.texts["text"])
    assert any(text.endswith("% (2)") for text in page.texts["text"])
    assert "The fit allows for it" in page.text
    first = study_view.study_view(study_run.load(path)).profiles.panels[0].trained
    assert {one.title.partition(":")[0] for one in first} == {"d100-w0-r0", "d75-w25-r0", "d25-w75-r0", "d0-w100-r0"}
    # the mean of two seeds is drawn without their effects: 0.05 below the truth, not 0.07
    two = next(one for one in first if one.title.startswith("d25-w75-r0"))
    assert two.mean == pytest.approx(truth((0.25, 0.75, 0.0)) - 0.05)


def test_the_commands_are_for_this_run(plain, tmp_path, view):
    commands = [step.command for step in view.steps]
    assert commands == [
        "effsearch grid --resume --out runs/s1 --seeds 6",
        "effsearch train runs/s1/family/b2.yaml --data /data/insects",
        "effsearch profile runs/s1/family/b2.yaml --check",
        "effsearch family --base runs/s1/base.yaml --coefficients runs/s1 --flops 8M,16M --out sized",
        "effsearch grid --resume --out runs/s1 --form quadratic",
    ]
    assert view.steps[2].why.startswith("Count the network of this growth")
    own = study_view.study_view(study_run.load(study(tmp_path / "own", config={"study": "simplex"})))
    assert not any("--resume" in step.command for step in own.steps)


def test_a_growth_that_the_family_does_not_have_is_not_said_of_b2(tmp_path):
    view = study_view.study_view(study_run.load(study(tmp_path / "run", phi=1.5)))
    whys = [step.why for step in view.steps]
    assert "Count b2 of the family with fvcore and torch as well" in whys
    assert not any("of this growth" in why for why in whys)


def test_an_older_end_is_said_where_the_study_went_on(tmp_path):
    view = study_view.study_view(study_run.load(study(tmp_path / "run", state="interrupted", same_network={"a": "b"})))
    assert "this study is interrupted: the tables, and so this page, are of its last whole end" in view.notices[0]
    assert "some planned networks are one: a is b." in view.notices[1]
    assert view.steps[0].command == f"effsearch grid --resume --out {tmp_path / 'run'}"


def test_the_family_says_how_far_it_is_off(page):
    rows = {row[0]: row for row in page.rows if re.fullmatch(r"b\d", row[0])}
    assert list(rows) == ["b0", "b1", "b2", "b3"]
    assert rows["b2"][6:] == ["2.04\N{MULTIPLICATION SIGN}", "2.00\N{MULTIPLICATION SIGN}", "+2.0 %"]
    assert rows["b3"][8] == "+0.0 %"
    assert "official" not in page.text  # the base is not EfficientNet-B0


def test_hostile_names_are_text(tmp_path):
    path = study(
        tmp_path / "<b>bold\nrun", base=HOSTILE, warning=HOSTILE, evaluator=HOSTILE, reason=HOSTILE,
        failed=[("d50-w50-r0", 1)], same_network={HOSTILE: HOSTILE},
    )  # fmt: skip
    for name in ("runs.csv", "grid.csv"):
        table = pd.read_csv(path / name)
        table["point"] = table["point"].replace({"d25-w25-r50": HOSTILE})
        if name == "runs.csv":
            table["fidelity"] = HOSTILE
        table.to_csv(path / name, index=False)
    family = pd.read_csv(path / "family" / "family.csv")
    family.loc[2, "name"] = HOSTILE
    family.to_csv(path / "family" / "family.csv", index=False)
    html = study_page.page_of(path)
    page = Page(html)
    assert {"script", "b"} & {tag for tag, _ in page.elements} == set()
    assert "\u202e" not in html
    assert "<script>alert(1)</script>" in page.headline
    assert "\\n\\u202ereversed\\u2066 {{ 7 * 7 }} {count}" in page.text
    assert "<b>bold\\nrun" in page.texts["title"][0]


def test_report_finds_a_study_and_writes_the_same_bytes_twice(plain, html, tmp_path, capsys):
    out = tmp_path / "page.html"
    assert report.run(plain, out=out, as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"report": str(out)}
    assert out.read_bytes() == html.encode()


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "2"])
def test_it_works_without_torch_ray_optuna_and_with_any_order_of_sets(plain, html, tmp_path, seed):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'ray', 'optuna', 'matplotlib', 'fvcore', 'scipy']));"
        "from effsearch.reports import study_page; sys.stdout.buffer.write(study_page.page_of(sys.argv[1]).encode())"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", code, str(plain)], env=environment, cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout == html.encode()


class Rate:
    """Less error for more layers and pixels; some networks fail."""

    source = "rate"

    def __call__(self, architecture, *, seed=0):
        if int(architecture.key, 16) % 7 == 0 and seed:
            return Evaluation.failed("out of memory")
        layers = sum(stage.repeats for stage in architecture.stages)
        error = 20 + 8 / layers + 200 / architecture.resolution + 0.01 * seed
        return Evaluation(100 - error, loss=error / 28, seed=seed, seconds=2.0, source=self.source)


def thin() -> Architecture:
    stages = (Stage("mbconv", channels=16, expand=1), Stage("mbconv", channels=24, repeats=3, stride=2, expand=4))
    return Architecture("thin", Stem(channels=16), stages, Head(channels=96), resolution=24, classes=10)


@pytest.mark.slow
def test_a_study_as_it_is_written_has_a_page(tmp_path):
    """And the files that these tests write by hand have the columns of the real ones."""
    config = {"command": "grid", "design": "simplex"}
    found = train(thin(), Rate(), seeds=2, lattice=2, run_dir=tmp_path / "run", where=Where("local"), config=config)
    study_outputs.write_study(found, "rate")
    page = Page(report.write(tmp_path / "run").read_text())
    rows = [row for row in page.rows if len(row) == 12 and re.match(r"d\d|base|centre", row[0])]
    assert len(rows) == len(found.points)
    assert len([row for row in page.rows if re.fullmatch(r"b\d", row[0])]) == len(found_members(tmp_path / "run"))
    by_hand = study(tmp_path / "hand")
    for name in ("runs.csv", "grid.csv", "surface.csv", "family/family.csv"):
        assert list(pd.read_csv(by_hand / name)) == list(pd.read_csv(tmp_path / "run" / name))
    assert set(document(by_hand)) == set(document(tmp_path / "run"))


def found_members(path: Path) -> list[str]:
    return [one.stem for one in (path / "family").glob("b*.yaml")]


def test_of_efficientnet_b0_the_official_family_stands_beside(tmp_path):
    path = study(tmp_path / "run", base="efficientnet-b0", base_key=catalogue.load("b0").key)
    members = {one.member.name: one.member for one in family_rows(study_run.load(path))}
    assert members["b1"].official.layers == 23  # 16 for B0, 1.1 times of each stage, rounded up
    assert members["b1"].official.mult_adds == 4e8  # as family.csv has it
    assert "For EfficientNet-B0, 48 trainings" in words_of(path)[0]
