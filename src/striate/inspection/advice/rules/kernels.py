"""Kernels whose size does not go with their stride, their padding or their map."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ....graph.ops.conv import ConvTranspose
from ....window import Window
from ..._report import Report
from .._advice import Finding, rule
from .._fields import jump_of
from .._walk import Axis, first_input, map_size, shown_window, sliding, weight_shape
from .._words import by, joined, percent, pixels, plural


@rule("even-kernel")
def even_kernel(report: Report) -> Iterator[Finding]:
    """A padded kernel of even extent has no middle pixel: its map is moved by half a pixel.

    With an even stride the middle of the window is the middle of the tile it stands for.

    Source: Wu et al. 2019, arXiv:1903.08385 (the shift problem).
    """
    for node, axes in sliding(report.graph):
        odd = [(w, n) for w, n in axes if _is_shifted(w, n)]
        if not odd:
            continue
        window, n = odd[0]
        jump = jump_of(report, first_input(node))
        center = float(window.center(0))
        moved = abs(center - round(center))
        far = "" if jump is None or jump == 1 else f" and {pixels(moved * jump)} of the input's"
        places = window.output_size(n)
        size = f" The map becomes {places} where it was {n}." if places != n else ""
        less, more = window.size - 1, window.size + 1
        yield Finding(
            node.name,
            f"{report.graph.op(node).describe()}: the middle of window i is at pixel "
            f"{_position(center)}, {pixels(moved)} off the grid of its map{far}.{size}",
            "A kernel of even extent has no middle pixel. Each such layer moves its map by half a "
            "pixel against the input and against branches beside it, always the same way.",
            f"Use {joined(_odd(window, (less, more)), 'or')}.",
            pattern=(report.graph.op(node).describe(),),
        )


@rule("checkerboard")
def checkerboard(report: Report) -> Iterator[Finding]:
    """A transposed convolution whose kernel its stride does not divide adds up unequally often.

    Source: Odena, Dumoulin and Olah 2016, "Deconvolution and checkerboard artifacts", Distill.
    """
    for node in report.graph.nodes:
        op, sizes = report.graph.op(node), map_size(report.graph, first_input(node))
        if not isinstance(op, ConvTranspose) or sizes is None:
            continue
        counts = [_counts(w) if n > 1 else [1] for w, n in zip(op.windows, sizes, strict=True)]
        uneven = [i for i, along in enumerate(counts) if len(set(along)) > 1]
        if not uneven:
            continue
        axis = uneven[0]
        low, high = (math.prod(f(along) for along in counts) for f in (min, max))
        empty = " Outputs that read none hold the bias alone." if low == 0 else ""
        yield Finding(
            node.name,
            f"{op.describe()}: along an axis its outputs read {_cycle(counts[axis])} inputs in "
            f"turn, in the map {low} to {high}.{empty}",
            "Outputs that add up more products tend to be larger: the map shows a checkerboard, "
            "which the layers behind have to learn to take away.",
            f"{_even_remedy(op, sizes, axis)} upsample by {by(w.stride for w in op.windows)} and "
            f"convolve with stride 1.",
            "warning",
            pattern=(op.describe(),),
        )


@rule("taps-on-padding-only")
def taps_on_padding_only(report: Report) -> Iterator[Finding]:
    """The map is so small that part of the kernel only ever stands on padding."""
    for node, axes in sliding(report.graph):
        shape = weight_shape(report.graph, node)
        if node.kind != "conv" or shape is None or all(2 * w.extent < n for w, n in axes):
            continue
        volume = math.prod(w.size for w, _ in axes)
        live = [_live(axis) for axis in axes]
        used = math.prod(live)
        if used in (0, volume):
            continue
        idle = math.prod(shape) // volume * (volume - used)
        row, sizes = report[node.name], by(n for _, n in axes)
        cost = f" and {percent(1 - used / volume)} of its MACs multiply zeros" if row.macs else ""
        yield Finding(
            node.name,
            f"Only {used} of the {volume} taps of its {shown_window(axes)} kernel ever "
            f"{'meets' if used == 1 else 'meet'} a pixel of its map of {sizes}: "
            f"{plural(idle, 'weight')} never read anything{cost}.",
            "The map has been made smaller than the kernel: these weights get no gradient, and the "
            "layer is no longer a convolution over places.",
            f"Use a larger input or fewer strides before, so that the map is "
            f"{by(w.extent for w, _ in axes)} or more; or a kernel of {by(live)} here.",
            "warning",
            pattern="taps",
            amount=idle,
            unit="weight",
        )


def _is_shifted(window: Window, n: int) -> bool:
    padded = window.before > 0 or window.after > 0
    even, step = window.extent % 2 == 0, window.stride % 2 == 1
    return bool(padded and even and step and window.output_size(n) > 1)


def _position(center: float) -> str:
    return f"i {'+' if center > 0 else '-'} {abs(center):g}"


def _odd(window: Window, sizes: tuple[int, int]) -> list[str]:
    """Kernels of odd extent that keep the map's size at stride 1."""
    found = []
    for size in sizes:
        extent = int(window.dilation) * (size - 1) + 1
        if size > 0 and extent % 2:
            found.append(f"kernel_size={size} with padding={extent // 2}")
    return found


def _counts(window: Window) -> list[int]:
    """How many inputs each output reads, for one period of outputs, away from the border."""
    stride, before = int(window.stride), int(window.before)
    offsets = [u * int(window.dilation) for u in range(window.size)]
    return [sum((o + before - at) % stride == 0 for at in offsets) for o in range(stride)]


def _cycle(counts: list[int]) -> str:
    return ", ".join(map(str, counts)) + ", ..."


def _even_remedy(op: ConvTranspose, sizes: tuple[int, ...], axis: int) -> str:
    """Offer the next kernel that the stride divides and that gives the same map."""
    window, n = op.windows[axis], sizes[axis]
    stride = int(window.stride)
    outputs = op.reading[axis].output_size(n)
    for size in (-(-window.size // stride) * stride, (window.size // stride + 2) * stride):
        surplus = (n - 1) * stride + size - outputs
        more = surplus % 2
        if surplus < 0 or more >= stride:
            continue
        padding = (surplus + more) // 2
        extra = f", output_padding={more}" if more else ""
        return f"Use kernel_size={size}, padding={padding}{extra} (output {outputs}), or"
    return f"Use a kernel_size that {stride} divides, or"


def _live(axis: Axis) -> int:
    """Taps of a window that meet a pixel at one place or more."""
    window, n = axis
    met: set[int] = set()
    for i in range(window.output_size(n)):
        first = i * window.stride - window.before
        met.update(u for u in range(window.size) if 0 <= first + u * window.dilation < n)
    return len(met)
