"""Poolings that do nothing, or only copy."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ....graph import Node
from ....graph.ops.pool import AdaptivePool, AvgPool, MaxPool
from ....graph.ops.reduce import Reduce
from ....window import Window
from ..._report import Report
from .._advice import Finding, rule
from .._walk import axes_of, first_input, map_size
from .._words import by


@rule("pooling-without-effect")
def pooling_without_effect(report: Report) -> Iterator[Finding]:
    """The output is the input, number for number."""
    for node in report.graph.nodes:
        sizes = map_size(report.graph, first_input(node))
        reason = _reason(report, node, sizes) if sizes else ""
        if not sizes or not reason:
            continue
        flexible = node.kind in ("adaptive_pool", "reduce")
        small = math.prod(sizes) == 1
        yield Finding(
            node.name,
            f"{reason}, so its output is its input.",
            "The map has no places left to pool: the layers before have shrunk it to one."
            if small
            else "It costs a pass over the map, and nothing is pooled.",
            "Use a larger input, or fewer strides before."
            if small
            else "Leave it in if inputs of other sizes are to come; else take it out."
            if flexible
            else "Take it out, or give it the window that was meant.",
            pattern=(node.kind, small),
        )


@rule("pooling-that-copies")
def pooling_that_copies(report: Report) -> Iterator[Finding]:
    """An adaptive pooling has more places to fill than there are pixels."""
    for node in report.graph.nodes:
        op, sizes = report.graph.op(node), map_size(report.graph, first_input(node))
        made = map_size(report.graph, node.outputs[0])
        if not isinstance(op, AdaptivePool) or not sizes or not made:
            continue
        if math.prod(made) <= math.prod(sizes):
            continue
        times = math.prod(made) / math.prod(sizes)
        yield Finding(
            node.name,
            f"It makes {by(made)} places of a map of {by(sizes)}: each of its numbers stands there "
            f"{times:.3g} times on the mean.",
            "The layers behind it pay for places that hold copies.",
            f"Use a larger input or fewer strides before, so that the map is {by(made)} or more; "
            f"or pool into {by(sizes)}.",
            "warning",
            pattern=(made, sizes),
        )


def _reason(report: Report, node: Node, sizes: tuple[int, ...]) -> str:
    """Why a pooling changes nothing; empty where it changes something."""
    op, axes = report.graph.op(node), axes_of(report.graph, node)
    one_pixel = math.prod(sizes) == 1
    if isinstance(op, AvgPool) and op.divisor not in (None, 1):
        return ""
    if isinstance(op, MaxPool | AvgPool):
        if all(w.on(n) == Window(1) for w, n in axes):
            return f"Its window is {by(1 for _ in axes)} with stride 1"
        unpadded = isinstance(op, MaxPool) or not op.count_include_pad
        if one_pixel and unpadded and map_size(report.graph, node.outputs[0]) == sizes:
            return f"Its map is {by(sizes)}"
    if isinstance(op, AdaptivePool) and map_size(report.graph, node.outputs[0]) == sizes:
        return f"It pools a map of {by(sizes)} into {by(sizes)} places"
    if isinstance(op, Reduce) and one_pixel and op.function in ("mean", "max", "min"):
        spatial = set(range(2, len(sizes) + 2))
        if set(op.reduced(len(sizes) + 2)) <= spatial:
            return f"It reduces a map of {by(sizes)}"
    return ""
