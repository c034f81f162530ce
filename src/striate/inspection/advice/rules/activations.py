"""Activations that change nothing, because what they cut off cannot come."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ....graph import Graph, Node
from ....graph.ops.activation import Activation
from ..._report import Report
from .._advice import Finding, rule
from .._walk import first_input

Range = tuple[float, float]
"""The smallest and the largest number a value can hold."""

EVERY: Range = (-math.inf, math.inf)

_RANGES: dict[str, Range] = {
    "relu": (0, math.inf),
    "sigmoid": (0, 1),
    "hardsigmoid": (0, 1),
    "softplus": (0, math.inf),
    "exp": (0, math.inf),
    "abs": (0, math.inf),
    "square": (0, math.inf),
    "sqrt": (0, math.inf),
    "tanh": (-1, 1),
    "softsign": (-1, 1),
    "erf": (-1, 1),
    "sin": (-1, 1),
    "cos": (-1, 1),
}
_KEPT = frozenset(
    {"max_pool", "avg_pool", "adaptive_pool", "flatten", "reshape", "permute", "squeeze",
     "unsqueeze", "slice", "select", "split", "channel_shuffle", "pixel_shuffle", "expand"}
)  # fmt: skip
"""Kinds whose output lies between the least and the most of their first input, and 0 (padding)."""


@rule("activation-without-effect")
def activation_without_effect(report: Report) -> Iterator[Finding]:
    """What it would change cannot occur: a ReLU behind a ReLU, or behind a pooling of one."""
    ranges: dict[str, Range] = dict.fromkeys(report.graph.inputs, EVERY)
    for node in report.graph.nodes:
        first = first_input(node)
        given = ranges.get(first or "", EVERY)
        if _changes_nothing(report.graph, node, given):
            words = report.graph.op(node).describe() or node.kind
            yield Finding(
                node.name,
                f"{words} changes nothing: what it reads from "
                f"{_maker(report.graph, first)!r} lies in {_interval(given)} already.",
                "It takes a pass over the map, and its absence from another place may be a slip.",
                "Take it out, or move it to where an activation is missing.",
                pattern=(words, given),
            )
        made = _range(report.graph, node, ranges)
        ranges.update(dict.fromkeys(node.outputs, made))


def _changes_nothing(graph: Graph, node: Node, given: Range) -> bool:
    op, (low, high) = graph.op(node), given
    if node.kind == "prelu":
        return low >= 0
    if not isinstance(op, Activation):
        return False
    c = op.constants
    match op.function:
        case "relu" | "abs" | "leaky_relu":
            return low >= 0
        case "clip":
            return low >= c["low"] and high <= c["high"]
        case "elu":
            return low >= 0 and c["scale"] == 1
        case _:
            return False


def _range(graph: Graph, node: Node, ranges: dict[str, Range]) -> Range:
    """What a node's output can hold, from what its inputs can."""
    op = graph.op(node)
    given = [ranges.get(v, EVERY) for v in node.inputs if v is not None and v not in graph.weights]
    low, high = given[0] if given else EVERY
    if isinstance(op, Activation):
        if op.function == "clip":
            c = op.constants
            return max(min(low, c["high"]), c["low"]), min(max(high, c["low"]), c["high"])
        if op.function in ("identity", "detach"):
            return low, high
        bounds = _RANGES.get(op.function, EVERY)
        return (max(low, 0.0), max(high, 0.0)) if op.function == "relu" else bounds
    if node.kind == "softmax" and not getattr(op, "log", False):
        return 0, 1
    if node.kind in _KEPT and getattr(op, "divisor", None) is None:
        return min(low, 0), max(high, 0)
    if node.kind == "dropout":  # in training it scales what it keeps
        return (0, math.inf) if low >= 0 else EVERY
    if node.kind == "concat" and len(given) == len(node.inputs):
        return min(a for a, _ in given), max(b for _, b in given)
    two = node.kind == "binary" and getattr(op, "function", "") in ("add", "mul", "max")
    if two and len(given) > 1 and all(a >= 0 for a, _ in given) and getattr(op, "alpha", 1) >= 0:
        return 0, math.inf
    return EVERY


def _maker(graph: Graph, value: str | None) -> str:
    producer = graph.producers.get(value or "")
    return producer.name if producer else str(value)


def _interval(given: Range) -> str:
    low, high = given
    return f"{low:g} and above" if high == math.inf else f"{low:g} .. {high:g}"
