"""Correlation by tiles: large images a part at a time, bit for bit as in one piece.

Every tap is one multiplication and one addition of whole arrays, in the same order everywhere, so
that a pixel's value does not depend on the tile in which it is computed. What a tile reads over its
own edge, its halo, is the window's interval.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, ShapeError
from ._boundary import BOUNDARIES, Boundary, sources
from ._lengths import mode_window
from ._separable import Term, factor

Array = NDArray[Any]
Combine = Callable[[list[Array]], Array]

TILE = 512
"""Pixels of a tile along an axis: its arrays stay in the caches."""


def correlate_tiles(
    input: Array,
    kernels: Sequence[Array],
    *,
    boundary: Boundary = "symmetric",
    tile: int = TILE,
    combine: Combine | None = None,
) -> Iterator[tuple[tuple[slice, ...], Array]]:
    """Correlate an image or a signal with kernels, tile by tile, at every place ('same').

    Args:
        input: Any real type; an integer image is not copied as a whole.
        kernels: With as many axes as the input has.
        boundary: What stands outside, as `correlate` takes it.
        tile: Its length along each axis; the results do not depend on it.
        combine: Makes one array of the kernels' results, place by place; by default the first.
    Returns:
        Where each tile lies, and its values in float64.
    Raises:
        ShapeError: A kernel has another number of axes, or there is nothing to correlate.
        OptionError: An unknown boundary, or a tile of no pixels.
    Example:
        >>> image = np.arange(12.0).reshape(3, 4)
        >>> [(where, values)] = correlate_tiles(image, [np.full((1, 3), 1 / 3)])
        >>> values[0].round(2).tolist()
        [0.33, 1.0, 2.0, 2.67]
    """
    if boundary not in BOUNDARIES:
        raise OptionError(f"boundary={boundary!r} is not one of {', '.join(BOUNDARIES)}.")
    if tile < 1:
        raise OptionError(f"tile={tile}: 1 pixel or more is needed.")
    for kernel in kernels:
        if kernel.ndim != input.ndim or not kernel.size or not input.size:
            raise ShapeError(
                f"the kernel is {kernel.shape} and the input {input.shape}: they must have as many "
                f"axes, and not be empty."
            )
    passes = [_passes(np.asarray(kernel, np.float64)) for kernel in kernels]
    for place in itertools.product(*(range(0, n, tile) for n in input.shape)):
        runs = [range(a, min(a + tile, n)) for a, n in zip(place, input.shape, strict=True)]
        found = [
            _tile(input, kernel.shape, terms, runs, boundary)
            for kernel, terms in zip(kernels, passes, strict=True)
        ]
        where = tuple(slice(run.start, run.stop) for run in runs)
        yield where, found[0] if combine is None else combine(found)


def _passes(kernel: Array) -> list[Term]:
    """The kernel as a sum of products of 1D kernels, where that saves taps; else as it is."""
    terms = None
    if sum(n > 1 for n in kernel.shape) > 1:
        terms = factor(kernel, float(np.finfo(np.float64).eps), most=2)
    taps = len(terms or ()) * sum(kernel.shape)
    return terms if terms and taps < math.prod(kernel.shape) else [[kernel]]


def _tile(
    x: Array, sizes: Sequence[int], terms: list[Term], runs: Sequence[range], boundary: str
) -> Array:
    """One kernel's values on one tile."""
    block = _read(x, sizes, runs, boundary)
    with np.errstate(all="ignore"):  # infinity and NaN go through, as in any sum
        sums = [_along_axes(block, term) for term in terms]
    return np.asarray(sum(sums[1:], sums[0]))


def _along_axes(block: Array, term: Term) -> Array:
    """A pass along each axis that has more than one tap; or one with a whole kernel."""
    if len(term) == 1:
        return _slide(block, term[0])
    for axis, vector in enumerate(term):
        shape = [len(vector) if a == axis else 1 for a in range(block.ndim)]
        block = _slide(block, vector.reshape(shape))
    return block


def _read(x: Array, sizes: Sequence[int], runs: Sequence[range], boundary: str) -> Array:
    """The tile with its halo, and what stands outside the input."""
    reads = [mode_window(k, "same").input_interval(run) for k, run in zip(sizes, runs, strict=True)]
    if boundary == "zeros":
        block = np.zeros([len(read) for read in reads])
        inside = [
            range(max(read.start, 0), min(read.stop, n))
            for read, n in zip(reads, x.shape, strict=True)
        ]
        to = tuple(
            slice(there.start - read.start, there.stop - read.start)
            for read, there in zip(reads, inside, strict=True)
        )
        block[to] = x[tuple(slice(there.start, there.stop) for there in inside)]
        return block
    rows = [sources(boundary, read, n) for read, n in zip(reads, x.shape, strict=True)]
    return np.asarray(x[np.ix_(*rows)], np.float64)


def _slide(block: Array, kernel: Array) -> Array:
    """Add up shifted copies, a tap at a time, where the kernel lies inside."""
    lengths = [n - k + 1 for n, k in zip(block.shape, kernel.shape, strict=True)]
    total = np.zeros(lengths)
    product = np.empty(lengths)
    for place in np.ndindex(*kernel.shape):
        weight = kernel[place]
        if weight:
            shifted = block[tuple(slice(p, p + n) for p, n in zip(place, lengths, strict=True))]
            np.multiply(shifted, weight, out=product)
            total += product
    return total
