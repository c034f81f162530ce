"""Channel counts that leave lanes of the vector unit empty."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ....graph import Graph
from ..._report import Report
from ..._row import Row
from .._advice import Finding, rule
from .._walk import is_depthwise, type_of
from .._words import percent, short

LANES = 16
"""float32 numbers in an AVX-512 register; AVX2 has half of them, and tensor cores want eights."""

FILLED, NOTABLE = 0.9, 0.05
"""From this fill on all is well; below this share of the cost it does not matter."""


@rule("vector-width")
def vector_width(report: Report) -> Iterator[Finding]:
    """The output channels are computed in blocks of vector lanes, and the last block is half empty.

    The number of results is the task's own, so the last layers are let be.

    Source: Georganas et al. 2018, arXiv:1808.05567 (blocks of output channels).
    """
    rows = sorted(_partly_filled(report), key=lambda found: -(found[0].macs or 0))
    for row, channels in rows:
        filled = math.ceil(channels / LANES) * LANES
        below = 8 if channels < 8 else channels // LANES * LANES
        less = f"{below} or " if below else ""
        yield Finding(
            row.name,
            f"Its {channels} output channels use {channels} of {filled} lanes with AVX-512 "
            f"({percent(_fill(channels, LANES))}), {percent(_fill(channels, LANES // 2))} with "
            f"AVX2. The layer is {percent(_share(report, row))} of the network's MACs "
            f"({short(row.macs or 0)}).",
            "Kernels compute 16 or 8 channels at once; the lanes left over compute nothing, and "
            "take as long.",
            f"Use {less}{filled} channels: {filled} take about the same time.",
        )


def _partly_filled(report: Report) -> Iterator[tuple[Row, int]]:
    """The layers of which it is so, with their channels."""
    last = _makes_results(report.graph)
    for node in report.graph.nodes:
        made, row = type_of(report.graph, node.outputs[0]), report[node.name]
        if node.kind not in ("conv", "linear") or made is None or node.name in last:
            continue
        grouped = getattr(report.graph.op(node), "groups", 1) > 1
        channels = made.shape[1] if node.kind == "conv" else made.shape[-1]
        if channels % (LANES // 2) == 0 or (grouped and not is_depthwise(report.graph, node)):
            continue
        if _fill(channels, LANES) < FILLED and _share(report, row) >= NOTABLE:
            yield row, channels


def _share(report: Report, row: Row) -> float:
    return (row.macs or 0) / max(report.macs, 1)


def _fill(channels: int, lanes: int) -> float:
    return channels / (math.ceil(channels / lanes) * lanes)


def _makes_results(graph: Graph) -> set[str]:
    """The convolutions and linear layers behind which there is no other."""
    products = ("conv", "linear", "conv_transpose", "matmul", "attention")
    followed: set[str] = set()
    last = set()
    for node in reversed(graph.nodes):
        behind = any(value in followed for value in node.outputs)
        if node.kind in products and not behind:
            last.add(node.name)
        if behind or node.kind in products:
            followed.update(v for v in node.inputs if v is not None)
    return last
