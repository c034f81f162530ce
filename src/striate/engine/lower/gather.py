"""Look-ups along an axis, and their gradients: embeddings, tables of relative positions."""

from __future__ import annotations

import math

import numpy as np

from ...graph.ops import Gather, GatherGradient, Places
from .._fuse import Group
from .._values import Map, Step
from ._lowering import MOST_WHOLE, Lowering, NotNative, lowers


@lowers("gather")
def lower_gather(low: Lowering, group: Group) -> None:
    """Lines of a plain array, or number by number."""
    op = low.graph.op(group.node)
    assert isinstance(op, Gather)
    value, index = group.node.inputs
    assert value is not None
    low.check_floats(value, filled=True)
    if (span := low.span(value)) is not None:
        low.mark(group.output, *span)
    _gather(low, group, value, index or "", op.axis, low.shape(value), elementwise=op.elementwise)


@lowers("gather_gradient")
def lower_gather_gradient(low: Lowering, group: Group) -> None:
    """What each place was looked up for, added up in order."""
    op = low.graph.op(group.node)
    assert isinstance(op, GatherGradient)
    gy, index = group.node.inputs
    assert gy is not None
    low.check_floats(gy, filled=True)
    _gather(
        low, group, gy, index or "", op.axis, op.shape, elementwise=op.elementwise, adds=True
    )  # fmt: skip


def _gather(
    low: Lowering, group: Group, value: str, index: str, axis: int, shape: tuple[int, ...], *,
    elementwise: bool, adds: bool = False,
) -> None:  # fmt: skip
    """Args: shape: of the array that is looked up."""
    axis %= len(shape)
    places = _places(low, index, shape[axis])
    if elementwise and any(
        m != n for a, (m, n) in enumerate(zip(places.shape, shape, strict=True)) if a != axis
    ):
        raise NotNative("its index is shorter along another axis")
    mode = ("add_each" if adds else "each") if elementwise else ("add" if adds else "take")
    attributes = {
        "mode": mode,
        "outer": math.prod(shape[:axis]),
        "size": shape[axis],
        "count": places.shape[axis] if elementwise else places.floats,
        "inner": math.prod(shape[axis + 1 :]),
    }
    x = low.plain(value)
    low.emit(group, "gather", attributes, [x, places], [low.make_plain(group.output)])


def _places(low: Lowering, index: str, size: int) -> Map:
    """An index as floats; what is not known to lie inside is looked at in each call, in NumPy.

    Raises:
        NotNative: A constant index lies outside, or float32 does not hold it.
    """
    if index in low.graph.weights:
        array = low.graph.weights[index].numpy()
        array = np.where(array < 0, array + size, array)
        if array.size == 0 or array.min() < 0 or array.max() >= min(size, MOST_WHOLE):
            raise NotNative("its index lies outside")
        return low.constant(array.astype(np.float32))
    span = low.span(index)
    if span is not None and span[0] >= 0 and span[1] < size:
        return low.plain(index)
    if size > MOST_WHOLE or 0 in low.shape(index):
        raise NotNative("float32 does not hold its index")
    name = f"{index}:{size}"
    if name not in low.plain_maps:
        low.plain_maps[name] = made = low.room(name, low.shape(index))
        why = "an index that may lie outside"
        low.steps.append(
            Step("island", {}, [low.held(index)], [made], notes=[why], op=Places(size))
        )
    return low.plain_maps[name]
