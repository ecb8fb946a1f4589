"""One picture to its square of pixels: every mode, orientation and hostile content that Pillow can meet."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from effsearch.training.datasets.decoding import MOST_PIXELS, decode, measure, quiet
from effsearch.training.datasets.source import Unusable

NOISE = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)


def packed(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return io.BytesIO(file.getvalue())


def png(width, height, depth=8, colour=0, pixels=b""):
    """A PNG whose header says what we like."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + body)


def test_a_square_picture_of_the_size_is_not_touched():
    assert np.array_equal(decode(packed(Image.fromarray(NOISE)), 24, 3), NOISE)
    assert np.array_equal(decode(NOISE, 24, 3), NOISE)


@pytest.mark.parametrize(("width", "height", "left", "top"), [(40, 24, 8, 0), (24, 41, 0, 8), (25, 24, 0, 0)])
def test_the_centre_is_cut_out(width, height, left, top):
    wide = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    assert np.array_equal(decode(packed(Image.fromarray(wide)), 24, 3), wide[top : top + 24, left : left + 24])


def test_shrinking_averages_the_pixels():
    """An image of one-pixel stripes becomes grey, and not stripes or one colour: the filter is antialiased."""
    stripes = np.zeros((96, 96), np.uint8)
    stripes[:, ::2] = 255
    small = decode(packed(Image.fromarray(stripes)), 12, 1)
    assert np.abs(small.astype(int) - 127.5).max() < 12


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_a_camera_is_honoured(orientation, kind):
    y, x = np.mgrid[:80, :120]
    image = Image.fromarray(np.stack([2 * x, 3 * y, (x > 60) * (y > 40) * 200], -1).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = packed(image, kind, exif=exif, quality=95)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(file.getvalue())))
    left, top = (expected.width - 80) // 2, (expected.height - 80) // 2
    expected = expected.crop((left, top, left + 80, top + 80)).resize((16, 16), Image.Resampling.BICUBIC)
    assert np.abs(decode(file, 16, 3).astype(int) - np.asarray(expected).astype(int)).mean() < 0.5


def test_a_large_photo_is_as_if_it_was_decoded_whole():
    y, x = np.mgrid[:480, :640]
    smooth = np.stack([x % 256, y % 256, (x + y) // 8 % 256], -1).astype(np.uint8)
    file = packed(Image.fromarray(smooth), "JPEG", quality=95)
    whole = Image.open(io.BytesIO(file.getvalue())).crop((80, 0, 560, 480)).resize((48, 48), Image.Resampling.BICUBIC)
    difference = np.abs(decode(file, 48, 3).astype(int) - np.asarray(whole).astype(int))
    assert difference.mean() < 3


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "PA"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_gives_uint8_of_the_shape(mode, channels):
    source = Image.fromarray(NOISE)
    image = Image.fromarray(np.arange(576, dtype=np.uint16).reshape(24, 24) * 100) if mode == "I;16" else None
    image = image or (Image.fromarray(np.full((24, 24), 30000, np.int32)) if mode == "I" else source.convert(mode))
    kind = "TIFF" if mode in ("CMYK", "I", "PA") else "PNG"
    try:
        file = packed(image, kind)
    except OSError:
        pytest.skip(f"Pillow writes no {kind} of mode {mode}")
    pixels = decode(file, 12, channels)
    assert pixels.shape == (12, 12, channels)
    assert pixels.dtype == np.uint8


def test_sixteen_bits_are_scaled_and_not_cut_off():
    values = np.array([[0, 200, 40000, 65535]] * 4, np.uint16)
    pixels = decode(packed(Image.fromarray(values)), 4, 1)[0, :, 0]
    assert pixels.tolist() == [round(value / 257) for value in (0, 200, 40000, 65535)]
    assert measure(packed(Image.fromarray(values))).grey


@pytest.mark.parametrize(
    "values", [np.full((4, 4), -1, np.int32), np.full((4, 4), 70000, np.int32), np.zeros((4, 4), np.float32)]
)
def test_pixels_on_an_unknown_scale_are_refused(values):
    with pytest.raises(Unusable, match="unknown scale"):
        decode(packed(Image.fromarray(values), "TIFF"), 4, 1)


def test_cmyk_keeps_its_colours():
    red = Image.new("RGB", (8, 8), (255, 0, 0)).convert("CMYK")
    pixels = decode(packed(red, "JPEG", quality=95), 8, 3).reshape(-1, 3).mean(0)
    assert pixels[0] > 240
    assert pixels[1:].max() < 15


def test_what_is_transparent_becomes_white():
    half = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    half.paste((200, 0, 0, 255), (0, 0, 8, 4))
    half.putpixel((0, 7), (0, 0, 0, 128))
    pixels = decode(packed(half), 8, 3)
    assert pixels[0, 0].tolist() == [200, 0, 0]
    assert pixels[7, 7].tolist() == [255, 255, 255]
    assert abs(int(pixels[7, 0, 0]) - 127) <= 1
    grey = Image.new("LA", (8, 8), (0, 0))
    assert measure(packed(grey)).grey
    assert decode(packed(grey), 8, 1).min() == 255


@pytest.mark.parametrize("transparency", [0, bytes([0, 255, 128])])
def test_a_palette_with_a_transparent_entry(transparency):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.putpixel((0, 0), 0)
    pixels = decode(packed(image, transparency=transparency), 8, 3)
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[4, 4].tolist() == [40, 50, 60]


def test_grey_becomes_rgb_and_back():
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    three = decode(packed(Image.fromarray(grey)), 8, 3)
    assert np.array_equal(three, np.repeat(grey[..., None], 3, 2))
    assert np.array_equal(decode(grey, 8, 3), three)
    assert np.array_equal(decode(grey[..., None], 8, 1)[..., 0], grey)


@pytest.mark.parametrize("size", [1, 16])
@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (300, 1)])
def test_a_picture_of_one_pixel(shape, size):
    image = Image.new("RGB", shape, (9, 8, 7))
    assert (decode(packed(image), size, 3) == (9, 8, 7)).all()


def test_the_first_frame_of_an_animation():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    file = packed(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    assert (decode(file, 8, 3) == (255, 0, 0)).all()


def outcome(content):
    """The shape of the pixels that come out, or the reason why there are none; any other exception is a failure."""
    with quiet():
        try:
            measure(io.BytesIO(content))
            return decode(io.BytesIO(content), 8, 3).shape
        except Unusable as error:
            return error.reason


REASONS = {"broken or cut off", "no picture in a known format", "empty file"}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
def test_a_file_cut_off_anywhere_is_an_unusable_picture(kind):
    whole = packed(Image.fromarray(NOISE), kind).getvalue()
    lengths = [*range(0, min(len(whole), 64), 3), *range(64, len(whole) - 1, max(1, len(whole) // 25))]
    # where only a checksum or a trailer was cut off there is a picture
    assert {outcome(whole[:length]) for length in lengths} <= REASONS | {(8, 8, 3)}
    assert {outcome(whole[:length]) for length in lengths if length <= len(whole) // 2} <= REASONS
    assert outcome(whole) == (8, 8, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"])
def test_flipped_bytes_are_a_picture_or_unusable(kind):
    whole = packed(Image.fromarray(NOISE), kind).getvalue()
    random = np.random.default_rng(2)
    for _ in range(60):
        spoilt = bytearray(whole)
        for place in random.integers(0, min(len(whole), 200), 3):
            spoilt[place] = random.integers(256)
        assert outcome(spoilt) in REASONS | {(8, 8, 3), "too many pixels", "pixels on an unknown scale"}


@pytest.mark.parametrize(
    ("width", "height"), [(30_000, 30_000), (2**31 - 1, 2**31 - 1), (9_500, 9_500), (MOST_PIXELS + 1, 1)]
)
@pytest.mark.parametrize("look", [measure, lambda file: decode(file, 8, 1)])
def test_a_decompression_bomb_is_refused_by_its_header(width, height, look):
    with quiet(), pytest.raises(Unusable, match="too many pixels"):
        look(png(width, height))


def test_a_bomb_is_refused_where_somebody_has_lifted_pillows_limit(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(Unusable, match="too many pixels"):
        decode(png(30_000, 30_000), 8, 1)


def test_no_warning_comes_out_and_the_filters_are_put_back():
    before = list(warnings.filters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with quiet(), pytest.raises(Unusable):
            measure(png(9_500, 9_500))
    assert caught == []
    assert warnings.filters == before


def test_a_header_that_promises_more_than_there_is():
    with pytest.raises(Unusable, match="broken or cut off"):
        decode(png(4_000, 4_000, pixels=b"\0" * 10), 8, 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"hello, I am a text", "no picture in a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture in a known format"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "no picture in a known format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture in a known format"),
        (b"GIF89a\0\0\0\0\0\0\0", None),
    ],
)
def test_what_is_no_picture(content, reason):
    with pytest.raises(Unusable) as caught:
        decode(io.BytesIO(content), 8, 3)
    assert reason is None or caught.value.reason == reason


def test_a_broken_orientation_is_ignored():
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(10)
    file = packed(Image.fromarray(NOISE), "JPEG", exif=exif, quality=95)
    with quiet():
        assert decode(file, 24, 3).shape == (24, 24, 3)
