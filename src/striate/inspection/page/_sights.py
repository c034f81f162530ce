"""Where the windows of a layer's units lie, in the input and in the map that it reads."""

from __future__ import annotations

from dataclasses import dataclass

from ...graph import Along, Graph, Node, TensorType
from ...window import Number
from .._field import Fixed, Scattered, Sight, Sliding, fields_from


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to draw along one axis, in pixels of the map that is looked at.

    Unit i's window begins at first + i*step, pixel 0 at 0, and is `extent` long.

    Args:
        how: `slides`, `fixed` (all units see the same), `scattered` (which place a unit sees
            follows no axis).
        axis: The axis of the layer's output that i runs along; None where it follows none.
        units: Number of windows.
    """

    how: str
    first: float
    extent: float
    step: float
    units: int
    axis: int | None


@dataclass(frozen=True, slots=True)
class Looks:
    """The windows of a layer in the input and in the map that it reads, axis by axis.

    `depends` tells whether the input flows into the layer: only then is no field an unknown one.
    """

    input: tuple[Look | None, ...] | None = None
    previous: tuple[Look | None, ...] | None = None
    depends: bool = False


def looks_of(graph: Graph, source: str | None) -> dict[str, Looks]:
    """Find the windows of every node."""
    fields = {} if source is None else fields_from(graph, source)
    behind = _behind(graph, source)
    found = {}
    for node in graph.nodes:
        made = graph.output_types(node)[0] if node.outputs else None
        field = fields.get(node.outputs[0]) if node.outputs else None
        found[node.name] = Looks(
            None if field is None else tuple(_look(sight, made) for sight in field[2:]),
            _previous(graph, node, made),
            node.name in behind,
        )
    return found


def _behind(graph: Graph, source: str | None) -> set[str]:
    """The nodes that the input flows into."""
    values, nodes = {source}, set()
    for node in graph.nodes:
        if any(value is not None and value in values for value in node.inputs):
            values.update(node.outputs)
            nodes.add(node.name)
    return nodes


def _previous(graph: Graph, node: Node, made: TensorType | None) -> tuple[Look | None, ...] | None:
    inputs, outputs = graph.input_types(node), graph.output_types(node)
    known = tuple(t for t in outputs if t is not None)
    read = inputs[0] if inputs else None
    if read is None or read.rank < 3 or len(known) < len(outputs) or node.kind == "opaque":
        return None
    reach = graph.op(node).reach(inputs, known)[0]
    return tuple(
        _look(Sliding(how.axis, how.window), made) if isinstance(how, Along) else _look(Fixed(0, n))
        for n, how in zip(read.shape[2:], reach[2:], strict=True)
    )


def _look(sight: Sight, made: TensorType | None = None) -> Look | None:
    if isinstance(sight, Fixed):
        return Look("fixed", _plain(sight.start), _plain(sight.stop - sight.start), 0, 1, None)
    if isinstance(sight, Scattered):
        w, units, axis, how = sight.window, sight.places, None, "scattered"
    elif isinstance(sight, Sliding) and made is not None and sight.axis < made.rank:
        w, units, axis, how = sight.window, made.shape[sight.axis], sight.axis, "slides"
    else:
        return None
    return Look(how, _plain(-w.before), _plain(w.extent), _plain(w.stride), units, axis)


def _plain(value: Number) -> float:
    return value if isinstance(value, int) else float(value)
