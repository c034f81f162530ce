"""Branches that meet with different centres, so that a unit mixes what is not in one place."""

from __future__ import annotations

from collections.abc import Iterator

from ....graph import Node
from ..._field import AxisField
from ..._report import Report
from .._advice import Finding, rule
from .._fields import field_of
from .._walk import data_inputs
from .._words import joined


@rule("misaligned-branches")
def misaligned_branches(report: Report) -> Iterator[Finding]:
    """Branches that are added or joined look at places that are not the same.

    Source: Araujo, Norris and Sim 2019, "Computing receptive fields of convolutional neural
    networks".
    """
    graph = report.graph
    for node in graph.nodes:
        fields = [(value, field_of(report, value)) for value in data_inputs(graph, node)]
        known = [(value, field) for value, field in fields if field]
        if report[node.name].aligned or len(known) < 2:
            continue
        if not all(f.aligned for _, field in known for f in field if f):
            continue  # it was so before
        words = _difference(known)
        if words is None:
            continue
        yield Finding(
            node.name,
            f"The branches that meet here are not aligned: {words}.",
            "Unit i of one branch looks at another place than unit i of the other, so the sum "
            "mixes neighbours, and small objects and edges blur.",
            "Give the branches the same centres: the same strides in both, and kernels that are "
            "all odd with padding=(kernel_size - 1) / 2, or all of the stride's own size.",
            "warning",
            pattern=_pattern(graph.op(node).describe(), words, node),
        )


def _difference(known: list[tuple[str, tuple[AxisField | None, ...]]]) -> str | None:
    """Say what differs along the first axis where something does."""
    for axis in range(max(len(field) for _, field in known)):
        along = [
            (value, f)
            for value, field in known
            if axis < len(field) and (f := field[axis]) and f.jump is not None
        ]
        jumps = {f.jump for _, f in along}
        if len(jumps) > 1:
            steps = [f"{value!r} steps by {f.jump:g} input pixels" for value, f in along]
            return joined(steps)
        starts = [f.start for _, f in along if f.start is not None]
        if len(set(starts)) > 1:
            apart = max(starts) - min(starts)
            places = [f"that of {value!r} at {f.start:g}" for value, f in along]
            jump = next(iter(jumps)) or 1
            return (
                f"the centre of the first unit's field is {joined(places)}, {apart:g} input pixels "
                f"apart ({apart / jump:.2g} of a unit)"
            )
    return None


def _pattern(words: str, difference: str, node: Node) -> object:
    return words, difference.rsplit(",", 1)[-1], node.kind
