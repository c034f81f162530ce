"""Gradients of convolutions and linear layers for their weights, and for the bias with them."""

from __future__ import annotations

from typing import Any

from ...graph.ops import ConvWeightGradient
from .._fuse import Group
from .._values import Map
from ._lowering import Lowering, lowers
from ._product import multiply
from ._windows import POINTWISE, spatial, window_attributes
from .conv import covers, image_attributes, reads_plain
from .reduce import lower_reduce


@lowers("conv_weight_gradient")
def lower_conv_weight_gradient(low: Lowering, group: Group) -> None:
    """From blocked maps, or the plain input where the convolution reads that; plain gradients."""
    op = low.graph.op(group.node)
    assert isinstance(op, ConvWeightGradient)
    value, gradient = group.node.inputs
    assert value is not None
    assert gradient is not None
    low.check_floats(value, gradient, group.output, filled=True)
    given = low.blocked_maps.get(gradient)
    if given is not None and given.image_lanes and _has_images_kernel(op):
        _emit_images(low, group, op, low.imaged(value), given)
        return
    if given is None and op.groups == 1 and covers(op.windows, low.shape(value)[2:]):
        multiply_rows(low, group, low.plain(value), low.plain(gradient))
        return
    plain = reads_plain(low, value, op.groups)
    x = low.plain(value) if plain else low.standard(value)
    gy = low.standard(gradient)
    attributes = {
        **window_attributes(op.windows, low.shape(value)[2:]),
        "groups": op.groups,
        "plain_input": plain,
    }
    own = {"in_channels": x.shape[1], "in": spatial(x.shape[2:], 1)} if plain else _sizes(x)
    _emit(low, group, attributes | own, x, gy)


def multiply_rows(low: Lowering, group: Group, x: Map, gy: Map) -> None:
    """The gradient gy^T x of plain matrices, a row an image, and gy's sums if they are wanted.

    Of linear layers, and of filters as large as the map.
    """
    rows = gy.shape[0]
    shapes = (gy.floats // rows, rows), (rows, x.floats // rows)
    multiply(low, group, gy, x, *shapes, low.make_plain(group.output), a_transposed=True)
    if group.sums:
        lower_reduce(low, Group(group.sums, group.sums.outputs[0], nodes=[group.sums]))


def _has_images_kernel(op: ConvWeightGradient) -> bool:
    return op.groups == 1 and all(w.stride == w.dilation == 1 for w in op.windows)


def _emit_images(low: Lowering, group: Group, op: ConvWeightGradient, x: Map, gy: Map) -> None:
    concrete = [w.on(n) for w, n in zip(op.windows, x.sizes[1:], strict=True)]
    attributes = {
        **image_attributes(x, gy),
        "kernel": [w.size for w in concrete],
        "padding": [int(w.before) for w in concrete],
        "bias": group.sums is not None,
    }
    low.emit(
        group, "image_conv_weight_gradient", attributes, [x, gy], _gradients(low, group),
        notes=["images as lanes"],
    )  # fmt: skip


def lower_linear_weight(low: Lowering, group: Group) -> bool:
    """A linear layer's gradient for its weight, gy^T x, from the blocked maps whose rows these are.

    Returns:
        Whether they are: else it is a product of plain matrices.
    """
    assert group.turned
    x = _map_of_rows(low, group.node.inputs[1] or "")
    gy = _map_of_rows(low, group.turned.inputs[0] or "")
    if x is None or gy is None or x.shape[:-1] != gy.shape[:-1]:
        return False
    _emit(low, group, POINTWISE | _sizes(x), x, gy)
    return True


def channels_last(x: Map) -> bool:
    """Whether a value's last axis is the channels of the blocked map it lies in."""
    last = len(x.shape) - 1
    return last > 1 and x.axes == (0, last, *range(1, last))


def _map_of_rows(low: Lowering, rows: str) -> Map | None:
    """The blocked map of which a matrix has each pixel's channels as a row."""
    x = low.blocked_maps.get(low.views.get(rows, rows))
    fits = (
        x is not None and channels_last(x) and low.shape(rows) == (x.batch * x.pixels, x.channels)
    )
    return x if fits else None


def _sizes(x: Map) -> dict[str, Any]:
    return {"in_channels": x.channels, "in": list(x.sizes), "x_batch_stride": x.batch_stride}


def _emit(low: Lowering, group: Group, attributes: dict[str, Any], x: Map, gy: Map) -> None:
    attributes |= {
        "batch": gy.batch,
        "out_channels": gy.channels,
        "out": list(gy.sizes),
        "y_batch_stride": gy.batch_stride,
        "bias": group.sums is not None,
    }
    low.emit(group, "conv_weight_gradient", attributes, [x, gy], _gradients(low, group))


def _gradients(low: Lowering, group: Group) -> list[Map]:
    """Room for that of the filters, and of the bias where it is made with them."""
    sums = [group.sums.outputs[0]] if group.sums else []
    return [low.make_plain(name) for name in (group.output, *sums)]
