"""Pictures in their own depth, in and out: 8 and 16 bits, floats, grey and colour."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._extras import require
from ._files import writing
from ._image import _opened, _upright
from .errors import DataError, OptionError

Pixels = NDArray[Any]

WRITTEN = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}
"""What is written, by suffix; `.npy` takes arrays of any kind besides."""

_PNG = b"\x89PNG\r\n\x1a\n"


def read_raster(path: Path) -> Pixels:
    """Read a picture with all its bits, upright.

    Shape:
        output (H, W) grey, (H, W, 2) grey with opacity, (H, W, 3) or (H, W, 4) with opacity;
        uint8, uint16 or float32, and of `.npy` files any real type.
    Raises:
        DataError: It is absent, damaged, of an unknown kind, or would lose bits.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from None
    try:
        return _array(content) if path.suffix.lower() == ".npy" else _picture(content)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def _array(content: bytes) -> Pixels:
    try:
        found: Pixels = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # NumPy raises nearly anything on damaged files
        raise DataError(f"it is no array: {error}.") from None
    if found.dtype.kind not in "uif" or found.ndim not in (2, 3) or not found.size:
        raise DataError(
            f"it holds {found.dtype} of shape {found.shape}; (H, W) or (H, W, C) of real numbers "
            f"is needed."
        )
    return found


def _picture(content: bytes) -> Pixels:
    # Pillow would read the upper 8 of the 16 bits, and say nothing.
    deep = content[:8] == _PNG and len(content) > 25 and content[24] == 16 and content[25] in (2, 6)
    if deep:
        raise DataError(
            "a PNG with 16 bits a colour, of which only 8 would be read. Give it as an array "
            "(.npy), or each colour as a grey picture of 16 bits."
        )
    with _opened(content) as image:
        image.load()
        upright = _upright(image)
        if upright.mode.startswith("I"):
            return _sixteen(np.asarray(upright))
        if upright.mode == "F":
            return np.asarray(upright, np.float32)
        if upright.mode in ("P", "PA"):
            upright = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
        elif upright.mode == "1":
            upright = upright.convert("L")
        elif upright.mode not in ("L", "LA", "RGB", "RGBA"):
            upright = upright.convert("RGB")
        return np.asarray(upright)


def _sixteen(values: Pixels) -> Pixels:
    if values.min() < 0 or values.max() > 65535:
        raise DataError(
            f"its pixels go from {values.min()} to {values.max()}; 0 to 65535 are read. Give it as "
            f"an array (.npy)."
        )
    return values.astype(np.uint16)


def check_writable(path: Path, dtype: Any, channels: int) -> None:
    """Say before the work whether pixels of this kind can be written there.

    Raises:
        OptionError: They cannot.
    """
    suffix, dtype = path.suffix.lower(), np.dtype(dtype)
    if suffix == ".npy":
        return
    if suffix not in WRITTEN:
        known = ", ".join([*WRITTEN, ".npy"])
        raise OptionError(f"{path}: pictures are written as {known}; the suffix tells which.")
    kind, bits = WRITTEN[suffix], f"{dtype} with {channels} channel{'s' if channels > 1 else ''}"
    fits = {
        "PNG": dtype == np.uint8 or (dtype == np.uint16 and channels == 1),
        "JPEG": dtype == np.uint8 and channels in (1, 3),
        "TIFF": dtype == np.uint8 or (dtype in (np.uint16, np.float32) and channels == 1),
    }
    if channels > 4 or not fits[kind]:
        raise OptionError(
            f"{path}: {kind} does not hold {bits}. Use .npy, or .tif for one channel."
        )


def write_raster(path: Path, pixels: Pixels) -> None:
    """Write a picture by its suffix; it appears whole or not at all.

    Raises:
        OptionError: It cannot be written, or not in this format.
    """
    check_writable(path, pixels.dtype, pixels.shape[2] if pixels.ndim == 3 else 1)
    buffer = io.BytesIO()
    if path.suffix.lower() == ".npy":
        np.save(buffer, pixels, allow_pickle=False)
    else:
        pillow = require("PIL.Image", extra="data", purpose="Writing pictures")
        flat = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
        options = {"quality": 95} if WRITTEN[path.suffix.lower()] == "JPEG" else {}
        pillow.fromarray(np.ascontiguousarray(flat)).save(
            buffer, WRITTEN[path.suffix.lower()], **options
        )
    with writing(path, OptionError) as file:
        file.write(buffer.getvalue())
