"""Take out operations that hand their input on unchanged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ...graph import Graph, Node, Operation, Size, TensorType, ops
from ...window import Window
from ._affine import affine_of
from ._change import Result
from ._editor import Editor

Judge = Callable[[Node, TensorType, Any], str | None]
"""Says of a node, its input's type, and its operation with sizes put in, why it does nothing.

Asked only where the shapes before and behind are equal.
"""


def remove_identities(graph: Graph) -> Result:
    """Take out operations whose output is their input, whatever the sizes of the input are.

    Dropout at test time, casts to the same dtype, permutes and reshapes into what is there already,
    poolings of one pixel, pads and slices of nothing, times 1, plus 0.
    """
    return _remove(graph, "remove_identities", _JUDGES)


def remove_identities_here(graph: Graph) -> Result:
    """Take out operations whose output is their input at the sizes that the graph has now.

    An adaptive pooling or a resizing to the size that is there, a mean over axes of one, a slice
    that reaches over all. The result is not meant for `Graph.at`: call this last, for each size.
    """
    return _remove(graph, "remove_identities_here", {**_JUDGES, **_JUDGES_HERE})


def _remove(graph: Graph, rule: str, judges: Mapping[str, Judge]) -> Result:
    editor = Editor(graph, rule)
    for node in editor:
        source = node.inputs[0] if node.inputs else None
        why = _why(editor, node, judges)
        if why is None:
            source, why = _neutral(editor, node)
        if source is None or why is None or editor.is_weight(source) or len(node.outputs) > 1:
            continue
        if editor.type(source) != editor.type(node.outputs[0]):
            continue
        editor.skip(node, source)
        editor.tell([node.name], "", why)
    return editor.result()


def _neutral(editor: Editor, node: Node) -> tuple[str | None, str | None]:
    """Arithmetic with a constant that changes nothing: times 1, plus 0."""
    found = affine_of(editor, node) if node.kind in ("binary", "batch_norm") else None
    if found is None:
        return None, None
    value, affine = found
    if (affine.scale == 1).all() and (affine.shift == 0).all():
        return value, "multiplies by 1 and adds 0"
    return None, None


def _why(editor: Editor, node: Node, judges: Mapping[str, Judge]) -> str | None:
    """Say why a node is the identity; None where it is not."""
    x, y = editor.type(node.inputs[0] if node.inputs else None), editor.type(node.outputs[0])
    judge = judges.get(node.kind)
    if judge is None or x is None or y is None:
        return None
    return judge(node, x, editor.op(node)) if x.shape == y.shape else None


def _dropout(node: Node, x: TensorType, op: Any) -> str | None:
    return "hands its input on at test time" if not op.training or op.p == 0 else None


def _cast(node: Node, x: TensorType, op: Any) -> str | None:
    return f"is {op.dtype} already" if x.dtype == op.dtype else None


def _same_shape(node: Node, x: TensorType, op: Any) -> str | None:
    return "has this shape already"


def _reshape(node: Node, x: TensorType, op: Any) -> str | None:
    # Each size is a number, or worked out as the length of the very axis it is for.
    assert isinstance(node.op, ops.Reshape)
    own = all(
        not isinstance(size, Size)
        or size == Size.of(str(node.inputs[0]), axis)
        or _batch(size, axis)
        for axis, size in enumerate(node.op.shape)
    )
    return "has this shape already" if own else None


def _batch(size: Size, axis: int) -> bool:
    return axis == 0 and size.operator == "shape" and size.operands[1] == 0


def _flatten(node: Node, x: TensorType, op: Any) -> str | None:
    return "joins one axis only" if x.rank and op.start % x.rank == op.end % x.rank else None


def _no_axes(node: Node, x: TensorType, op: Any) -> str | None:
    return "names no axis" if op.axes == () else None


def _expand(node: Node, x: TensorType, op: Any) -> str | None:
    return "keeps all sizes" if set(node.op.shape) <= {-1} else None  # type: ignore[attr-defined]


def _tile(node: Node, x: TensorType, op: Any) -> str | None:
    return "repeats once" if set(node.op.repeats) <= {1} else None  # type: ignore[attr-defined]


def _permute(node: Node, x: TensorType, op: Any) -> str | None:
    return "moves nothing" if [a % x.rank for a in op.axes] == list(range(x.rank)) else None


def _one_pixel(node: Node, x: TensorType, op: Any) -> str | None:
    plain = all(w in (Window(1), Window(1, ceil_mode=True)) for w in op.windows)
    if not plain or getattr(op, "indices", False) or getattr(op, "divisor", None) not in (None, 1):
        return None
    return "pools single pixels"


def _adaptive(node: Node, x: TensorType, op: Any) -> str | None:
    return None if op.indices or set(op.output_size) != {None} else "pools single pixels"


def _pad(node: Node, x: TensorType, op: Any) -> str | None:
    pads = node.op.pads  # type: ignore[attr-defined]
    return "adds no pixel" if set(pads) <= {(0, 0)} else None


def _slice(node: Node, x: TensorType, op: Any) -> str | None:
    return "keeps all" if (op.start, op.end, op.step) == (0, None, 1) else None


def _roll(node: Node, x: TensorType, op: Any) -> str | None:
    return None if any(op.shifts) else "shifts by nothing"


def _resize(node: Node, x: TensorType, op: Any) -> str | None:
    # With a scale of 1 every coordinate is i itself.
    return "scales by 1" if op.size is None and set(op.scale or ()) == {1} else None


def _activation(node: Node, x: TensorType, op: Any) -> str | None:
    return "is the identity" if op.function in ("identity", "detach") else None


def _moves_ones(node: Node, x: TensorType, op: Any) -> str | None:
    order = [axis for axis in (a % x.rank for a in op.axes) if x.shape[axis] != 1]
    return "moves no number" if order == sorted(order) else None


def _adaptive_here(node: Node, x: TensorType, op: Any) -> str | None:
    return None if op.indices else "pools single pixels"


def _slice_here(node: Node, x: TensorType, op: Any) -> str | None:
    return "keeps all" if op.step > 0 else None


def _resize_here(node: Node, x: TensorType, op: Any) -> str | None:
    # To the same size, with the scale that it gives, every coordinate is i itself.
    own = op.use_scale and any(scale != 1 for scale in op.scale or ())
    return None if own else "has this size already"


def _reduce_here(node: Node, x: TensorType, op: Any) -> str | None:
    kept = op.function in ("sum", "mean", "max", "min", "prod") and x.is_float
    return "reduces axes of one" if kept else None


_JUDGES: dict[str, Judge] = {
    "dropout": _dropout,
    "cast": _cast,
    "reshape": _reshape,
    "flatten": _flatten,
    "squeeze": _no_axes,
    "unsqueeze": _no_axes,
    "expand": _expand,
    "tile": _tile,
    "permute": _permute,
    "max_pool": _one_pixel,
    "avg_pool": _one_pixel,
    "adaptive_pool": _adaptive,
    "pad": _pad,
    "slice": _slice,
    "roll": _roll,
    "resize": _resize,
    "activation": _activation,
}
_JUDGES_HERE: dict[str, Judge] = {
    **dict.fromkeys(("reshape", "flatten", "squeeze", "unsqueeze", "expand", "tile"), _same_shape),
    "permute": _moves_ones,
    "adaptive_pool": _adaptive_here,
    "slice": _slice_here,
    "resize": _resize_here,
    "reduce": _reduce_here,
}


def merge_views(graph: Graph) -> Result:
    """Let a reshape of a reshape be one, and a permute of a permute.

    The first stays where others read it too. A concat of one value, and a split into one piece,
    hand it on.
    """
    editor = Editor(graph, "merge_views")
    for node in editor:
        if node.kind == "concat" and len(node.inputs) == 1 and node.inputs[0] is not None:
            editor.skip(node, node.inputs[0])
            editor.tell([node.name], "", "joins one value only")
            continue
        if node.kind == "split" and len(node.outputs) == 1 and node.inputs[0] is not None:
            editor.skip(node, node.inputs[0])
            editor.tell([node.name], "", "cuts into one piece only")
            continue
        first = editor.maker(node.inputs[0]) if node.inputs else None
        if first is None:
            continue
        merged = _merged(editor, first, node)
        if merged is not None:
            editor.put(node.name, merged)
            editor.tell([first.name], node.name, "two changes of shape make one")
    return editor.result()


_RESHAPES = ("reshape", "flatten", "squeeze", "unsqueeze")


def _merged(editor: Editor, first: Node, second: Node) -> Node | None:
    a, b = editor.op(first), editor.op(second)
    op: Operation
    if isinstance(a, ops.Permute) and isinstance(b, ops.Permute):
        rank = len(a.axes)
        op = ops.Permute(tuple(a.axes[axis] % rank for axis in b.axes))
    elif first.kind in _RESHAPES and second.kind in _RESHAPES:
        joins = isinstance(first.op, ops.Flatten) and first.op.start >= 1
        if not isinstance(second.op, ops.Reshape) and not (joins and second.op == ops.Flatten()):
            return None
        op = second.op  # its sizes, -1 and all, do not depend on the shape that comes in
    else:
        return None
    return replace(second, op=op, inputs=(first.inputs[0],))
