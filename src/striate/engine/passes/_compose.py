"""Make one layer of two in a row with nothing between them, where that saves work."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np

from ...graph import Graph, Node, Operation, ops
from ...window import Window
from ._change import Result
from ._editor import Array, Editor
from ._layers import Layer, layer_of, written


def compose_layers(graph: Graph) -> Result:
    """Make one linear layer, or one convolution, of two in a row.

        linear:       weight = w2 @ w1                                  bias = w2 @ b1 + b2
        convolution:  weight[o,c, u1*d1 + u2*d2*s1] += sum over m of w2[o,m,u2] * w1[m,c,u1]
                      bias[o] = b2[o] + sum over m, u2 of w2[o,m,u2] * b1[m]

    The window of both is `first.then(second)`. Exact where the second layer pads nothing; where it
    pads, its zeros stand between the two, so that the first must be pointwise (a window of 1, which
    makes 0 of 0) and have no bias. Not done if it takes as many multiply-adds or more, or if
    something else reads what stands between.
    """
    editor = Editor(graph, "compose_layers")
    for node in editor:
        before = editor.maker(node.inputs[0]) if node.inputs else None
        if before is None or before.kind != node.kind or node.kind not in ("linear", "conv"):
            continue
        between = before.outputs[0]
        if editor.only_reader(between) is None or editor.measured(between):
            continue
        first, second = layer_of(editor, before), layer_of(editor, node)
        if first is None or second is None:
            continue
        made = _composed(editor, first, second)
        if made is None:
            continue
        editor.put(node.name, made)
        editor.take_out(before.name)
        editor.tell([before.name], node.name, "two linear layers in a row as one: less to multiply")
    return editor.result()


def _composed(editor: Editor, first: Layer, second: Layer) -> Node | None:
    source = first.node.inputs[0]
    op: Operation = ops.Linear()
    shape = (second.stored.shape[0], first.stored.shape[1])
    if isinstance(first.op, ops.Conv) and isinstance(second.op, ops.Conv):
        conv = _composed_conv(first, second)
        if conv is None:
            return None
        op = conv
        inputs = first.stored.shape[1] * (1 if op.groups > 1 else first.groups)
        shape = (second.stored.shape[0], inputs, *(window.size for window in op.windows))
    if not _saves(editor, first, second, op, shape):
        return None
    if isinstance(op, ops.Conv):
        weight, bias = _convolved(first, second, op)
    else:
        weight, bias = second.weight @ first.weight, second.weight @ first.biases + second.biases
    node = replace(second.node, inputs=(source, *second.node.inputs[1:]))
    return written(editor, replace(second, node=node, op=op), weight, bias)


def _composed_conv(first: Layer, second: Layer) -> ops.Conv | None:
    """The convolution that both are; None where they are not one."""
    assert isinstance(first.op, ops.Conv)
    assert isinstance(second.op, ops.Conv)
    pairs = list(zip(first.op.windows, second.op.windows, strict=True))
    if not all(a.resolved and b.resolved for a, b in pairs):
        return None
    if any(b.before > 0 or b.after > 0 for _, b in pairs):
        pointwise = all(a == Window(1) for a, _ in pairs)
        if not pointwise or first.biases.any():
            return None
    if any(b.before < 0 or b.after < 0 for _, b in pairs):
        return None  # a crop of what stands between
    groups = first.groups if first.groups == second.groups else 1
    return ops.Conv(tuple(_then(a, b) for a, b in pairs), groups)


def _then(a: Window, b: Window) -> Window:
    """Compose two windows; one tap of either leaves the other's taps as far apart as they are."""
    both = a.then(b)
    if b.size == 1:
        return replace(both, size=a.size, dilation=a.dilation)
    if a.size == 1:
        return replace(both, size=b.size, dilation=b.dilation * a.stride)
    return both


def _saves(
    editor: Editor, first: Layer, second: Layer, op: Operation, shape: tuple[int, ...]
) -> bool:
    """Whether one layer multiplies less than the two, and gives the same shape."""
    x, weight = editor.type(first.node.inputs[0]), editor.type(second.node.inputs[1])
    between, y = editor.type(first.node.outputs[0]), editor.type(second.node.outputs[0])
    old = editor.type(first.node.inputs[1])
    if x is None or weight is None or between is None or y is None or old is None:
        return False
    merged = weight.with_shape(*shape)
    if op.infer(x, merged) != (y,):
        return False
    one = op.macs((x, merged), (y,))
    two = first.op.macs((x, old), (between,)), second.op.macs((between, weight), (y,))
    return None not in (one, *two) and one < sum(two)  # type: ignore[operator, arg-type]


def _convolved(first: Layer, second: Layer, op: ops.Conv) -> tuple[Array, Array]:
    """Weight and bias of the composition, group by group."""
    assert isinstance(first.op, ops.Conv)
    assert isinstance(second.op, ops.Conv)
    groups = op.groups
    w1 = _grouped(first, groups)  # (g, M/g, I/g, *u1)
    w2 = _grouped(second, groups)  # (g, O/g, M/g, *u2)
    sizes = [window.size for window in op.windows]
    total = np.zeros((*w2.shape[:2], w1.shape[2], *sizes))
    steps = [
        (int(a.dilation), int(b.dilation) * int(a.stride), int(whole.dilation))
        for a, b, whole in zip(first.op.windows, second.op.windows, op.windows, strict=True)
    ]
    for u1 in itertools.product(*(range(n) for n in w1.shape[3:])):
        for u2 in itertools.product(*(range(n) for n in w2.shape[3:])):
            place = tuple(
                (p * d1 + q * d2) // d for p, q, (d1, d2, d) in zip(u1, u2, steps, strict=True)
            )
            into: Any = (..., *place)
            one: Any = (..., *u1)
            two: Any = (..., *u2)
            total[into] += w2[two] @ w1[one]
    taps = tuple(range(3, w2.ndim))
    summed = w2.sum(axis=taps) if taps else w2
    passed = summed @ first.biases.reshape(groups, -1, 1)
    bias = second.biases + passed.reshape(-1)
    return total.reshape(second.stored.shape[0], *total.shape[2:]), bias


def _grouped(layer: Layer, groups: int) -> Array:
    """Split a weight's filters into groups; where one is asked for, fill other groups with 0."""
    weight, own = layer.weight, layer.groups
    if own == groups:
        return weight.reshape(groups, -1, *weight.shape[1:])
    assert groups == 1
    out, each = weight.shape[0] // own, weight.shape[1]
    full = np.zeros((weight.shape[0], own * each, *weight.shape[2:]))
    for g in range(own):
        rows = slice(g * out, (g + 1) * out)
        full[rows, g * each : (g + 1) * each] = weight[rows]
    return full[None]
