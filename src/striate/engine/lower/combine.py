"""Joining and parting maps: in place where the channels fill whole blocks, else by copies."""

from __future__ import annotations

from dataclasses import replace

from ...graph.ops import Concat, Select, Split, Stack
from .._fuse import Group
from .._values import Map
from ._lowering import Lowering, NotNative, lowers
from ._slots import joins_channels
from ._view import View, dim_of, view
from .elementwise import elements


@lowers("concat")
def lower_concat(low: Lowering, group: Group) -> None:
    """Over channels: the parts were written to their places, or are copied there."""
    op = low.graph.op(group.node)
    assert isinstance(op, Concat)
    low.check_floats(*group.node.inputs)
    rank = len(low.shape(group.output))
    axis = op.axis % rank
    # Empty parts are legal, and hold nothing to copy.
    values = [v for v in group.node.inputs if v is not None and 0 not in low.shape(v)]
    if joins_channels(low.graph, group.node, low.lanes):
        _join_blocks(low, group, values)
        return
    blocked = 3 <= rank <= 5 and any(v in low.blocked_maps for v in values)
    parts = [low.blocked(v) if blocked else low.plain(v) for v in values]
    if any(part.blocked and not part.standard for part in parts):
        parts = [low.plain(v) for v in values]
    y = low.make_like(group.output, parts[0])
    start = 0
    for part in parts:
        if y.blocked and axis == 1:
            low.copy_channels(
                group, part, y, {"mode": "channels", "y_first": start, "count": part.channels}
            )
        else:
            low.copy(view(part), view(y).at(axis, start, part.shape[axis]), group)
        start += part.shape[axis]


def _join_blocks(low: Lowering, group: Group, values: list[str]) -> None:
    whole = low.slots[group.output]
    offset = whole.offset
    for value in values:
        part = low.blocked(value)
        if not part.standard:
            raise NotNative("a part's axes are in another order")
        place = replace(part, storage=whole.storage, offset=offset, batch_stride=whole.batch_stride)
        if (part.storage, part.offset) != (place.storage, place.offset):
            attributes = elements(part, place)
            low.emit(group, "elementwise", attributes, [part], [place], notes=["copied"])
        offset += part.image_floats
    low.alias(group.output, whole)


@lowers("stack")
def lower_stack(low: Lowering, group: Group) -> None:
    """Along a new axis: each part is copied to its place."""
    op = low.graph.op(group.node)
    assert isinstance(op, Stack)
    low.check_floats(*group.node.inputs)
    y = low.make_plain(group.output)
    axis = op.axis % len(y.shape)
    for i, value in enumerate(group.node.inputs):
        assert value is not None
        low.copy(view(low.plain(value)), view(y).pick(axis, i), group)


@lowers("split")
def lower_split(low: Lowering, group: Group) -> None:
    """Parts of whole blocks of channels are views, and so is what lies in one piece."""
    op = low.graph.op(group.node)
    value = group.node.inputs[0]
    assert isinstance(op, Split)
    assert value is not None
    low.check_floats(value)
    axis, start = op.axis % len(low.shape(value)), 0
    for output in group.node.outputs:
        count = low.shape(output)[axis]
        if count == 0:
            raise NotNative("one of its parts is empty")
        take(low, group, value, output, axis, start, count)
        start += count


def take(
    low: Lowering, group: Group, value: str, output: str, axis: int, start: int, count: int,
    step: int = 1,
) -> None:  # fmt: skip
    """Let `output` be the places start, start + step, ... of an axis; a view where it can be."""
    x = low.blocked_maps.get(value)
    if x is None:
        take_view(low, group, view(low.plain(value)).at(axis, start, count, step), output)
        return
    shape = low.shape(output)
    dim = dim_of(x, axis)
    if dim is not None:
        y = low.make_blocked(output, x)
        low.copy(view(x).at(dim, start, count, step), view(y), group)
    elif start % low.lanes == 0 and step == 1:
        low.alias(output, replace(x, shape=shape, offset=x.offset + start * x.pixels))
    elif step > 0 and x.standard:
        y = low.make_blocked(output, x)
        low.copy_channels(group, x, y, {"mode": "channels", "x_first": start, "x_step": step})
    else:
        take_view(low, group, view(low.plain(value)).at(axis, start, count, step), output)


def take_view(low: Lowering, group: Group, source: View, output: str) -> None:
    """Let a plain value be a view of another: where that lies in one piece, without a copy."""
    place = source.map.offset + source.start
    if source.contiguous and place % low.lanes == 0:  # steps read whole vectors
        low.alias(output, Map(source.map.storage, low.shape(output), offset=place))
    else:
        low.copy(source, view(low.make_plain(output)), group)


@lowers("select")
def lower_select(low: Lowering, group: Group) -> None:
    """One place of an axis."""
    op = low.graph.op(group.node)
    value = group.node.inputs[0]
    assert isinstance(op, Select)
    assert isinstance(op.index, int)
    assert value is not None
    low.check_floats(value)
    plain = low.plain(value)
    axis = op.axis % len(plain.shape)
    take_view(low, group, view(plain).pick(axis, op.index % plain.shape[axis]), group.output)
