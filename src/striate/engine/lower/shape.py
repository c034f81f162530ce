"""Views: other shapes and orders of the same numbers, without a step where memory allows it."""

from __future__ import annotations

from dataclasses import replace

from ...graph.ops import Permute
from .._fuse import Group
from .._values import Map
from ._lowering import Lowering, lowers
from ._view import view
from .place import shuffle_channels


@lowers("reshape", "flatten", "squeeze", "unsqueeze", "dropout")
def lower_view(low: Lowering, group: Group) -> None:
    """Another shape of the same numbers in the same order."""
    value, output = group.node.inputs[0], group.node.outputs[0]
    assert value is not None
    low.check_floats(value, output)
    if group.shuffled:
        shuffle_channels(low, group, group.shuffled)
        return
    shape = low.shape(output)
    if low.shape(value) == shape and value not in low.views:
        low.alias(output, low.any(value))
    elif (kept := _blocked_view(low, value, shape)) is not None:
        low.alias(output, kept)
    elif value in low.blocked_maps or value in low.views:
        low.views[output] = low.views.get(value, value)
    else:
        low.alias(output, replace(low.plain(value), shape=shape))


def _blocked_view(low: Lowering, value: str, shape: tuple[int, ...]) -> Map | None:
    """Spatial axes joined and parted leave a blocked map where it is."""
    x = low.blocked_maps.get(value)
    if x is None or x.axes is None or not 2 <= len(shape) <= 5:
        return None
    if x.standard and shape[:2] == x.shape[:2]:
        return replace(x, shape=shape, axes=tuple(range(len(shape))))
    last = len(shape) - 1
    behind = (0, len(x.shape) - 1, *range(1, len(x.shape) - 1))  # channels last
    if x.axes == behind and (shape[0], shape[last]) == (x.batch, x.channels) and last > 0:
        return replace(x, shape=shape, axes=(0, last, *range(1, last)))
    return None


@lowers("permute")
def lower_permute(low: Lowering, group: Group) -> None:
    """Axes in another order: of a blocked map a view, of a plain one a copy."""
    op = low.graph.op(group.node)
    assert isinstance(op, Permute)
    value, output = group.node.inputs[0], group.node.outputs[0]
    assert value is not None
    low.check_floats(value)
    rank = len(op.axes)
    axes = tuple(axis % rank for axis in op.axes)
    if value in low.blocked_maps:
        low.alias(output, low.blocked_maps[value].permuted(axes))
        return
    low.copy(view(low.plain(value)).permuted(axes), view(low.make_plain(output)), group)
