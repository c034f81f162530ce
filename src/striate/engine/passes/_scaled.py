"""Weights times numbers that folding found, worked out late: most are read only once, rounded."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_BLOCK_FLOATS = 1 << 16  # its float64 numbers stay in cache


class Scaled:
    """An array times factors, in float64, without the memory that this would take.

    Args:
        base: float32 or float16 numbers, finite: no product with a finite factor overflows.
        factor: float64; broadcast over `base`.
    """

    def __init__(self, base: Array, factor: Array) -> None:
        self.base, self.factor = base, factor
        self.shape, self.dtype = base.shape, np.dtype(np.float64)

    def times(self, factor: Array) -> Scaled:
        """The same times more numbers."""
        return Scaled(self.base, self.factor * factor)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.multiply(self.base, self.factor, dtype=np.float64).astype(dtype or np.float64)

    def rounded(self, dtype: Any) -> Array:
        """All of it in another dtype, rounded once."""
        made = np.empty(self.shape, dtype)
        factor = np.broadcast_to(self.factor, self.shape)
        rows = max(1, _BLOCK_FLOATS * len(made) // max(1, made.size))
        for first in range(0, len(made), rows):
            part = slice(first, first + rows)
            made[part] = np.multiply(self.base[part], factor[part], dtype=np.float64)
        return made
