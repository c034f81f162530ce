"""Sums of windows: convolutions, poolings, interpolation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...graph.ops.pool import AvgPool, adaptive_reads
from ...window import Window
from ._terms import Integers, Unit, UnitSum, grid


def conv(unit: Unit) -> UnitSum:
    """Every channel of the filter's group under the window."""
    op, (o, *place) = unit.op, unit.index
    maps, weight = unit.read(), op.dense(unit.operand(1), len(unit.read()))
    if op.table is not None:
        channels = list(op.table[o])
        kernel = weight[o, channels]
    else:
        each = weight.shape[1]
        first = o // (weight.shape[0] // op.groups) * each
        channels, kernel = list(range(first, first + each)), weight[o]
    windows = [w.on(n) for w, n in zip(op.windows, maps.shape[1:], strict=True)]
    taps = [list(enumerate(w.taps(i))) for w, i in zip(windows, place, strict=True)]
    return _under(unit, channels, kernel, taps)


def conv_transpose(unit: Unit) -> UnitSum:
    """Every input pixel whose spread kernel reaches the unit.

    Output i gets w[u] * x[j] where tap u of the window at j stands on i.
    """
    op, (o, *place) = unit.op, unit.index
    weight = unit.operand(1)
    each = weight.shape[0] // op.groups
    group, local = divmod(o, weight.shape[1])
    channels = list(range(group * each, (group + 1) * each))
    taps = [
        [(w.taps(j).index(i), j) for j in reversed(w.output_interval(i)) if i in w.taps(j)]
        for w, i in zip(op.windows, place, strict=True)
    ]
    return _under(unit, channels, weight[channels, local], taps)


def _under(
    unit: Unit, channels: Sequence[int], kernel: Integers, taps: Sequence[list[tuple[int, int]]]
) -> UnitSum:
    """The sum over channels and taps (place in the kernel, position in the map).

    Shape:
        kernel (channels, *sizes).
    """
    offset = grid(range(len(channels)), *([u for u, _ in axis] for axis in taps))
    index = grid(channels, *([at for _, at in axis] for axis in taps))
    bias = unit.operand(2)
    added = None if bias is None else float(bias[unit.index[0]])
    return unit.sum_of(index, kernel[tuple(offset.T)], bias=added, offset=offset[:, 1:])


def _pooled(unit: Unit) -> tuple[Integers, Integers]:
    """Places in the map and in the window, of a pooling's unit."""
    c, *place = unit.index
    windows = _windows(unit)
    taps = [w.taps(i) for w, i in zip(windows, place, strict=True)]
    return grid([c], *taps), grid(*(range(w.size) for w in windows))


def _windows(unit: Unit) -> list[Window]:
    sizes = unit.read().shape[1:]
    return [w.on(n) for w, n in zip(unit.op.windows, sizes, strict=True)]


def max_pool(unit: Unit) -> UnitSum:
    """The largest of the window."""
    return unit.chosen(*_pooled(unit))


def avg_pool(unit: Unit) -> UnitSum:
    """The mean of the window."""
    index, offset = _pooled(unit)
    return unit.sum_of(index, 1 / (unit.op.divisor or _counted(unit.op, unit)), offset=offset)


def _counted(pool: AvgPool, unit: Unit) -> int:
    """How many numbers the mean of a window divides by."""
    axes = zip(pool.windows, unit.read().shape[1:], unit.index[1:], strict=True)
    return math.prod(pool.counted(w, n, i) for w, n, i in axes)


def lp_pool(unit: Unit) -> UnitSum:
    """The root of the sum of powers of the window, scaled up where it hangs over the end."""
    op = unit.op
    index, offset = _pooled(unit)
    size = math.prod(w.size for w in op.windows)
    w = 1.0 if op.absolute else size / _counted(AvgPool(op.windows), unit)
    plain = unit.sum_of(
        index, w, offset=offset, formula="|x|^p * w" if op.absolute else "x^p * w",
        function="square root" if op.p == 2 else f"power 1/{op.p:g}",
    )  # fmt: skip
    return replace(plain, products=(np.abs(plain.x) if op.absolute else plain.x) ** op.p * plain.w)


def subsample(unit: Unit) -> UnitSum:
    """The sum of the window times the map's coefficient (LeNet-5's S layers)."""
    index, offset = _pooled(unit)
    weight, bias = (unit.operand(number).ravel()[unit.index[0]] for number in (1, 2))
    return unit.sum_of(index, float(weight), bias=float(bias), offset=offset)


def adaptive_pool(unit: Unit) -> UnitSum:
    """The mean, or the largest, of the unit's share of the map."""
    c, *place = unit.index
    sizes = unit.read().shape[1:]
    made = unit.run[unit.node.name].shape[1:]
    reads = [
        adaptive_reads(n, m)[i] for n, m, i in zip(sizes, made, place, strict=True)
    ]  # fmt: skip
    index = grid([c], *reads)
    offset = index[:, 1:] - index[0, 1:]
    if unit.op.reduction == "max":
        return unit.chosen(index, offset)
    return unit.sum_of(index, 1 / len(index), offset=offset)


def resize(unit: Unit) -> UnitSum:
    """The pixels that are interpolated between, each with its share."""
    c, *place = unit.index
    sizes, made = unit.read().shape[1:], unit.run[unit.node.name].shape[1:]
    shares = [
        unit.op.matrix(axis, n, m)[i] if n != m or unit.op.use_scale else np.eye(n)[i]
        for axis, (n, m, i) in enumerate(zip(sizes, made, place, strict=True), start=2)
    ]
    pixels = [np.flatnonzero(share) for share in shares]
    index = grid([c], *(p.tolist() for p in pixels))
    w = np.prod([share[index[:, k]] for k, share in enumerate(shares, start=1)], axis=0)
    return unit.sum_of(index, w)
