"""A filter of a real layer as a sliding window: of a signal, a picture, or a slice of a volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import OptionError
from ..graph.ops.conv import Conv
from ..window import Window
from ._sliding import SlidingWindow, correlate_channels
from ._subject import Activations, Floats, open_subject
from ._weights import filters_of, first_with_filters


def sliding_layer(
    model: Any,
    image: Any,
    layer: str | None = None,
    *,
    channel: int = 0,
    source: int | None = None,
    tap: int | None = None,
    at: Sequence[int] | None = None,
    places: int = 6,
    input_shape: Any = None,
) -> SlidingWindow:
    """Show a filter of a real layer moving over what it reads.

    One input channel is drawn; what the others add is told as one number at each place, so that
    the sum is the layer's own output. Of a volume it is one slice of the filter, on the slice of
    the input that it lies on, for one slice of the output.

    Args:
        model: What `open_subject` takes.
        image: What `Subject.prepare` takes; or `Activations` of it.
        layer: A convolution; by default the first.
        channel: The filter.
        source: The input channel drawn, counted in the filter's group; by default the one with
            its largest weights.
        tap: Of a filter of three axes the slice drawn; by default the one with the largest weights
            that does not lie on padding.
        at: The first place of the window, in a volume behind the output's slice; by default so that
            the places lie in the middle.
        places: Along each axis.
        input_shape: What `open_subject` takes.
    Raises:
        OptionError: The layer is no convolution, or there is no such channel, slice or place.
    Example:
        >>> import striate
        >>> shown = striate.look.sliding_layer("lenet5", np.ones((1, 32, 32)), "c1", at=(0, 0))
        >>> shown.input.shape, shown.output.shape
        ((10, 10), (6, 6))
    """
    seen = image if isinstance(image, Activations) else open_subject(model, input_shape).run(image)
    subject = seen.subject
    node = subject.graph[layer or first_with_filters(subject)]
    op: Any = subject.graph.op(node)
    if not isinstance(op, Conv):
        raise OptionError(f"{node.name} ({node.kind}): only a convolution's window can be shown.")
    filters, read = filters_of(subject, node.name), seen.read_by(node.name)
    group = _group(node.name, filters, read, channel, op.groups)
    weight, maps = filters[channel].astype(np.float64), read[group].astype(np.float64)
    if source is not None and not 0 <= source < len(weight):
        raise OptionError(f"{node.name}: there is no channel {source}; it reads {len(weight)}.")
    if source is None:
        source = int(np.abs(weight).reshape(len(weight), -1).sum(1).argmax())
    title = f"{node.name}, filter {channel} on channel {source} of {len(read)}"
    windows = [w.on(n) for w, n in zip(op.windows, maps.shape[1:], strict=True)]
    if len(windows) == 3:
        at = None if at is None else list(at)
        z = at.pop(0) if at and len(at) == 3 else windows[0].output_size(maps.shape[1]) // 2
        volume = _Volume(maps, weight, windows[0], z)
        tap = volume.tap(node.name, source, tap)
        title += f"; its slice {tap} of {weight.shape[1]}, for slice {z} of the output"
        maps, weight, source = *volume.planes(), source * weight.shape[1] + tap
    elif tap is not None:
        raise OptionError(f"{node.name}: tap={tap} is for filters of three axes.")
    if maps.ndim == 2:
        maps, weight = maps[:, None], weight[:, None]
    down, across = windows[-2:] if len(windows) > 1 else (Window(1), windows[0])
    runs = _runs((down, across), maps.shape[1:], at, places)
    bias = subject.bias(node.name)
    shown = _cut(maps, weight, (down, across), runs, source)
    added = 0.0 if bias is None else float(bias[channel])
    rest = shown.rest if len(weight) > 1 else None
    return SlidingWindow(
        shown.input, shown.kernel, shown.windows, shown.output + added, added, rest, title,
        shown.first,
    )  # fmt: skip


@dataclass(frozen=True)
class _Volume:
    """A filter of three axes at one depth, as many filters of two on the slices that it lies on.

    Args:
        maps: (C, D, H, W).
        weight: (C, K, K_h, K_w).
        window: Along the depth.
        z: The output's slice.
    """

    maps: Floats
    weight: Floats
    window: Window
    z: int

    def __post_init__(self) -> None:
        depth = self.window.output_size(self.maps.shape[1])
        if not 0 <= self.z < depth:
            raise OptionError(f"at: there is no slice {self.z} of the output; it has {depth}.")

    def tap(self, layer: str, source: int, tap: int | None) -> int:
        """Check the slice of the filter, or choose one."""
        count = self.weight.shape[1]
        if tap is None:
            strength = np.abs(self.weight[source]).sum((1, 2))
            return int(np.where(self._real, strength, -1.0).argmax())
        if not 0 <= tap < count:
            raise OptionError(
                f"{layer}: there is no slice {tap} of its filters; they have {count}."
            )
        return tap

    def planes(self) -> tuple[Floats, Floats]:
        """Give the slices that are read, (C * K, H, W), 0 on padding, and a filter for each."""
        read = np.array(self.window.taps(self.z)).clip(0, self.maps.shape[1] - 1)
        slices = self.maps[:, read] * self._real[:, None, None]
        flat = slices.reshape(-1, *slices.shape[2:])
        return flat, self.weight.reshape(len(flat), *self.weight.shape[2:])

    @property
    def _real(self) -> Floats:
        """Which slices lie on the input."""
        read = np.array(self.window.taps(self.z))
        return np.asarray((read >= 0) & (read < self.maps.shape[1]))


def _group(layer: str, filters: Floats, read: Floats, channel: int, groups: int) -> slice:
    """The input channels that a filter reads."""
    if not 0 <= channel < len(filters):
        raise OptionError(f"{layer}: there is no filter {channel}; it has {len(filters)}, from 0.")
    depth = len(read) // groups
    start = channel // (len(filters) // groups) * depth
    return slice(start, start + depth)


def _runs(
    windows: tuple[Window, Window],
    sizes: Sequence[int],
    at: Sequence[int] | None,
    places: int,
) -> tuple[range, range]:
    """The places shown along each axis."""
    outputs = [w.output_size(n) for w, n in zip(windows, sizes, strict=True)]
    counts = [min(max(places, 1), n) for n in outputs]
    firsts = [(n - c) // 2 for n, c in zip(outputs, counts, strict=True)]
    if at is not None:
        given = [0, *at] if len(at) == 1 else list(at)
        if len(given) != 2 or not all(0 <= a < n for a, n in zip(given, outputs, strict=True)):
            shown = "x".join(map(str, outputs))
            raise OptionError(f"at={tuple(at)} is no place of the output, {shown}.")
        firsts = given
    y, x = (range(f, min(f + c, n)) for f, c, n in zip(firsts, counts, outputs, strict=True))
    return y, x


def _cut(
    maps: Floats,
    weight: Floats,
    windows: tuple[Window, Window],
    runs: tuple[range, range],
    chosen: int,
) -> SlidingWindow:
    """Cut out what the places read; padding stays padding, as it is no part of the input."""
    (y, down), (x, across) = (
        _cut_axis(w, run, n) for w, run, n in zip(windows, runs, maps.shape[1:], strict=True)
    )
    cut = maps[:, y.start : y.stop, x.start : x.stop]
    parts = correlate_channels(cut, weight, (down, across))
    total = parts.sum(0)
    return SlidingWindow(
        cut[chosen],
        weight[chosen],
        (down, across),
        total,
        rest=total - parts[chosen],
        first=(y.start, x.start),
    )


def _cut_axis(window: Window, run: range, n: int) -> tuple[range, Window]:
    """What a run of places reads of an axis, and the window whose places on that are the run."""
    whole, read = window.input_interval(run), window.input_interval(run, n)
    padding = (read.start - whole.start, whole.stop - read.stop)
    return read, Window(window.size, window.stride, window.dilation, padding)
