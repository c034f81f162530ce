"""Pictures that Pillow would read 8 bits of: 16 bits a colour, and floats in colour."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._extras import require
from .errors import DataError

Pixels = NDArray[Any]

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_TURNED = {1: (0, 0), 2: (0, 1), 3: (1, 1), 4: (1, 0), 5: (0, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)}
"""By EXIF orientation: whether rows and columns run backwards; from 5 on they are swapped first."""


def is_deep_png(content: bytes) -> bool:
    """Whether a file is a PNG of 16 bits with more than grey, by its header."""
    return content[:8] == _PNG and content[24:25] == b"\x10" and content[25:26] in b"\2\4\6"


def is_tiff(content: bytes) -> bool:
    """Whether a file is a TIFF, by its first bytes."""
    return content[:4] in _TIFF


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Turn pixels (H, W, ...) as their EXIF orientation says.

    Example:
        >>> upright(np.array([[1, 2, 3]]), 6).tolist()
        [[1], [2], [3]]
    """
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    down, across = _TURNED[orientation]
    return pixels[:: -1 if down else 1, :: -1 if across else 1]


def read_png(content: bytes) -> Pixels:
    """Decode a PNG with all its bits.

    Raises:
        DataError: It is damaged.
    """
    codecs = require("imagecodecs", extra="filter", purpose="Reading PNG of 16 bits a colour")
    try:
        found: Pixels = codecs.png_decode(content)
    except Exception as error:  # its messages may be no text themselves
        raise DataError(f"the picture is damaged ({type(error).__name__}).") from error
    return found


def write_png(pixels: Pixels) -> bytes:
    """Encode a PNG of 8 or 16 bits, (H, W) or (H, W, 2 to 4)."""
    codecs = require("imagecodecs", extra="filter", purpose="Writing PNG of 16 bits a colour")
    return bytes(codecs.png_encode(np.ascontiguousarray(pixels)))


def read_tiff(content: bytes, most_pixels: int) -> Pixels | None:
    """Decode the first picture of a TIFF with all its bits, upright.

    Args:
        content: The file.
        most_pixels: Of a larger picture the memory is spared.
    Shape:
        output (H, W) or (H, W, C), of the file's own type; None where 8 bits are all it has.
    Raises:
        DataError: It is damaged, too large, or its numbers are no shades or colours.
    """
    tifffile = require("tifffile", extra="filter", purpose="Reading TIFF")
    try:
        with tifffile.TiffFile(io.BytesIO(content)) as file:
            page = file.pages[0]
            return _page(page, most_pixels)
    except DataError:
        raise
    except Exception as error:  # damaged files raise nearly anything
        told = str(error) or type(error).__name__
        raise DataError(f"the picture is damaged: {told}.") from error


def _page(page: Any, most_pixels: int) -> Pixels | None:
    if page.dtype is None or np.dtype(page.dtype).itemsize == 1:
        return None
    if page.imagewidth * page.imagelength > most_pixels:
        raise DataError(
            f"the picture has more than {most_pixels:,} pixels and is refused, as it would fill "
            f"the memory. Make it smaller."
        )
    kind = getattr(page.photometric, "name", str(page.photometric))
    shades, axes = kind in ("MINISBLACK", "MINISWHITE", "RGB"), page.axes
    if not shades or axes not in ("YX", "YXS", "SYX") or page.dtype.kind not in "uif":
        raise DataError(
            f"its numbers are {page.dtype} {page.shape} of the kind {kind}; grey or RGB is read. "
            f"Give it as an array (.npy)."
        )
    pixels = np.asarray(page.asarray())
    if axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    if kind == "MINISWHITE" and pixels.dtype.kind == "u":
        pixels = np.iinfo(pixels.dtype).max - pixels
    tag = page.tags.get(274)  # the orientation
    return upright(pixels, tag.value if tag is not None and tag.value in _TURNED else 1)


def write_tiff(pixels: Pixels) -> bytes:
    """Encode a TIFF of any real type, (H, W) or (H, W, 2 to 4)."""
    tifffile = require("tifffile", extra="filter", purpose="Writing TIFF")
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        np.ascontiguousarray(pixels),
        photometric="rgb" if channels >= 3 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        metadata=None,
    )
    return buffer.getvalue()
