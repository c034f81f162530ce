"""Pixels that a stride leaves unread: behind the last window, or between the windows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from ...._window_text import offers
from ....graph import Node
from ....graph.ops.pool import AvgPool, LpPool, MaxPool
from ..._report import Report
from .._advice import Finding, rule
from .._walk import Axis, shown_window, sliding
from .._words import AXES, by, joined, percent, plural

NOTABLE = 0.05
"""From this share of a map's pixels on, losing them is a warning."""


@rule("pixels-dropped")
def pixels_dropped(report: Report) -> Iterator[Finding]:
    """The stride does not divide the axis: the last rows and columns are read by no window.

    Source: Dumoulin and Visin 2016, arXiv:1603.07285, relationship 6.
    """
    for node, axes in _with_unread(report):
        tails = [_behind(axis) for axis in axes]
        if not any(tails):
            continue
        sizes = [n for _, n in axes]
        pixels = math.prod(sizes)
        lost = pixels - math.prod(n - tail for n, tail in zip(sizes, tails, strict=True))
        words = joined([_last(k, AXES[len(axes)][i]) for i, k in enumerate(tails) if k])
        yield Finding(
            node.name,
            f"{report.graph.op(node).describe()} never reads {words} of its map of {by(sizes)}: "
            f"{lost:,} of {plural(pixels, 'pixel')} ({percent(lost / pixels)}).",
            "What lies there is invisible to the network, and objects near that border are cut.",
            f"Use {joined(_offers(report, node, axes), 'or')}.",
            "warning" if lost / pixels >= NOTABLE else "hint",
            pattern=(report.graph.op(node).describe(), tuple(sizes)),
        )


@rule("pixels-between")
def pixels_between(report: Report) -> Iterator[Finding]:
    """The stride is larger than the window: the pixels between the windows are never read.

    Source: He et al. 2019, arXiv:1812.01187, section 4.2 (ResNet-D).
    """
    for node, axes in _with_unread(report):
        gaps = [_share_read(axis) for axis in axes]
        if all(share == 1 for share in gaps):
            continue
        sizes = [n for _, n in axes]
        read = math.prod(
            len(range(n)) - len(w.unread(n)) if s < 1 else n
            for s, (w, n) in zip(gaps, axes, strict=True)
        )
        words = report.graph.op(node).describe()
        yield Finding(
            node.name,
            f"{words} reads {read:,} of the {plural(math.prod(sizes), 'pixel')} of its "
            f"map of {by(sizes)}: 1 in {round(math.prod(sizes) / read, 1):g}.",
            "What the pixels between its windows hold does not reach this layer at all.",
            _remedy(node, axes),
            pattern=words,
        )


def _with_unread(report: Report) -> Iterator[tuple[Node, tuple[Axis, ...]]]:
    for node, axes in sliding(report.graph):
        if any(report[node.name].unread or ()):
            yield node, axes


def _share_read(axis: Axis) -> float:
    """Share of the pixels that windows read where they lie side by side, 1 if there are no gaps."""
    window, n = axis
    if not window.unread(n):
        return 1
    stride = int(window.stride)
    phases = {u * int(window.dilation) % stride for u in range(window.size)}
    return len(phases) / stride


def _behind(axis: Axis) -> int:
    """Pixels behind the last window; those in gaps between windows are not among them."""
    window, n = axis
    if _share_read(axis) < 1:
        return 0
    unread = window.unread(n)
    return sum(1 for position in unread if position >= n - len(unread))


def _last(count: int, word: str) -> str:
    return f"the last {word}" if count == 1 else f"the last {count} {word}s"


def _offers(report: Report, node: Node, axes: tuple[Axis, ...]) -> list[str]:
    """What would lose nothing, for the first axis that loses something."""
    op = report.graph.op(node)
    window, n = next(axis for axis in axes if _behind(axis))
    found = offers(window, n)
    if isinstance(op, MaxPool | AvgPool | LpPool):
        over = replace(window, ceil_mode=True)
        if not over.unread(n):
            found.insert(0, f"ceil_mode=True (output {over.output_size(n)})")
    return [text.replace("an input of", "a map of") for text in found]


def _remedy(node: Node, axes: tuple[Axis, ...]) -> str:
    window = next(window for window, n in axes if _share_read((window, n)) < 1)
    stride, size = window.stride, by(w.stride for w, _ in axes)
    if window.dilation != 1 and window.extent >= stride:
        return (
            f"Use a stride that shares no factor with the dilation: stride {stride} and dilation "
            f"{window.dilation} let every window stand on the same pixels."
        )
    if node.kind == "conv" and all(w.size == 1 for w, _ in axes):
        return (
            f"Put an average pooling of {size} with stride {stride} in front and give this layer "
            f"stride 1: all pixels are read for the same MACs (ResNet-D)."
        )
    return (
        f"Use a window of {by(w.stride for w, _ in axes)} or more in place of "
        f"{shown_window(axes)}, or a stride of {window.extent} or less."
    )
