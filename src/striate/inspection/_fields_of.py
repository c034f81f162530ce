"""Receptive fields put into numbers: of all values in the input, or of one layer in another."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from ..errors import OptionError
from ..graph import Graph
from ._field import AxisField, Field, Fixed, Sliding, fields_from


def main_input(graph: Graph) -> str | None:
    """The input whose receptive fields are told: the first that has axes behind the channels."""
    return next((name for name, kind in graph.inputs.items() if kind.rank >= 3), None)


def axis_fields(
    graph: Graph,
) -> tuple[dict[str, tuple[AxisField | None, ...]], dict[str, tuple[float | None, ...]]]:
    """Find every value's field in the input, and the mean share of it over the border."""
    source = main_input(graph)
    if source is None:
        return {}, {}
    fields = fields_from(graph, source)
    sizes = graph.inputs[source].shape
    seen = {value: tuple(map(AxisField.of, field[2:])) for value, field in fields.items()}
    over = {
        value: tuple(
            _overhang(sight, sizes[axis], graph, value)
            for axis, sight in enumerate(field[2:], start=2)
        )
        for value, field in fields.items()
    }
    return seen, over


def _overhang(sight: object, n: int, graph: Graph, value: str) -> float | None:
    """Mean share, over a value's units, of the field that lies outside 0 .. n-1."""
    if isinstance(sight, Fixed):
        size = sight.stop - sight.start
        inside = min(sight.stop, n) - max(sight.start, 0)
        return float(1 - max(inside, 0) / size) if size > 0 else None
    kind = graph.types[value]
    if not isinstance(sight, Sliding) or kind is None or not kind.shape[sight.axis]:
        return None
    w = sight.window
    starts = np.arange(kind.shape[sight.axis]) * float(w.stride) - float(w.before)
    inside = np.minimum(starts + float(w.extent), n) - np.maximum(starts, 0)
    return float(1 - np.maximum(inside, 0).mean() / float(w.extent))


_KNOWN: WeakKeyDictionary[Graph, dict[str, dict[str, Field]]] = WeakKeyDictionary()
"""Fields by graph and source: pages ask for one unit after the other."""


def sights_of(graph: Graph, layer: str, of: str | None = None) -> tuple[str, Field]:
    """How a layer's units see a source, with all its axes.

    Returns:
        Name of the source's value, and the sights.
    """
    node = graph[layer]
    source = main_input(graph) if of is None else of
    if source is None:
        raise OptionError(f"{graph.name}: no input has axes behind the channels to look at.")
    if source not in graph.inputs:
        source = graph[source].outputs[0]
    known = _KNOWN.setdefault(graph, {})
    if source not in known:
        known[source] = fields_from(graph, source)
    fields = known[source]
    if node.outputs[0] not in fields:
        raise OptionError(
            f"{graph.name}: {layer!r} does not depend on {of or source!r}, or through an operation "
            f"that is not known."
        )
    return source, fields[node.outputs[0]]


def fields_of(graph: Graph, layer: str, of: str | None) -> tuple[AxisField | None, ...]:
    """What a layer's units see of a source, along the axes behind the channels."""
    return tuple(map(AxisField.of, sights_of(graph, layer, of)[1][2:]))
