"""Convolutions and poolings."""

from __future__ import annotations

from typing import Any, cast

from ...errors import GraphError
from ...window import Window
from .._sizes import Size
from ..ops import (
    AdaptivePool,
    AvgPool,
    Binary,
    Conv,
    ConvTranspose,
    Fill,
    LpPool,
    MaxPool,
    Reduce,
    Reshape,
)
from ._call import Call
from ._table import lowers
from ._values import UnsupportedError, Value

_AUTO = {"SAME_UPPER": "same", "SAME_LOWER": "same_lower", "VALID": "valid"}


def _windows(call: Call, sizes: tuple[int, ...]) -> tuple[Window, ...]:
    axes = len(sizes)
    strides, dilations = call.ints("strides", axes, 1), call.ints("dilations", axes, 1)
    auto = call.attr("auto_pad", "NOTSET")
    if auto not in (*_AUTO, "NOTSET", ""):
        raise GraphError(f"auto_pad={auto!r} is not known.")
    pads: list[Any] = [_AUTO.get(auto)] * axes
    if auto not in _AUTO:
        both = call.ints("pads", 2 * axes, 0)
        pads = list(zip(both[:axes], both[axes:], strict=True))
    ceil = bool(call.attr("ceil_mode", 0)) and auto not in ("SAME_UPPER", "SAME_LOWER")
    return tuple(
        Window(size, stride, dilation, pad, ceil)
        for size, stride, dilation, pad in zip(sizes, strides, dilations, pads, strict=True)
    )


def _kernel(call: Call) -> tuple[int, ...]:
    """Sizes of a convolution's windows, which the weight tells and `kernel_shape` may repeat."""
    x, weight = call.type(0), call.type(1)
    if x.rank < 3 or weight.rank != x.rank:
        raise GraphError(f"input {x} and weight {weight} need equally many axes, 3 or more.")
    sizes = weight.shape[2:]
    if call.has("kernel_shape") and call.attr("kernel_shape") != sizes:
        raise GraphError(f"kernel_shape={call.attr('kernel_shape')}, and weight {weight}.")
    groups = call.attr("group", 1)
    if groups < 1 or weight.shape[0] % groups or 0 in weight.shape:
        raise GraphError(f"group={groups} does not divide weight {weight}.")
    return sizes


def _bias(call: Call, channels: int) -> str | None:
    if call.given(2) and call.type(2).shape != (channels,):
        raise GraphError(f"bias {call.type(2)} must hold {channels} numbers.")
    return call.parameter(2)


@lowers("Conv")
def conv(call: Call) -> Value:
    """Convolution."""
    op = Conv(_windows(call, _kernel(call)), call.attr("group", 1))
    x, weight = call.data(0), call.data(1, "parameter")
    return call.add(op, x, weight, _bias(call, call.type(1).shape[0]))


@lowers("ConvTranspose")
def conv_transpose(call: Call) -> Value:
    """Transposed convolution, whose padding may follow from the size wanted."""
    sizes = _kernel(call)
    axes, groups = len(sizes), call.attr("group", 1)
    strides, dilations = call.ints("strides", axes, 1), call.ints("dilations", axes, 1)
    more = call.ints("output_padding", axes, 0)
    auto = call.attr("auto_pad", "NOTSET")
    pads = call.ints("pads", 2 * axes, 0)
    pairs = list(zip(pads[:axes], pads[axes:], strict=True))
    lengths = call.type(0).shape[2:]
    if call.has("output_shape") or auto in ("SAME_UPPER", "SAME_LOWER"):
        wanted = tuple(n * s for n, s in zip(lengths, strides, strict=True))
        if call.has("output_shape"):
            wanted = call.attr("output_shape")[-axes:]
        if len(wanted) != axes:
            raise GraphError(f"output_shape={wanted} must hold {axes} numbers.")
        for k in range(axes):
            full = strides[k] * (lengths[k] - 1) + more[k] + dilations[k] * (sizes[k] - 1) + 1
            if full < wanted[k]:  # nothing to crop: the rest is added at the end
                more = (*more[:k], more[k] + wanted[k] - full, *more[k + 1 :])
            total = max(full - wanted[k], 0)
            less, rest = total // 2, total - total // 2
            pairs[k] = (less, rest) if auto == "SAME_UPPER" else (rest, less)
    elif auto == "VALID":
        pairs = [(0, 0)] * axes
    windows = tuple(map(Window, sizes, strides, dilations, pairs))
    op = ConvTranspose(windows, more, groups)
    x, weight = call.data(0), call.data(1, "parameter")
    return call.add(op, x, weight, _bias(call, call.type(1).shape[1] * groups))


def _pooling(call: Call) -> tuple[Window, ...]:
    axes = call.type(0).rank - 2
    if axes < 1 or not call.has("kernel_shape"):
        raise GraphError(f"a pooling of input {call.type(0)} needs kernel_shape.")
    return _windows(call, call.ints("kernel_shape", axes, 1))


@lowers("MaxPool")
def max_pool(call: Call) -> list[Value]:
    """The largest of a window; ONNX counts indices through all maps, a graph in each."""
    windows, x = _pooling(call), call.data(0)
    if not call.read(1):
        return [call.add(MaxPool(windows), x)]
    if call.attr("storage_order", 0):
        raise UnsupportedError("its indices are counted column by column")
    y, indices = call.add_many(MaxPool(windows, indices=True), x, outputs=2)
    rank = call.type(0).rank
    sizes = [Size.of(x, axis) for axis in range(rank)]
    area: Any = 1
    for size in sizes[2:]:
        area = size * area
    maps = call.add(Fill((cast("Any", sizes[0] * sizes[1]),), 0, "int64", 1), part="maps")
    column = Reshape((sizes[0], sizes[1], *[1] * (rank - 2)))
    maps = call.add(column, maps, part="column")
    area = call.add(Fill((1,), area, "int64"), part="area")
    first = call.add(Binary("mul"), maps, area, part="first")
    return [y, call.add(Binary("add"), indices, first, part="indices")]


@lowers("AveragePool")
def average_pool(call: Call) -> Value:
    """The mean of a window; without padding, unless told."""
    counted = bool(call.attr("count_include_pad", 0))
    return call.add(AvgPool(_pooling(call), counted), call.data(0))


@lowers("LpPool")
def lp_pool(call: Call) -> Value:
    """The p-norm of a window."""
    return call.add(LpPool(_pooling(call), float(call.attr("p", 2))), call.data(0))


@lowers("GlobalAveragePool", "GlobalMaxPool")
def global_pool(call: Call) -> Value:
    """One number a map."""
    reduction: Any = "mean" if call.op_type == "GlobalAveragePool" else "max"
    return call.add(AdaptivePool((1,) * (call.type(0).rank - 2), reduction), call.data(0))


@lowers("GlobalLpPool")
def global_lp_pool(call: Call) -> Value:
    """The 1- or 2-norm of a map."""
    p = call.attr("p", 2)
    if p not in (1, 2):
        raise UnsupportedError(f"its p is {p}")
    axes = tuple(range(2, call.type(0).rank))
    return call.add(Reduce(f"l{p}", axes, keepdim=True), call.data(0))
