"""Normalisations and dropout."""

from __future__ import annotations

import math

import numpy as np

from ...errors import GraphError
from .._sizes import Size
from ..ops import (
    Activation,
    BatchNorm,
    Binary,
    Dropout,
    Flip,
    GroupNorm,
    LayerNorm,
    LocalResponseNorm,
    Reduce,
    Reshape,
)
from ._call import Call, as_float
from ._table import lowers
from ._values import Constant, UnsupportedError, Value


def _affine(call: Call) -> tuple[str | None, str | None]:
    """Weight and bias; None where the file holds plain ones and zeros that nobody trained."""
    weight, bias = call.constant(1), call.constant(2)
    if _plain(weight, 1) and (_plain(bias, 0) or not call.given(2)):
        return None, None
    return call.parameter(1), call.parameter(2)


def _plain(constant: Constant | None, number: float) -> bool:
    return constant is not None and not constant.stored and bool(np.all(constant.array == number))


def _eps(call: Call) -> float:
    return as_float(call.attr("epsilon", 1e-5))


_SMALLEST = 2.0**-126
"""Of normal float32 numbers: no norm of others is less, but 0."""


@lowers("BatchNormalization")
def batch_norm(call: Call) -> Value:
    """Batch normalisation, with the statistics of the file or (training) of the batch."""
    if call.attr("spatial", 1) != 1:
        raise UnsupportedError("its statistics are those of single pixels")
    training = bool(call.attr("training_mode", 0)) or (call.opset < 14 and call.read(1))
    call.only_first()
    weight, bias = _affine(call)
    mean, variance = call.data(3, "buffer"), call.data(4, "buffer")
    call.builder.training |= training
    return call.add(BatchNorm(_eps(call), training), call.data(0), weight, bias, mean, variance)


@lowers("InstanceNormalization")
def instance_norm(call: Call) -> Value:
    """Instance normalisation: every channel is a group."""
    return call.add(GroupNorm(None, _eps(call)), call.data(0), *_affine(call))


@lowers("GroupNormalization")
def group_norm(call: Call) -> Value:
    """Group normalisation; before opset 21 weight and bias belong to groups, not to channels."""
    groups, x = call.attr("num_groups"), call.type(0)
    if groups is None or groups < 1:
        raise GraphError(f"num_groups={groups} must be 1 or more.")
    if call.opset >= 21 or groups == x.shape[1]:
        return call.add(GroupNorm(groups, _eps(call)), call.data(0), *_affine(call))
    data = call.data(0)
    y = call.add(GroupNorm(groups, _eps(call)), data)
    sizes = [Size.of(data, axis) for axis in range(x.rank)]
    apart = Reshape((sizes[0], groups, sizes[1] // groups, *sizes[2:]))
    y = call.add(apart, y, part="groups")
    for function, index in (("mul", 1), ("add", 2)):
        scale = call.value(index)
        if isinstance(scale, Constant):
            scale = scale.viewed(scale.array.reshape(-1, *[1] * (x.rank - 1)))
            y = call.add(Binary(function), y, call.named(scale, "parameter"), part=function)
        else:
            raise UnsupportedError("its weight is computed")
    return call.add(Reshape(tuple(sizes)), y, part="joined")


@lowers("LayerNormalization", "RMSNormalization")
def layer_norm(call: Call) -> Value:
    """Normalise over the last axes; a weight of another shape becomes a product of its own."""
    x = call.type(0)
    axes = (-call.attr("axis", -1)) % x.rank or x.rank
    call.only_first()
    op = LayerNorm(axes, _eps(call), call.op_type == "RMSNormalization")
    shape = x.shape[x.rank - axes :]
    fits = all(not call.given(k) or call.type(k).shape == shape for k in (1, 2))
    if fits:
        return call.add(op, call.data(0), *_affine(call))
    y = call.add(op, call.data(0))
    y = call.add(Binary("mul"), y, call.data(1, "parameter"), part="mul")
    if not call.given(2):
        return y
    return call.add(Binary("add"), y, call.data(2, "parameter"), part="add")


@lowers("LRN")
def local_response_norm(call: Call) -> Value:
    """Local response normalisation; with an even size ONNX looks one channel further ahead."""
    size = call.attr("size")
    if not isinstance(size, int) or size < 1:
        raise GraphError(f"size={size} must be 1 or more.")
    numbers = (as_float(call.attr(n, d)) for n, d in
               (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0)))  # fmt: skip
    op = LocalResponseNorm(size, *numbers)
    if size % 2:
        return call.add(op, call.data(0))
    # torch looks one channel further back: the same with the channels turned around.
    turned = call.add(Flip((1,)), call.data(0), part="turned")
    return call.add(Flip((1,)), call.add(op, turned), part="back")


@lowers("LpNormalization")
def lp_normalization(call: Call) -> Value:
    """Divide by the 1- or 2-norm along an axis; zeros stay."""
    p, axis = call.attr("p", 2), call.attr("axis", -1)
    if p not in (1, 2):
        raise UnsupportedError(f"its p is {p}")
    norm = call.add(Reduce(f"l{p}", (axis,), keepdim=True), call.data(0), part="norm")
    norm = call.add(Activation("clip", (_SMALLEST, math.inf)), norm, part="bounded")
    return call.add(Binary("div"), call.data(0), norm)


@lowers("Dropout")
def dropout(call: Call) -> Value:
    """Dropout, which is the identity unless the file says that the network is training."""
    if call.read(1):
        raise UnsupportedError("its mask is read")
    ratio = call.scalar(1) if call.given(1) else as_float(call.attr("ratio", 0.5))
    training = call.scalar(2) if call.given(2) else False
    if ratio is None or training is None:
        raise UnsupportedError("its probability is computed")
    call.builder.training |= bool(training)
    p = as_float(ratio)
    if not 0 <= p <= 1:
        raise GraphError(f"ratio={p:g} is no probability.")
    return call.add(Dropout(p, training=bool(training)), call.data(0))
