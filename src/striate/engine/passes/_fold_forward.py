"""Put a scale and a shift into the layers that read the values, where that is exact."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...graph import Graph, Node, TensorType, ops
from ._affine import Affine, affine_of
from ._change import Result
from ._editor import Array, Editor
from ._fold_back import MOVES
from ._layers import Layer, layer_of, written


@dataclass(frozen=True, eq=False)
class _Edit:
    """A node in the place of another, and the value that other numbers stand in."""

    old: Node
    new: Node


def fold_into_consumers(graph: Graph) -> Result:
    """Put batch norms, and sums and products with constants, into the layers behind.

    Of y = layer(scale * x + shift) the layer takes both:

        weight'[o,c] = weight[o,c] * scale[c]
        bias'[o]     = bias[o] + sum over c, u of weight[o,c,u] * shift[c]

    A convolution that pads takes a scale but no shift: its padding is 0 behind the affine, and
    would have to be -shift / scale before it. A transposed convolution, neither: outputs at its
    border, and between its strides, read fewer taps than others. Permutes, flattens and means of
    pixels may stand between, where all windows of the mean lie inside the map. Done only where all
    who read y can take it; each gets weights of its own.
    """
    editor = Editor(graph, "fold_into_consumers")
    for node in reversed(editor):
        found = affine_of(editor, node)
        if found is None:
            continue
        value, affine = found
        edits = _absorbed(editor, node.outputs[0], value, affine)
        if not edits:
            continue
        for edit in edits:
            editor.put(edit.old.name, edit.new)
        for edit in edits:
            if edit.new.outputs != edit.old.outputs:
                editor.redirect(edit.old.outputs[0], edit.new.outputs[0], only_sizes=True)
        editor.take_out(node.name)
        editor.redirect(node.outputs[0], value, only_sizes=True)
        what = "batch norm" if node.kind == "batch_norm" else "arithmetic with a constant"
        into = [edit.new.name for edit in edits if edit.new.outputs == edit.old.outputs]
        editor.tell([node.name], ", ".join(into), f"{what} goes into the weights behind it")
    return editor.result()


def _absorbed(editor: Editor, value: str, source: str, affine: Affine) -> list[_Edit] | None:
    """Let all readers of `value` read `source` instead, with the affine in their weights."""
    if value in editor.outputs or not editor.readers(value):
        return None
    edits: list[_Edit] = []
    for reader in editor.readers(value):
        if reader.inputs.count(value) != 1 or reader.inputs[0] != value:
            return None
        taken = _taken(editor, reader, source, affine)
        if taken is not None:
            edits.append(_Edit(reader, taken))
            continue
        behind = _behind(editor, reader, affine)
        if behind is None:
            return None
        output = editor.fresh(f"{reader.name}:plain")
        passed = replace(
            reader, inputs=(source, *reader.inputs[1:]), outputs=(output,), inplace=False
        )
        further = _absorbed(editor, reader.outputs[0], output, behind)
        if further is None:
            return None
        edits += [_Edit(reader, passed), *further]
    return edits


def _taken(editor: Editor, reader: Node, source: str, affine: Affine) -> Node | None:
    """Make the reader anew with the affine in its weights; None where that is not exact."""
    layer, x = layer_of(editor, reader), editor.type(reader.inputs[0])
    if layer is None or x is None:
        return None
    channels = x.rank - 1 if reader.kind == "linear" else 1
    if affine.axis not in (None, channels) or not (affine.only_scales or _reads_inside(layer)):
        return None
    scale, shift = affine.over(x.shape[channels])
    weight = layer.times(layer.over_inputs(scale))
    bias = layer.biases
    if not affine.only_scales:
        added = np.asarray(layer.times(layer.over_inputs(shift)))
        bias = bias + added.sum(axis=tuple(range(1, added.ndim)))
    return written(editor, layer, weight, bias, source=source)


def _reads_inside(layer: Layer) -> bool:
    """Whether every output reads the same taps, none of them padding."""
    if isinstance(layer.op, ops.Linear):
        return True
    return isinstance(layer.op, ops.Conv) and all(
        window.resolved and window.before <= 0 and window.after <= 0 for window in layer.op.windows
    )


def _behind(editor: Editor, node: Node, affine: Affine) -> Affine | None:
    """Apply an affine behind a node instead of before it; None where that is not the same."""
    x, y = editor.type(node.inputs[0]), editor.type(node.outputs[0])
    if x is None or y is None or len(node.outputs) != 1:
        return None
    if node.kind in MOVES:
        return _behind_move(node, affine, x, y)
    keeps = _MEANS.get(node.kind)
    if keeps is None or not keeps(node, affine):
        return None
    if isinstance(node.op, ops.Reduce) and affine.axis is not None:
        gone = node.op.reduced(x.rank)
        if affine.axis in gone:
            return None
        if not node.op.keepdim:
            return affine.moved(affine.axis - sum(axis < affine.axis for axis in gone))
    elif affine.axis is not None and affine.axis > 1:
        return None  # the axis is pooled
    return affine


def _behind_move(node: Node, affine: Affine, x: TensorType, y: TensorType) -> Affine | None:
    """Follow the axis through a permute or a reshape; where axes are joined, repeat the numbers."""
    if affine.axis is None:
        return affine
    if isinstance(node.op, ops.Permute):
        return affine.moved([axis % x.rank for axis in node.op.axes].index(affine.axis))
    for axis, size in enumerate(y.shape):
        lead = math.prod(y.shape[:axis])
        for start in range(affine.axis + 1):
            for stop in range(affine.axis + 1, x.rank + 1):
                joined = x.shape[start:stop]
                if math.prod(x.shape[:start]) != lead or math.prod(joined) != size:
                    continue
                if size > 1 and (axis or y.rank == 1):
                    where = affine.axis - start
                    return Affine(
                        _repeated(affine.scale, joined, where),
                        _repeated(affine.shift, joined, where),
                        axis,
                    )
    return None


def _repeated(numbers: Array, shape: tuple[int, ...], axis: int) -> Array:
    column = [-1 if a == axis else 1 for a in range(len(shape))]
    return np.broadcast_to(numbers.reshape(column), shape).reshape(-1)


def _pooled_inside(node: Node, affine: Affine) -> bool:
    """Whether a mean of windows is a mean of real pixels only, or 0 stays 0."""
    assert isinstance(node.op, ops.AvgPool)
    plain = node.op.divisor is None and (
        not node.op.count_include_pad
        or all(w.resolved and w.before <= 0 and w.after <= 0 for w in node.op.windows)
    )
    return affine.only_scales or plain


_MEANS: dict[str, Callable[[Node, Affine], bool]] = {
    "avg_pool": _pooled_inside,
    "adaptive_pool": lambda node, _: (
        isinstance(node.op, ops.AdaptivePool) and node.op.reduction == "mean"
    ),
    "reduce": lambda node, affine: (
        isinstance(node.op, ops.Reduce)
        and (node.op.function == "mean" or (node.op.function == "sum" and affine.only_scales))
    ),
}
"""Kinds that commute with an affine, because they take means, and when."""
