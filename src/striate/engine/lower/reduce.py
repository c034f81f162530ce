"""Sums, means and extremes over axes, and softmax: along one axis of a plain array."""

from __future__ import annotations

import math
from typing import Any

from ...graph.ops import ArgReduce, CumSum, Reduce, Softmax
from .._fuse import Group
from .._values import Map, Storage
from ._lowering import Lowering, NotNative, Span, lowers
from ._view import view
from .pool import pool_whole

_MODES = {
    "var": "variance", "var_unbiased": "variance", "std": "deviation", "std_unbiased": "deviation",
    **{name: name for name in
       ("sum", "mean", "max", "min", "prod", "l1", "l2", "sum_square", "log_sum_exp")},
}  # fmt: skip


@lowers("reduce")
def lower_reduce(low: Lowering, group: Group) -> None:
    """Of blocked maps a pooling or their sums; else over axes that lie side by side."""
    node = group.through or group.node
    op = low.graph.op(node)
    value = node.inputs[0]
    assert isinstance(op, Reduce)
    assert value is not None
    shape = low.shape(value)
    low.check_floats(value, filled=True)
    axes = op.reduced(len(shape))
    function = _of_truths(low, op, value, group.output, math.prod(shape[axis] for axis in axes))
    if function not in _MODES:
        raise NotNative(f"{function} has no kernel")
    if group.through is not None:
        if not _sum_maps(low, group, [name or "" for name in group.node.inputs], axes):
            raise NotNative("its products are not of blocked maps")
        return
    if pool_whole(low, group, function, axes):
        return
    if function == "sum" and _sum_maps(low, group, *_seen_as(low, value, axes)):
        return
    x = _gathered(low, group, low.plain(value), axes)
    size = math.prod(shape[axis] for axis in axes)
    if op.function.endswith("_unbiased") and size < 2:
        raise NotNative("it divides by 0")
    first = min((axis for axis in axes if shape[axis] > 1), default=0)
    outer = math.prod(n for axis, n in enumerate(shape) if axis not in axes and axis < first)
    if x.shape != shape:  # the reduced axes were put last
        outer = x.floats // size
    attributes = {
        "mode": _MODES[function],
        "outer": outer,
        "size": size,
        "inner": x.floats // size // outer,
        "divisor": float(size - op.function.endswith("_unbiased")),
    }
    low.emit(group, "reduce", attributes, [x], [low.make_plain(group.output)])


def _of_truths(low: Lowering, op: Reduce, value: str, output: str, count: int) -> str:
    """The function by its name for floats; the bounds of whole results are told.

    Raises:
        NotNative: What it makes of whole numbers has no kernel.
    """
    span = low.span(value)
    if op.function in ("any", "all"):
        if span != (0, 1):
            raise NotNative(f"{op.function} of other numbers than truths has no kernel")
        return "max" if op.function == "any" else "min"
    if span is None or op.function not in ("sum", "max", "min"):
        if not low.is_float(value):
            raise NotNative(f"{op.function} of whole numbers has no kernel")
        return op.function
    low.mark(output, *_summed(span, count if op.function == "sum" else 1))
    return op.function


def _summed(span: Span, most: int) -> Span:
    """Between which bounds sums of 1 to so many numbers lie."""
    return min(span[0] * most, span[0]), max(span[1] * most, span[1])


def _seen_as(low: Lowering, value: str, axes: tuple[int, ...]) -> tuple[list[str], tuple[int, ...]]:
    """The value and its axes; of the columns of rows that a blocked map is seen as, the map's."""
    source, shape = low.views.get(value, value), low.shape(value)
    x = low.blocked_maps.get(source)
    if source == value or x is None or axes != (0,) or shape[1:] != x.shape[-1:]:
        return [value], axes
    return [source], tuple(range(len(x.shape) - 1))


def _sum_maps(low: Lowering, group: Group, values: list[str], axes: tuple[int, ...]) -> bool:
    """Sum a blocked map, or the products of two, over its places, or images and places."""
    if not any(value in low.blocked_maps for value in values):
        return False
    x, *b = (low.blocked(value) for value in values)
    assert x.axes is not None
    if x.image_lanes or any(other.axes != x.axes for other in b):
        return False
    images = sorted(axes) == sorted((x.axes[0], *x.axes[2:]))
    if not images and sorted(axes) != sorted(x.axes[2:]):
        return False
    y = low.make_plain(group.output) if images else low.make_pooled(group.output, x, axes)
    attributes = {
        "batch": x.batch,
        "channels": x.channels,
        "pixels": x.pixels,
        "over": "images" if images else "places",
        "product": bool(b),
        **{f"{n}_batch_stride": m.batch_stride for n, m in zip("xb", (x, *b), strict=False)},
    }
    low.emit(group, "sums", attributes, [x, *b], [y])
    return True


def _gathered(low: Lowering, group: Group, x: Map, axes: tuple[int, ...]) -> Map:
    """The array with its reduced axes side by side: as it is, or with these put last."""
    long = [axis for axis, n in enumerate(x.shape) if n > 1]
    reduced = [long.index(axis) for axis in axes if x.shape[axis] > 1]
    if not reduced or sorted(reduced) == list(range(min(reduced), max(reduced) + 1)):
        return x
    order = (*(a for a in range(len(x.shape)) if a not in axes), *axes)
    shape = (*(x.shape[axis] for axis in order), 1)  # told from the input's by its rank
    found = Map(Storage(f"{group.output}:gathered", x.floats), shape)
    low.copy(view(x).permuted(order).insert(len(order)), view(found), group)
    return found


@lowers("softmax")
def lower_softmax(low: Lowering, group: Group) -> None:
    """Shares of what an axis adds up to, or their logarithms."""
    op = low.graph.op(group.node)
    assert isinstance(op, Softmax)
    x, attributes = _on_axis(low, group, op.axis, "log_softmax" if op.log else "softmax")
    low.emit(group, "reduce", attributes, [x], [low.make_plain(group.output)])


@lowers("arg_reduce")
def lower_arg_reduce(low: Lowering, group: Group) -> None:
    """The place of the largest or smallest number; of all numbers in one line."""
    op = low.graph.op(group.node)
    assert isinstance(op, ArgReduce)
    x, attributes = _on_axis(low, group, op.axis, f"arg{op.function}")
    low.mark(group.output, 0, attributes["size"] - 1)
    low.check_floats(group.output)
    low.emit(group, "reduce", attributes, [x], [low.make_plain(group.output)])


@lowers("cumsum")
def lower_cumsum(low: Lowering, group: Group) -> None:
    """Running sums along an axis."""
    op = low.graph.op(group.node)
    assert isinstance(op, CumSum)
    x, attributes = _on_axis(low, group, op.axis, "cumsum")
    if (span := low.span(group.node.inputs[0] or "")) is not None:
        low.mark(group.output, *_summed(span, attributes["size"]))
    low.check_floats(group.output)
    low.emit(group, "reduce", attributes, [x], [low.make_plain(group.output)])


def _on_axis(
    low: Lowering, group: Group, axis: int | None, mode: str
) -> tuple[Map, dict[str, Any]]:
    """A node's input, and the attributes of a step along one of its axes, or all in one line."""
    value = group.node.inputs[0]
    assert value is not None
    low.check_floats(value, filled=True)
    shape, x = low.shape(value), low.plain(value)
    if axis is None or not shape:
        return x, along((x.floats,), 0, mode)
    return x, along(shape, axis % len(shape), mode)


def along(shape: tuple[int, ...], axis: int, mode: str) -> dict[str, Any]:
    """The attributes of a step along one axis."""
    return {
        "mode": mode,
        "outer": math.prod(shape[:axis]),
        "size": math.prod(shape[axis : axis + 1]),
        "inner": math.prod(shape[axis + 1 :]),
    }
