"""Interpolation, by tables of pixels and factors."""

from __future__ import annotations

import numpy as np

from ...graph.ops import Resize
from .._fuse import Group
from .._values import Array
from ._lowering import Lowering, activation_of, lowers
from ._windows import spatial


@lowers("resize")
def lower_resize(low: Lowering, group: Group) -> None:
    """Each pixel a sum of some of the input's, axis by axis."""
    op = low.graph.op(group.node)
    value = group.node.inputs[0]
    assert isinstance(op, Resize)
    assert value is not None
    low.check_floats(value)
    x = low.standard(value)
    y = low.make_blocked(group.output)
    tables = [
        table(op.matrix(axis, n, m) if n != m or op.use_scale else np.eye(n))
        for axis, (n, m) in enumerate(zip(x.shape[2:], y.shape[2:], strict=True), 2)
    ]
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
