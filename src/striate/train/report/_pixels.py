"""Arrays as small pictures inside the page."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence

import numpy as np

from ..._colours import NEGATIVE as NEGATIVE
from ..._colours import POSITIVE as POSITIVE
from ..._colours import Floats as Floats
from ..._colours import Pixels as Pixels
from ..._colours import signed as signed
from ..._colours import to_bytes as to_bytes
from ..._extras import require
from ._svg import Markup, element

FRAME = (128, 128, 128, 84)
"""Around tiles: a veil of grey, which shows on white and on black."""

LINE = 2
"""Pixels that a frame is wide."""

SMOOTH_FROM = 64
"""Pixels; smaller pictures keep sharp pixels when they are enlarged."""


def image(pixels: Pixels, alt: str, class_: str = "") -> Markup:
    """Embed an array as a PNG.

    Shape:
        pixels (H, W) grey, (H, W, 3) colour, or (H, W, 4) with opacity.
    """
    pillow = require("PIL.Image", extra="data", purpose="The report")
    buffer = io.BytesIO()
    pillow.fromarray(pixels).save(buffer, "PNG", optimize=True)
    source = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    sharp = "sharp" if max(pixels.shape[:2]) < SMOOTH_FROM else ""
    height, width = pixels.shape[:2]
    classes = f"{class_} {sharp}".strip() or None
    written = element("img", src=source, alt=alt, width=width, height=height, class_=classes)
    return Markup(written.removesuffix("</img>"))  # the one element here without an end tag


def mosaic(tiles: Sequence[Pixels], side: int, columns: int | None = None) -> Pixels:
    """Lay tiles of one size out in rows, framed and enlarged to about `side` pixels.

    Args:
        tiles: At least one.
        side: Of a tile.
        columns: Tiles in a row; by default up to 3 make one row, up to 16 make two.
    Shape:
        tiles (h, w, C); output (H, W, 4), see-through between the frames.
    """
    factor = max(1, side // max(tiles[0].shape[:2]))
    framed = [framing(enlarged(opaque(tile), factor)) for tile in tiles]
    columns = columns or (len(tiles) if len(tiles) <= 3 else min(8, -(-len(tiles) // 2)))
    gap = side // 16
    height, width = (length + gap for length in framed[0].shape[:2])
    rows, columns = math.ceil(len(framed) / columns), min(columns, len(framed))
    sheet = np.zeros((rows * height - gap, columns * width - gap, 4), np.uint8)
    for number, tile in enumerate(framed):
        top, left = number // columns * height, number % columns * width
        sheet[top : top + height - gap, left : left + width - gap] = tile
    return sheet


def enlarged(tile: Pixels, factor: int) -> Pixels:
    """Make every pixel a square of pixels."""
    return np.kron(tile, np.ones((factor, factor, 1), np.uint8))


def framing(tile: Pixels) -> Pixels:
    """Put a frame around a tile."""
    height, width = tile.shape[:2]
    sheet = np.empty((height + 2 * LINE, width + 2 * LINE, 4), np.uint8)
    sheet[:] = FRAME
    sheet[LINE:-LINE, LINE:-LINE] = tile
    return sheet


def opaque(tile: Pixels) -> Pixels:
    """Give colour pixels their opacity, if they have none."""
    if tile.shape[2] == 4:
        return tile
    return np.dstack([tile, np.full(tile.shape[:2], 255, np.uint8)])


def shrink(values: Floats, most: int) -> Floats:
    """Average a map (H, W, ...) over blocks, so that no side is longer than `most`."""
    factor = math.ceil(max(values.shape[:2]) / most)
    if factor <= 1:
        return values
    height, width = (max(1, side // factor) for side in values.shape[:2])
    cut = values[: height * factor, : width * factor]
    tall, wide = min(factor, values.shape[0]), min(factor, values.shape[1])
    averaged: Floats = cut.reshape(height, tall, width, wide, *values.shape[2:]).mean((1, 3))
    return averaged
