"""Receptive fields that do not go with the input's size, and fields that are mostly padding."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ....graph import Graph, Node
from ..._report import Report
from ..._row import Row
from .._advice import Finding, rule
from .._fields import field_of, input_size, last_map, sizes_of
from .._walk import data_inputs, sliding
from .._words import by, percent, pixels, plural, short

FAR_LARGER, FAR_LARGER_WITH_SHORTCUTS = 4, 8
"""Times the input from which on a field is far larger. Shortcuts leave most signal on short paths
(Veit, Wilber and Belongie 2016, arXiv:1605.06431), so that twice as much is allowed there."""

MOSTLY = 0.5

_VOTES = frozenset({"adaptive_pool", "avg_pool", "max_pool", "lp_pool", "reduce"})
_PASSED = frozenset({"activation", "dropout", "batch_norm", "softmax", "prelu", "binary"})


@rule("field-smaller-than-input")
def field_smaller_than_input(report: Report) -> Iterator[Finding]:
    """No unit sees the whole input, and nothing behind joins what the units see but a mean.

    A fully connected head looks at all places of the last map together; it needs no such field.
    Nor does a network that weighs its maps by their averages on the way (squeeze-excitation).

    Source: Brendel and Bethge 2019, arXiv:1904.00760 (what local views can and cannot tell).
    """
    row, given = last_map(report), input_size(report)
    sizes = sizes_of(row) if row else None
    if (
        row is None
        or sizes is None
        or not report.params
        or not any(s < n for s, n in zip(sizes, given, strict=True))
    ):
        return
    head = _head(report.graph, report.graph[row.name])
    if head is None or _filters_what_sees_all(report):
        return
    size, n, jump = min(
        ((s, n, f.jump) for s, n, f in zip(sizes, given, row.field or (), strict=True) if f),
        key=lambda axis: axis[0] / axis[1],
    )
    step = 2 * (jump or 1)
    layers = math.ceil((n - size) / step)
    result = (
        f"the result is a vote of local views, taken by {head!r}"
        if head
        else "each output is told from its own neighbourhood"
    )
    yield Finding(
        row.name,
        f"A unit of the last map sees {by(_whole(sizes))} of the input of {by(given)} "
        f"({percent(size / n)} along an axis): {result}.",
        "What has to be seen together, farther apart than that, cannot be told.",
        f"If objects are larger than the field: each 3-wide layer behind {row.name!r} adds "
        f"{pixels(step)}, so {plural(layers, 'layer')} more would see the whole input; a dilation "
        f"or an earlier stride does it with fewer.",
    )


@rule("field-far-larger-than-input")
def field_far_larger_than_input(report: Report) -> Iterator[Finding]:
    """The field has outgrown the input many times: the later layers read padding and see no more.

    Source: Richter et al. 2021, arXiv:2106.12307 (layers behind the border add little).
    """
    given = input_size(report)
    row = next((r for r in reversed(report.rows) if r.kind == "conv" and sizes_of(r)), None)
    sizes = sizes_of(row) if row else None
    if row is None or sizes is None:
        return
    ratio = min(s / n for s, n in zip(sizes, given, strict=True))
    shortcuts = _has_shortcuts(report)
    if ratio <= (FAR_LARGER_WITH_SHORTCUTS if shortcuts else FAR_LARGER):
        return
    border = next(
        k for k, r in enumerate(report.rows)
        if (s := sizes_of(r)) and all(a >= n for a, n in zip(s, given, strict=True))
    )  # fmt: skip
    behind = [r for r in report.rows[border + 1 :] if sizes_of(r)]
    params, macs = sum(r.params for r in behind), sum(r.macs or 0 for r in behind)
    over = min((o for o in row.overhang or () if o is not None), default=0.0)
    yield Finding(
        row.name,
        f"Its field is {by(_whole(sizes))}, {ratio:.3g} times the input of {by(given)}, and "
        f"{percent(over)} of it is padding. From {report.rows[border].name!r} on a unit can "
        f"see the whole input; the maps behind hold {plural(params, 'parameter')} and cost "
        f"{short(macs)} MACs ({percent(macs / max(report.macs, 1))}).",
        "Layers behind that point find nothing new around them, and mostly repeat what the layers "
        "before could tell.",
        f"Use an input of {by(math.ceil(s / 2) for s in sizes)} or more (half the field), take "
        f"strides out of the first layers, or leave later layers out.",
    )


@rule("mostly-padding")
def mostly_padding(report: Report) -> Iterator[Finding]:
    """More than half of what a layer's windows stand on is padding.

    Also where a field would fit into the input and yet hangs over it, as too much padding does it.
    """
    given = input_size(report)
    for node, axes in sliding(report.graph):
        if node.kind != "conv":
            continue
        row = report[node.name]
        every = math.prod(w.output_size(n) * w.size for w, n in axes)
        real = math.prod(w.connections(n) for w, n in axes)
        share = 1 - real / every if every else 0.0
        shown = by(n for _, n in axes)
        words = report.graph.op(node).describe()
        if share > MOSTLY and math.prod(n for _, n in axes) > 1:  # of one pixel the taps tell
            yield Finding(
                node.name,
                f"{words} on its map of {shown}: {every - real} of the {every} pixels under its "
                f"windows are padding ({percent(share)}).",
                "Zeros of the padding drown the map, and units tell where the border is rather "
                "than what is there.",
                "Use less padding, a smaller kernel, or a larger map: a larger input or fewer "
                "strides before.",
                "warning",
                pattern="own map",
            )
        elif over := _needless(row, given):
            yield Finding(
                node.name,
                f"On the mean {percent(over)} of its units' fields of {by(_whole(sizes_of(row)))} "
                f"hangs over the border of the input of {by(given)}, into which they would fit.",
                "Units near the border see little but the zeros of the padding.",
                "Pad by (kernel_size - 1) / 2 at the most.",
                "warning",
                pattern="input",
            )


def _whole(sizes: tuple[float, ...] | None) -> list[str]:
    return [f"{math.ceil(s)}" for s in sizes or ()]


def _head(graph: Graph, node: Node) -> str | None:
    """What makes one result of the last map's places.

    Returns:
        A pooling's name, "" where the map itself is the result, None where something learns from
        all places together.
    """
    value = node.outputs[0]
    while True:
        readers = graph.readers.get(value, [])
        if value in graph.outputs or not readers:
            return ""
        reader = readers[0]
        if reader.kind in _VOTES:
            return reader.name
        if reader.kind not in _PASSED:
            return None
        value = reader.outputs[0]


def _filters_what_sees_all(report: Report) -> bool:
    """Whether a convolution makes a map of more than one place from units that see everything."""
    return any(
        row.kind == "conv"
        and row.output_shape
        and math.prod(row.output_shape[2:]) > 1
        and any(f and math.isinf(f.size) for f in row.field or ())
        for row in report.rows
    )


def _has_shortcuts(report: Report) -> bool:
    """Whether branches of different depth meet."""
    graph = report.graph
    for node in graph.nodes:
        if node.kind not in ("binary", "concat"):
            continue
        fields = [field_of(report, value) for value in data_inputs(graph, node)]
        sizes = {f[0].size for f in fields if f and f[0] and f[0].jump is not None}
        if len(sizes) > 1:
            return True
    return False


def _needless(row: Row, given: tuple[int, ...]) -> float:
    """The mean overhang along an axis where it is most of a field that would fit; else 0."""
    sizes = sizes_of(row)
    if sizes is None or row.overhang is None:
        return 0.0
    return max(
        (
            over
            for size, over, n in zip(sizes, row.overhang, given, strict=True)
            if over is not None and over > MOSTLY and size <= n
        ),
        default=0.0,
    )
