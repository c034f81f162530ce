"""The colours of signed numbers, in every drawing: orange above 0, blue below, nothing at 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Pixels = NDArray[np.uint8]

POSITIVE, NEGATIVE = (214, 96, 22), (46, 116, 190)
"""Orange and blue, which colour-blind readers tell apart, on white and on black."""


def signed(values: Floats, limit: float) -> Pixels:
    """Colour signed numbers: orange above 0, blue below, 0 see-through so that the page shows.

    Args:
        values: (H, W).
        limit: The magnitude that gets the full colour.
    Example:
        >>> signed(np.array([[1.0, 0.0, -0.5]]), limit=1.0)[0].tolist()
        [[214, 96, 22, 255], [214, 96, 22, 0], [46, 116, 190, 128]]
    """
    values = np.nan_to_num(values, nan=0.0)
    colour = np.where((values < 0)[..., None], NEGATIVE, POSITIVE)
    return to_bytes(np.dstack([colour, 255 * np.abs(values) / (limit or 1.0)]))


def to_bytes(values: Floats) -> Pixels:
    """Round to whole numbers from 0 to 255; what is no number becomes 0."""
    rounded: Pixels = np.rint(np.nan_to_num(values).clip(0, 255)).astype(np.uint8)
    return rounded
