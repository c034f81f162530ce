"""Normalisations that measure what they normalise: layer, group, instance, local response."""

from __future__ import annotations

import math
from typing import Any

from ...graph.ops import GroupNorm, LayerNorm, LocalResponseNorm
from .._fuse import Group
from .._values import Weights
from ._lowering import Lowering, activation_of, lowers


@lowers("layer_norm")
def lower_layer_norm(low: Lowering, group: Group) -> None:
    """Over the channels of each pixel of a blocked map, or over the last axes of a plain one."""
    op = low.graph.op(group.node)
    assert isinstance(op, LayerNorm)
    value, weight, bias = _operands(low, group)
    x = low.blocked_maps.get(value)
    settings = {"mode": "layer", "eps": op.eps, "rms": op.rms, **activation_of(group)}
    if x is not None and x.axes and op.axes == 1 and x.axes[1] == len(x.shape) - 1:
        y = low.make_blocked(group.output, x)
        attributes = {
            **settings,
            "batch": x.batch,
            "channels": x.channels,
            "pixels": x.pixels,
            "x_batch_stride": x.batch_stride,
            "y_batch_stride": y.batch_stride,
        }
        _emit(low, group, attributes, x, y, low.vector(weight), low.vector(bias))
        return
    plain = low.plain(value)
    count = math.prod(plain.shape[-op.axes :])
    attributes = {
        **settings, "plain": True, "batch": math.prod(plain.shape) // count, "channels": count,
    }  # fmt: skip
    # As many numbers as the last axes hold, and zeros that nobody reads.
    vectors = low.vector(weight), low.vector(bias)
    _emit(low, group, attributes, plain, low.make_plain(group.output), *vectors)


@lowers("group_norm")
def lower_group_norm(low: Lowering, group: Group) -> None:
    """Over the pixels of a group's channels."""
    op = low.graph.op(group.node)
    assert isinstance(op, GroupNorm)
    value, weight, bias = _operands(low, group)
    x = low.standard(value)
    y = low.make_blocked(group.output)
    attributes = {
        "mode": "group",
        "groups": op.groups or x.channels,
        "eps": op.eps,
        "batch": x.batch,
        "channels": x.channels,
        "pixels": x.pixels,
        "x_batch_stride": x.batch_stride,
        "y_batch_stride": y.batch_stride,
        **activation_of(group),
    }
    _emit(low, group, attributes, x, y, low.vector(weight), low.vector(bias))


@lowers("local_response_norm")
def lower_response_norm(low: Lowering, group: Group) -> None:
    """By the squares of the neighbouring channels (AlexNet)."""
    op = low.graph.op(group.node)
    assert isinstance(op, LocalResponseNorm)
    value, _, _ = _operands(low, group)
    x = low.standard(value)
    y = low.make_blocked(group.output)
    attributes = {
        "mode": "response",
        "size": op.size,
        "k": float(op.k),
        "scale": op.alpha / op.size,
        "power": float(op.beta),
        "batch": x.batch,
        "channels": x.channels,
        "pixels": x.pixels,
        "x_batch_stride": x.batch_stride,
        "y_batch_stride": y.batch_stride,
    }
    low.emit(group, "norm", attributes, [x], [y])


def _operands(low: Lowering, group: Group) -> tuple[str, str | None, str | None]:
    value, weight, bias = (*group.node.inputs, None, None)[:3]
    assert value is not None
    low.check_floats(value)
    return value, weight, bias


def _emit(
    low: Lowering,
    group: Group,
    attributes: dict[str, Any],
    x: Any,
    y: Any,
    weight: Weights | None,
    bias: Weights | None,
) -> None:
    attributes |= {"weight": weight is not None, "bias": bias is not None}
    low.emit(group, "norm", attributes, [x], [y], weights=[weight, bias])
