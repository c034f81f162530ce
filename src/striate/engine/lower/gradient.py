"""Gradients of activations, poolings and softmax."""

from __future__ import annotations

import math
from typing import Any

from ...graph.ops import (
    Activation,
    ActivationGradient,
    AdaptiveAvgPoolGradient,
    AdaptiveMaxPoolGradient,
    AvgPoolGradient,
    MaxPlacesGradient,
    MaxPoolGradient,
    SliceGradient,
    SoftmaxGradient,
)
from ...window import Window
from .._activations import native_activation
from .._fuse import Group
from .._values import Map
from ._lowering import Lowering, NotNative, lowers
from .pool import pool_attributes


@lowers("activation_gradient")
def lower_activation_gradient(low: Lowering, group: Group) -> None:
    """Gy * f'(x), in the layout that x or gy has; gy may be a sum of two."""
    node = group.through or group.node
    op = low.graph.op(node)
    low.check_floats(*node.inputs, filled=True)
    seen = node.inputs[1]
    first, *second = group.node.inputs if group.through else node.inputs[:1]
    assert isinstance(op, ActivationGradient)
    native = native_activation(Activation(op.function, op.numbers))
    if native is None:
        raise NotNative(f"the gradient of {op.function} has no kernel")
    x, gy, *added = _alike(low, *(name or "" for name in (seen, first, *second)))
    gx = low.make_like(group.output, x)
    beside = {"added": added[0]} if added else {}
    attributes = {**_strides(x, gy=gy, x=x, gx=gx, **beside), **native}
    if added:
        attributes["added"] = True
    low.emit(group, "activation_gradient", attributes, [gy, x, *added], [gx])


def _alike(low: Lowering, *names: str) -> tuple[Map, ...]:
    """Values of one shape in one layout: blocked where the first is, or any of them."""
    if any(name in low.blocked_maps for name in names):
        given = [low.blocked_maps[name] for name in names if name in low.blocked_maps]
        images = any(map_.image_lanes for map_ in given)
        maps = [low.imaged(name) if images else low.blocked(name) for name in names]
        if all(map_.axes == maps[0].axes for map_ in maps):
            return tuple(maps)
    return tuple(low.plain(name) for name in names)


def _strides(like: Map, **maps: Map) -> dict[str, Any]:
    """The attributes of maps that lie beside one another, element by element."""
    if not like.blocked:
        return {"pixels": like.floats, "plain": True}
    strides = {f"{name}_batch_stride": map_.batch_stride for name, map_ in maps.items()}
    return {"batch": like.batch, "channels": like.channels, "pixels": like.pixels, **strides}


@lowers("max_places_gradient")
def lower_max_places_gradient(low: Lowering, group: Group) -> None:
    """To the pixel that won each window, as the pooling wrote it down."""
    op = low.graph.op(group.node)
    assert isinstance(op, MaxPlacesGradient)
    gy, places = group.node.inputs
    assert gy
    assert places
    if places not in low.bytes:
        raise NotNative("its places are an array in NumPy")
    low.check_floats(gy, filled=True)
    settings = {"mode": "max", "places": True, **pool_attributes(op.windows, op.sizes)}
    winners, y = low.bytes[places]
    _pool_gradient(
        low, group, settings, low.imaged(gy) if y.image_lanes else low.standard(gy), winners
    )


@lowers("max_pool_gradient", "adaptive_max_pool_gradient")
def lower_max_pool_gradient(low: Lowering, group: Group) -> None:
    """To the pixel that won each window, found again."""
    op = low.graph.op(group.node)
    assert isinstance(op, MaxPoolGradient | AdaptiveMaxPoolGradient)
    gradient, value = _inputs(low, group)
    x = low.imaged_or_standard(value)
    gy = low.imaged(gradient) if x.image_lanes else low.standard(gradient)
    attributes: dict[str, Any] = {"adaptive": True}
    if isinstance(op, MaxPoolGradient):
        attributes = pool_attributes(op.windows, x.shape[2:])
    settings = {"mode": "max", "x_batch_stride": x.batch_stride, **attributes}
    _pool_gradient(low, group, settings, gy, x)


@lowers("avg_pool_gradient", "adaptive_avg_pool_gradient")
def lower_avg_pool_gradient(low: Lowering, group: Group) -> None:
    """Each window's share to all pixels that it read."""
    op = low.graph.op(group.node)
    assert isinstance(op, AvgPoolGradient | AdaptiveAvgPoolGradient)
    (gradient,) = _inputs(low, group)
    images = _read_beside_images(low, group.output)
    gy = low.imaged(gradient) if images else low.imaged_or_standard(gradient)
    attributes: dict[str, Any] = {"adaptive": True}
    if isinstance(op, AvgPoolGradient):
        attributes = pool_attributes(op.windows, op.sizes)
        attributes["count_include_pad"] = op.count_include_pad
        if op.divisor is not None:
            attributes["divisor"] = op.divisor
    _pool_gradient(low, group, {"mode": "avg", **attributes}, gy)


def _read_beside_images(low: Lowering, value: str) -> bool:
    """Whether it is read together with a map that has images as lanes."""
    beside = (name for node in low.graph.readers.get(value, ()) for name in node.inputs)
    return any(low.blocked_maps[name].image_lanes for name in beside if name in low.blocked_maps)


@lowers("slice_gradient")
def lower_slice_gradient(low: Lowering, group: Group) -> None:
    """Of places: as of means over windows of one pixel, a slice's step apart."""
    ops = [low.graph.op(node) for node in group.nodes]
    gy = low.standard(_inputs(low, group)[0])
    windows = [Window(1)] * (len(gy.shape) - 2)
    for op in ops:
        assert isinstance(op, SliceGradient)
        if op.axis < 2 or op.step < 1 or windows[op.axis - 2] != Window(1):
            raise NotNative("its positions are not those of a window")
        windows[op.axis - 2] = Window(1, op.step, padding=(-op.start, 0))
    attributes = pool_attributes(tuple(windows), low.shape(group.output)[2:])
    _pool_gradient(low, group, {"mode": "avg", "divisor": 1, **attributes}, gy)


def _pool_gradient(
    low: Lowering, group: Group, settings: dict[str, Any], gy: Map, *seen: Map
) -> None:
    gx = low.make_blocked(group.output, gy)
    attributes = {
        "batch": gx.batch,
        "channels": gx.channels,
        "in": list(gx.sizes),
        "out": list(gy.sizes),
        "gy_batch_stride": gy.batch_stride,
        "gx_batch_stride": gx.batch_stride,
        **settings,
    }
    low.emit(group, "pool_gradient", attributes, [gy, *seen], [gx])


@lowers("softmax_gradient")
def lower_softmax_gradient(low: Lowering, group: Group) -> None:
    """Along one axis of plain arrays."""
    op = low.graph.op(group.node)
    assert isinstance(op, SoftmaxGradient)
    gy, y = (low.plain(name) for name in _inputs(low, group))
    shape = y.shape
    axis = op.axis % len(shape) if shape else 0
    attributes = {
        "outer": math.prod(shape[:axis]),
        "size": math.prod(shape[axis : axis + 1]),
        "inner": math.prod(shape[axis + 1 :]),
        "log": op.log,
    }
    low.emit(group, "softmax_gradient", attributes, [gy, y], [low.make_plain(group.output)])


def _inputs(low: Lowering, group: Group) -> tuple[str, ...]:
    """Names of what a gradient reads: all there, all of float32 numbers.

    Raises:
        NotNative: They are not.
    """
    low.check_floats(*group.node.inputs, filled=True)
    return tuple(name for name in group.node.inputs if name is not None)
