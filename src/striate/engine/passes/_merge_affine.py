"""Make one affine of several in a row, and write what is left of batch norms plainly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...graph import Graph, Node, ops
from ._affine import Affine, affine_of
from ._change import Result
from ._editor import Array, Editor


def merge_affine(graph: Graph) -> Result:
    """Make one operation of an affine behind an affine: scale = s2*s1, shift = s2*t1 + t2.

    What only scales or only shifts becomes a product or a sum; what does both, along the channels,
    a batch norm in plain form (see `plain_batch_norm`). Along another axis two operations are
    needed, and stay.
    """
    editor = Editor(graph, "merge_affine")
    for node in editor:
        second = affine_of(editor, node)
        if second is None or editor.only_reader(second[0]) is None:
            continue
        maker = editor.maker(second[0])
        first = affine_of(editor, maker) if maker is not None else None
        if maker is None or first is None:
            continue
        merged = first[1].then(second[1])
        named = node if node.kind == "batch_norm" or maker.kind != "batch_norm" else maker
        made = None if merged is None else _made(editor, named, first[0], node.outputs[0], merged)
        if made is None:
            continue
        gone = maker.name if named is node else node.name
        editor.take_out(maker.name)
        editor.put(node.name, made)
        editor.redirect(second[0], first[0], only_sizes=True)
        editor.tell([gone], made.name, "two affine operations in a row make one")
    return editor.result()


def _made(editor: Editor, named: Node, source: str, output: str, affine: Affine) -> Node | None:
    """One node for an affine; None where there is none."""
    kind = editor.type(source)
    assert kind is not None
    if not affine.finite:
        return None
    adds, scales = bool(affine.shift.any()), bool((affine.scale != 1).any())
    if adds and scales:
        if affine.axis not in (None, 1) or kind.rank < 2:
            return None
        return _plain(editor, named, source, output, affine, kind.shape[1])
    function, numbers = ("add", affine.shift) if adds else ("mul", affine.scale)
    node = replace(named, inputs=(source,), outputs=(output,), inplace=False)
    if affine.axis is None:
        return replace(node, op=ops.Binary(function, number=float(numbers)))
    column = (-1, *[1] * (kind.rank - 1 - affine.axis))
    held = editor.weight(f"{named.name}.{function}", _copied(numbers, column), _dtype(kind.dtype))
    return replace(node, op=ops.Binary(function), inputs=(source, held))


def _copied(numbers: Array, shape: tuple[int, ...]) -> Array:
    return np.array(numbers.reshape(shape))


def _dtype(dtype: str) -> str:
    return dtype if dtype in ("float16", "bfloat16", "float64") else "float32"


def _plain(
    editor: Editor, named: Node, source: str, output: str, affine: Affine, channels: int
) -> Node:
    scale, shift = affine.over(channels)
    inputs = (
        source,
        editor.weight(f"{named.name}.weight", np.array(scale)),
        editor.weight(f"{named.name}.bias", np.array(shift)),
        editor.constant("zeros", 0, channels),
        editor.constant("ones", 1, channels),
    )
    op = ops.BatchNorm(eps=0.0)
    return replace(named, op=op, inputs=inputs, outputs=(output,), inplace=False)


def is_plain(editor: Editor, node: Node) -> bool:
    """Whether a batch norm has mean 0, variance 1 and eps 0: it is weight * x + bias."""
    if not isinstance(node.op, ops.BatchNorm) or node.op.eps != 0 or len(node.inputs) != 5:
        return False
    mean, var = editor.numbers(node.inputs[3]), editor.numbers(node.inputs[4])
    plain = mean is not None and var is not None and not mean.any() and bool((var == 1).all())
    return plain and None not in node.inputs


def plain_batch_norm(graph: Graph) -> Result:
    """Write batch norms that no layer took as weight * x + bias: mean 0, variance 1, eps 0.

    Such a node is `BatchNorm(eps=0)` with all five inputs; a kernel reads weight and bias alone.
    """
    editor = Editor(graph, "plain_batch_norm")
    for node in editor:
        if node.kind != "batch_norm" or is_plain(editor, node):
            continue
        found, kind = affine_of(editor, node), editor.type(node.inputs[0])
        if found is None or kind is None:
            continue
        editor.put(
            node.name, _plain(editor, node, found[0], node.outputs[0], found[1], kind.shape[1])
        )
        editor.tell([node.name], node.name, "no layer took it: one scale and shift a channel")
    return editor.result()
