"""Convolutions and transposed ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph.ops import Conv, ConvTranspose
from ...window import Window
from .._fuse import Group, scale_of
from .._values import Map, Weights, three
from ._lowering import Lowering, NotNative, activation_of, lowers
from ._product import multiply
from ._view import view
from ._windows import spatial, window_attributes

_FEW_CHANNELS = 4
"""Up to so many input channels a convolution reads the network's input as it is."""


@lowers("conv")
def lower_conv(low: Lowering, group: Group) -> None:
    """A convolution, with factors in front, and addition and activation behind."""
    op = low.graph.op(group.node)
    assert isinstance(op, Conv)
    value, weight_name, bias_name = (*group.node.inputs, None)[:3]
    assert value is not None
    factor = None
    if group.scaled:
        found = scale_of(low.graph, group.scaled)
        assert found is not None
        value, factor = found
    low.check_floats(value)
    weight = low.filters(weight_name)
    if group.node.name in low.images and group.residual is None:
        _emit_images(low, group, op.windows, low.plain(weight_name or ""), bias_name)
        return
    if op.table is not None:
        if isinstance(weight, Map):
            raise NotNative("its table's filters are computed while the network runs")
        weight = op.dense(weight, low.shape(value)[1])
    emit_conv(low, group, op, value, weight, low.vector(bias_name), factor)


_BROUGHT_BYTES = 256 * 1024
"""So many of a plain map's rows a task of a depthwise convolution may hold; L2 holds more."""


def emit_conv(
    low: Lowering,
    group: Group,
    op: Conv,
    value: str,
    weight: Weights,
    bias: Weights | None,
    factor: str | None = None,
) -> None:
    """One step `conv` on a blocked map, or on the plain input where that has few channels."""
    shape = low.shape(value)
    if (
        covers(op.windows, shape[2:])
        and op.groups == 1
        and factor is None
        and group.residual is None
        and _emit_linear(low, group, value, weight, bias)
    ):
        return
    depthwise = op.groups == shape[1] == weight.shape[0]
    plain = factor is None and (
        reads_plain(low, value, op.groups) or (depthwise and _brings_rows(low, value, op.windows))
    )
    x = low.plain(value) if plain else low.standard(value)
    residual = low.standard(group.residual) if group.residual else None
    scale = low.blocked(factor) if factor else None
    y = low.make_blocked(group.output)
    attributes = {
        "batch": shape[0],
        "in_channels": shape[1],
        "out_channels": weight.shape[0],
        "groups": op.groups,
        "in": spatial(shape[2:], 1),
        "out": list(y.sizes),
        **window_attributes(op.windows, shape[2:]),
        "plain_input": plain,
        "y_batch_stride": y.batch_stride,
        "bias": bias is not None,
        "residual": residual is not None,
        "scale": scale is not None,
        **activation_of(group),
    }
    if not plain:
        attributes["x_batch_stride"] = x.batch_stride
    if residual is not None:
        attributes["residual_batch_stride"] = residual.batch_stride
    low.emit(group, "conv", attributes, [x, residual, scale], [y], weight=weight, weights=[bias])


def _emit_images(
    low: Lowering,
    group: Group,
    windows: tuple[Window, ...],
    weight: Map,
    bias: str | None,
    *,
    turned: bool = False,
) -> None:
    """With images as lanes; with `turned` the gradient of the convolution for its input."""
    value = group.node.inputs[0]
    assert value is not None
    x = low.imaged(value)
    y = low.make_blocked(group.output, x)
    concrete = [
        w.on(n)
        for w, n in zip(windows, low.shape(group.output if turned else value)[2:], strict=True)
    ]
    before = [int(w.size - 1 - w.before if turned else w.before) for w in concrete]
    attributes = {
        **image_attributes(x, y),
        "kernel": [w.size for w in concrete],
        "padding": before,
        "turned": turned,
        "bias": bias is not None,
        **activation_of(group),
    }
    inputs = [x, weight, low.plain(bias) if bias else None]
    low.emit(group, "image_conv", attributes, inputs, [y], notes=["images as lanes"])


def image_attributes(x: Map, y: Map) -> dict[str, Any]:
    """The arguments of steps on maps with images as lanes."""
    return {
        "batch": x.shape[0],
        "in_channels": x.shape[1],
        "out_channels": y.shape[1],
        "in": list(x.sizes[1:]),
        "out": list(y.sizes[1:]),
    }


def reads_plain(low: Lowering, value: str, groups: int) -> bool:
    """Whether a convolution reads a value as it is: the network's input, of few channels."""
    few = low.shape(value)[1] <= _FEW_CHANNELS
    return few and groups == 1 and value not in low.blocked_maps


def _brings_rows(low: Lowering, value: str, windows: Sequence[Window]) -> bool:
    """Whether a depthwise convolution reorders a plain image itself: the rows of a window at once.

    A step for the whole map would write it to memory, and the convolution read it from there.
    """
    shape = low.shape(value)
    if value in low.blocked_maps or len(windows) != 2:
        return False
    return int(windows[0].extent) * shape[3] * low.lanes * 4 <= _BROUGHT_BYTES


def covers(windows: Sequence[Window], sizes: tuple[int, ...]) -> bool:
    """Whether a filter lies on all of the map, and nowhere else."""
    return all(
        w.size == n and w.dilation == 1 and w.before == w.after == 0
        for w, n in ((w.on(n), n) for w, n in zip(windows, sizes, strict=True))
    )


def _emit_linear(
    low: Lowering, group: Group, value: str, weight: Weights, bias: Weights | None
) -> bool:
    """A linear layer from one map to one of one pixel; False where they lie among others."""
    x = low.any(value)
    if x.image_lanes:
        x = low.plain(value)
    if x.blocked and (not x.standard or _lies_apart(x)):
        return False
    if isinstance(weight, Map):  # its gradients are products of plain matrices
        y = low.make_plain(group.output)
    else:
        y = low.make_blocked(group.output)
        if _lies_apart(y):
            return False
    outer, inner = weight.shape[0], math.prod(weight.shape[1:])
    attributes = {
        "batch": y.shape[0],
        "in_features": inner,
        "out_features": outer,
        "blocked_output": y.blocked,
        "bias": bias is not None,
        **activation_of(group),
    }
    if x.blocked:
        attributes |= {"channels": x.channels, "pixels": x.pixels}
    low.emit(
        group, "linear", attributes, [x], [y], weight=weight.reshape(outer, inner), weights=[bias],
        notes=["its filters are as large as the map"],
    )  # fmt: skip
    return True


def _lies_apart(x: Map) -> bool:
    return x.batch > 1 and x.batch_stride != x.image_floats


@lowers("conv_transpose")
def lower_conv_transpose(low: Lowering, group: Group) -> None:
    """One convolution for each remainder of the output's place divided by the stride.

    y[j] sums x[i] * w[u] over i*s - p + u*d = j. For the outputs j = r, r+s, r+2s, ... only every
    so many-th tap meets an input, always the same: with d = 1 the taps u = (r+p) mod s, + s, + 2s,
    ..., taken backwards, since a tap further on reads an input further back.
    """
    op = low.graph.op(group.node)
    assert isinstance(op, ConvTranspose)
    value, weight_name, bias_name = (*group.node.inputs, None)[:3]
    assert value is not None
    shape = low.shape(value)
    windows = list(op.windows)
    if any(w.dilation != 1 and w.stride != 1 for w in windows):
        raise NotNative("it has both a stride and a dilation")
    weight = low.filters(weight_name)
    given = low.blocked_maps.get(value)
    if given is not None and given.image_lanes and _turns_images(group, op, bias_name):
        _emit_images(low, group, op.windows, low.plain(weight_name or ""), None, turned=True)
        return
    if isinstance(weight, Map) and bias_name is None and _spreads_one(low, group, op, value):
        _spread_one(low, group, value, weight)
        return
    bias = low.vector(bias_name)
    x, y = low.standard(value), low.make_blocked(group.output)
    groups, strides = op.groups, [int(w.stride) for w in windows]
    outputs = low.shape(group.output)[2:]
    for remainder in np.ndindex(*(min(s, n) for s, n in zip(strides, outputs, strict=True))):
        parts = [
            _remainder(int(w.size), s, int(w.dilation), int(w.before), r, n)
            for w, s, r, n in zip(windows, strides, remainder, outputs, strict=True)
        ]
        cut, cut_shape, lying = _turned(weight, groups, [part["taps"] for part in parts])
        attributes: dict[str, Any] = {
            "batch": shape[0],
            "in_channels": cut_shape[1] * groups,
            "out_channels": y.channels,
            "groups": groups,
            "in": spatial(shape[2:], 1),
            "out": spatial((part["out"] for part in parts), 1),
            "kernel": spatial(cut_shape[2:], 1),
            "stride": [1, 1, 1],
            "dilation": spatial((int(w.dilation) for w in windows), 1),
            "padding": spatial((part["padding"] for part in parts), 0),
            "out_full": list(y.sizes),
            "out_step": spatial(strides, 1),
            "out_start": spatial(remainder, 0),
            "x_batch_stride": x.batch_stride,
            "y_batch_stride": y.batch_stride,
            "bias": bias is not None,
            **activation_of(group),
        }
        low.emit(
            group, "conv", attributes, [x, None, None], [y],
            weight=cut, filters=lying, weights=[bias],
            notes=[f"outputs {remainder} of every {tuple(strides)}"] if max(strides) > 1 else [],
        )  # fmt: skip
    pieces = math.prod(min(s, n) for s, n in zip(strides, outputs, strict=True))
    for step in low.steps[-pieces + 1 :] if pieces > 1 else []:
        step.macs = 0  # told once


def _turns_images(group: Group, op: ConvTranspose, bias: str | None) -> bool:
    plain = all(w.stride == w.dilation == 1 for w in op.windows)
    return plain and op.groups == 1 and bias is None and group.activation is None


def _spreads_one(low: Lowering, group: Group, op: ConvTranspose, value: str) -> bool:
    """Whether each output is one tap of the only place that an image has."""
    taps = tuple(w.size for w in op.windows)
    return (
        set(low.shape(value)[2:]) == {1}
        and low.shape(group.output)[2:] == taps
        and all(w.before == w.after == 0 for w in op.windows)
        and op.groups == 1
        and group.activation is None
    )


def _spread_one(low: Lowering, group: Group, value: str, weight: Map) -> None:
    """Each image's one place spread over all outputs: a product of matrices."""
    rows, depth, columns = low.shape(value)[0], weight.shape[0], math.prod(weight.shape[1:])
    x = low.plain(value)
    y = low.make_plain(group.output)
    multiply(low, group, x, weight, (rows, depth), (depth, columns), y)


def _turned(
    weight: Weights, groups: int, taps: list[range]
) -> tuple[Weights, tuple[int, ...], dict[str, Any]]:
    """Some taps of filters (in, out / groups, *kernel) as (out, in / groups, *taps).

    Where there are none the outputs are 0: one tap of 0 of the first channel of each group.

    Returns:
        The weight, the shape it is read as, and how it lies.
    """
    inner, outer = weight.shape[0] // groups, weight.shape[1]
    if not all(taps):
        zeros = np.zeros((groups * outer, 1, *(1 for _ in taps)), np.float32)
        return zeros, zeros.shape, {}
    grouped = weight.reshape(groups, inner, *weight.shape[1:])
    order = (0, 2, 1, *range(3, 3 + len(taps)))
    shape = (groups * outer, inner, *map(len, taps))
    if isinstance(grouped, np.ndarray):
        places: Any = (..., *np.ix_(*taps))
        turned = np.ascontiguousarray(grouped.transpose(order)[places]).reshape(shape)
        return turned, shape, {}
    source = view(grouped).permuted(order)
    for axis, along in enumerate(taps, start=3):
        source = source.at(axis, along[0], len(along), along.step)
    strides = [*source.strides[:3], *three(source.strides[3:], 0)]
    return weight, shape, {"filters": strides, "filters_start": source.start}


def _remainder(size: int, stride: int, dilation: int, before: int, r: int, n: int) -> Any:
    """The taps and the padding of the convolution that makes outputs r, r + stride, ..."""
    first = (r + before) % stride
    taps = range(first, size, stride)[::-1] if stride > 1 else range(size)[::-1]
    count = -(-(n - r) // stride)
    # Output r + k*stride reads input (r + before - u*dilation) / stride + k for tap u.
    if not taps:
        return {"taps": taps, "out": count, "padding": 0}
    farthest = taps[0] * dilation
    return {"taps": taps, "out": count, "padding": -((r + before - farthest) // stride)}
