"""Inputs as small PNG pictures, as the network sees them."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from ..._extras import require
from ...train.report._pixels import to_bytes
from .._subject import Floats, Subject

THUMBNAIL = 96
"""Pixels of a sample's longer side."""

_INK, _PAPER = 70, 245


def input_picture(subject: Subject, given: Floats, side: int | None = None) -> bytes | None:
    """Draw an input as a PNG, normalisation taken off; None for what is no picture.

    Args:
        subject: Whose `Preprocess` tells mean and deviation.
        given: (1, C, ...).
        side: Of the longer side, in pixels; None keeps the input's own.
    """
    pixels = _pixels(subject, given[0])
    return None if pixels is None else png(pixels, side)


def thumbnail(subject: Subject, given: Floats) -> bytes:
    """Draw any input small: a picture, a wave, or the middle slice of a volume."""
    pixels = _pixels(subject, given[0])
    if pixels is None:
        first = given[0].reshape(-1, given.shape[-1]) if given.ndim < 4 else given[0]
        pixels = _wave(first[0]) if given.ndim < 4 else _grey(_middle(first))
    return png(pixels, THUMBNAIL)


def png(pixels: NDArray[np.uint8], side: int | None = None) -> bytes:
    """Write (H, W) or (H, W, 3) as a PNG file."""
    pillow = require("PIL.Image", extra="look", purpose="The page")
    image = pillow.fromarray(pixels)
    if side is not None and max(image.size) > side:
        image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _pixels(subject: Subject, one: Floats) -> NDArray[np.uint8] | None:
    """(H, W) or (H, W, 3) in bytes, of an input that is a picture."""
    if one.ndim != 3 or one.shape[0] not in (1, 3):
        return None
    column = (-1, 1, 1)
    mean = np.reshape(subject.preprocess.mean, column)
    shown = one * np.reshape(subject.preprocess.std, column) + mean
    shown = np.where(np.isnan(one), 0.5, shown)  # what is over the border: neither light nor dark
    if subject.preprocess.kind != "image":
        return _grey(shown[0]) if one.shape[0] == 1 else None
    in_bytes: NDArray[np.uint8] = to_bytes(shown * 255)
    return in_bytes[0] if len(in_bytes) == 1 else in_bytes.transpose(1, 2, 0)


def _grey(values: Floats) -> NDArray[np.uint8]:
    """Smallest black, largest white."""
    known = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
    low, high = known.min(), known.max()
    return to_bytes((known - low) / (high - low or 1) * 255)


def _middle(maps: Floats) -> Floats:
    """One map (H, W) out of (C, ..., H, W)."""
    while maps.ndim > 2:
        maps = maps[len(maps) // 2 if maps.ndim == 3 else 0]
    return maps


def _wave(values: Floats) -> NDArray[np.uint8]:
    """Each column from the smallest to the largest of its samples."""
    width, height = THUMBNAIL, THUMBNAIL // 2
    known = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
    limit = np.abs(known).max() or 1.0
    rows = np.rint((1 - known / limit) / 2 * (height - 1)).astype(int)
    picture = np.full((height, width), _PAPER, np.uint8)
    for column, piece in enumerate(np.array_split(rows, width)):
        if len(piece):
            picture[piece.min() : piece.max() + 1, column] = _INK
    return picture
