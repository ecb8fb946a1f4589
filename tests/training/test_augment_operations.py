"""Every operation of the policies against Pillow's, and the tables of the policies against their publications."""

import math
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from effsearch.training import image_operations, policy

pillow = pytest.importorskip("PIL", reason="Pillow is the oracle of this test")
from PIL import Image, ImageEnhance, ImageOps  # noqa: E402

ORACLE = Path(__file__).parents[1] / "models" / "torchvision_oracle.py"
SIZE = 24


def pictures(channels: int, seed: int = 0) -> np.ndarray:
    """(6, SIZE, SIZE, channels) uint8: smooth, noisy, dark, flat and of few values."""
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(SIZE), np.arange(SIZE))
    waves = [128 + 100 * np.sin(x / (3 + c) + c) * np.cos(y / (4 + c)) for c in range(channels)]
    smooth = np.stack(waves, -1).astype(np.uint8)
    noise = random.integers(0, 256, (SIZE, SIZE, channels), dtype=np.uint8)
    few = random.integers(0, 3, (SIZE, SIZE, channels), dtype=np.uint8) * 90 + 20
    mostly = np.where(random.random((SIZE, SIZE, channels)) < 0.9, 7, noise).astype(np.uint8)
    return np.stack([smooth, noise, noise // 4 + 10, np.full_like(noise, 93), few, mostly])


def as_pillow(picture: np.ndarray) -> Image.Image:
    return Image.fromarray(picture[:, :, 0] if picture.shape[-1] == 1 else picture)


def from_pillow(image: Image.Image) -> np.ndarray:
    return np.asarray(image).reshape(SIZE, SIZE, -1)


def ours(stack: np.ndarray, name: str, strengths: list[float], fill: float = 0.5) -> np.ndarray:
    """The operation on (N, S, S, C) bytes, given back as levels of 0 to 255."""
    maps = torch.from_numpy(stack).permute(0, 3, 1, 2).float() / 255
    found = image_operations.apply(
        maps, [name] * len(stack), torch.tensor(strengths), torch.full((stack.shape[-1], 1, 1), fill)
    )
    return found.permute(0, 2, 3, 1).numpy() * 255


PILLOWS = {
    "brightness": lambda image, strength: ImageEnhance.Brightness(image).enhance(strength),
    "contrast": lambda image, strength: ImageEnhance.Contrast(image).enhance(strength),
    "colour": lambda image, strength: ImageEnhance.Color(image).enhance(strength),
    "sharpness": lambda image, strength: ImageEnhance.Sharpness(image).enhance(strength),
    "posterise": lambda image, bits: ImageOps.posterize(image, int(bits)),
    "solarise": lambda image, level: ImageOps.solarize(image, round(level * 255)),
    "invert": lambda image, _: ImageOps.invert(image),
    "autocontrast": lambda image, _: ImageOps.autocontrast(image),
    "equalise": lambda image, _: ImageOps.equalize(image),
}
STRENGTHS = {"posterise": [8, 7, 6, 5, 4, 2], "solarise": [1.0, 0.8, 0.6, 0.4, 0.2, 0.0]}
FACTORS = [0.01, 0.1, 0.7, 1.0, 1.4, 1.99]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", PILLOWS)
def test_pixels_change_as_in_pillow(name, channels):
    """To a level of 255: Pillow rounds or cuts to whole levels on the way."""
    stack = pictures(channels)
    strengths = STRENGTHS.get(name, FACTORS)
    found = ours(stack, name, strengths)
    for picture, strength, one in zip(stack, strengths, found, strict=True):
        expected = from_pillow(PILLOWS[name](as_pillow(picture), strength)).astype(float)
        exact = name in ("posterise", "solarise", "invert", "equalise")
        assert np.abs(one - expected).max() <= (0.01 if exact else 2.01), strength
    nothing = name == "colour" and channels == 1
    assert nothing == (np.abs(found - stack).max() < 0.01)


def affine(image: Image.Image, name: str, strength: float, fill: int) -> Image.Image:
    if name == "rotate":
        return image.rotate(strength, Image.Resampling.BILINEAR, fillcolor=(fill,) * 3)
    rows = {
        "shear_x": (1, strength, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, strength, 1, 0),
        "translate_x": (1, 0, -strength * SIZE, 0, 1, 0),  # the picture moves to the right
        "translate_y": (1, 0, 0, 0, 1, -strength * SIZE),
    }
    size, kind = image.size, Image.Transform.AFFINE
    return image.transform(size, kind, rows[name], Image.Resampling.BILINEAR, fillcolor=(fill,) * 3)


@pytest.mark.parametrize("name", image_operations.GEOMETRIC)
def test_pictures_move_as_in_pillow(name):
    """Where all four neighbours lie inside: at the edge Pillow repeats a pixel where this blends in the fill."""
    stack = pictures(3)
    scale = {"rotate": 100, "translate_x": 0.5, "translate_y": 0.5}.get(name, 1)
    strengths = [-0.4 * scale, -0.13 * scale, 0.0, 0.13 * scale, 0.3 * scale, 0.99 * scale]
    found = ours(stack, name, strengths)
    for picture, strength, one in zip(stack, strengths, found, strict=True):
        expected = from_pillow(affine(as_pillow(picture), name, strength, 128)).astype(float)
        whole = Image.fromarray(np.pad(np.full((SIZE - 4, SIZE - 4, 3), 255, np.uint8), ((2, 2), (2, 2), (0, 0))))
        inside = from_pillow(affine(whole, name, strength, 0)) == 255
        outside = ours(np.full((1, SIZE, SIZE, 3), 255, np.uint8), name, [strength], fill=0.0)[0] == 0
        assert np.abs(one - expected)[inside].max() <= 1.5, strength
        assert np.allclose(one[outside], 127.5)


@pytest.mark.parametrize("name", ["translate_x", "translate_y"])
def test_a_picture_moves_by_whole_pixels_without_a_trace(name):
    stack = pictures(1)[:1]
    found = ours(stack, name, [3 / SIZE], fill=0.0)[0]
    expected = np.roll(stack[0], 3, axis=1 if name == "translate_x" else 0).astype(float)
    expected[(slice(None), slice(3)) if name == "translate_x" else slice(3)] = 0
    np.testing.assert_allclose(found, expected, atol=0.01)


@settings(max_examples=25, deadline=None)
@given(
    chosen=st.sampled_from(["autoaugment", "randaugment", "trivial"]),
    seed=st.integers(0, 10_000),
    channels=st.sampled_from([1, 3]),
    number=st.integers(1, 40),
    magnitude=st.floats(0, 10),
)
def test_policies_keep_shape_and_range(chosen, seed, channels, number, magnitude):
    torch.manual_seed(seed)
    images = torch.rand(number, channels, 9, 9).round(decimals=seed % 3)
    before = images.clone()
    fill = torch.rand(channels, 1, 1)
    found = policy.augment(images, chosen, fill, magnitude=magnitude, layers=2)
    assert found.shape == images.shape
    assert found.isfinite().all()
    assert found.min() >= 0
    assert found.max() <= 1
    assert torch.equal(images, before)


@pytest.mark.parametrize("chosen", ["autoaugment", "randaugment", "trivial"])
def test_equal_pictures_of_a_batch_become_different_ones(chosen):
    torch.manual_seed(0)
    picture = torch.from_numpy(pictures(3)[0]).permute(2, 0, 1)[None].float() / 255
    found = policy.augment(picture.repeat(64, 1, 1, 1), chosen, torch.full((3, 1, 1), 0.5))
    different = {one.numpy().tobytes() for one in found}
    assert len(different) > 16


def test_the_policies_draw_every_operation_at_its_rate():
    torch.manual_seed(0)
    names, strengths = policy.trivial(14_000)
    for name in policy.RANDOM:
        assert 850 < names.count(name) < 1150
    angles = strengths[[place for place, name in enumerate(names) if name == "rotate"]]
    assert angles.min() == -135
    assert angles.max() == 135
    assert len(set(angles.tolist())) == 61  # 31 strengths, two signs, one zero
    first, second = policy.autoaugment(10_000)
    assert first[0].count("shear_x") == pytest.approx(10_000 / 25 * 0.6, rel=0.3)  # in one of 25, with 0.6
    assert second[0].count("contrast") == pytest.approx(10_000 / 25 * 2, rel=0.15)
    factors = second[1][[place for place, name in enumerate(second[0]) if name == "contrast"]]
    torch.testing.assert_close((factors - 1).abs(), torch.full_like(factors, 0.8))  # magnitude 8 of 9, of 0.9


def test_magnitudes_are_shares_of_the_range():
    names, strengths = list(policy.USUAL), {}
    for magnitude in (0, 5, 10):
        torch.manual_seed(0)
        strengths[magnitude] = dict(
            zip(names, policy.strengths(names, [magnitude / 10] * 15, policy.USUAL).tolist(), strict=True)
        )
    assert abs(strengths[10]["rotate"]) == 30
    assert abs(strengths[5]["rotate"]) == 15
    assert strengths[0]["rotate"] == 0
    assert abs(strengths[5]["colour"] - 1) == pytest.approx(0.45)
    assert [strengths[magnitude]["posterise"] for magnitude in (0, 5, 10)] == [8, 6, 4]
    assert [strengths[magnitude]["solarise"] for magnitude in (0, 5, 10)] == [1, 0.5, 0]


@pytest.mark.slow  # imports torchvision
def test_the_tables_are_torchvisions():
    spec = spec_from_file_location("torchvision_oracle", ORACLE)
    oracle = module_from_spec(spec)
    spec.loader.exec_module(oracle)
    oracle.load("torchvision")
    from torchvision.transforms import AutoAugment, AutoAugmentPolicy

    names = {"Color": "colour", "Posterize": "posterise", "Solarize": "solarise", "AutoContrast": "autocontrast"}
    names |= {"Equalize": "equalise", "ShearX": "shear_x", "ShearY": "shear_y"}
    names |= {"TranslateX": "translate_x", "TranslateY": "translate_y"}
    theirs = AutoAugment(AutoAugmentPolicy.IMAGENET)
    rows = [
        tuple(value for name, chance, level in row for value in (names.get(name, name.lower()), chance, level or 0))
        for row in theirs.policies
    ]
    assert rows == list(policy.IMAGENET)
    for name, (levels, signed) in theirs._augmentation_space(10, (331, 331)).items():
        span = policy.USUAL[names.get(name, name.lower())]
        assert span.signed == signed
        if levels.ndim == 0:
            assert span == policy.NOTHING
            continue
        found = [policy._strength(span, level / 9, 1) for level in range(10)]
        if name == "Solarize":
            found = [255 * level for level in found]
        elif name.startswith("Translate"):
            found = [331 * level for level in found]
        elif span.weakest == 1:
            found = [level - 1 for level in found]
        assert found == pytest.approx(levels.tolist(), abs=1e-4), name
    assert math.isclose(policy.WIDE["rotate"].strongest, 135)
