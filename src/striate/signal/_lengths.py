"""Lengths, from `Window`; kept, for a small convolution takes less time than its arithmetic."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, get_args

from ..window import Window

Mode = Literal["full", "same", "valid"]
MODES = get_args(Mode)

Sizes = tuple[int, ...]


@lru_cache(maxsize=1024)
def mode_window(size: int, mode: str) -> Window:
    """The window of a kernel: 'same' puts an even one's odd pixel in front, as SciPy does."""
    padding = {"full": (size - 1, size - 1), "same": (size // 2, (size - 1) // 2), "valid": (0, 0)}
    return Window(size, padding=padding[mode])


@lru_cache(maxsize=1024)
def output_sizes(sizes: Sizes, kernel_sizes: Sizes, mode: str = "valid") -> Sizes:
    """Outputs along each axis.

    Example:
        >>> output_sizes((7, 9), (3, 4), "full")
        (9, 12)
    """
    pairs = zip(sizes, kernel_sizes, strict=True)
    return tuple(mode_window(k, mode).output_size(n) for n, k in pairs)


@lru_cache(maxsize=1024)
def sides(kernel_sizes: Sizes, mode: str) -> tuple[tuple[int, int], ...]:
    """Pixels that the boundary adds before and after each axis."""
    windows = [mode_window(k, mode) for k in kernel_sizes]
    return tuple((int(w.before), int(w.after)) for w in windows)
