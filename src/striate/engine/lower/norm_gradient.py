"""Gradients of norms that measure what they normalise: layer, group, local response."""

from __future__ import annotations

import math
from typing import Any

from ...graph.ops import GroupNormGradient, LayerNormGradient, LocalResponseNormGradient
from .._fuse import Group
from .._values import Map
from ._lowering import Lowering, lowers


@lowers("layer_norm_gradient")
def lower_layer_norm_gradient(low: Lowering, group: Group) -> None:
    """Over the channels of each pixel of a blocked map, or over the last axes of a plain one."""
    op = low.graph.op(group.node)
    assert isinstance(op, LayerNormGradient)
    gradient, value, weight = _operands(low, group)
    x = low.blocked_maps.get(value)
    settings = {"mode": "layer", "eps": op.eps, "rms": op.rms}
    over_channels = x is not None and op.axes == 1 and _has_channels_last(x)
    if (
        x is not None
        and over_channels
        and (x.channels % low.lanes == 0 or _beside(low, gradient, x))
    ):
        gy = low.blocked_like(gradient, x)
        _emit(low, group, {**settings, **_sizes(gy, x)}, gy, x, weight)
        return
    plain = low.plain(value)
    count = math.prod(plain.shape[-op.axes :])
    settings |= {"plain": True, "batch": math.prod(plain.shape) // count, "channels": count}
    _emit(low, group, settings, low.plain(gradient), plain, weight)


@lowers("group_norm_gradient")
def lower_group_norm_gradient(low: Lowering, group: Group) -> None:
    """Over the pixels of a group's channels."""
    op = low.graph.op(group.node)
    assert isinstance(op, GroupNormGradient)
    gradient, value, weight = _operands(low, group)
    gy, x = low.standard(gradient), low.standard(value)
    settings = {"mode": "group", "groups": op.groups or x.channels, "eps": op.eps}
    _emit(low, group, {**settings, **_sizes(gy, x)}, gy, x, weight)


@lowers("local_response_norm_gradient")
def lower_response_norm_gradient(low: Lowering, group: Group) -> None:
    """By the squares of the neighbouring channels."""
    op = low.graph.op(group.node)
    assert isinstance(op, LocalResponseNormGradient)
    gradient, value, _ = _operands(low, group)
    gy, x = low.standard(gradient), low.standard(value)
    gx = low.make_blocked(group.output)
    attributes = {
        **_sizes(gy, x),
        "gx_batch_stride": gx.batch_stride,
        "mode": "response",
        "size": op.size,
        "k": float(op.k),
        "scale": op.alpha / op.size,
        "power": float(op.beta),
    }
    low.emit(group, "norm_gradient", attributes, [gy, x], [gx])


def _has_channels_last(x: Map) -> bool:
    return x.axes is not None and x.axes[1] == len(x.shape) - 1


def _beside(low: Lowering, name: str, x: Map) -> bool:
    """Whether a value lies in blocks as another map does."""
    return name in low.blocked_maps and low.blocked_maps[name].axes == x.axes


def _operands(low: Lowering, group: Group) -> tuple[str, str, str | None]:
    gradient, value, weight = (*group.node.inputs, None)[:3]
    assert gradient is not None
    assert value is not None
    low.check_floats(gradient, value, filled=True)
    return gradient, value, weight


def _sizes(gy: Map, x: Map) -> dict[str, Any]:
    return {
        "batch": x.batch,
        "channels": x.channels,
        "pixels": x.pixels,
        "gy_batch_stride": gy.batch_stride,
        "x_batch_stride": x.batch_stride,
    }


def _emit(
    low: Lowering, group: Group, attributes: dict[str, Any], gy: Map, x: Map, weight: str | None
) -> None:
    output, *vectors = group.node.outputs
    gx = low.make_like(output, x) if low.is_read(output) else None
    attributes |= {"weight": weight is not None, "input": gx is not None}
    if gx is not None and gx.blocked:
        attributes["gx_batch_stride"] = gx.batch_stride
    plain = None if weight is None else low.plain(weight)
    outputs = [gx, *(low.make_plain(name) for name in vectors)]
    low.emit(group, "norm_gradient", attributes, [gy, x, plain], outputs)
