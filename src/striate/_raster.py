"""Pictures in their own depth, in and out: 8 and 16 bits, floats, grey and colour."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._deep_raster import (
    is_deep_png,
    is_tiff,
    read_png,
    read_tiff,
    upright,
    write_png,
    write_tiff,
)
from ._extras import require
from ._files import writing
from ._image import _opened, _orientation, _upright
from .errors import DataError, OptionError

Pixels = NDArray[Any]

WRITTEN = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}
"""What is written, by suffix; `.npy` takes arrays of any kind besides."""


def read_raster(path: Path) -> Pixels:
    """Read a picture with all its bits, upright.

    Shape:
        output (H, W) grey, (H, W, 2) grey with opacity, (H, W, 3) or (H, W, 4) with opacity;
        uint8 or uint16, and of TIFF and `.npy` any real type.
    Raises:
        DataError: It is absent, damaged, of an unknown kind, or would lose bits.
        MissingExtraError: A package that reads it is not installed.
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
    if is_deep_png(content):
        with _opened(content) as image:  # tells a size that would fill the memory
            orientation = _orientation(image)
        return upright(read_png(content), orientation)
    if is_tiff(content):
        pillow = require("PIL.Image", extra="filter", purpose="Reading pictures")
        found = read_tiff(content, pillow.MAX_IMAGE_PIXELS)
        if found is not None:
            return found
    with _opened(content) as image:
        image.load()
        turned = _upright(image)
        if turned.mode.startswith("I"):
            return _sixteen(np.asarray(turned))
        if turned.mode == "F":
            return np.asarray(turned, np.float32)
        if turned.mode in ("P", "PA"):
            turned = turned.convert("RGBA" if turned.has_transparency_data else "RGB")
        elif turned.mode == "1":
            turned = turned.convert("L")
        elif turned.mode not in ("L", "LA", "RGB", "RGBA"):
            turned = turned.convert("RGB")
        return np.asarray(turned)


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
        "PNG": dtype in (np.uint8, np.uint16),
        "JPEG": dtype == np.uint8 and channels in (1, 3),
        "TIFF": dtype.kind in "uif",
    }
    if channels > 4 or not fits[kind]:
        raise OptionError(f"{path}: {kind} does not hold {bits}. Use .npy or .tif.")


def write_raster(path: Path, pixels: Pixels) -> None:
    """Write a picture by its suffix; it appears whole or not at all.

    Raises:
        OptionError: It cannot be written, or not in this format.
    """
    check_writable(path, pixels.dtype, pixels.shape[2] if pixels.ndim == 3 else 1)
    flat = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    content = _encoded(path.suffix.lower(), np.ascontiguousarray(flat))
    with writing(path, OptionError) as file:
        file.write(content)


def _encoded(suffix: str, pixels: Pixels) -> bytes:
    kind, buffer = WRITTEN.get(suffix), io.BytesIO()
    if kind is None:
        np.save(buffer, pixels, allow_pickle=False)
    elif kind == "TIFF":
        return write_tiff(pixels)
    elif kind == "PNG" and pixels.dtype == np.uint16 and pixels.ndim == 3:
        return write_png(pixels)
    else:
        pillow = require("PIL.Image", extra="filter", purpose="Writing pictures")
        options = {"quality": 95} if kind == "JPEG" else {}
        pillow.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()
