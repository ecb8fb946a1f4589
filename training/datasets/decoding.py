"""One picture -> its square of uint8 pixels, or the reason why there is none."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from .source import Opened, Unusable

VERSION = 1  # of the pixels that come out: part of the cache's key
MOST_PIXELS = 89_478_485  # 256 MB of RGB; Pillow's own limit, kept where somebody has lifted that
FORMATS: Final = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
SUFFIXES: Final = frozenset(
    ".jpg .jpeg .jpe .jfif .png .gif .bmp .dib .webp .tif .tiff .ppm .pgm .pbm .pnm".split()  # noqa: SIM905
)
BACKGROUND = 255  # transparent pictures are laid on white, as a page shows them

_GREY: Final = frozenset(("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N"))
_ALPHA: Final = frozenset(("LA", "La", "PA", "RGBA", "RGBa"))
_ORIENTATION = 0x0112
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Header:
    """What is known before the pixels are decoded."""

    width: int
    height: int
    grey: bool


@contextmanager
def quiet() -> Iterator[None]:
    """Pillow's warnings about single pictures: too many pixels is an error, a strange EXIF block is nobody's concern.

    Filters of warnings belong to the process: enter it once around all threads.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def measure(opened: Opened) -> Header:
    """Width, height and whether it is grey, from the header. Raises Unusable."""
    if isinstance(opened, np.ndarray):
        height, width = opened.shape[:2]
        return Header(width, height, opened.ndim == 2 or opened.shape[2] == 1)
    with _image(opened) as image:
        return Header(*image.size, image.mode in _GREY)


def decode(opened: Opened, size: int, channels: int) -> NDArray[np.uint8]:
    """(size, size, channels): the centre square, its side the shorter side, resized (bicubic, antialiased).

    An EXIF orientation is applied, 16-bit grey is scaled to 8 bits, transparency is laid on white, of an animation
    the first frame is taken. Raises Unusable.
    """
    if isinstance(opened, np.ndarray):
        if opened.shape[:2] == (size, size) and opened.ndim == 3 and opened.shape[2] == channels:
            return opened
        return _square(Image.fromarray(opened[:, :, 0] if opened.shape[2:] == (1,) else opened), size, channels)
    with _image(opened) as image:
        try:
            image.draft(None, (2 * size, 2 * size))  # a JPEG decodes to 1/2, 1/4 or 1/8, not below twice the size
            image.load()
            return _square(_upright(image), size, channels)
        except (Unusable, MemoryError):
            raise
        except Exception as error:  # Pillow's decoders raise many kinds for a broken file
            raise Unusable("broken or cut off", str(error)) from error


@contextmanager
def _image(file: BinaryIO) -> Iterator[Image.Image]:
    with file:
        try:
            image = Image.open(file, formats=FORMATS)
        except UnidentifiedImageError as error:
            raise Unusable("no picture in a known format" if file.seek(0, 2) else "empty file") from error
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise Unusable("too many pixels", f"more than {MOST_PIXELS:,}") from error
        except OSError as error:  # without a number it is Pillow's own
            raise Unusable("cannot be read" if error.errno else "broken or cut off", str(error)) from error
        except MemoryError:
            raise
        except Exception as error:
            raise Unusable("broken or cut off", str(error)) from error
        with image:
            if image.width * image.height > MOST_PIXELS:
                raise Unusable("too many pixels", f"{image.width} x {image.height}, more than {MOST_PIXELS:,}")
            if image.width < 1 or image.height < 1:
                raise Unusable("broken or cut off", "no pixels")
            yield image


def _upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # an EXIF block that cannot be read says nothing
        orientation = None
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _square(image: Image.Image, size: int, channels: int) -> NDArray[np.uint8]:
    image = _eight_bits(image)
    image = image.convert("L" if channels == 1 else "RGB")
    if image.size != (size, size):
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    return np.asarray(image, np.uint8).reshape(size, size, channels)


def _eight_bits(image: Image.Image) -> Image.Image:
    """In a mode without transparency, with 8 bits a channel."""
    if image.mode.startswith("I"):
        pixels = np.asarray(image).astype(np.int64)
        if pixels.min() < 0 or pixels.max() > 65535:
            raise Unusable("pixels on an unknown scale", "32-bit integers outside 0..65535")
        return Image.fromarray(((pixels * 255 + 32767) // 65535).astype(np.uint8))
    if image.mode == "F":
        raise Unusable("pixels on an unknown scale", "floating point")
    if image.mode in _ALPHA or "transparency" in image.info:
        grey = image.mode in _GREY
        image = image.convert("LA") if image.mode == "La" else image
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (BACKGROUND, BACKGROUND, BACKGROUND, 255))
        image = Image.alpha_composite(ground, image).convert("L" if grey else "RGB")
    return image
