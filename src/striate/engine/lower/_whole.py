"""Truths and whole numbers kept as floats: between which bounds the results of steps lie.

What float32 holds exactly (truths as 0 and 1, whole numbers up to 2^24) native steps compute as
floats; what may be larger stays an island.
"""

from __future__ import annotations

from ...graph.ops import Binary
from .._fuse import Group
from ._lowering import MOST_WHOLE, Lowering, NotNative, Span

_MOVES = frozenset(
    {"reshape", "flatten", "squeeze", "unsqueeze", "permute", "expand", "tile", "slice", "select",
     "split", "concat", "stack", "roll", "flip", "channel_shuffle", "dropout"}
)  # fmt: skip


def mark_moved(low: Lowering, group: Group) -> None:
    """Of operations that move numbers, the outputs lie between the bounds of the inputs."""
    if any(node.kind not in _MOVES for node in group.nodes):
        return
    spans = [low.span(name) for name in group.node.inputs if name is not None]
    if all(spans):
        join(low, spans, *group.node.outputs, group.output)


def join(low: Lowering, spans: list[Span | None], *outputs: str) -> None:
    """Let the outputs lie between the bounds of all spans, if these are known."""
    known = [span for span in spans if span is not None]
    if known and len(known) == len(spans):
        for output in outputs:
            low.mark(output, min(span[0] for span in known), max(span[1] for span in known))


def mark_result(low: Lowering, op: Binary, values: list[str], output: str) -> None:
    """Tell between which bounds the whole numbers lie that arithmetic makes.

    Raises:
        NotNative: Floats do not hold them, or truths are not what this makes of truths.
    """
    if op.function in ("and", "or", "xor") and any(low.span(v) != (0, 1) for v in values):
        raise NotNative(f"{op.function} of other numbers than truths has no kernel")
    whole = [span for span in map(low.span, values) if span is not None]
    if op.number is not None and whole:
        number = float(op.number) * op.alpha
        if number.is_integer() and abs(number) > MOST_WHOLE:
            raise NotNative(f"float32 does not hold {number:g}")
        whole.append((number, number))
    type_ = low.graph.types[output]
    if type_ is None or type_.dtype == "float32":
        return
    if type_.dtype == "bool":
        if op.function in ("add", "sub", "div", "pow"):
            raise NotNative(f"{op.function} of truths has no kernel")
        return
    if len(whole) == 2:
        a, b = reversed(whole) if op.reverse else whole
        if (bounds := _bounds(op.function, a, b)) is not None:
            low.mark(output, *bounds)


def _bounds(function: str, a: Span, b: Span) -> Span | None:
    if function == "add":
        return a[0] + b[0], a[1] + b[1]
    if function == "sub":
        return a[0] - b[1], a[1] - b[0]
    if function == "mul":
        corners = [x * y for x in a for y in b]
        return min(corners), max(corners)
    if function in ("max", "min"):
        choose = max if function == "max" else min
        return choose(a[0], b[0]), choose(a[1], b[1])
    return None
