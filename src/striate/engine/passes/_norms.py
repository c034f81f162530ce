"""Find norms and global poolings that a file spells out in single steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...graph import Graph, Node, ops
from ._change import Result
from ._editor import Editor


def name_layer_norms(graph: Graph) -> Result:
    """Put one LayerNorm in the place of mean, difference, square, mean, eps, root and quotient.

        y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps)

    over the last axes, or without the difference (RMS). Weight and bias, if any, are products and
    sums behind it, which `fold_into_producer` puts in. Squares may be x*x or pow(x, 2), the
    quotient a product with the reciprocal. The steps are followed back by their names; all
    constants are read, so the result is the same.
    """
    editor = Editor(graph, "name_layer_norms")
    for node in editor:
        found = _layer_norm(editor, node)
        if found is None:
            continue
        source, op, gone = found
        editor.put(
            node.name,
            replace(node, op=op, inputs=(source, None, None), inplace=False),
        )
        editor.tell(
            [*gone, node.name], node.name, f"spell out {'an RMS' if op.rms else 'a layer'} norm"
        )
    return editor.result()


def _layer_norm(editor: Editor, node: Node) -> tuple[str, ops.LayerNorm, list[str]] | None:
    """Read a node as the end of a norm: what it norms, the operation, and the steps."""
    quotient = _quotient(editor, node)
    if quotient is None:
        return None
    centred, root, gone = quotient
    added = editor.maker(root)
    eps = _constant_beside(editor, added, "add") if added is not None else None
    if added is None or eps is None:
        return None
    squares, number = eps
    variance = editor.maker(squares)
    if variance is None or not isinstance(variance.op, ops.Reduce):
        return None
    axes = _last_axes(editor, variance)
    square = editor.maker(variance.inputs[0])
    if axes is None or square is None or _squared(editor, square) != centred:
        return None
    gone += [added.name, variance.name, square.name]
    minus = editor.maker(centred)
    if minus is not None and minus.op == ops.Binary("sub") and len(minus.inputs) == 2:
        source, mean = minus.inputs[0], editor.maker(minus.inputs[1])
        over = None if mean is None or mean.inputs[0] != source else _last_axes(editor, mean)
        if source is not None and mean is not None and over == axes:
            return source, ops.LayerNorm(axes, number), [mean.name, minus.name, *gone]
    return centred, ops.LayerNorm(axes, number, rms=True), gone


def _quotient(editor: Editor, node: Node) -> tuple[str, str, list[str]] | None:
    """Read a / sqrt(b), a * rsqrt(b), a * (1 / sqrt(b)): give a, b and the steps."""
    if not isinstance(node.op, ops.Binary) or node.op.alpha != 1 or len(node.inputs) != 2:
        return None
    a, b = node.inputs
    orders = [(a, b)] if node.op.function == "div" else [(a, b), (b, a)]
    if node.op.function not in ("mul", "div") or node.op.reverse:
        return None
    for one, two in orders:
        maker = editor.maker(two)
        if maker is None or one is None:
            continue
        inverse, gone = node.op.function == "div", [maker.name]
        if _is_function(maker, "reciprocal") or _one_over(maker):
            inverse, before = not inverse, editor.maker(maker.inputs[0])
            if before is None:
                continue
            maker, gone = before, [before.name, *gone]
        rooted = _is_function(maker, "sqrt") or _power(editor, maker) == 0.5
        turned = _is_function(maker, "rsqrt") or _power(editor, maker) == -0.5
        if ((rooted and inverse) or (turned and not inverse)) and maker.inputs[0]:
            return one, maker.inputs[0], gone
    return None


def _one_over(node: Node) -> bool:
    op = node.op
    return isinstance(op, ops.Binary) and op.function == "div" and op.reverse and op.number == 1


def _is_function(node: Node, name: str) -> bool:
    return isinstance(node.op, ops.Activation) and node.op.function == name


def _power(editor: Editor, node: Node) -> float | None:
    """The constant exponent of a power; None where there is none."""
    if not isinstance(node.op, ops.Binary) or node.op.function != "pow" or node.op.reverse:
        return None
    if len(node.inputs) == 1 or node.inputs[1] is None:
        return node.op.number
    kind, numbers = editor.type(node.inputs[1]), None
    if kind is not None and kind.numel == 1:
        numbers = editor.numbers(node.inputs[1])
    return None if numbers is None else float(np.ravel(numbers)[0])


def _squared(editor: Editor, node: Node) -> str | None:
    """What a node squares; None where it does not."""
    if _is_function(node, "square") or _power(editor, node) == 2:
        return node.inputs[0]
    if node.op == ops.Binary("mul") and len(node.inputs) == 2 and node.inputs[0] == node.inputs[1]:
        return node.inputs[0]
    return None


def _constant_beside(editor: Editor, node: Node, function: str) -> tuple[str, float] | None:
    """Read value + number: give both."""
    if not isinstance(node.op, ops.Binary) or node.op.function != function or node.op.alpha != 1:
        return None
    a, b = (*node.inputs, None)[:2]
    if b is None:
        return None if a is None else (a, float(node.op.number or 0))
    for value, other in ((a, b), (b, a)):
        kind = editor.type(other)
        numbers = editor.numbers(other) if kind is not None and kind.numel == 1 else None
        if value is not None and numbers is not None:
            return value, float(np.ravel(numbers)[0])
    return None


def _last_axes(editor: Editor, node: Node) -> int | None:
    """How many axes at the end a mean is taken over and keeps; None where it does not."""
    kind = editor.type(node.inputs[0])
    if kind is None or not isinstance(node.op, ops.Reduce):
        return None
    axes = sorted(node.op.reduced(kind.rank))
    fits = node.op.function == "mean" and node.op.keepdim and axes
    return len(axes) if fits and axes == list(range(kind.rank - len(axes), kind.rank)) else None


def name_global_pools(graph: Graph) -> Result:
    """Write a mean or maximum over all axes behind the channels as pooling into one place.

    Where the axes are not kept, a flatten follows.
    """
    editor = Editor(graph, "name_global_pools")
    for node in editor:
        kind = editor.type(node.inputs[0] if node.inputs else None)
        if kind is None or not isinstance(node.op, ops.Reduce) or not 3 <= kind.rank <= 5:
            continue
        if node.op.function not in ("mean", "max") or not kind.is_float or 0 in kind.shape:
            continue
        if sorted(node.op.reduced(kind.rank)) != list(range(2, kind.rank)):
            continue
        op = ops.AdaptivePool(
            (1,) * (kind.rank - 2), "mean" if node.op.function == "mean" else "max"
        )
        if node.op.keepdim:
            editor.put(node.name, replace(node, op=op))
        else:
            made = editor.fresh(f"{node.name}:pool")
            pool = replace(node, op=op, outputs=(made,))
            flat = Node(
                editor.fresh(f"{node.name}.flatten"),
                ops.Flatten(),
                (made,),
                node.outputs,
                node.path,
                node.module,
            )
            editor.put(node.name, pool, flat)
        editor.tell(
            [node.name], node.name, f"a {node.op.function} over all pixels is a pooling into one"
        )
    return editor.result()
