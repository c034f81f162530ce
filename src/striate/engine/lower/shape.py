"""Views: other shapes and orders of the same numbers, without a step where memory allows it."""

from __future__ import annotations

from dataclasses import replace

from ...graph.ops import Permute
from .._fuse import Group
from .._values import Map
from ._lowering import Lowering, NotNative, lowers


@lowers("reshape", "flatten", "squeeze", "unsqueeze", "dropout", "cast")
def lower_view(low: Lowering, group: Group) -> None:
    """Another shape of the same numbers in the same order."""
    value, output = group.node.inputs[0], group.node.outputs[0]
    assert value is not None
    if not low.is_float(value) or not low.is_float(output):
        raise NotNative("it is not float32")
    shape = low.shape(output)
    if low.shape(value) == shape:
        low.alias(output, low.any(value))
        return
    if (kept := _blocked_view(low, value, shape)) is not None:
        low.alias(output, kept)
        return
    plain = low.plain(value)
    low.alias(output, replace(plain, shape=shape))


def _blocked_view(low: Lowering, value: str, shape: tuple[int, ...]) -> Map | None:
    """Axes of length 1 put in or taken away leave a blocked map where it is."""
    x = low.blocked_maps.get(value)
    if x is None or not x.standard or not 2 <= len(shape) <= 5:
        return None
    if shape[:2] != x.shape[:2]:
        return None
    if [n for n in shape[2:] if n > 1] != [n for n in x.shape[2:] if n > 1]:
        return None
    return replace(x, shape=shape, axes=tuple(range(len(shape))))


@lowers("permute")
def lower_permute(low: Lowering, group: Group) -> None:
    """Axes in another order: of a blocked map a view, of a plain one a copy."""
    op = low.graph.op(group.node)
    assert isinstance(op, Permute)
    value, output = group.node.inputs[0], group.node.outputs[0]
    assert value is not None
    if not low.is_float(value):
        raise NotNative("it is not float32")
    rank = len(op.axes)
    axes = tuple(axis % rank for axis in op.axes)
    if value in low.blocked_maps:
        low.alias(output, low.blocked_maps[value].permuted(axes))
        return
    low.permute(low.plain(value), low.make_plain(output), axes)
    low.steps[-1].nodes = [group.node.name]
