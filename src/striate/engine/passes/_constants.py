"""Work out, once, what does not depend on the input."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...graph import Graph, Node, TensorType, Weight, ops
from ._change import Result
from ._editor import Array, Editor
from ._scaled import Scaled

SMALL_BYTES = 1 << 16
"""A constant of up to 64 KiB may be larger than what it is made of; 1 MiB, of what is looked up."""


def fold_constants(graph: Graph) -> Result:
    """Evaluate nodes that read weights only, in float64.

    Not where the result is much larger than what it is made of (an expand, a tile: more than
    64 KiB and more than the weights read), nor what depends on sizes, is random or not known.
    """
    return _fold(graph, "fold_constants", here=False)


def fold_constants_here(graph: Graph) -> Result:
    """Evaluate, besides, what depends on the sizes that the graph has now: masks, positions.

    The result is not meant for `Graph.at`: call this last, for each size.
    """
    return _fold(graph, "fold_constants_here", here=True)


def _fold(graph: Graph, rule: str, *, here: bool) -> Result:
    editor = Editor(graph, rule)
    for node in editor:
        if not all(value is None or editor.is_weight(value) for value in node.inputs):
            continue
        kinds = [editor.type(value) for value in node.outputs]
        if (
            None in kinds
            or (node.op.depends_on_sizes and not here)
            or isinstance(node.op, ops.Opaque)
            or not _fits(editor, node)
        ):
            continue
        if isinstance(node.op, ops.Dropout) and node.op.training and node.op.p > 0:
            continue
        # An output of the graph keeps its node, so that it is a value and no weight.
        if not set(node.outputs).isdisjoint(editor.outputs):
            continue
        arrays = [None if value is None else _real(editor, value) for value in node.inputs]
        with np.errstate(all="ignore"):
            made = editor.op(node).evaluate(*arrays)
        editor.take_out(node.name)
        for value, kind, array in zip(node.outputs, kinds, made, strict=True):
            assert kind is not None
            editor.redirect(value, _stored(editor, value, kind, array))
        editor.tell([node.name], "", "depends on weights only: worked out once")
    return editor.result()


def _fits(editor: Editor, node: Node) -> bool:
    """Whether the result is small, or no larger than what it is made of."""
    made = sum(kind.nbytes for kind in map(editor.type, node.outputs) if kind is not None)
    read = sum(kind.nbytes for kind in map(editor.type, node.inputs) if kind is not None)
    return made <= max(SMALL_BYTES << 4 * (node.kind == "gather"), read)


def _real(editor: Editor, value: str) -> Array:
    array = editor.raw(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _stored(editor: Editor, value: str, kind: TensorType, array: Array) -> str:
    """Put a value among the weights, as what it was called."""
    array = np.ascontiguousarray(array).reshape(kind.shape)
    if not kind.is_float and kind.dtype != str(array.dtype):
        array = array.astype(kind.dtype)
    return editor.weight(value, array, kind.dtype)


def round_weights(graph: Graph) -> Graph:
    """Round the weights that passes made to the dtype that they have in the graph, once."""
    weights = {name: _rounded(weight) for name, weight in graph.weights.items()}
    if all(weights[name] is weight for name, weight in graph.weights.items()):
        return graph
    return replace(graph, weights=weights)


def _rounded(weight: Weight) -> Weight:
    source = weight.source
    if not isinstance(source, np.ndarray | Scaled) or source.dtype != np.float64:
        return weight
    names: dict[str, Any] = {"float64": np.float64, "float16": np.float16}
    wanted = names.get(weight.type.dtype, np.float32)  # NumPy has no bfloat16
    if isinstance(source, Scaled):
        return replace(weight, source=source.rounded(wanted))
    if source.dtype == wanted:
        return weight
    return replace(weight, source=np.ascontiguousarray(source, dtype=wanted))
