"""Linear layers: on features, on flattened maps without flattening them, on channels as 1x1."""

from __future__ import annotations

import math

from .._fuse import Group
from .._values import Map, Weights
from ._lowering import Lowering, NotNative, activation_of, lowers
from ._windows import POINTWISE


@lowers("linear")
def lower_linear(low: Lowering, group: Group) -> None:
    """Y = x w^T + b along the last axis."""
    value, weight_name, bias_name = (*group.node.inputs, None)[:3]
    assert value is not None
    if group.permuted and value not in low.blocked_maps:
        raise NotNative("its channels are not in blocks")
    weight, bias = low.filters(weight_name), low.vector(bias_name)
    low.check_floats(value)
    x = low.blocked_maps.get(value)
    if x is not None and len(x.shape) > 2 and x.axes and x.axes[1] == len(x.shape) - 1:
        on_channels(low, group, x, weight, bias)
        return
    attributes = {
        "in_features": weight.shape[1],
        "out_features": weight.shape[0],
        "bias": bias is not None,
        **activation_of(group),
    }
    flat = _flattened(low, value)
    if flat is not None:
        x = flat
        attributes |= {"batch": flat.batch, "channels": flat.channels, "pixels": flat.pixels}
    else:
        x = low.plain(value)
        attributes["batch"] = math.prod(x.shape[:-1])
    y = low.make_plain(group.output)
    low.emit(group, "linear", attributes, [x], [y], weight=weight,
        weights=[bias],
    )  # fmt: skip


def _flattened(low: Lowering, value: str) -> Map | None:
    """The blocked map whose features, flattened, a value is; None where it is plain already."""
    if value in low.plain_maps:
        return None
    shape, x = low.shape(value), low.blocked_maps.get(low.views.get(value, value))
    if x is None or not x.standard or len(shape) != 2 or shape[0] != x.batch:
        return None
    return x if x.batch == 1 or x.batch_stride == x.image_floats else None


def on_channels(
    low: Lowering,
    group: Group,
    x: Map,
    weight: Weights,
    bias: Weights | None,
    *,
    columns: bool = False,
) -> None:
    """Channels last in the value, blocked in memory: a 1x1 convolution.

    Args:
        columns: The columns of `weight`, a map, are the filters, and not its rows.
    """
    outer, inner = weight.shape[::-1] if columns else weight.shape
    linear = low.make_blocked(group.node.outputs[0], x)
    y = linear.permuted(group.permuted) if group.permuted else linear
    low.alias(group.output, y)
    attributes = {
        "batch": x.batch,
        "in_channels": x.channels,
        "out_channels": outer,
        "in": list(x.sizes),
        "out": list(x.sizes),
        **POINTWISE,
        "x_batch_stride": x.batch_stride,
        "y_batch_stride": y.batch_stride,
        "bias": bias is not None,
        **activation_of(group),
    }
    residual = None
    if group.residual:
        residual = low.blocked(group.residual)
        if residual.axes != y.axes:
            raise NotNative("what it adds has its axes in another order")
        attributes |= {"residual": True, "residual_batch_stride": residual.batch_stride}
    low.emit(
        group, "conv", attributes, [x, residual, None], [y],
        weight=weight if columns else weight.reshape(outer, inner, 1, 1, 1), weights=[bias],
        filters={"filters": [0, 1, outer, 0, 0, 0], "filters_start": 0} if columns else None,
        notes=["a 1x1 convolution on channels"],
    )  # fmt: skip
