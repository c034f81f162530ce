"""Slices and pads, several at once; rolled, turned, repeated maps; shuffled channels and pixels."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any, cast

from ...graph import Operation
from ...graph.ops import (
    ChannelShuffle,
    Expand,
    Flip,
    Pad,
    PixelShuffle,
    PixelUnshuffle,
    Roll,
    Slice,
    Tile,
)
from .._fuse import Group
from .._values import Map, Storage
from ._lowering import Lowering, NotNative, lowers
from ._view import dim_of, view
from ._windows import spatial
from .combine import take_view


@dataclass(frozen=True)
class _Places:
    """Along an axis of `size`: place i is i * step + start, and the border where that is outside.

    Args:
        bordered: Whether it may be outside.
    """

    size: int
    count: int
    start: int = 0
    step: int = 1
    bordered: bool = False

    def sliced(self, kept: range) -> _Places:
        start = self.start + kept.start * self.step
        return replace(self, count=len(kept), start=start, step=self.step * kept.step)

    def padded(self, before: int, after: int) -> _Places:
        """Raises NotNative where the places around hold numbers that were sliced away."""
        low, high = max(before, 0), max(after, 0)
        first, stop = self.start - self.step, self.start + self.count * self.step
        if (low and (self.step < 0 or first >= 0)) or (high and stop < self.size):
            raise NotNative("it pads what was sliced")
        return replace(
            self,
            count=self.count + before + after,
            start=self.start - before * self.step,
            bordered=self.bordered or low + high > 0,
        )

    @property
    def moved(self) -> bool:
        return (self.start, self.step, self.count) != (0, 1, self.size)


@lowers("slice", "pad")
def lower_slices(low: Lowering, group: Group) -> None:
    """Slices and pads one behind the other, in one step; of slices alone a view where it can be."""
    value = group.node.inputs[0]
    assert value is not None
    low.check_floats(value, group.output, filled=True)
    ops = [low.graph.op(node) for node in group.nodes]
    axes = _compose(low.shape(value), ops)
    moved = [axis for axis, places in enumerate(axes) if places.moved]
    pads = [op for op in ops if isinstance(op, Pad)]
    if pads and not low.is_float(value):
        raise NotNative("it pads other numbers than float32")
    if not pads and len(moved) == 1:
        from .combine import take

        places = axes[moved[0]]
        take(low, group, value, group.output, moved[0], places.start, places.count, places.step)
        return
    if not pads and value not in low.blocked_maps:
        source = view(low.plain(value))
        for axis in moved:
            source = source.at(axis, axes[axis].start, axes[axis].count, axes[axis].step)
        take_view(low, group, source, group.output)
        return
    _place_pixels(low, group, low.blocked(value), axes, pads)


def _compose(shape: tuple[int, ...], ops: list[Operation]) -> list[_Places]:
    axes = [_Places(n, n) for n in shape]
    for op in ops:
        if isinstance(op, Slice):
            axis = op.axis % len(shape)
            start, end = cast("int", op.start), cast("int | None", op.end)
            kept = range(*slice(start, end, op.step).indices(axes[axis].count))
            axes[axis] = axes[axis].sliced(kept)
            continue
        assert isinstance(op, Pad)
        pads = cast("tuple[tuple[int, int], ...]", op.pads)
        axes = [places.padded(*pair) for places, pair in zip(axes, pads, strict=True)]
    return axes


def _place_pixels(
    low: Lowering, group: Group, x: Map, axes: list[_Places], pads: list[Pad]
) -> None:
    if not x.standard:
        raise NotNative("its input's axes are in another order")
    if len({(pad.mode, pad.value) for pad in pads}) > 1 or (
        len(group.nodes) > 1 and any(pad.mode != "constant" for pad in pads)
    ):
        raise NotNative("its borders are of several kinds")
    batch, channels, *rest = axes
    if batch.bordered or batch.step < 1 or channels.step != 1 or any(p.step < 1 for p in rest):
        raise NotNative("it pads the batch, turns an axis or takes every other channel")
    mode = pads[0].mode if pads else "constant"
    if mode != "constant" and channels.bordered:
        raise NotNative("it repeats channels")
    y = low.make_blocked(group.output)
    attributes = {
        "mode": "pixels",
        "batch": y.batch,
        "x_channels": x.channels,
        "y_channels": y.channels,
        "x_first": channels.start,
        "in": list(x.sizes),
        "out": list(y.sizes),
        "step": spatial((p.step for p in rest), 1),
        "before": spatial((-p.start for p in rest), 0),
        "border": mode,
        "value": float(pads[0].value) if pads else 0.0,
        "x_batch_stride": x.batch_stride * batch.step,
        "y_batch_stride": y.batch_stride,
    }
    source = replace(
        x,
        shape=(y.batch, *x.shape[1:]),
        offset=x.offset + batch.start * x.batch_stride,
        batch_stride=x.batch_stride * batch.step,
    )
    low.emit(group, "copy", attributes, [source], [y])


@lowers("roll")
def lower_roll(low: Lowering, group: Group) -> None:
    """What leaves at one end comes in at the other: one copy for each of the pieces."""
    op = low.graph.op(group.node)
    assert isinstance(op, Roll)
    x, dims = _moved(low, group, op.axes)
    y = low.make_like(group.output, x)
    shifts: dict[int, int] = {}
    for dim, shift in zip(dims, op.shifts, strict=True):
        shifts[dim] = shifts.get(dim, 0) + shift
    ends = []
    for dim, shift in shifts.items():
        size = view(x).sizes[dim]
        cut = -shift % size  # the first place of x that comes to the front
        ends.append([(dim, cut, 0, size - cut), (dim, 0, size - cut, cut)])
    for pieces in itertools.product(*ends):
        source, result = view(x), view(y)
        for dim, start, place, count in pieces:
            source, result = source.at(dim, start, count), result.at(dim, place, count)
        if all(count for _, _, _, count in pieces):
            low.copy(source, result, group)


@lowers("flip")
def lower_flip(low: Lowering, group: Group) -> None:
    """Axes read backwards."""
    op = low.graph.op(group.node)
    assert isinstance(op, Flip)
    x, dims = _moved(low, group, op.axes)
    source = view(x)
    for dim in dims:
        source = source.at(dim, source.sizes[dim] - 1, source.sizes[dim], -1)
    low.copy(source, view(low.make_like(group.output, x)), group)


def _moved(low: Lowering, group: Group, axes: tuple[int, ...]) -> tuple[Map, list[int]]:
    """The input, and these axes of its view; plain where one of them is the channels."""
    value = group.node.inputs[0]
    assert value is not None
    low.check_floats(value, filled=True)
    x = low.any(value)
    dims = [dim_of(x, axis % len(x.shape)) for axis in axes]
    if None in dims:
        return low.plain(value), [axis % len(x.shape) for axis in axes]
    return x, cast("list[int]", dims)


@lowers("expand")
def lower_expand(low: Lowering, group: Group) -> None:
    """Axes of 1 read again and again."""
    op = low.graph.op(group.node)
    value = group.node.inputs[0]
    assert isinstance(op, Expand)
    assert value is not None
    low.check_floats(value, group.output, filled=True)
    shape = low.shape(group.output)
    given = low.shape(value)
    wider = [a for a, (n, m) in enumerate(zip(given, shape, strict=False)) if n != m]
    x = low.blocked_maps.get(value)
    dims = [] if x is None else [dim_of(x, axis) for axis in wider]
    if x is None or len(given) != len(shape) or None in dims:
        source = view(low.plain(value))
        for _ in range(len(shape) - len(given)):
            source = source.insert(0)
        for axis, n in enumerate(shape):
            source = source.spread(axis, n) if source.sizes[axis] != n else source
        low.copy(source, view(low.make_plain(group.output)), group)
        return
    result = view(low.make_blocked(group.output, x))
    source = view(x)
    for dim in cast("list[int]", dims):
        source = source.spread(dim, result.sizes[dim])
    low.copy(source, result, group)


@lowers("tile")
def lower_tile(low: Lowering, group: Group) -> None:
    """The whole value again and again: an axis of repeats in front of each."""
    op = low.graph.op(group.node)
    value = group.node.inputs[0]
    assert isinstance(op, Tile)
    assert value is not None
    low.check_floats(value, group.output, filled=True)
    shape = low.shape(group.output)
    x = low.plain(value)
    given = (*(1,) * (len(shape) - len(x.shape)), *x.shape)
    repeated = [axis for axis, (n, m) in enumerate(zip(given, shape, strict=True)) if n != m]
    x = Map(x.storage, given, offset=x.offset)
    for axis in repeated or [0]:  # one after the other: all at once are too many axes
        wider = (*x.shape[:axis], shape[axis], *x.shape[axis + 1 :])
        last = axis == (repeated or [0])[-1]
        y = low.make_plain(group.output) if last else _room(group, wider)
        result = view(y).parted(axis, x.shape[axis])
        low.copy(view(x).insert(axis, result.sizes[axis]), result, group)
        x = y


def _room(group: Group, shape: tuple[int, ...]) -> Map:
    return Map(Storage(f"{group.output}:repeated", math.prod(shape)), shape)


@lowers("channel_shuffle")
def lower_channel_shuffle(low: Lowering, group: Group) -> None:
    """Channels of all groups in turn (ShuffleNet)."""
    op = low.graph.op(group.node)
    assert isinstance(op, ChannelShuffle)
    shuffle_channels(low, group, op.groups)


def shuffle_channels(low: Lowering, group: Group, groups: int) -> None:
    """Deal out the channels."""
    _shuffle(low, group, {"mode": "channels", "groups": groups})


@lowers("pixel_shuffle", "pixel_unshuffle")
def lower_pixel_shuffle(low: Lowering, group: Group) -> None:
    """Channels to pixels of a larger map, and back."""
    op = low.graph.op(group.node)
    assert isinstance(op, PixelShuffle | PixelUnshuffle)
    mode = "shuffle" if isinstance(op, PixelShuffle) else "unshuffle"
    settings = {"mode": mode, "factor": op.factor, "blocks_first": op.blocks_first}
    _shuffle(low, group, settings)


def _shuffle(low: Lowering, group: Group, settings: dict[str, Any]) -> None:
    value = group.node.inputs[0]
    assert value is not None
    low.check_floats(value)
    x = low.standard(value)
    low.copy_channels(group, x, low.make_blocked(group.output), settings)
