"""Activations and arithmetic on their own, where no producer takes them over."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...graph.ops import Activation, Binary
from .._activations import native_activation
from .._fuse import Group
from .._values import Map
from ._lowering import LOWERINGS, Lowering, NotNative, activation_of, blocks_of, lowers
from ._view import view
from ._whole import mark_result

_NATIVE = {
    **{name: (name, False) for name in
       ("add", "sub", "mul", "div", "pow", "max", "min", "equal", "less", "less_equal")},
    "greater": ("less", True), "greater_equal": ("less_equal", True),
    "not_equal": ("equal", False), "xor": ("equal", False),
    "and": ("mul", False), "or": ("max", False),
}  # fmt: skip
"""The kernels' name of a function, and whether they take its operands the other way round."""

_NEGATED = frozenset({"not_equal", "xor"})
_COMMUTES = frozenset({"add", "mul", "max", "min", "equal"})


@lowers("activation")
def lower_activation(low: Lowering, group: Group) -> None:
    """f(x), in whatever layout x has."""
    op = low.graph.op(group.node)
    value = group.node.inputs[0]
    assert isinstance(op, Activation)
    assert value is not None
    native = native_activation(op)
    if native is None or not low.is_native(value) or 0 in low.shape(value):
        raise NotNative(f"{op.function} has no kernel")
    x = low.any(value)
    y = low.make_like(group.output, x)
    low.emit(group, "elementwise", {**elements(x, y), **native}, [x], [y])


@lowers("prelu")
def lower_prelu(low: Lowering, group: Group) -> None:
    """X where it is positive, else a learned factor times x: one a channel, or one for all."""
    value, slope = group.node.inputs[:2]
    assert value is not None
    assert slope is not None
    low.check_floats(value, slope)
    x = low.standard(value)
    y = low.make_blocked(group.output, x)
    attributes = {**elements(x, y), "op": "prelu", "second": "channel"}
    low.emit(group, "elementwise", attributes, [x, slopes(low, group, slope, x)], [y])


@lowers("prelu_gradient")
def lower_prelu_gradient(low: Lowering, group: Group) -> None:
    """In one pass; of a slope for all channels, theirs are added up."""
    low.check_floats(*group.node.inputs, filled=True)
    gy, seen, slope = (name or "" for name in group.node.inputs)
    x = low.standard(seen)
    gx, gw = (low.make_blocked(group.node.outputs[0]), low.make_plain(group.node.outputs[1]))
    each = gw if gw.floats == x.channels else low.room(f"{group.output}:slopes", (x.channels,))
    maps = {"gy": low.standard(gy), "x": x, "gx": gx}
    attributes = {
        "batch": x.batch, "channels": x.channels, "pixels": x.pixels,
        **{f"{name}_batch_stride": map_.batch_stride for name, map_ in maps.items()},
    }  # fmt: skip
    beside = slopes(low, group, slope, x)
    low.emit(group, "prelu_gradient", attributes, [maps["gy"], x, beside], [gx, each])
    if each is not gw:
        whole = {"mode": "sum", "outer": 1, "size": x.channels, "inner": 1}
        low.emit(group, "reduce", whole, [each], [gw])


def slopes(low: Lowering, group: Group, name: str, x: Map) -> Map:
    """A slope for each channel of a blocked map, in blocks."""
    if name in low.graph.weights:
        array = low.weight(name)
        assert array is not None
        return low.constant(blocks_of(np.broadcast_to(array.reshape(-1), (x.channels,)), x.lanes))
    line = low.plain(name)
    if line.floats != x.channels:
        line = low.room(f"{name}:{x.channels}", (x.channels,))
        low.copy(view(low.plain(name).reshape(1)).spread(0, x.channels), view(line), group)
    return low.vector_of(line)


@lowers("binary")
def lower_binary(low: Lowering, group: Group) -> None:
    """A op b: numbers, maps alike, one number a channel or an image's channel; else strides."""
    op = low.graph.op(group.node)
    assert isinstance(op, Binary)
    if group.through is not None:
        LOWERINGS[group.through.kind](low, group)
        return
    values = [name for name in group.node.inputs if name is not None]
    low.check_floats(*values, filled=True)
    if op.function not in _NATIVE:
        raise NotNative(f"{op.function} has no kernel")
    mark_result(low, op, values, group.output)
    if op.function in _NEGATED and group.activation:
        raise NotNative("an activation is behind a comparison")
    if len([v for v in group.node.inputs if v is not None]) < 2:
        _with_number(low, group, op)
        return
    if op.alpha != 1:
        raise NotNative("its second operand has a factor")
    a, b = group.node.inputs[:2]
    assert a is not None
    assert b is not None
    reverse = op.reverse
    if math.prod(low.shape(a)) < math.prod(low.shape(b)) or (
        a in low.graph.weights and b not in low.graph.weights
    ):
        a, b, reverse = b, a, not reverse
    if low.shape(a) == low.shape(group.node.outputs[0]):
        try:
            _beside(low, group, op, a, b, reverse=reverse)
            return
        except NotNative:
            pass
    _with_strides(low, group, op, a, b, reverse=reverse)


def _with_number(low: Lowering, group: Group, op: Binary) -> None:
    value = group.node.inputs[0]
    assert value is not None
    x = low.any(value)
    y = low.make_like(group.output, x)
    attributes = {
        **elements(x, y),
        **_operator(op, reverse=op.reverse),
        "second": "number",
        "number": float(op.number or 0) * op.alpha,
        **_behind(op, group),
    }
    low.emit(group, "elementwise", attributes, [x], [y])


def _beside(low: Lowering, group: Group, op: Binary, a: str, b: str, *, reverse: bool) -> None:
    """B like a, or one number for each channel of it."""
    x = low.any(a)
    shape = low.shape(b)
    if shape == low.shape(a):
        other = low.blocked(b) if x.blocked else low.plain(b)
        if other.axes != x.axes:
            raise NotNative("its operands' axes are in different orders")
        second: dict[str, Any] = {"second": "same"}
        if x.blocked:
            second["b_batch_stride"] = other.batch_stride
    else:
        if not x.blocked:
            raise NotNative("its channels are not in blocks")
        if op.function == "mul" and _per_image(x, shape):
            _with_images(low, group, op, x, b, reverse=reverse)
            return
        second, other = _per_channel(low, x, b)
    y = low.make_like(group.output, x)
    attributes = {
        **elements(x, y), **_operator(op, reverse=reverse), **second, **_behind(op, group),
    }  # fmt: skip
    low.emit(group, "elementwise", attributes, [x, other], [y])


def _per_image(x: Map, shape: tuple[int, ...]) -> bool:
    """Whether there is one number for each image of a blocked map (stochastic depth)."""
    assert x.axes is not None
    return shape == tuple(x.batch if axis == x.axes[0] else 1 for axis in range(len(x.shape)))


def _with_images(low: Lowering, group: Group, op: Binary, x: Map, b: str, *, reverse: bool) -> None:
    """Images times their numbers: the map seen as a plain one whose channels are images."""
    y = low.make_blocked(group.output, x)
    if any(map_.batch_stride != map_.image_floats for map_ in (x, y)):
        raise NotNative("its images do not lie one behind the other")
    attributes = {
        "channels": x.batch, "pixels": x.image_floats, "plain": True, "second": "channel",
        **_operator(op, reverse=reverse), **_behind(op, group),
    }  # fmt: skip
    low.emit(group, "elementwise", attributes, [x, low.plain(b)], [y])


def _per_channel(low: Lowering, x: Map, b: str) -> tuple[dict[str, Any], Map]:
    assert x.axes is not None
    rank = len(x.shape)
    shape = (1,) * (rank - len(low.shape(b))) + low.shape(b)
    batch, channel = x.axes[:2]
    if any(n != 1 for axis, n in enumerate(shape) if axis not in (batch, channel)):
        raise NotNative("its second operand is neither a map nor a vector")
    if shape[channel] != x.channels:
        raise NotNative("its second operand has other channels")
    if shape[batch] == 1 and (b in low.graph.weights or x.batch > 1):
        vector = low.vector(b)
        assert vector is not None
        return {"second": "channel"}, vector if isinstance(vector, Map) else low.constant(vector)
    if shape[batch] != x.batch or len(low.shape(b)) != rank:
        raise NotNative("its second operand has another batch")
    other = low.blocked(b)
    if other.axes != x.axes:
        raise NotNative("its operands' axes are in different orders")
    return {"second": "image_channel"}, other


def _with_strides(
    low: Lowering, group: Group, op: Binary, a: str, b: str, *, reverse: bool
) -> None:
    """Plain arrays that are broadcast against one another."""
    sizes = low.shape(group.node.outputs[0])
    if not 1 <= len(sizes) <= 6:
        raise NotNative(f"it has {len(sizes)} axes")
    first, second = low.plain(a), low.plain(b)
    y = low.make_plain(group.output)
    attributes = {
        "sizes": list(sizes),
        "a_strides": broadcast_strides(first.shape, sizes),
        "b_strides": broadcast_strides(second.shape, sizes),
        **_operator(op, reverse=reverse),
        **_behind(op, group),
    }
    low.emit(group, "elementwise", attributes, [first, second], [y])


def broadcast_strides(shape: tuple[int, ...], sizes: tuple[int, ...]) -> list[int]:
    """Strides with which a contiguous array of `shape` is read as one of `sizes`."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(0 if n == 1 else step)
        step *= n
    strides += [0] * (len(sizes) - len(shape))
    return strides[::-1]


def elements(x: Map, y: Map) -> dict[str, Any]:
    """The attributes of a step that goes through a map element by element."""
    if not x.blocked:
        return {"batch": 1, "channels": 1, "pixels": x.floats, "plain": True}
    return {
        "batch": x.batch,
        "channels": x.channels,
        "pixels": x.pixels,
        "x_batch_stride": x.batch_stride,
        "y_batch_stride": y.batch_stride,
    }


def _operator(op: Binary, *, reverse: bool) -> dict[str, Any]:
    name, turned = _NATIVE[op.function]
    return {"op": name, "reverse": reverse != turned and name not in _COMMUTES}


def _behind(op: Binary, group: Group) -> dict[str, Any]:
    """The attributes of what is applied to the result."""
    return {"activation": "logical_not"} if op.function in _NEGATED else activation_of(group)
