"""Other shapes, reductions, resizes, constants."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from ...errors import GraphError
from .._sizes import Size
from ..ops import (
    Activation,
    ArgReduce,
    CumSum,
    Expand,
    Fill,
    Flatten,
    Flip,
    Permute,
    PixelShuffle,
    PixelUnshuffle,
    Reduce,
    Reshape,
    Squeeze,
    Tile,
    Unsqueeze,
)
from ._call import Call
from ._table import lowers
from ._values import Constant, UnsupportedError, Value


@lowers("Constant")
def constant(call: Call) -> Value:
    """Numbers in the file; no node."""
    for name, dtype in (("value_float", "float32"), ("value_floats", "float32"),
                        ("value_int", "int64"), ("value_ints", "int64")):  # fmt: skip
        if call.has(name):
            return Constant(np.array(call.attr(name), dtype), dtype, call.value_name)
    value = call.attr("value")
    if not isinstance(value, Constant):
        raise UnsupportedError("its value is of a type that is not known")
    return value


@lowers("ConstantOfShape")
def constant_of_shape(call: Call) -> Value:
    """One number everywhere."""
    shape, value = call.sizes(0), call.attr("value")
    if shape is None:
        raise GraphError("its shape is missing.")
    if value is None:
        return call.add(Fill(shape))
    return call.add(Fill(shape, value.array.reshape(-1)[0].item(), value.dtype))


@lowers("Range")
def range_(call: Call) -> Value:
    """Numbers counted up."""
    numbers = [call.numbers(k) for k in range(3)]
    if any(n is None or n.size != 1 for n in numbers):
        raise UnsupportedError("its ends are computed from the data")
    start, limit, delta = (cast("Any", n).reshape(-1)[0] for n in numbers)
    if isinstance(delta, Size) or delta == 0:
        raise UnsupportedError("its step is computed")
    count = Size.apply("ceil", Size.apply("/", Size.apply("-", limit, start), delta))
    count = Size.apply("max", count, 0)
    start = start if isinstance(start, Size) else float(start)
    return call.add(Fill((cast("Any", count),), start, call.type(0).dtype, float(delta)))


@lowers("Identity")
def identity(call: Call) -> Value:
    """Another name for the same; no node."""
    value = call.value(0)
    if value is None:
        raise GraphError("it needs an input.")
    return value


@lowers("Reshape")
def reshape(call: Call) -> Value:
    """Another shape; a 0 copies a size, unless told."""
    sizes = call.sizes(1, "shape")
    if sizes is None:
        raise GraphError("its shape is missing.")
    x, data = call.type(0), call.data(0)
    if not call.attr("allowzero", 0):
        if any(n == 0 and axis >= x.rank for axis, n in enumerate(sizes)):
            raise GraphError(f"its shape {sizes} copies an axis that input {x} does not have.")
        sizes = tuple(Size.of(data, axis) if n == 0 else n for axis, n in enumerate(sizes))
    return call.add(Reshape(sizes), data)


@lowers("Flatten")
def flatten(call: Call) -> Value:
    """Two axes: those before `axis` joined, and those from it on."""
    rank, axis = call.type(0).rank, call.attr("axis", 1)
    if not -rank <= axis <= rank:
        raise GraphError(f"axis={axis} of input {call.type(0)}.")
    axis = axis + rank if axis < 0 else axis
    data = call.data(0)
    if axis == 1 and rank >= 2:
        return call.add(Flatten(1, -1), data)
    if axis == rank:
        return call.add(Reshape((-1, 1)), data)
    front: Any = 1
    for k in range(axis):
        front = Size.of(data, k) * front
    return call.add(Reshape((front, -1)), data)


@lowers("Transpose")
def transpose(call: Call) -> Value:
    """Another order of the axes."""
    rank = call.type(0).rank
    return call.add(Permute(call.attr("perm", tuple(reversed(range(rank))))), call.data(0))


@lowers("Squeeze")
def squeeze(call: Call) -> Value:
    """Take axes of length 1 out."""
    axes, x = call.axes(), call.type(0)
    for axis in axes or ():
        if not -x.rank <= axis < x.rank or x.shape[axis] != 1:
            raise GraphError(f"axis {axis} of input {x} cannot go: its length is not 1.")
    return call.add(Squeeze(axes), call.data(0))


@lowers("Unsqueeze")
def unsqueeze(call: Call) -> Value:
    """Put axes of length 1 in."""
    axes = call.axes()
    if axes is None or len(set(axes)) != len(axes) or len(axes) > 32:
        raise GraphError(f"axes={axes} must name new axes once each.")
    return call.add(Unsqueeze(axes), call.data(0))


@lowers("Expand")
def expand(call: Call) -> Value:
    """Repeat axes of length 1."""
    sizes = call.sizes(1)
    if sizes is None or any(isinstance(n, int) and n < 0 for n in sizes):
        raise GraphError(f"its shape {sizes} must hold sizes.")
    rank = call.type(0).rank
    sizes = (1,) * (rank - len(sizes)) + sizes
    return call.add(Expand(sizes, both=True), call.data(0))


@lowers("Tile")
def tile(call: Call) -> Value:
    """Repeat the whole value."""
    repeats = call.sizes(1)
    if repeats is None:
        raise GraphError("its repeats are missing.")
    return call.add(Tile(repeats), call.data(0))


@lowers("DepthToSpace", "SpaceToDepth")
def depth_to_space(call: Call) -> Value:
    """Channels to pixels, or back."""
    factor = call.attr("blocksize")
    if factor is None or factor < 1:
        raise GraphError(f"blocksize={factor} must be 1 or more.")
    if call.op_type == "SpaceToDepth":
        blocks = call.attr("mode", "DCR") == "DCR"
        return call.add(PixelUnshuffle(factor, blocks), call.data(0))
    return call.add(PixelShuffle(factor, call.attr("mode", "DCR") == "DCR"), call.data(0))


# Reductions -------------------------------------------------------------------------------------

_REDUCTIONS = {
    "ReduceSum": "sum", "ReduceMean": "mean", "ReduceMax": "max", "ReduceMin": "min",
    "ReduceProd": "prod", "ReduceL1": "l1", "ReduceL2": "l2", "ReduceSumSquare": "sum_square",
    "ReduceLogSumExp": "log_sum_exp", "ReduceLogSum": "sum",
}  # fmt: skip


@lowers(*_REDUCTIONS)
def reduce(call: Call) -> Value:
    """Reduce axes; no axes mean all of them, or (if told) none."""
    axes = call.axes()
    if not axes and call.attr("noop_with_empty_axes", 0):
        return call.data(0)
    op = Reduce(_REDUCTIONS[call.op_type], axes or None, bool(call.attr("keepdims", 1)))
    y = call.add(op, call.data(0))
    if call.op_type != "ReduceLogSum":
        return y
    return call.add(Activation("log"), y, part="log")


@lowers("ArgMax", "ArgMin")
def arg_reduce(call: Call) -> Value:
    """Position of the largest or smallest."""
    if call.attr("select_last_index", 0):
        raise UnsupportedError("it asks for the last of equals")
    function = "max" if call.op_type == "ArgMax" else "min"
    return call.add(
        ArgReduce(function, call.attr("axis", 0), bool(call.attr("keepdims", 1))), call.data(0)
    )


@lowers("CumSum")
def cumsum(call: Call) -> Value:
    """Running sums, from either end."""
    axis = call.scalar(1)
    if axis is None or call.attr("exclusive", 0):
        raise UnsupportedError("its axis is computed, or its sums are exclusive")
    x, turned = call.data(0), bool(call.attr("reverse", 0))
    x = call.add(Flip((int(axis),)), x, part="turned") if turned else x
    y = call.add(CumSum(int(axis)), x)
    return call.add(Flip((int(axis),)), y, part="back") if turned else y
