"""From bytes to a network's input: crops, flips, mixing, and the whole of Augment and Prepare."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from effsearch.training import boxes, crop, mix
from effsearch.training import recipe as recipes
from effsearch.training.augment import Augment, Prepare, as_maps
from effsearch.training.recipe import Recipe
from effsearch.training.recipe_keys import CHOICES

PLAIN = Recipe("plain", 10, 64)
GREY = {"mean": (0.4,), "std": (0.25,), "channels": 1}
COLOUR = {"mean": (0.5, 0.4, 0.3), "std": (0.3, 0.25, 0.2), "channels": 3}
SHAPES = {1: GREY, 3: COLOUR}
LARGE = PLAIN.with_changes(
    crop="random_resized", crop_scale=0.3, flip=True, policy="trivial", erasing=0.5, mixup=0.4, cutmix=1.0
)


def batch(number: int, size: int, channels: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (number, size, size, channels), dtype=np.uint8)
    return torch.from_numpy(images), torch.from_numpy(random.integers(0, 5, number))


def ramp(number: int, size: int) -> torch.Tensor:
    """(N, 2, S, S): channel 0 is the column of a pixel's middle, channel 1 its row, in parts of the size."""
    along = (torch.arange(size) + 0.5) / size
    return torch.stack([along.expand(size, size), along[:, None].expand(size, size)])[None].repeat(number, 1, 1, 1)


@settings(max_examples=60, deadline=None)
@given(
    change=st.fixed_dictionaries(
        {
            "crop": st.sampled_from(CHOICES["crop"]),
            "policy": st.sampled_from(CHOICES["policy"]),
            "crop_scale": st.floats(0.01, 1),
            "pad": st.integers(0, 16),
            "flip": st.booleans(),
            "erasing": st.floats(0, 1),
            "mixup": st.sampled_from([0.0, 0.2, 5.0]),
            "cutmix": st.sampled_from([0.0, 1.0]),
        }
    ),
    sizes=st.tuples(st.integers(8, 40), st.integers(8, 40)),
    channels=st.sampled_from([1, 3]),
    number=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
def test_every_recipe_gives_finite_images_of_the_wanted_size_in_range(change, sizes, channels, number, seed):
    images, labels = batch(number, sizes[0], channels, seed)
    augment = Augment(PLAIN.with_changes(**change), **SHAPES[channels], resolution=sizes[1], classes=5)
    torch.manual_seed(seed)
    found, targets = augment(images, labels)
    assert found.shape == (number, channels, sizes[1], sizes[1])
    assert found.dtype == torch.float32
    back = found * augment.prepare.std + augment.prepare.mean
    assert back.min() >= -1e-5
    assert back.max() <= 1 + 1e-5
    if change["mixup"] or change["cutmix"]:
        assert targets.shape == (number, 5)
        assert targets.min() >= 0
        torch.testing.assert_close(targets.sum(1), torch.ones(number))
    else:
        assert torch.equal(targets, labels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "recipe", [LARGE, recipes.load("modern"), recipes.load("paper")], ids=lambda recipe: recipe.name
)
def test_a_seed_fixes_the_batch_and_another_seed_changes_it(recipe, channels):
    images, labels = batch(8, 20, channels)
    augment = Augment(recipe, **SHAPES[channels], resolution=16, classes=5)
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        torch.rand(seed)
        found.append(augment(images, labels))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])
    assert not torch.equal(found[0][0], found[2][0])


@pytest.mark.parametrize("name", ["modern", "paper"])
def test_equal_pictures_of_a_batch_become_different_ones(name):
    images, labels = batch(1, 32, 3)
    augment = Augment(recipes.load(name), **COLOUR, resolution=32, classes=5)
    torch.manual_seed(0)
    found, _ = augment(images.repeat(32, 1, 1, 1), labels.repeat(32))
    assert len({one.numpy().tobytes() for one in found}) > 16


def test_without_any_change_training_sees_what_evaluation_sees():
    for channels, shape in SHAPES.items():
        images, labels = batch(4, 20, channels)
        prepare = Prepare(mean=shape["mean"], std=shape["std"], resolution=12)
        found, _ = Augment(PLAIN, **shape, resolution=12, classes=5)(images, labels)
        assert torch.equal(found, prepare(images))


def test_the_proxy_leaves_the_pictures_as_they_are():
    images, labels = batch(4, 20, 3)
    found, targets = Augment(recipes.load("proxy"), **COLOUR, resolution=20, classes=5)(images, labels)
    assert torch.equal(found, Prepare(mean=COLOUR["mean"], std=COLOUR["std"], resolution=20)(images))
    assert torch.equal(targets, labels)


def test_prepare_normalises_and_leaves_the_bytes_alone():
    images, _ = batch(4, 9, 3)
    before = images.clone()
    found = Prepare(mean=COLOUR["mean"], std=COLOUR["std"], resolution=9)(images)
    expected = (images.numpy() / 255 - np.array(COLOUR["mean"])) / np.array(COLOUR["std"])
    np.testing.assert_allclose(found.permute(0, 2, 3, 1).numpy(), expected, atol=1e-5)
    assert torch.equal(images, before)


def test_prepare_makes_pictures_smaller_as_pillow_does():
    image = pytest.importorskip("PIL.Image", reason="Pillow is the oracle of this test")
    images, _ = batch(2, 40, 3)
    found = Prepare(mean=(0, 0, 0), std=(1, 1, 1), resolution=13)(images) * 255
    for picture, one in zip(images.numpy(), found, strict=True):
        expected = np.asarray(image.fromarray(picture).resize((13, 13), image.Resampling.BILINEAR), float)
        assert np.abs(one.permute(1, 2, 0).numpy() - expected).max() < 1.5


def test_a_random_box_is_a_box_of_the_asked_area_and_aspect():
    """Its corners are read off a picture that holds its own coordinates."""
    torch.manual_seed(0)
    found = crop.random_resized_crop(ramp(400, 64), 0.25, 64)
    left, right = found[:, 0, 32, 8], found[:, 0, 32, -8]
    top, bottom = found[:, 1, 8, 32], found[:, 1, -8, 32]
    width, height = (right - left) * 64 / 48, (bottom - top) * 64 / 48
    area, aspect = width * height, width / height
    assert area.min() > 0.2
    assert area.max() < 1.01
    assert 0.55 < area.mean() < 0.68
    assert aspect.min() > 0.7
    assert aspect.max() < 1.4
    assert left.std() > 0.03
    assert aspect.std() > 0.1
    assert (found[:, 0, 10, 8] - left).abs().max() < 1e-5  # columns stay upright
    middle = found[:, :, 4:-4, 4:-4]  # even steps: the box lies inside, or its clamped edge would show
    assert middle[:, 0].diff(dim=2).diff(dim=2).abs().max() < 1e-5
    assert middle[:, 1].diff(dim=1).diff(dim=1).abs().max() < 1e-5


def test_the_whole_area_is_the_whole_picture_up_to_its_aspect():
    torch.manual_seed(0)
    images = torch.rand(50, 1, 16, 16)
    found = crop.random_resized_crop(images, 1.0, 16)
    assert found.shape == images.shape
    assert (found - images).abs().mean() < 0.25


def test_a_box_of_a_much_larger_picture_is_averaged():
    """Noise of one pixel's width must not survive in a picture a quarter as wide."""
    torch.manual_seed(0)
    noise = torch.rand(20, 1, 128, 128)
    found = crop.random_resized_crop(noise, 0.9, 32)
    assert found.std() < 0.5 * noise.std()
    assert found.mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("pad", [1, 3])
def test_shifts_are_whole_pixels_both_ways_with_a_mirrored_edge(pad):
    torch.manual_seed(0)
    images = torch.rand(300, 2, 9, 9)
    found = crop.random_shift(images, pad)
    padded = torch.nn.functional.pad(images, (pad,) * 4, mode="reflect")
    seen = set()
    for image, one in zip(padded, found, strict=True):
        hits = [
            (row, column)
            for row in range(2 * pad + 1)
            for column in range(2 * pad + 1)
            if torch.equal(image[:, row : row + 9, column : column + 9], one)
        ]
        assert len(hits) == 1
        seen.add(hits[0])
    assert len(seen) == (2 * pad + 1) ** 2


def test_half_of_the_pictures_are_flipped_and_the_others_left():
    torch.manual_seed(0)
    images = torch.rand(400, 1, 5, 5)
    found = crop.random_flip(images)
    same = (found == images).flatten(1).all(1)
    flipped = (found == images.flip(-1)).flatten(1).all(1)
    assert (same ^ flipped).all()
    assert 160 < int(same.sum()) < 240


def test_the_pad_is_scaled_with_the_resolution():
    recipe = PLAIN.with_changes(crop="pad", pad=4)
    assert Augment(recipe, **GREY, resolution=32, classes=5).pad == 4
    assert Augment(recipe, **GREY, resolution=224, classes=5).pad == 28


def test_a_box_covers_its_area_unless_it_is_cut_at_the_edge():
    torch.manual_seed(0)
    sides = torch.full((2000,), 0.25)
    found = boxes.boxes(sides, 2 * sides, 64).float()
    cover = found.mean((1, 2, 3))
    assert cover.max() == pytest.approx(0.125, abs=0.01)
    rows, columns = found.amax(3).sum((1, 2)), found.amax(2).sum((1, 2))
    assert torch.equal(rows * columns, found.sum((1, 2, 3)))  # a rectangle
    # the middle is uniform: a side a of a unit length is cut to a (1 - a / 4) on average
    assert cover.mean() == pytest.approx(0.25 * (1 - 0.0625) * 0.5 * (1 - 0.125), rel=0.03)


def test_erasing_paints_a_part_of_the_pictures_in_the_fill():
    torch.manual_seed(0)
    images = torch.zeros(1000, 3, 32, 32)
    fill = torch.tensor([0.2, 0.5, 0.7]).view(3, 1, 1)
    found = boxes.erase(images, 0.3, fill)
    painted = found[:, 0] > 0
    assert torch.equal(found, painted[:, None] * fill)
    share = painted.float().mean((1, 2))
    assert 250 < int((share > 0).sum()) < 350
    assert share.max() <= 1 / 3 + 0.03


@pytest.mark.parametrize(("mixup", "cutmix"), [(1.0, 0.0), (0.2, 0.0), (0.0, 1.0), (0.3, 0.6)])
def test_the_targets_say_how_much_of_each_picture_is_there(mixup, cutmix):
    """Every picture is filled with the number of its class, one class a picture: pixels and targets must tell alike."""
    torch.manual_seed(0)
    labels = torch.arange(64)
    plain = torch.nn.functional.one_hot(labels, 64).float()[:, :, None, None].expand(-1, -1, 16, 16)
    found, targets = mix.mix(plain, labels, 64, mixup=mixup, cutmix=cutmix)
    torch.testing.assert_close(found.mean((2, 3)), targets)
    torch.testing.assert_close(targets.sum(1), torch.ones(64))
    blended = ((found > 0) & (found < 1)).flatten(1).any(1)
    if not cutmix:
        assert torch.equal(found[:, :, :1, :1].expand_as(found), found)
    if not mixup:
        assert not blended.any()
    if mixup and cutmix:
        assert 15 < int(blended.sum()) < 49
        same = (found == found[:, :, :1, :1]).flatten(1).all(1)
        assert same[blended].all()  # one or the other
        assert int(same[~blended].sum()) < 10


def test_the_share_of_a_picture_is_beta_distributed():
    torch.manual_seed(0)
    labels = torch.arange(2000)
    _, targets = mix.mix(torch.zeros(2000, 1, 1, 1), labels, 2000, mixup=0.5, cutmix=0)
    own = targets[labels, labels]
    assert own.mean() == pytest.approx(0.5, abs=0.03)
    assert own.var() == pytest.approx(1 / (4 * (2 * 0.5 + 1)), rel=0.06)  # of Beta(a, a)


def test_the_cut_area_is_beta_distributed_up_to_the_edges():
    """Sides sqrt(u), u uniform, cut to a (1 - a / 4) on average: E u (1 - sqrt(u) / 4)^2 = 1/2 - 1/5 + 1/48."""
    torch.manual_seed(0)
    labels = torch.arange(2000)
    _, targets = mix.mix(torch.zeros(2000, 1, 32, 32), labels, 2000, mixup=0, cutmix=1.0)
    assert 1 - targets[labels, labels].mean() == pytest.approx(1 / 2 - 1 / 5 + 1 / 48, abs=0.02)


def test_a_batch_of_one_is_mixed_with_itself():
    images, labels = torch.rand(1, 3, 8, 8), torch.tensor([2])
    found, targets = mix.mix(images, labels, 5, mixup=1.0, cutmix=1.0)
    torch.testing.assert_close(found, images)
    torch.testing.assert_close(targets, torch.eye(5)[[2]])


def test_bytes_become_shares():
    found = as_maps(torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1, 1))
    assert found.flatten().tolist() == pytest.approx([0, 0.2, 1])


def test_only_one_and_three_channels_with_as_many_means():
    with pytest.raises(ValueError, match="channels is 2"):
        Augment(PLAIN, mean=(0, 0), std=(1, 1), channels=2, resolution=8, classes=5)
    with pytest.raises(ValueError, match="channels is 3 with 1 means"):
        Augment(PLAIN, mean=(0,), std=(1,), channels=3, resolution=8, classes=5)
    with pytest.raises(ValueError, match="std is"):
        Prepare(mean=(0,), std=(0,), resolution=8)


def test_statistics_are_no_weights_to_be_saved():
    augment = Augment(PLAIN, **COLOUR, resolution=8, classes=5)
    assert augment.state_dict() == {}
    assert list(augment.parameters()) == []
