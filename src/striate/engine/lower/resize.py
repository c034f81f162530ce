"""Interpolation, its gradient and that of borders, by tables of pixels and factors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...graph.ops import PadGradient, Resize, ResizeGradient
from .._fuse import Group
from .._values import Array
from ._lowering import Lowering, NotNative, activation_of, lowers
from ._windows import spatial

Sizes = tuple[int, ...]


@lowers("resize")
def lower_resize(low: Lowering, group: Group) -> None:
    """Each pixel a sum of some of the input's, axis by axis."""
    op = low.graph.op(group.node)
    assert isinstance(op, Resize)
    _weigh(low, group, op.matrices)


@lowers("resize_gradient")
def lower_resize_gradient(low: Lowering, group: Group) -> None:
    """The other way round: each pixel of the input sums up those that read it."""
    op = low.graph.op(group.node)
    assert isinstance(op, ResizeGradient)
    _weigh(low, group, lambda given, made: [m.T for m in op.resize.matrices(made, given)])


@lowers("pad_gradient")
def lower_pad_gradient(low: Lowering, group: Group) -> None:
    """Each pixel the sum of itself and of its images in the border."""
    op = low.graph.op(group.node)
    assert isinstance(op, PadGradient)
    if any(pair != (0, 0) for pair in op.pads[:2]):
        raise NotNative("it pads the batch or the channels")
    copied = [np.eye(n)[op.sources(axis)] for axis, n in enumerate(op.shape[2:], start=2)]
    _weigh(low, group, lambda *_: [matrix.T for matrix in copied])


def _weigh(
    low: Lowering, group: Group, matrices: Callable[[Sizes, Sizes], Sequence[Array]]
) -> None:
    """A step `resize`: along each axis a matrix (out, in), made from the sizes given and made."""
    value = group.node.inputs[0]
    assert value is not None
    low.check_floats(value, filled=True)
    x = low.standard(value)
    y = low.make_blocked(group.output)
    tables = [table(matrix) for matrix in matrices(x.shape[2:], y.shape[2:])]
    while len(tables) < 3:
        tables.insert(0, table(np.ones((1, 1))))
    attributes = {
        "batch": x.batch,
        "channels": x.channels,
        "in": list(x.sizes),
        "out": list(y.sizes),
        "taps": spatial((indices.shape[1] for indices, _ in tables), 1),
        "x_batch_stride": x.batch_stride,
        "y_batch_stride": y.batch_stride,
        **activation_of(group),
    }
    flat = np.concatenate([part.ravel() for pair in tables for part in pair])
    low.emit(group, "resize", attributes, [x], [y], weights=[flat.astype(np.float32)])


def table(matrix: Array) -> tuple[Array, Array]:
    """Of factors (out, in): the pixels that count for each output, and how much they do."""
    taps = max(int((matrix != 0).sum(1).max()), 1)
    # A stable sort of "is zero" puts the pixels that count first, in their order.
    indices = np.argsort(matrix == 0, axis=1, kind="stable")[:, :taps]
    return indices, np.take_along_axis(matrix, indices, 1)
