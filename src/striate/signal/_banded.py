"""Direct correlation of NumPy arrays: every tap is multiplied and added, nothing is approximated.

Two ways, both at the places where the kernel lies inside:

    rows    each row of the kernel slides along the whole array as one long signal, which NumPy
            has unrolled loops for up to 11 taps. Any type, integers are exact.
    bands   `SPAN` neighbouring outputs at a time are a product with a banded matrix, in BLAS:

                | y0 |   | w0 w1 w2  0  0 |   | x0 |
                | y1 | = |  0 w0 w1 w2  0 | * | .. |
                | y2 |   |  0  0 w0 w1 w2 |   | x4 |

            More products than taps, and still several times faster than a loop over taps.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..window import Window
from ._lengths import Sizes, output_sizes

Array = NDArray[Any]

SPAN = 16
"""Outputs a band: the sum of SPAN + K - 1 products each, against the K that are needed."""

UNROLLED = 11
"""The longest kernel row that NumPy's correlate has an unrolled loop for."""

CHUNK = 1 << 15
"""Outputs worked on at a time: two arrays of them stay in the second-level cache."""

CALL_NS = 3000.0
"""Time of one product or row of next to nothing, in nanoseconds."""


def correlate(x: Array, w: Array) -> Array:
    """Slide `w` (*K) over `x` (N, *sizes) at the places where it lies inside."""
    if not x.size:
        return np.zeros((len(x), *output_sizes(x.shape[1:], w.shape)), x.dtype)
    sizes = (len(x), *output_sizes(x.shape[1:], w.shape))
    if row_cost(sizes, w.shape, w.dtype) < band_cost(sizes, w.shape, w.dtype):
        return rows(x, w)
    y = bands(x, w)
    # The zeros of a band turn one infinity or NaN into SPAN of them.
    return y if np.isfinite(y.sum()) else rows(x, w)


def cost(sizes: Sizes, kernel_sizes: Sizes, dtype: np.dtype[Any]) -> float:
    """Estimate the time of `correlate` in nanoseconds, on one core of an AMD EPYC of 2024.

    `sizes` are the result's: (N, places along each axis).
    """
    return min(row_cost(sizes, kernel_sizes, dtype), band_cost(sizes, kernel_sizes, dtype))


def row_cost(sizes: Sizes, kernel_sizes: Sizes, dtype: np.dtype[Any]) -> float:
    """Nanoseconds by `rows`: few in NumPy's unrolled loops, which are for real floats."""
    taps, outputs = kernel_sizes[-1], math.prod(sizes)
    if dtype.kind == "f":
        row = 0.5 + 0.07 * taps + (7 if taps > UNROLLED else 0)
    else:
        row = 1.0 + 0.35 * taps if dtype.kind == "i" else 14 + 0.15 * taps
    calls = math.prod(kernel_sizes[:-1]) * (1 + outputs // CHUNK)
    return math.prod(kernel_sizes[:-1]) * outputs * row + calls * CALL_NS


def band_cost(sizes: Sizes, kernel_sizes: Sizes, dtype: np.dtype[Any]) -> float:
    """Nanoseconds by `bands`: as many as BLAS needs for the products."""
    if dtype.kind == "i":
        return math.inf  # BLAS has no integers
    (places, merged), outputs = _merged(sizes[1:], kernel_sizes), math.prod(sizes)
    banded = merged[-2:][0]
    products = math.prod(merged) // banded
    product = (1.1 + 0.045 * banded) * (1 if len(merged) > 1 else 1.5)
    number = dtype.itemsize / 8 * (1.5 if dtype.kind == "c" else 1)
    tiles = 1 + outputs // CHUNK + (places[-2] // SPAN if len(merged) > 1 else 0)
    calls = products * tiles + banded
    return products * outputs * product * number + calls * CALL_NS


def rows(x: Array, w: Array) -> Array:
    """Add the kernel's rows up, each slid along the array as if that were one long signal.

    Where a row runs over the end of the array's row, it gives numbers that nobody asked for; they
    are left out at the end.
    """
    flat = np.ascontiguousarray(x).reshape(-1)
    steps = [math.prod(x.shape[axis + 1 :]) for axis in range(1, x.ndim)]
    last = sum((k - 1) * step for k, step in zip(w.shape, steps, strict=True))
    (places,) = output_sizes(flat.shape, (last + 1,))
    taps = np.conj(w)  # np.correlate conjugates them once more
    if x.size == x.shape[-1] and w.ndim == 1:  # one signal, and nothing to add up
        return np.correlate(flat, taps, "valid")[None]
    sums = np.zeros(flat.size, x.dtype)
    for start in range(0, places, CHUNK):
        part = sums[start : min(start + CHUNK, places)]
        for row in itertools.product(*map(range, w.shape[:-1])):
            offset = start + sum(tap * step for tap, step in zip(row, steps, strict=False))
            read = flat[offset : offset + len(part) + w.shape[-1] - 1]
            part += np.correlate(read, taps[row], "valid")
    inside = tuple(map(slice, output_sizes(x.shape[1:], w.shape)))
    return sums.reshape(x.shape)[(slice(None), *inside)]


def bands(x: Array, w: Array) -> Array:
    """Multiply by banded matrices, along the last axis but one (of a signal: the last)."""
    sizes = (len(x), *output_sizes(x.shape[1:], w.shape))
    merged, kernel_sizes = _merged(x.shape[1:], w.shape)
    x, w = x.reshape(-1, *merged), w.reshape(kernel_sizes)
    return (_signal_bands(x, w) if w.ndim == 1 else _image_bands(x, w)).reshape(sizes)


def _merged(sizes: Sizes, kernel_sizes: Sizes) -> tuple[list[int], list[int]]:
    """Leave out axes along which the kernel has one tap: leading ones, which join the batch, and
    trailing ones, of which one is kept.
    """
    merged, kernel = list(sizes), list(kernel_sizes)
    while len(kernel) > 1 and kernel[0] == 1:
        kernel.pop(0)
        merged.pop(0)
    while len(kernel) > 2 and kernel[-2:] == [1, 1]:
        kernel.pop()
        merged[-2:] = [merged[-2] * merged[-1]]
    return merged, kernel


def _signal_bands(x: Array, w: Array) -> Array:
    """Cut the signals into blocks of `span`; outputs of one read it and the next ones.

    y[block] = sum over s of x[block + s] @ band[s]

    With all signals of the batch in one long column of blocks, each s is one large product.
    """
    span = SPAN if len(w) <= 3 * SPAN else 2 * SPAN
    (outputs,) = output_sizes(x.shape[1:], w.shape)
    reach = Window(span, stride=span, ceil_mode=True).output_size(len(w) - 1 + span)
    count = Window(span, stride=span, ceil_mode=True).output_size(outputs) + reach - 1
    padded = np.zeros((x.shape[0], count * span), x.dtype)
    padded[:, : x.shape[1]] = x[:, : count * span]
    column = padded.reshape(-1, span)
    band = _band(w, span, reach * span).T.reshape(reach, span, span)
    y = np.empty_like(column)
    for start in range(0, len(column) - reach + 1, CHUNK // span):
        part = y[start : min(start + CHUNK // span, len(column) - reach + 1)]
        np.matmul(column[start : start + len(part)], band[0], out=part)
        for s in range(1, reach):
            part += column[start + s : start + s + len(part)] @ band[s]
    return y.reshape(len(padded), -1)[:, :outputs]


def _image_bands(x: Array, w: Array) -> Array:
    """Slide the columns of the kernel, one at a time, down `SPAN` rows of the images at a time."""
    sizes = (len(x), *output_sizes(x.shape[1:], w.shape))
    height = w.shape[-2]
    span = min(SPAN, sizes[-2])
    group = max(CHUNK // (math.prod(sizes[1:]) // sizes[-2] * span), 1)
    columns = np.moveaxis(w, -2, -1)
    bands = [
        (tap, _band(columns[tap], span, span + height - 1))
        for tap in itertools.product(*map(range, columns.shape[:-1]))
    ]
    y = np.empty(sizes, x.dtype)
    for image, start in itertools.product(range(0, len(x), group), range(0, sizes[-2], span)):
        part = y[image : image + group, ..., start : start + span, :]
        read = x[image : image + group, ..., start : start + part.shape[-2] + height - 1, :]
        _add_products(part, read, bands)
    return y


def _add_products(y: Array, x: Array, bands: list[tuple[tuple[int, ...], Array]]) -> None:
    """Sum band @ x over the kernel's columns, each reading from where it stands in the kernel."""
    scratch = np.empty_like(y)
    others = (*y.shape[1:-2], y.shape[-1])
    for column, (tap, band) in enumerate(bands):
        *lead, last = (slice(t, t + n) for t, n in zip(tap, others, strict=True))
        product = scratch if column else y
        np.matmul(
            band[: y.shape[-2], : x.shape[-2]],
            x[(slice(None), *lead, slice(None), last)],
            out=product,
        )
        if column:
            y += product


def _band(w: Array, rows: int, columns: int) -> Array:
    """Matrix with w[0] on the diagonal, w[1] to its right, and so on."""
    matrix = np.zeros((rows, columns), w.dtype)
    for i in range(rows):
        matrix[i, i : i + len(w)] = w
    return matrix
