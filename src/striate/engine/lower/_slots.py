"""Concatenations in place: which values are written straight to their part of a larger map."""

from __future__ import annotations

import math

from ...graph import Graph, Node
from ...graph.ops import Concat
from .._values import Map, Storage


def concat_slots(graph: Graph, lanes: int) -> dict[str, Map]:
    """Give each input of a concatenation over channels its place in the output's map.

    The later concatenations come first: of one that reads another's values (DenseNet's grow so) the
    earlier is then a view of the later. Channels must fill whole blocks, but for the last map's.
    """
    slots: dict[str, Map] = {}
    for node in reversed(graph.nodes):
        if joins_channels(graph, node, lanes):
            _give_slots(graph, node, lanes, slots)
    return slots


def joins_channels(graph: Graph, node: Node, lanes: int) -> bool:
    """Whether the parts' channels fill whole blocks one behind the other."""
    op = graph.op(node)
    if not isinstance(op, Concat):
        return False
    types = [graph.types[v] for v in (*node.inputs, *node.outputs) if v is not None]
    if any(t is None or t.dtype != "float32" or not 3 <= t.rank <= 5 for t in types):
        return False
    rank = types[0].rank if types[0] else 0
    channels = [t.shape[1] for t in types if t]
    return op.axis % rank == 1 and all(c % lanes == 0 for c in channels[: len(node.inputs) - 1])


def _give_slots(graph: Graph, node: Node, lanes: int, slots: dict[str, Map]) -> None:
    output = node.outputs[0]
    shape = graph.types[output].shape  # type: ignore[union-attr]
    axes = tuple(range(len(shape)))
    pixels = math.prod(shape[2:])
    whole = slots.get(output)
    if whole is None:
        image = -(-shape[1] // lanes) * lanes * pixels
        whole = Map(Storage(output, shape[0] * image), shape, axes, lanes, 0, image)
        # An earlier concatenation of the first of a later one's parts lies in it already.
        if (inside := _inside(graph, node, slots)) is not None:
            whole = Map(inside.storage, shape, axes, lanes, inside.offset, inside.batch_stride)
        slots[output] = whole
    offset = whole.offset
    for value in node.inputs:
        assert value is not None
        part = graph.types[value].shape  # type: ignore[union-attr]
        if value not in slots and value not in graph.inputs and value not in graph.weights:
            slots[value] = Map(whole.storage, part, axes, lanes, offset, whole.batch_stride)
        offset += -(-part[1] // lanes) * lanes * pixels


def _inside(graph: Graph, node: Node, slots: dict[str, Map]) -> Map | None:
    """The place of the first input, if all inputs lie one behind the other from there."""
    maps = [slots.get(value) for value in node.inputs if value is not None]
    first = maps[0]
    if first is None:
        return None
    offset = first.offset
    for map_ in maps:
        if map_ is None or map_.storage is not first.storage or map_.offset != offset:
            return None
        offset += map_.image_floats
    return first
