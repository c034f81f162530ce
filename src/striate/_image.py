"""Pictures of any format, size and mode, decoded to uint8 channels first."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ._extras import require
from .errors import DataError

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".png",
    ".bmp",
    ".gif",
    ".tif",
    ".tiff",
    ".webp",
    ".ppm",
    ".pgm",
    ".pbm",
)
# Only these are tried, whatever the name says: Pillow knows formats that start other programs.
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
_GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
_PAPER = "white"


def decode_image(content: bytes, shape: Sequence[int]) -> NDArray[np.uint8]:
    """Decode a picture, resize it to cover the target, and crop the centre.

    The EXIF orientation is followed. Of an animation or a multi-page file the first picture is
    taken. Transparent pixels show white paper; 16-bit grey is scaled to 8; CMYK becomes RGB; colour
    becomes grey with 0.299 R + 0.587 G + 0.114 B.

    Args:
        content: The file's bytes.
        shape: (C, H, W), with C = 1 for grey or 3 for colour.
    Shape:
        output (C, H, W), uint8.
    Raises:
        DataError: No picture, damaged, or more pixels than Pillow's limit (89 million).
    """
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise DataError(
            f"pictures become (1, H, W) in grey or (3, H, W) in colour; {tuple(shape)} was asked "
            f"for. Build the net with in_channels=1 or in_channels=3."
        )
    channels, height, width = shape
    with _opened(content) as image:
        _decode(image, 2 * max(width, height))
    flat = _flatten(_upright(image), "L" if channels == 1 else "RGB")
    pixels = np.asarray(_cover(flat, width, height))
    return pixels[None].copy() if channels == 1 else pixels.transpose(2, 0, 1).copy()


def picture_size(content: bytes) -> tuple[int, int]:
    """Read width and height from a picture's header, without decoding it.

    Raises:
        DataError: No picture, damaged, or more pixels than Pillow's limit (89 million).
    """
    with _opened(content) as image:
        return image.size


def probe_image(content: bytes) -> tuple[int, int, int]:
    """Find a picture's shape (C, H, W), as it stands upright, and that it is not damaged."""
    with _opened(content) as image:
        width, height = image.size
        if _orientation(image) >= 5:  # 5 .. 8 lie on their side
            width, height = height, width
        shape = (1 if image.mode in _GREY else 3, height, width)
        _decode(image, 1)
    return shape


@contextmanager
def _opened(content: bytes) -> Iterator[Image.Image]:
    """Open a picture; whatever goes wrong with it inside the block becomes a DataError."""
    pillow = require("PIL.Image", extra="data", purpose="Reading pictures")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata is no damage
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            yield pillow.open(io.BytesIO(content), formats=_FORMATS)
    except DataError:
        raise
    except (pillow.DecompressionBombWarning, pillow.DecompressionBombError):
        limit = pillow.MAX_IMAGE_PIXELS
        raise DataError(
            f"the picture has more than {limit:,} pixels and is refused, as it would fill the "
            f"memory. Make it smaller."
        ) from None
    except pillow.UnidentifiedImageError:
        what = "no picture of a known format" if content else "empty"
        raise DataError(f"the file is {what}; {', '.join(_FORMATS)} are read.") from None
    except Exception as error:  # decoders raise nearly anything on damaged files
        raise DataError(f"the picture is damaged: {error or type(error).__name__}.") from error


def _decode(image: Image.Image, side: int) -> None:
    """Decode; a large JPEG at 1/2, 1/4 or 1/8 of its size if that leaves `side` pixels or more."""
    image.draft(None, (side, side))
    image.load()


def _orientation(image: Image.Image) -> int:
    """Read the EXIF orientation, 1 .. 8; damaged EXIF data leave the picture as it is."""
    try:
        found = image.getexif().get(0x0112, 1)
    except Exception:  # the parsers raise nearly anything
        return 1
    return found if found in range(1, 9) else 1


def _upright(image: Image.Image) -> Image.Image:
    """Turn the picture as its EXIF orientation says."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _flatten(image: Image.Image, mode: str) -> Image.Image:
    """Convert any mode to 'L' or 'RGB', transparent pixels showing the paper behind."""
    from PIL import Image

    if image.mode.startswith("I"):
        image = Image.fromarray(_to_eight_bits(np.asarray(image)))
    if image.mode == "F":
        raise DataError(
            "the pixels are floating-point numbers, which name no white; save the picture with "
            "8 or 16 bits."
        )
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, _PAPER)
        image = Image.alpha_composite(paper, layer)
    elif image.mode not in ("1", "L", "RGB"):
        image = _to_rgb(image)
    return image.convert(mode)


def _to_rgb(image: Image.Image) -> Image.Image:
    try:
        return image.convert("RGB")
    except ValueError:
        raise DataError(f"colours in the mode {image.mode} are not read. Save it as RGB.") from None


def _to_eight_bits(values: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Scale 16-bit grey to 8 bits: 65535 / 257 = 255."""
    if values.min() < 0 or values.max() > 65535:
        raise DataError(
            f"the pixels go from {values.min()} to {values.max()}; 16-bit grey goes from 0 to "
            f"65535. Save the picture with 8 or 16 bits."
        )
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _cover(image: Image.Image, width: int, height: int) -> Image.Image:
    """Resize with the proportions kept until the target is just covered, and crop its centre."""
    from PIL import Image

    if image.size == (width, height):
        return image
    scale = max(width / image.width, height / image.height)
    w, h = width / scale, height / scale  # the part of the picture that is seen
    left, top = max(0, (image.width - w) / 2), max(0, (image.height - h) / 2)  # not -1e-16
    box = (left, top, min(left + w, image.width), min(top + h, image.height))
    return image.resize((width, height), Image.Resampling.BILINEAR, box=box)
