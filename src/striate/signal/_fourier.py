"""Correlation by fast Fourier transforms, in overlapping blocks where the input is long."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ..window import Window
from ._lengths import output_sizes

STEP_NS = 0.6
"""Nanoseconds a step of `work` takes with real numbers, on one AMD EPYC core of 2024."""


class Blocks(NamedTuple):
    """How one axis is cut: blocks of `window.size`, one every `window.stride` pixels."""

    window: Window
    number: int

    @property
    def work(self) -> int:
        """Pixels transformed along this axis, all blocks together."""
        return self.window.size * self.number


@lru_cache(maxsize=1024)
def next_fast_length(n: int) -> int:
    """Find the next length of 2^a 3^b 5^c, which transforms fast.

    Example:
        >>> next_fast_length(509), next_fast_length(1025)
        (512, 1080)
    """
    best = 1 << max(n - 1, 0).bit_length()
    five = 1
    while five < best:
        odd = five
        while odd < best:
            best = min(best, odd << max(-(-n // odd) - 1, 0).bit_length())
            odd *= 3
        five *= 5
    return best


@lru_cache(maxsize=1024)
def blocks(n: int, size: int) -> Blocks:
    """Cut an axis of `n` pixels for a kernel of `size` taps, in the cheapest way.

    A block of B pixels gives B - size + 1 outputs for B log B of work: short blocks repeat the
    `size - 1` pixels they share too often, long ones pay for the logarithm and leave the cache.
    """
    lengths = [next_fast_length(n)]
    lengths += [2**j for j in range(size.bit_length() + 1, n.bit_length()) if 2**j < n]
    cut = [_cut(n, size, length) for length in lengths]
    # 6: the logarithms of the other axes, the product, and the copies, in the same unit.
    return min(cut, key=lambda axis: axis.work * (math.log2(axis.window.size) + 6))


def _cut(n: int, size: int, length: int) -> Blocks:
    window = Window(length, stride=Window(size).output_size(length), ceil_mode=True).on(n)
    return Blocks(window, window.output_size(n))


def work(sizes: Sequence[int], kernel_sizes: Sequence[int]) -> float:
    """Count the steps of the transforms of one input: pixels times log2 of the block's volume."""
    axes = [blocks(n, k) for n, k in zip(sizes, kernel_sizes, strict=True)]
    return math.prod(a.work for a in axes) * sum(math.log2(a.window.size) for a in axes)


def correlate(library: Any, x: Any, w: Any) -> Any:
    """Slide `w` (*K) over `x` (N, *sizes) at the places where it lies inside (overlap-save).

    The product of two spectra is a circular convolution: of each block, the first K - 1 results
    read around its end and are thrown away. All in double precision: the error of a transform is
    that of its largest number, which would drown small ones.
    """
    x, w, ndim = library.widened(x), library.widened(w), w.ndim
    cut = [blocks(n, k) for n, k in zip(x.shape[1:], w.shape, strict=True)]
    lengths = [axis.window.size for axis in cut]
    x = library.extend(x, [(0, int(axis.window.after)) for axis in cut], "zeros")
    tiles = library.tiles(x, lengths, [axis.window.stride for axis in cut])
    axes = tuple(range(-ndim, 0))
    forward, backward = library.transforms(x)
    product = forward(library.flip(w), lengths, axes) * forward(tiles, lengths, axes)
    y = backward(product, lengths, axes)
    y = y[(..., *(slice(k - 1, None) for k in w.shape))]
    return _joined(library, y, ndim)[_crop(x, cut, w.shape)]


def _joined(library: Any, y: Any, ndim: int) -> Any:
    """(N, blocks of each axis, outputs of each axis) -> (N, blocks * outputs of each axis)."""
    count = y.shape[1 : ndim + 1]
    outputs = y.shape[ndim + 1 :]
    order = [0]
    for axis in range(1, ndim + 1):
        order += [axis, axis + ndim]
    sizes = [b * s for b, s in zip(count, outputs, strict=True)]
    return library.permute(y, order).reshape(y.shape[0], *sizes)


def _crop(x: Any, cut: Sequence[Blocks], kernel_sizes: Sequence[int]) -> tuple[Any, ...]:
    """The outputs that read none of the zeros which fill the last block up."""
    sizes = (n - int(axis.window.after) for n, axis in zip(x.shape[1:], cut, strict=True))
    return (..., *map(slice, output_sizes(tuple(sizes), tuple(kernel_sizes))))
