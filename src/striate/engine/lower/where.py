"""Choices, other dtypes and constants: truths are floats of 0 and 1 (`_whole.py`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph.ops import Cast, Fill, Where
from .._fuse import Group
from .._values import Map
from ._lowering import Lowering, NotNative, lowers
from ._view import View, view
from ._whole import join
from .elementwise import elements
from .shape import lower_view


@lowers("where")
def lower_where(low: Lowering, group: Group) -> None:
    """The condition, and what it chooses from: two maps, or one and a number."""
    op = low.graph.op(group.node)
    assert isinstance(op, Where)
    condition, *rest = (*group.node.inputs, None, None)[:3]
    assert condition is not None
    choices = [name for name in rest if name is not None]
    low.check_floats(condition, *choices, filled=True)
    numbers = [float(n or 0) for n, name in zip((op.a, op.b), rest, strict=True) if name is None]
    join(low, [*map(low.span, choices), *((n, n) for n in numbers)], group.output)
    maps = _alike(low, group, [condition, *choices]) if choices else [low.plain(condition)]
    y = low.make_like(group.output, maps[0])
    attributes: dict[str, Any] = {**elements(maps[0], y), "second": "same", "op": "where"}
    if numbers:
        # One number: masked_fill puts it where the condition holds, its reverse elsewhere.
        attributes |= {"op": "masked_fill", "number": numbers[-1], "reverse": rest[1] is None}
    if len(numbers) == 2:
        one = low.constant(np.full(1, numbers[0], np.float32))
        maps.append(_spread(low, group, view(one), low.shape(group.output)))
    if y.blocked:
        strides = zip("bc", maps[1:], strict=False)
        attributes |= {f"{name}_batch_stride": map_.batch_stride for name, map_ in strides}
    low.emit(group, "elementwise", attributes, [*maps], [y])


def _alike(low: Lowering, group: Group, names: list[str]) -> list[Map]:
    """Values in the output's shape and one layout: blocked where one is and all have that shape."""
    shape = low.shape(group.output)
    if all(low.shape(name) == shape for name in names):
        like = next((low.blocked_maps[name] for name in names if name in low.blocked_maps), None)
        maps = [] if like is None else _in_blocks(low, names, like)
        return maps or [low.plain(name) for name in names]
    return [
        plain if plain.shape == shape else _spread(low, group, view(plain), shape)
        for plain in map(low.plain, names)
    ]


def _in_blocks(low: Lowering, names: list[str], like: Map) -> list[Map]:
    """Values with their axes as another map's lie; none where one cannot be."""
    try:
        maps = [low.blocked_like(name, like) for name in names]
    except NotNative:
        return []
    return maps if all(map_.axes == like.axes for map_ in maps) else []


def _spread(low: Lowering, group: Group, source: View, shape: tuple[int, ...]) -> Map:
    """A copy with axes in front, and axes of 1 repeated."""
    for _ in range(len(shape) - len(source.sizes)):
        source = source.insert(0)
    for axis, n in enumerate(shape):
        source = source.spread(axis, n) if source.sizes[axis] != n else source
    made = low.room(f"{group.output}:spread", shape)
    low.copy(source, view(made), group)
    return made


@lowers("cast")
def lower_cast(low: Lowering, group: Group) -> None:
    """Floats stay where they are; truths are made of what is not 0."""
    op = low.graph.op(group.node)
    value = group.node.inputs[0]
    assert isinstance(op, Cast)
    assert value is not None
    low.check_floats(value, filled=True)
    span = low.span(value)
    if op.dtype == "bool" and span != (0, 1):
        x = low.any(value)
        y = low.make_like(group.output, x)
        attributes = {
            **elements(x, y), "op": "equal", "second": "number", "number": 0.0,
            "activation": "logical_not",
        }  # fmt: skip
        low.emit(group, "elementwise", attributes, [x], [y])
        return
    if op.dtype not in ("bool", "float32"):
        bounds = np.iinfo(op.dtype) if op.dtype.startswith(("int", "uint")) else None
        if span is None or bounds is None or span[0] < bounds.min or span[1] > bounds.max:
            raise NotNative(f"its numbers may be none of {op.dtype}")
        low.mark(group.output, *span)
    lower_view(low, group)


@lowers("fill")
def lower_fill(low: Lowering, group: Group) -> None:
    """A constant of the plan; of one number everywhere, where it is large, copies of that."""
    op = low.graph.op(group.node)
    assert isinstance(op, Fill)
    (array,) = op.evaluate()
    if array.size == 0:
        raise NotNative("it is empty")
    if array.dtype.kind in "iu":
        low.mark(group.output, int(array.min()), int(array.max()))
    low.check_floats(group.output)
    if array.size <= _MOST_CONSTANT or op.step:
        low.alias(group.output, low.constant(array.astype(np.float32)))
        return
    one = low.constant(array.reshape(-1)[:1].astype(np.float32))
    low.alias(group.output, _spread(low, group, view(one), array.shape))


_MOST_CONSTANT = 1 << 14
