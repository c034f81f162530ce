"""Linear layers with nothing between them: they are one, and often dearer than it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ....graph import Graph, Node
from ....graph.ops.conv import Conv
from ....graph.ops.pool import AdaptivePool, AvgPool
from ....graph.ops.reduce import Reduce
from ....window import Window
from ..._report import Report
from .._advice import Finding, rule
from .._walk import axes_of, first_input, has_bias, map_size, next_after, type_of, weight_shape
from .._words import by, plural, short

_BETWEEN = frozenset({"dropout"})
_FLATTENING = frozenset({"dropout", "flatten", "reshape", "squeeze"})

WHY = (
    "Without an activation between them two linear layers can learn nothing that one could not: "
    "the second adds cost and no power."
)


@rule("linear-pair")
def linear_pair(report: Report) -> Iterator[Finding]:
    """Two linear layers in a row are one, whose kernel is the composition of their windows.

    Pairs that are cheaper than the one (a bottleneck, a depthwise and a pointwise convolution, a
    row and a column) are factored on purpose, and are let be.
    """
    for node in report.graph.nodes:
        if node.kind not in ("conv", "linear") or weight_shape(report.graph, node) is None:
            continue
        for passed in (_BETWEEN, _FLATTENING):
            second, way = next_after(report.graph, node, passed)
            merged = _merge(report.graph, node, second) if second else None
            if second and merged:
                finding = _tell(report, node, second, way, merged)
                if finding:
                    yield finding
                break


@rule("pool-first")
def pool_first(report: Report) -> Iterator[Finding]:
    """A 1x1 convolution and a mean can change places: pooling first, it runs on fewer places.

    The 1x1 convolution mixes channels at one place, the mean mixes places of one channel.
    """
    graph = report.graph
    for node in graph.nodes:
        axes = axes_of(graph, node)
        if node.kind != "conv" or not axes or any(w.size != 1 or w.stride != 1 for w, _ in axes):
            continue
        pool, _ = next_after(graph, node, frozenset())
        sizes = map_size(graph, node.outputs[0])
        if pool is None or sizes is None or not _is_mean(graph, pool, len(axes)):
            continue
        kind = type_of(graph, pool.outputs[0])
        places = math.prod(kind.shape[2:]) if kind else 0
        macs = report[node.name].macs or 0
        if not 0 < places < math.prod(sizes) or any(w.before or w.after for w, _ in axes):
            continue
        after = macs * places // math.prod(sizes)
        yield Finding(
            node.name,
            f"This 1x1 convolution runs at {by(sizes)} places, and {pool.name!r} right behind it "
            f"takes the mean of {math.prod(sizes) / places:.3g} places each.",
            f"Both are linear and change places without changing the result: pooled first, the "
            f"convolution costs {short(after)} MACs instead of {short(macs)}.",
            f"Move {pool.name!r} in front of it, or put an activation between them.",
            pattern=(pool.kind, math.prod(sizes) / places),
            amount=macs - after,
            unit="MAC",
        )


@dataclass(frozen=True, slots=True)
class _Merged:
    """The one layer that two are equal to."""

    words: str
    macs: int
    params: int
    exact: bool = True
    factored: bool = False


def _tell(
    report: Report, first: Node, second: Node, way: list[Node], merged: _Merged
) -> Finding | None:
    rows = report[first.name], report[second.name]
    macs, params = sum(row.macs or 0 for row in rows), sum(row.weights for row in rows)
    cheaper = merged.macs < macs
    if merged.factored and not cheaper:
        return None
    between = next((f"Only the dropout {n.name!r}" for n in way if n.kind == "dropout"), "Nothing")
    border = "" if merged.exact else ", but for the border, where the second pads"
    saves = merged.params - params
    cost = (
        f"{short(merged.macs)} MACs instead of {short(macs)}, "
        f"{plural(merged.params, 'parameter')} instead of {params:,}"
    )
    remedy = f"Put an activation (and a norm) behind {first.name!r}, or merge the two."
    if not cheaper:
        remedy = f"Put an activation behind {first.name!r}, if it was forgotten."
    return Finding(
        first.name,
        f"{between} stands between it and {second.name!r}: the two are one {merged.words}{border}. "
        f"Merged they cost {cost}.",
        WHY,
        remedy,
        "warning" if cheaper and saves <= 0 else "hint",
        pattern=(merged.words.split(",")[0], cheaper),
    )


def _merge(graph: Graph, first: Node, second: Node) -> _Merged | None:
    """Work out the one layer, or None where the two are not both linear."""
    if first.kind == "conv" and second.kind in ("conv", "avg_pool"):
        return _as_conv(graph, first, second)
    if second.kind == "linear":
        return _as_linear(graph, first, second)
    return None


def _as_conv(graph: Graph, first: Node, second: Node) -> _Merged | None:
    a, b = axes_of(graph, first), axes_of(graph, second)
    x, y = type_of(graph, first_input(first)), type_of(graph, second.outputs[0])
    middle = type_of(graph, first_input(second))
    if not a or len(a) != len(b) or x is None or y is None or middle is None:
        return None
    if second.kind == "avg_pool" and not _is_mean(graph, second, len(b)):
        return None
    if second.kind == "avg_pool" and all(w.size == 1 for w, _ in a):
        return None  # of that `pool-first` tells
    if second.kind == "conv" and weight_shape(graph, second) is None:
        return None
    groups = math.gcd(_groups(graph, first), _groups(graph, second))
    windows = [w.then(v) for (w, _), (v, _) in zip(a, b, strict=True)]
    channels, filters, volume = x.shape[1], y.shape[1], math.prod(w.size for w in windows)
    weights = filters * channels // groups * volume
    biased = has_bias(first) or (second.kind == "conv" and has_bias(second))
    return _Merged(
        f"{by(w.size for w in windows)} convolution{_extras(windows, groups)} from {channels} to "
        f"{filters} channels",
        macs=math.prod((y.numel, channels // groups, volume)),
        params=weights + filters * biased,
        exact=not any(v.before or v.after for v, _ in b),
        factored=_is_factored(graph, first, second, middle.shape[1], (channels, filters)),
    )


def _as_linear(graph: Graph, first: Node, second: Node) -> _Merged | None:
    """A fully connected layer behind a linear layer or behind a flattened convolution."""
    x, y = type_of(graph, first_input(first)), type_of(graph, second.outputs[0])
    middle, shape = type_of(graph, first.outputs[0]), weight_shape(graph, second)
    if x is None or y is None or middle is None or shape is None:
        return None
    features = x.shape[-1] if first.kind == "linear" else math.prod(x.shape[1:])
    joined = middle.shape[-1] if first.kind == "linear" else math.prod(middle.shape[1:])
    if shape[1] != joined:
        return None  # what stands between them has rearranged the features
    biased = has_bias(first) or has_bias(second)
    return _Merged(
        f"linear layer from {features:,} to {shape[0]:,} features",
        macs=y.numel * features,
        params=shape[0] * (features + biased),
        factored=first.kind == "conv" or joined < min(features, shape[0]),
    )


def _groups(graph: Graph, node: Node) -> int:
    """Groups of a convolution; a pooling has one for each channel."""
    op = graph.op(node)
    if isinstance(op, Conv):
        return op.groups
    x = type_of(graph, first_input(node))
    return x.shape[1] if x else 1


def _is_factored(
    graph: Graph, first: Node, second: Node, middle: int, ends: tuple[int, int]
) -> bool:
    """Whether the pair looks like one layer taken apart on purpose, to be cheaper."""
    if second.kind == "avg_pool":
        return True
    if max(_groups(graph, first), _groups(graph, second)) > 1 or middle < min(ends):
        return True
    pairs = zip(axes_of(graph, first), axes_of(graph, second), strict=True)
    sizes = [(a.size, b.size) for (a, _), (b, _) in pairs]
    return any(a > b for a, b in sizes) and any(a < b for a, b in sizes)


def _is_mean(graph: Graph, node: Node, axes: int) -> bool:
    """Whether a node takes plain means of places, padding not counted in."""
    op = graph.op(node)
    if isinstance(op, AvgPool):
        padded = any(w.before or w.after for w, _ in axes_of(graph, node))
        return not padded and op.divisor is None
    if isinstance(op, AdaptivePool):
        return op.reduction == "mean"
    kind = type_of(graph, first_input(node))
    if isinstance(op, Reduce) and op.function == "mean" and kind is not None:
        return set(op.reduced(kind.rank)) <= set(range(kind.rank - axes, kind.rank))
    return False


def _extras(windows: list[Window], groups: int) -> str:
    """Stride, padding and groups of a merged convolution, where they are not the usual ones."""
    first, words = windows[0], ""
    if first.stride != 1:
        words += f", stride {first.stride}"
    if first.before or first.after:
        same = first.before == first.after
        words += f", padding {first.before if same else (first.before, first.after)}"
    return words + (f", groups {groups}" if groups != 1 else "")
