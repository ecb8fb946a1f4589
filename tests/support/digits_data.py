"""Handwritten digits that come with scikit-learn: 1,797 real pictures of 8x8 pixels, read without importing it."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from effsearch.search_spaces import Architecture, Head, Stage, Stem

TRAINING = 1500  # the first ones; the others are the test part


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (1797, 8, 8) and labels."""
    found = find_spec("sklearn")
    folder = Path(found.submodule_search_locations[0]) / "datasets" / "data" if found else Path("missing")
    if not (folder / "digits.csv.gz").is_file():
        pytest.skip("scikit-learn is not installed")
    table = np.loadtxt(folder / "digits.csv.gz", delimiter=",")
    return (table[:, :-1].reshape(-1, 8, 8) * 255 / 16).astype(np.uint8), table[:, -1].astype(np.int64)


def write_npz(path: Path, test: bool = True) -> Path:
    images, labels = digits()
    parts = {"x_train": images[:TRAINING], "y_train": labels[:TRAINING]}
    if test:
        parts |= {"x_test": images[TRAINING:], "y_test": labels[TRAINING:]}
    np.savez(path, **parts)
    return path


def write_folders(path: Path, number: int = 300) -> Path:
    """One folder of PNG files a class."""
    for place, (image, label) in enumerate(zip(*digits(), strict=True)):
        if place == number:
            break
        folder = path / f"digit-{label}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{place:04}.png")
    return path


def tiny_network(**changes: object) -> Architecture:
    """It learns the digits in seconds; with SE, dropout and stochastic depth."""
    stages = (Stage("mbconv", 8, 1, 2, 3, 2, se_ratio=0.25), Stage("mbconv", 16, 2, 1, 3, 2, se_ratio=0.25))
    values = {"resolution": 8, "input_channels": 1, "classes": 10, **changes}
    return Architecture("tiny", Stem(8, stride=1), stages, Head(32), **values)
