"""Batch norms: by constants a factor and an offset a channel, else by numbers that are computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph import Graph, Node
from ...graph.ops import Activation, ActivationGradient, BatchNorm, BatchNormGradient
from .._activations import native_activation
from .._fuse import Group
from .._values import Array, Map
from ._lowering import Lowering, NotNative, activation_of, blocks_of, lowers
from ._windows import POINTWISE


@lowers("batch_norm")
def lower_batch_norm(low: Lowering, group: Group) -> None:
    """A norm that no convolution took."""
    op = low.graph.op(group.node)
    assert isinstance(op, BatchNorm)
    value, weight, bias, mean, variance = (*group.node.inputs, *(None,) * 4)[:5]
    assert value is not None
    low.check_floats(value, filled=True)
    if op.training or mean is None or variance is None:
        raise NotNative("it measures its own batch")
    if all(name is None or name in low.graph.weights for name in (weight, bias, mean, variance)):
        _by_constants(low, group, op, value)
    else:
        _by_numbers(low, group, op, value)


def _by_constants(low: Lowering, group: Group, op: BatchNorm, value: str) -> None:
    factor, offset, mean, variance = (low.weight(name) for name in _numbers(group.node))
    assert mean is not None
    assert variance is not None
    scale = 1 / np.sqrt(variance.astype(np.float64) + op.eps)
    if factor is not None:
        scale = scale * factor
    shift = -mean * scale
    if offset is not None:
        shift = shift + offset
    _emit_affine(low, group, value, scale.astype(np.float32), shift.astype(np.float32))


def _emit_affine(low: Lowering, group: Group, value: str, scale: Array, shift: Array) -> None:
    """Y = scale * x + shift, channel by channel: a 1x1 convolution of each for itself."""
    x = low.standard(value)
    y = low.make_blocked(group.output, x)
    channels = x.channels
    attributes = {
        "batch": x.batch,
        "in_channels": channels,
        "out_channels": channels,
        "groups": channels,
        "in": list(x.sizes),
        "out": list(x.sizes),
        **POINTWISE,
        "x_batch_stride": x.batch_stride,
        "y_batch_stride": y.batch_stride,
        "bias": True,
        **activation_of(group),
    }
    low.emit(
        group, "conv", attributes, [x], [y], weight=scale.reshape(channels, 1, 1, 1, 1),
        weights=[blocks_of(shift, low.lanes)], notes=["a factor and an offset per channel"],
    )  # fmt: skip


def _by_numbers(low: Lowering, group: Group, op: BatchNorm, value: str) -> None:
    """With addition and activation behind."""
    x = low.standard(value)
    weight, bias, mean, variance = (_vector(low, name) for name in _numbers(group.node))
    residual = low.blocked_like(group.residual, x) if group.residual else None
    y = low.make_blocked(group.output, x)
    attributes = {
        **_shape("normalise", op.eps, x, weight, bias),
        "y_batch_stride": y.batch_stride,
        "residual": residual is not None,
        **activation_of(group),
    }
    if residual is not None:
        attributes["residual_batch_stride"] = residual.batch_stride
    inputs = [x, mean, variance, weight, bias, residual]
    low.emit(group, "batch_norm", attributes, inputs, [y])


@lowers("batch_moments")
def lower_batch_moments(low: Lowering, group: Group) -> None:
    """Mean and variance of each channel."""
    (value,) = group.node.inputs
    assert value is not None
    low.check_floats(value, filled=True)
    x = low.standard(value)
    outputs = [low.make_plain(name) for name in group.node.outputs]
    attributes = _shape("moments", 0.0, x, None, None)
    low.emit(group, "batch_norm", attributes, [x], outputs)


@lowers("batch_norm_gradient")
def lower_batch_norm_gradient(low: Lowering, group: Group) -> None:
    """All three gradients in one step, with the mask of a clamp that followed the norm."""
    op = low.graph.op(group.node)
    assert isinstance(op, BatchNormGradient)
    gradient, value, weight_name, mean_name, variance_name = group.node.inputs
    assert value is not None
    x = low.standard(value)
    weight, mean, variance = (_vector(low, v) for v in (weight_name, mean_name, variance_name))
    bias, y, shortcut, settings = None, None, None, {}
    if group.mask is not None:
        gradient, seen = group.mask.inputs
        gradient, shortcut = group.sum.inputs if group.sum else (gradient, None)
        assert seen is not None
        settings = _bounds(low.graph, group.mask)
        norm = _own_norm(low.graph, group.node, seen)
        bias = _vector(low, norm.inputs[2]) if norm else None
        y = None if norm else low.blocked_like(seen, x)
        settings["mask"] = "own" if norm else "output"
    assert gradient is not None
    low.check_floats(gradient, value, filled=True)
    gy = low.blocked_like(gradient, x)
    added = low.blocked_like(shortcut, x) if shortcut else None
    gx = low.make_blocked(group.node.outputs[0], x) if low.is_read(group.node.outputs[0]) else None
    masked = group.mask.outputs[0] if group.mask else ""
    gr = low.make_blocked(masked, x) if group.shares_mask else None
    attributes = {
        **_shape("gradient", op.eps, x, weight, bias),
        **settings,
        "training": op.training,
        "input": gx is not None,
        "residual": gr is not None,
        "added": added is not None,
        "gy_batch_stride": gy.batch_stride,
    }
    for name, map_ in (("y", y), ("added", added), ("gx", gx), ("residual", gr)):
        if map_ is not None:
            attributes[f"{name}_batch_stride"] = map_.batch_stride
    vectors = [low.make_plain(name) for name in group.node.outputs[1:]]
    low.emit(
        group, "batch_norm", attributes, [gy, x, mean, variance, weight, bias, y, added],
        [gx, *vectors, gr], notes=[f"mask of {group.mask.name}"] if group.mask else [],
    )  # fmt: skip


def _numbers(node: Node) -> tuple[str | None, ...]:
    """Weight, bias, mean and variance."""
    return (*node.inputs, *(None,) * 4)[1:5]


def _vector(low: Lowering, name: str | None) -> Map | None:
    return None if name is None else low.plain(name)


def _shape(mode: str, eps: float, x: Map, weight: Map | None, bias: Map | None) -> dict[str, Any]:
    return {
        "mode": mode,
        "batch": x.batch,
        "channels": x.channels,
        "pixels": x.pixels,
        "x_batch_stride": x.batch_stride,
        "eps": eps,
        "weight": weight is not None,
        "bias": bias is not None,
    }


def _bounds(graph: Graph, mask: Node) -> dict[str, Any]:
    op = graph.op(mask)
    assert isinstance(op, ActivationGradient)
    clamp = native_activation(Activation(op.function, op.numbers))
    assert clamp is not None
    return {"low": clamp["alpha"], "high": clamp["beta"]}


def _own_norm(graph: Graph, gradient: Node, output: str) -> Node | None:
    """The norm that a clamp's output was made by, if nothing was added: it can be made anew."""
    clamp = graph.producers.get(output)
    if clamp is None or clamp.kind != "activation":
        return None
    norm = graph.producers.get(clamp.inputs[0] or "")
    if norm is None or norm.kind != "batch_norm":
        return None
    op, of = graph.op(norm), graph.op(gradient)
    assert isinstance(op, BatchNorm)
    assert isinstance(of, BatchNormGradient)
    value, weight, _, mean, variance = (*norm.inputs, *(None,) * 4)[:5]
    same = gradient.inputs[1:] == (value, weight, mean, variance) and op.eps == of.eps
    return norm if same and not op.training else None
