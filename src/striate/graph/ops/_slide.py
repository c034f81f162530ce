"""What convolutions and poolings share: windows over the axes behind the channels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...errors import ShapeError
from ...window import Window
from .._operation import Array, Saved
from .._reach import WHOLE, Along, Reach
from .._types import TensorType


def check_maps(x: TensorType, axes: int, subject: str) -> None:
    """Refuse anything but (N, C, and `axes` axes more)."""
    if x.rank != axes + 2:
        names = ("length", "height and width", "depth, height and width")[axes - 1]
        raise ShapeError(
            f"input {x} has {x.rank} axes; it needs {axes + 2}: batch, channels, {names}.",
            subject=subject,
        )


def output_sizes(windows: Sequence[Window], sizes: Sequence[int], subject: str) -> tuple[int, ...]:
    """Count the places along each axis.

    Raises:
        ShapeError: The window is longer than the padded input.
    """
    outputs = tuple(w.output_size(n) for w, n in zip(windows, sizes, strict=True))
    if 0 in outputs:
        window, n = windows[outputs.index(0)], sizes[outputs.index(0)]
        concrete = window.on(n)
        extent = "x".join(str(w.extent) for w in windows)
        padded = "" if concrete.before == concrete.after == 0 else (
            f" (with padding {n + concrete.before + concrete.after})"
        )  # fmt: skip
        raise ShapeError(
            f"a window of {extent} does not fit a map of {'x'.join(map(str, sizes))}: along one "
            f"axis it reaches over {window.extent} of {n} pixels{padded}. It needs "
            f"{window.input_sizes(0).stop} or more.",
            subject=subject,
        )
    return outputs


def sliding_reach(windows: Sequence[Window], sizes: Sequence[int], *, channelwise: bool) -> Reach:
    """Batch and (where `channelwise`) channel for themselves, the other axes by their windows."""
    channels = Along(1) if channelwise else WHOLE
    spatial = (
        Along(axis, w.on(n))
        for axis, (w, n) in enumerate(zip(windows, sizes, strict=True), start=2)
    )
    return (Along(0), channels, *spatial)


def taps(
    x: Array, windows: Sequence[Window], fill: float, outputs: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], Array]]:
    """Yield, tap by tap, its place in the window and the input it reads for every output.

    Args:
        x: (N, C, *).
        windows: One for each axis behind the channels, with whole numbers.
        fill: What padding holds.
        outputs: Outputs along each of these axes.
    """
    concrete = [w.on(n) for w, n in zip(windows, x.shape[2:], strict=True)]
    crops, pads = _framed(concrete, x.shape[2:], outputs)
    padded = np.pad(x[crops], pads, constant_values=fill)
    for place, reads in _reads(concrete, outputs):
        yield place, padded[reads]


def spread(parts: Sequence[Array], shape: tuple[int, ...], windows: Sequence[Window]) -> Array:
    """Add up at every pixel what each tap of each output that reads it says: `taps` turned around.

    Args:
        parts: For each tap, in the order of `taps`, a number for every output.
        shape: Of what the windows lie on: (N, C, *).
    """
    outputs = parts[0].shape[2:]
    concrete = [w.on(n) for w, n in zip(windows, shape[2:], strict=True)]
    crops, pads = _framed(concrete, shape[2:], outputs)
    result = np.zeros(shape, parts[0].dtype)
    padded = np.pad(result[crops], pads)
    for part, (_, reads) in zip(parts, _reads(concrete, outputs), strict=True):
        padded[reads] += part
    inner = (slice(low, n - high) for (low, high), n in zip(pads, padded.shape, strict=True))
    result[crops] = padded[tuple(inner)]
    return result


def _framed(concrete: Sequence[Window], sizes: Sequence[int], outputs: Sequence[int]) -> Any:
    """What of a map is read at all, and the padding around it that is read, too."""
    pads = [(0, 0), (0, 0)]
    crops = [slice(None), slice(None)]
    for w, n, count in zip(concrete, sizes, outputs, strict=True):
        end = (count - 1) * w.stride - w.before + w.extent  # first position that nobody reads
        pads.append((max(int(w.before), 0), max(int(end) - n, 0)))
        crops.append(slice(max(-int(w.before), 0), None))
    return tuple(crops), pads


def _reads(concrete: Sequence[Window], outputs: Sequence[int]) -> Iterator[tuple[Any, Any]]:
    """Tap by tap, its place in the window and what it reads of the padded map."""
    for place in itertools.product(*(range(w.size) for w in concrete)):
        reads = tuple(
            slice(u * int(w.dilation), u * int(w.dilation) + (n - 1) * int(w.stride) + 1, w.stride)
            for u, w, n in zip(place, concrete, outputs, strict=True)
        )
        yield place, (slice(None), slice(None), *reads)


def window_sum(x: Array, windows: Sequence[Window], outputs: Sequence[int]) -> Array:
    """Add up what each output reads, each map for itself."""
    total = np.zeros((*x.shape[:2], *outputs), dtype=x.dtype)
    for _, read in taps(x, windows, 0, outputs):
        total = total + read
    return total


def kept(x: TensorType, windows: Sequence[Window], *others: int, extra_bytes: int = 0) -> Saved:
    """What torch keeps of a sliding operation: its input, or the copy that it padded itself.

    Args:
        x: The input.
        windows: One for each axis behind the channels.
        others: Numbers of further inputs kept.
        extra_bytes: Kept besides.
    """
    copied = padded_bytes(x, windows)
    inputs = others if copied else (0, *others)
    return Saved(inputs, extra_bytes=copied + extra_bytes)


def padded_bytes(x: TensorType, windows: Sequence[Window]) -> int:
    """Bytes of the padded copy that torch makes where padding differs before and behind."""
    concrete = [w.on(n) for w, n in zip(windows, x.shape[2:], strict=True)]
    uneven = [
        not w.ceil_mode and c.before != c.after for w, c in zip(windows, concrete, strict=True)
    ]
    if not any(uneven):
        return 0
    sizes = [n + int(c.before + c.after) for n, c in zip(x.shape[2:], concrete, strict=True)]
    return x.with_shape(*x.shape[:2], *sizes).nbytes


def connected(windows: Sequence[Window], sizes: Sequence[int]) -> tuple[int, int]:
    """Count pairs of an output place and a pixel of one map it reads: real ones, and on padding."""
    pairs = list(zip(windows, sizes, strict=True))
    real = math.prod(w.connections(n) for w, n in pairs)
    return real, math.prod(w.connections(n, padding=True) for w, n in pairs) - real


def shown(windows: Sequence[Window]) -> str:
    """Write windows as `3x3, stride 2, padding 1`, without what is usual."""
    words = ["x".join(str(w.size) for w in windows)]
    for name, usual in (("stride", 1), ("dilation", 1)):
        values = [getattr(w, name) for w in windows]
        if any(value != usual for value in values):
            words.append(f"{name} {_joined(values)}")
    values = [w.padding if isinstance(w.padding, str) else _pad(w) for w in windows]
    if any(value != "0" for value in values):
        words.append(f"padding {_joined(values)}")
    if any(w.ceil_mode for w in windows):
        words.append("ceil mode")
    return ", ".join(words)


def _pad(window: Window) -> str:
    before, after = window.before, window.after
    return str(before) if before == after else f"({before}, {after})"


def _joined(values: Sequence[object]) -> str:
    return str(values[0]) if len(set(values)) == 1 else "x".join(map(str, values))
