"""Put pads into the windows of the layers behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from ...graph import Graph, Node, Operation, ops
from ...window import Window
from ._change import Result
from ._editor import Editor

Pairs = list[tuple[int, int]]


def fold_pads(graph: Graph) -> Result:
    """Let windows do what a pad with a constant does, where the numbers stay the same.

    - Convolutions take zeros, and crops (negative pads) where they pad nothing on that side.
    - Average poolings take zeros if all zeros are counted then: they pad nothing themselves, or
      count their padding; or they divide by a fixed number.
    - Max poolings take -inf, and any number that the input never falls below (zeros behind a ReLU),
      if each window still reads a pixel.
    - Pads with the same constant take each other.
    """
    editor = Editor(graph, "fold_pads")
    for node in editor:
        source = node.inputs[0] if node.inputs else None
        pad = editor.maker(source)
        if pad is None or not isinstance(pad.op, ops.Pad) or pad.op.mode != "constant":
            continue
        if pad.op.depends_on_sizes or pad.inputs[0] is None:
            continue
        op = _taken(editor, pad, node)
        if op is None:
            continue
        made = replace(node, op=op, inputs=(pad.inputs[0], *node.inputs[1:]), inplace=False)
        if op.infer(*map(editor.type, made.inputs)) != tuple(map(editor.type, node.outputs)):
            continue
        editor.put(node.name, made)
        editor.tell([pad.name], node.name, f"the {node.kind.replace('_', ' ')} pads by itself")
    return editor.result()


def _taken(editor: Editor, pad: Node, node: Node) -> Operation | None:
    """The reader's operation with the pad in its windows; None where that is not the same."""
    assert isinstance(pad.op, ops.Pad)
    pads = cast("Pairs", list(pad.op.pads))
    if isinstance(node.op, ops.Pad):
        return _both(pad.op, node.op)
    windows = getattr(node.op, "windows", None)
    if windows is None or any(map(any, pads[:2])):
        return None
    wider = _widened(windows, pads[2:])
    if wider is None:
        return None
    if isinstance(node.op, ops.Conv):
        return replace(node.op, windows=wider) if pad.op.value == 0 else None
    if isinstance(node.op, ops.AvgPool):
        return _average(node.op, wider) if pad.op.value == 0 and _adds(pads) else None
    if isinstance(node.op, ops.MaxPool) and _adds(pads) and not node.op.indices:
        assert pad.inputs[0] is not None
        lowest = pad.op.value == float("-inf") or at_least(editor, pad.inputs[0], pad.op.value)
        return replace(node.op, windows=wider) if lowest and _reads_pixels(wider) else None
    return None


def _reads_pixels(windows: Sequence[Window]) -> bool:
    """Whether every place of the windows reads a pixel, and not padding alone."""
    return all(w.resolved and w.dilation == 1 and max(w.before, w.after) < w.size for w in windows)


def _adds(pads: Pairs) -> bool:
    return all(min(pair) >= 0 for pair in pads)


def _widened(windows: Sequence[Window], pads: Pairs) -> tuple[Window, ...] | None:
    """Windows with more padding; None where that depends on sizes, or padding meets a crop."""
    wider = []
    for window, pair in zip(windows, pads, strict=True):
        if not window.resolved:
            return None
        own = (window.before, window.after)
        # Pixels cropped first and padded then would be read again.
        if any(more < 0 < has for more, has in zip(pair, own, strict=True)):
            return None
        wider.append(replace(window, padding=(own[0] + pair[0], own[1] + pair[1])))
    return tuple(wider)


def _average(op: ops.AvgPool, wider: tuple[Window, ...]) -> Operation | None:
    if op.divisor is not None:
        return replace(op, windows=wider)
    unpadded = all(w.before == w.after == 0 for w in op.windows)
    if unpadded or op.count_include_pad:
        return replace(op, windows=wider, count_include_pad=True)
    return None


def _both(first: ops.Pad, second: ops.Pad) -> Operation | None:
    """Two pads in a row as one."""
    if second.mode != "constant" or second.value != first.value or second.depends_on_sizes:
        return None
    pairs: Any = list(zip(first.pads, second.pads, strict=True))
    if any(a < 0 < b for one, two in pairs for a, b in zip(one, two, strict=True)):
        return None
    return replace(first, pads=tuple((a[0] + b[0], a[1] + b[1]) for a, b in pairs))


_NOT_NEGATIVE = frozenset(
    {"relu", "sigmoid", "hardsigmoid", "abs", "exp", "sqrt", "rsqrt", "square", "softplus"}
)
_KEEP_BOUND = frozenset(
    {"max_pool", "adaptive_pool", "reshape", "flatten", "permute", "squeeze", "unsqueeze",
     "expand", "slice", "select", "split", "concat", "stack", "dropout", "tile", "flip", "roll",
     "channel_shuffle", "pixel_shuffle", "pixel_unshuffle"}
)  # fmt: skip


def at_least(editor: Editor, value: str, bound: float, depth: int = 16) -> bool:
    """Whether a value is provably nowhere below a number: by a ReLU before it, say."""
    node = editor.maker(value)
    if node is None or depth == 0:
        return False
    if isinstance(node.op, ops.Activation):
        if node.op.function in ("clip", "threshold"):
            low = next(iter(node.op.constants.values()))
            if node.op.function == "clip":
                return low >= bound and node.op.constants["high"] >= bound
            return min(low, node.op.constants["value"]) >= bound
        return node.op.function in _NOT_NEGATIVE and bound <= 0
    if isinstance(node.op, ops.Dropout) and node.op.training:
        return False
    if isinstance(node.op, ops.MaxPool) and not _reads_pixels(node.op.windows):
        return False
    read = [v for v in node.inputs if v is not None]
    if node.kind in _KEEP_BOUND:
        return all(at_least(editor, v, bound, depth - 1) for v in read)
    if isinstance(node.op, ops.Binary) and len(read) == 2 and node.op.alpha == 1:
        both = [at_least(editor, v, bound, depth - 1) for v in read]
        if node.op.function == "max":
            return any(both)
        return node.op.function in ("add", "mul") and bound == 0 and all(both)
    return False
