"""Receptive fields: what a unit sees of any earlier map, as windows composed along the paths.

Along each axis of the map that is looked at, the units of a value see it in one of these ways:

- `Sliding`: unit i sees it through a window, which slides with one of the value's axes;
- `Fixed`: all units see the same interval;
- `Scattered`: each unit sees one window of it, at a place that follows no axis (after a flatten).

Branches that meet again see the union. Source: Araujo, Norris and Sim 2019, "Computing receptive
fields of convolutional neural networks".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from ..graph import SOMEWHERE, WHOLE, Along, Graph, Node, TensorType
from ..window import Number, Window

IDENTITY = Window(1)


@dataclass(frozen=True, slots=True)
class Sliding:
    """Unit i of `axis` sees the source through `window`.

    `aligned` is False where branches with different centres have met.
    """

    axis: int
    window: Window
    aligned: bool = True


@dataclass(frozen=True, slots=True)
class Fixed:
    """All units see the source's positions start .. stop - 1.

    Args:
        start, stop: The interval; it may hang over the border.
        cause: The node that made it grow with the input, so that the field is infinite; empty where
            it is as large for any input.
        aligned: False where branches with different centres have met.
    """

    start: Number
    stop: Number
    cause: str = ""
    aligned: bool = True


@dataclass(frozen=True, slots=True)
class Scattered:
    """Each unit sees the source through `window`, at one of `places` places."""

    window: Window
    places: int
    aligned: bool = True


class _UnknownError(Exception):
    """What a unit sees cannot be told."""


Sight = Sliding | Fixed | Scattered | None
"""How a value's units see one axis of the source; None where they do not depend on it."""

Field = tuple[Sight, ...]
"""One sight for each axis of the source."""


def fields_from(graph: Graph, source: str) -> dict[str, Field]:
    """Find how every value behind `source` sees it.

    Args:
        graph: The network.
        source: An input, or a value that a node makes.
    Returns:
        The fields by value; values that do not depend on the source are left out, and those that
        depend on it by an operation that is not known.
    """
    start = graph.types[source]
    if start is None:
        return {}
    fields: dict[str, Field] = {
        source: tuple(Sliding(axis, IDENTITY) for axis in range(start.rank))
    }
    hidden: set[str] = set()  # values that see the source by ways that are not known
    for node in graph.nodes:
        if source in node.outputs or not any(v in fields or v in hidden for v in node.inputs):
            continue
        merged = _through(graph, node, fields) if hidden.isdisjoint(node.inputs) else None
        if merged is None:
            hidden.update(node.outputs)
        else:
            fields.update(dict.fromkeys(node.outputs, merged))
    return fields


def _through(graph: Graph, node: Node, fields: Mapping[str, Field]) -> Field | None:
    """What the outputs of a node see, from what its inputs see."""
    inputs = graph.input_types(node)
    outputs = graph.output_types(node)
    if node.kind == "opaque" or None in outputs:
        return None  # what it reads is not known, and so is what it sees
    made = tuple(t for t in outputs if t is not None)
    reaches = graph.op(node).reach(inputs, made)
    merged: Field | None = None
    for value, kind, reach in zip(node.inputs, inputs, reaches, strict=False):
        if value is None or value not in fields or kind is None:
            continue
        try:
            seen = tuple(_step(sight, reach, kind, node.name) for sight in fields[value])
        except _UnknownError:
            return None
        merged = seen if merged is None else tuple(
            _union(a, b, node.name) for a, b in zip(merged, seen, strict=True)
        )  # fmt: skip
    return merged


def _step(sight: Sight, reach: Sequence[object], kind: TensorType, node: str) -> Sight:
    """Look at the source through one operation more."""
    if isinstance(sight, Sliding):
        how, places = reach[sight.axis], kind.shape[sight.axis]
        if isinstance(how, Along):
            if how.window == IDENTITY:
                return sight if how.axis == sight.axis else replace(sight, axis=how.axis)
            return Sliding(how.axis, sight.window.then(how.window), sight.aligned)
        if how is SOMEWHERE and places > 1:
            return Scattered(sight.window, places, sight.aligned)
        return _whole(sight.window, places, node if places > 1 else "", sight.aligned)
    if isinstance(sight, Scattered):
        if any(how is WHOLE and n > 1 for how, n in zip(reach, kind.shape, strict=True)):
            return _whole(sight.window, sight.places, node, sight.aligned)
        if any(isinstance(how, Along) and how.window.size > 1 for how in reach):
            raise _UnknownError  # neighbours may have come from anywhere
    return sight


def _whole(window: Window, places: int, cause: str, aligned: bool) -> Fixed:
    """What all units of an axis see together."""
    stop = (places - 1) * window.stride - window.before + window.extent
    return Fixed(-window.before, stop, cause, aligned)


def _union(a: Sight, b: Sight, node: str) -> Sight:
    """What a unit sees that sees both."""
    if a is None or b is None:
        return b if a is None else a
    if a == b:
        return a
    if isinstance(a, Sliding) and isinstance(b, Sliding) and a.axis == b.axis:
        if a.window.stride == b.window.stride:
            centred = a.window.center(0) == b.window.center(0)
            aligned = a.aligned and b.aligned and centred
            return Sliding(a.axis, a.window.union(b.window), aligned)
        wide = max(a, b, key=lambda s: s.window.extent)
        return Fixed(0, math.ceil(wide.window.extent), node, aligned=False)
    if isinstance(a, Scattered) and isinstance(b, Scattered):
        return max(a, b, key=lambda s: s.window.extent)
    if isinstance(a, Fixed) and isinstance(b, Fixed):
        cause = a.cause or b.cause
        return Fixed(min(a.start, b.start), max(a.stop, b.stop), cause, a.aligned and b.aligned)
    fixed = a if isinstance(a, Fixed) else b if isinstance(b, Fixed) else None
    if fixed is not None:
        return fixed if fixed.cause else replace(fixed, cause=node)
    return Fixed(0, 1, node, aligned=False)


@dataclass(frozen=True, slots=True)
class AxisField:
    """The receptive field along one axis, in pixels of the map that is looked at.

    Args:
        size: Pixels from the first seen to the last; `math.inf` where it grows with the input.
        jump: Pixels from one unit's field to the next one's (the effective stride); None where the
            fields follow no axis.
        start: Centre of the first unit's field; pixel 0's centre is 0.
        padding: How far the first unit's field reaches over the border (the effective padding);
            negative where it begins inside.
        cause: The layer that made the field infinite.
        aligned: False where branches with different centres have met.
    """

    size: float
    jump: float | None = None
    start: float | None = None
    padding: float | None = None
    cause: str = ""
    aligned: bool = True

    @classmethod
    def of(cls, sight: Sight) -> AxisField | None:
        """Put a sight into numbers."""
        if sight is None:
            return None
        if isinstance(sight, Fixed):
            size = math.inf if sight.cause else _number(sight.stop - sight.start)
            return cls(size, cause=sight.cause, aligned=sight.aligned)
        w = sight.window
        if isinstance(sight, Scattered):
            return cls(math.ceil(w.extent), aligned=sight.aligned)
        return cls(
            math.ceil(w.extent),
            _number(w.stride),
            _number(w.center(0)),
            _number(w.before),
            aligned=sight.aligned,
        )


def _number(value: Number) -> float:
    return int(value) if Fraction(value).denominator == 1 else float(value)
