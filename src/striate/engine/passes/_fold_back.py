"""Put a scale and a shift into the layer that makes the values: always exact."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ...graph import Graph, Node, TensorType, ops
from ._affine import Affine, affine_of
from ._change import Result
from ._editor import Array, Editor
from ._layers import held_dtype, layer_of, written

MOVES = ("permute", "reshape", "flatten", "squeeze", "unsqueeze")
"""Kinds that move numbers without changing them."""


def fold_into_producer(graph: Graph) -> Result:
    """Put batch norms, and sums and products with constants, into the layer before.

    Of y = scale * layer(x) + shift the layer takes both:

        weight'[o] = scale[o] * weight[o]        bias'[o] = scale[o] * bias[o] + shift[o]

    for convolutions, transposed ones, linear layers, and norms that end in a weight and a bias.
    Between the two may stand permutes and reshapes (ConvNeXt's layer scale). Exact in every case;
    not done where something else reads the layer's output, or it is an output of the graph. The
    layer gets weights of its own, so others that share the old ones keep them.
    """
    editor = Editor(graph, "fold_into_producer")
    for node in editor:
        found = affine_of(editor, node)
        if found is not None:
            _fold(editor, node, *found)
    return editor.result()


def _fold(editor: Editor, node: Node, value: str, affine: Affine) -> None:
    between: list[Node] = []  # moves from the layer to the affine, last one first
    name: str | None = value
    while True:
        assert name is not None
        maker = editor.maker(name)
        if maker is None or editor.only_reader(name) is None:
            return
        if maker.kind not in MOVES:
            break
        back = _before(editor, maker, affine)
        if back is None:
            return
        between.append(maker)
        affine, name = back, maker.inputs[0]
        if name is None or editor.is_weight(name):
            return
    # Values between hold other numbers now, so they get other names.
    last = node.outputs[0]
    made = [last, *(editor.fresh(f"{move.name}:scaled") for move in between)]
    taken = scaled(editor, maker, affine, made[-1])
    if taken is None:
        return
    for move, output, source in zip(between, made[:-1], made[1:], strict=True):
        inputs = tuple(source if v == move.inputs[0] else v for v in move.inputs)
        editor.put(move.name, replace(move, inputs=inputs, outputs=(output,), inplace=False))
    editor.put(maker.name, taken)
    editor.take_out(node.name)
    for move, output in zip(between, made[:-1], strict=True):
        editor.redirect(move.outputs[0], output, only_sizes=True)
    editor.redirect(maker.outputs[0], made[-1], only_sizes=True)
    editor.tell([node.name], maker.name, _why(node, maker))


def _why(node: Node, maker: Node) -> str:
    what = "batch norm" if node.kind == "batch_norm" else "arithmetic with a constant"
    into = "weights and bias" if maker.kind != "binary" else "numbers"
    return f"{what} goes into the {into} of the {maker.kind.replace('_', ' ')} before it"


def scaled(editor: Editor, maker: Node, affine: Affine, output: str) -> Node | None:
    """Make the node that gives scale * what `maker` gives + shift; None where it cannot."""
    kind = editor.type(maker.outputs[0])
    if kind is None or len(maker.outputs) != 1:
        return None
    layer = layer_of(editor, maker)
    if layer is not None:
        channels = kind.rank - 1 if maker.kind == "linear" else 1
        if affine.axis not in (None, channels):
            return None
        scale, shift = affine.over(layer.out_channels)
        weight = layer.times(layer.over_outputs(scale))
        return written(editor, layer, weight, layer.biases * scale + shift, output=output)
    if maker.kind in ("layer_norm", "group_norm"):
        return _scaled_norm(editor, maker, affine, kind, output)
    return None


def _scaled_norm(
    editor: Editor, maker: Node, affine: Affine, kind: TensorType, output: str
) -> Node | None:
    """A layer norm or group norm, of which weight and bias come last."""
    x, weight, bias = (*maker.inputs, None, None)[:3]
    if not all(value is None or editor.is_weight(value) for value in (weight, bias)):
        return None
    if isinstance(maker.op, ops.LayerNorm):
        shape = kind.shape[kind.rank - maker.op.axes :]
        axis = None if affine.axis is None else affine.axis - (kind.rank - maker.op.axes)
        if axis is not None and axis < 0:
            return None
    else:
        shape, axis = kind.shape[1:2], None if affine.axis is None else affine.axis - 1
        if axis not in (None, 0):
            return None

    def along(numbers: Array) -> Array:
        column = [-1 if axis == a else 1 for a in range(len(shape))]
        return np.broadcast_to(numbers.reshape(column) if axis is not None else numbers, shape)

    scale, shift = along(affine.scale), along(affine.shift)
    weights, biases = editor.numbers(weight), editor.numbers(bias)
    weights = scale if weights is None else weights.reshape(shape) * scale
    biases = shift if biases is None else biases.reshape(shape) * scale + shift
    dtype = held_dtype(editor, weight)
    names: list[str | None] = [x, editor.weight(f"{maker.name}.weight", np.array(weights), dtype)]
    if bias is not None or biases.any():
        names.append(editor.weight(f"{maker.name}.bias", np.array(biases), dtype))
    return replace(maker, inputs=tuple(names), outputs=(output,), inplace=False)


def _before(editor: Editor, move: Node, affine: Affine) -> Affine | None:
    """Apply an affine before a permute or reshape instead of behind it; None where it cannot."""
    if affine.axis is None:
        return affine
    x, y = editor.type(move.inputs[0]), editor.type(move.outputs[0])
    if x is None or y is None:
        return None
    if isinstance(move.op, ops.Permute):
        return affine.moved(move.op.axes[affine.axis] % x.rank)
    lead, size = math.prod(y.shape[: affine.axis]), y.shape[affine.axis]
    for axis, n in enumerate(x.shape):
        # Scalars aside, batch and channels must be apart before the move, too.
        if n == size and n > 1 and math.prod(x.shape[:axis]) == lead and (axis or x.rank == 1):
            return affine.moved(axis)
    return None
