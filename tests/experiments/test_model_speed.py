"""The timing of forward and backward: its interval against the binomial distribution, and the whole of it once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from effsearch.experiments.model_speed import torchvision_import
from effsearch.experiments.model_speed.__main__ import main
from effsearch.experiments.model_speed.ratio import paired_ratio


def test_the_median_and_its_interval_by_order_statistics() -> None:
    """For 21 fair coins, 5 heads or fewer have 1.3 %, 6 or fewer 3.9 %: the 6th smallest and the 6th largest."""
    ratios = np.random.default_rng(0).permutation(np.arange(1, 22)).astype(float)
    found = paired_ratio([2.0] * 21, list(2 * ratios))
    assert (found.median, found.low, found.high) == (11, 6, 16)


@pytest.mark.parametrize("count", range(1, 6))
def test_few_rounds_give_all_they_have(count: int) -> None:
    found = paired_ratio([1.0] * count, [float(one) for one in range(1, count + 1)])
    assert (found.low, found.high) == (1, count)


def test_the_interval_holds_the_true_median_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(2000):
        drawn = np.exp(rng.standard_normal(15))  # median 1, skewed
        found = paired_ratio([1.0] * 15, list(drawn))
        held += found.low <= 1 <= found.high
    assert 0.95 < held / 2000 < 0.98  # 96.5 % for 15 rounds


@pytest.mark.slow
def test_it_times_every_pass_and_writes_all_seconds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "seconds.json"
    arguments = ["--device", "cpu", "--cases", "32x2", "--modes", "eager", "--rounds", "2", "--out", str(out)]
    assert main(arguments) == 0
    results = json.loads(out.read_text())
    assert [one["pass"] for one in results] == ["forward", "forward and backward"]
    for result in results:
        first, *others = result["libraries"]
        assert first["library"] == "effsearch"
        assert len(first["seconds"]) == 2
        for other in others:
            ratios = [b / a for a, b in zip(first["seconds"], other["seconds"], strict=True)]
            assert other["ratio"]["low"] == pytest.approx(min(ratios))
    with_folded = ["effsearch, folded" in {one["library"] for one in result["libraries"]} for result in results]
    assert with_folded == [True, False]
    assert "32 px, 2 images, eager, forward" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("there", "library", "words"),
    [
        ({"timm"}, "timm", "torchvision is not installed; pip install 'effsearch[test]'"),
        (set(), "timm", "timm and torchvision are not installed; pip install 'effsearch[test]'"),
        ({"timm"}, "torchvision", "torchvision is not installed; pip install 'effsearch[test]'"),
    ],
)
def test_a_library_that_is_missing_is_named_with_what_installs_it(
    there: set[str], library: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchvision_import, "find_spec", lambda name: object() if name in there else None)
    assert str(torchvision_import.missing(library)).startswith(words)
    monkeypatch.setattr(torchvision_import, "find_spec", lambda name: object())
    assert torchvision_import.missing(library) is None
    assert torchvision_import.missing("effsearch") is None


@pytest.mark.parametrize("arguments", [["--cases", "32"], ["--cases", "0x1"], ["--modes", "fast"], ["--rounds", "0"],
                                       ["--device", "abacus"]])  # fmt: skip
def test_mistakes_are_said_in_a_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("error: ")
