"""Write LeNet-5's own layers as plain convolutions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...graph import Graph, Node, ops
from ._change import Result
from ._editor import Editor
from ._layers import held_dtype, layer_of, written


def write_plainly(graph: Graph) -> Result:
    """Write a convolution with a table as a dense one, and a subsampling as a depthwise one.

    A table's absent connections become weights of 0. The subsampling's one weight a channel stands
    at every tap of its window:

        weight[c] * (sum over u of x[c, i*s + u]) = sum over u of weight[c] * x[c, i*s + u]
    """
    editor = Editor(graph, "write_plainly")
    for node in editor:
        if isinstance(node.op, ops.Conv) and node.op.table is not None:
            layer = layer_of(editor, node)
            made = layer and written(editor, layer, layer.weight, layer.biases)
            if made:
                editor.put(node.name, made)
                editor.tell([node.name], node.name, "its table becomes weights of 0")
        elif isinstance(node.op, ops.Subsample):
            _subsample(editor, node, node.op)
    return editor.result()


def _subsample(editor: Editor, node: Node, op: ops.Subsample) -> None:
    x, weight, bias = (*node.inputs, None, None)[:3]
    kind, numbers = editor.type(x), editor.numbers(weight)
    if kind is None or numbers is None or not editor.is_weight(bias):
        return
    if any(window.ceil_mode for window in op.windows):
        return  # a convolution has no such windows
    channels = kind.shape[1]
    filters = np.broadcast_to(
        numbers.reshape(-1, 1, *[1] * len(op.windows)),
        (channels, 1, *(window.size for window in op.windows)),
    )
    held = editor.weight(f"{node.name}.weight", np.array(filters), held_dtype(editor, weight))
    conv = ops.Conv(op.windows, groups=channels)
    editor.put(node.name, replace(node, op=conv, inputs=(x, held, bias)))
    editor.tell([node.name], node.name, "a subsampling is a depthwise convolution of equal taps")
