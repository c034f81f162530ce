"""Joining and parting maps: in place where the channels fill whole blocks."""

from __future__ import annotations

from dataclasses import replace

from ...graph.ops import Concat, Slice, Split
from .._fuse import Group
from ._lowering import Lowering, NotNative, lowers
from .elementwise import elements


@lowers("concat")
def lower_concat(low: Lowering, group: Group) -> None:
    """Over channels: the parts were written to their places, or are copied there."""
    op = low.graph.op(group.node)
    assert isinstance(op, Concat)
    output = group.node.outputs[0]
    whole = low.slots.get(output)
    if whole is None:
        raise NotNative("its channels do not fill whole blocks")
    offset = whole.offset
    for value in group.node.inputs:
        assert value is not None
        part = low.blocked(value)
        if not part.standard:
            raise NotNative("a part's axes are in another order")
        place = replace(part, storage=whole.storage, offset=offset, batch_stride=whole.batch_stride)
        if (part.storage, part.offset) != (place.storage, place.offset):
            attributes = elements(part, place)
            low.emit(group, "elementwise", attributes, [part], [place], notes=["copied"])
        offset += part.image_floats
    low.alias(output, whole)


@lowers("split", "slice")
def lower_split(low: Lowering, group: Group) -> None:
    """Parts of whole blocks of channels are views."""
    op = low.graph.op(group.node)
    value = group.node.inputs[0]
    assert value is not None
    x = low.blocked_maps.get(value)
    if x is None or not x.standard:
        raise NotNative("its channels are not in blocks")
    assert isinstance(op, Split | Slice)
    if op.axis % len(x.shape) != 1 or (isinstance(op, Slice) and op.step != 1):
        raise NotNative("it parts other axes than the channels")
    start = 0
    if isinstance(op, Slice):
        assert isinstance(op.start, int)  # sizes are put in
        start = min(max(op.start + (x.channels if op.start < 0 else 0), 0), x.channels)
    for output in group.node.outputs:
        shape = low.shape(output)
        if start % low.lanes:
            raise NotNative("its channels do not fill whole blocks")
        offset = x.offset + start * x.pixels
        low.alias(output, replace(x, shape=shape, offset=offset))
        start += shape[1]
