"""One unit: where it looks, the sum that makes its value, and which units read it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...errors import OptionError
from ...graph import SOMEWHERE, Along, Graph, Node
from ...graph._reach import Reach
from ...inspection import Unit, look_at_unit
from ...window import Window
from .._subject import Activations
from ..sums import UnitSum, unit_sum, why_no_sum
from ._answers import Answer, Ask, Json, RequestError
from ._session import Session

MOST_TERMS = 256
"""Terms of a sum that are all shown."""

SHOWN = 64
"""Terms that are shown of longer sums: those of the largest magnitude."""


def unit(session: Session, ask: Ask) -> Answer:
    """Tell of the unit of a layer at a channel and a place."""
    node = ask.node(session)
    run = session.run(ask.path["run"])
    index = (ask.number("channel", 0), *ask.numbers("place"))
    maps = run[node.name]
    if maps.ndim == 1 and len(index) > 1:
        index = index[:1]
    try:
        found = unit_sum(run, node.name, index)
    except OptionError as error:
        raise RequestError(str(error)) from None
    return Json(unit_data(run, node, index, found, session.layer_numbers))


def unit_data(
    run: Activations,
    node: Node,
    index: tuple[int, ...],
    found: UnitSum | None,
    numbers: dict[str, int],
) -> dict[str, Any]:
    """Put all that is known of a unit together."""
    graph = run.subject.graph
    box, visible = _box(graph, node, index[1:], None)
    after = _after(run, node, index, found)
    return {
        "value": float(run[node.name][index]),
        "place": index[1:],
        "channel": index[0],
        "box": box,
        "visible": visible,
        "previous": _previous(graph, node, index[1:], numbers),
        "sum": None if found is None else _sum(graph, found, after, numbers),
        "text": _words(node, found, after, float(run[node.name][index])),
        "feeds": [_feed(graph, node, index, reader, numbers) for reader in _readers(graph, node)],
    }


Box = list[list[int] | None]


def _box(
    graph: Graph, node: Node, place: Sequence[int], of: str | None
) -> tuple[Box | None, Box | None]:
    """What the unit sees of the input, or of an earlier layer: over the border, and real pixels."""
    try:
        seen: Unit = look_at_unit(graph, node.name, place, of=of)
    except OptionError:
        return None, None  # the input has no axes, or does not flow into the layer
    return _lists(seen.box), _lists(seen.visible)


def _lists(box: Sequence[tuple[int, int] | None]) -> Box | None:
    return [None if pair is None else list(pair) for pair in box] or None


def _previous(
    graph: Graph, node: Node, place: Sequence[int], numbers: dict[str, int]
) -> dict[str, Any] | None:
    """What it sees of the first map that its layer reads."""
    value = next((v for v in node.inputs if v is not None and v not in graph.weights), None)
    if value is None:
        return None
    made = graph.producers.get(value)
    kind = graph.types[value]
    box, visible = (None, None)
    if kind is not None and kind.rank > 2:
        box, visible = _box(graph, node, place, made.name if made else value)
    return {"layer": numbers[made.name] if made else -1, "box": box, "visible": visible}


def _sum(
    graph: Graph, found: UnitSum, after: dict[str, Any] | None, numbers: dict[str, int]
) -> dict[str, Any]:
    shown = found if len(found) <= MOST_TERMS else found.largest(SHOWN)
    layers = [_source(graph, value, numbers) for value in found.sources]
    terms = [
        {
            "layer": layers[source],
            "channel": place[0] if place else 0,
            "place": place[1:] if inside else None,
            "offset": offset,
            "x": x,
            "w": w,
            "product": product,
        }
        for source, place, inside, offset, x, w, product in zip(
            *(
                array.tolist()
                for array in (
                    shown.source, shown.index, shown.inside, shown.offset, shown.x, shown.w,
                    shown.products,
                )
            ),
            strict=True,
        )
    ]  # fmt: skip
    return {
        "kind": found.kind,
        "terms": terms,
        "terms_total": len(found),
        "terms_shown": len(terms),
        "rest": float(found.products.sum() - shown.products.sum()),
        "formula": found.formula,
        "bias": found.bias,
        "total": found.total,
        "after": after,
    }


def _source(graph: Graph, value: str, numbers: dict[str, int]) -> int | None:
    """The layer that makes a value; -1 for the network's input, None for a weight."""
    if value in graph.weights:
        return None
    maker = graph.producers.get(value)
    return numbers[maker.name] if maker else -1


def _after(
    run: Activations, node: Node, index: tuple[int, ...], found: UnitSum | None
) -> dict[str, Any] | None:
    """The activation: the layer's own, or the one that alone reads it."""
    if found is not None and found.function:
        return {"name": found.function, "value": found.value}
    readers = _readers(run.subject.graph, node)
    if len(readers) == 1 and readers[0].kind == "activation":
        value = float(run[readers[0].name][index])
        return {"name": readers[0].op.function, "value": value}  # type: ignore[attr-defined]
    return None


def _words(node: Node, found: UnitSum | None, after: dict[str, Any] | None, value: float) -> str:
    """The sum in one line."""
    if found is None:
        return f"{value:.5g}: {why_no_sum(node.kind)}."
    if found.picks:
        return f"The largest of {len(found)}: {value:.5g}."
    parts = [f"{len(found):,} product{'s' if len(found) != 1 else ''}: {found.products.sum():.5g}"]
    if found.bias is not None:
        parts.append(f"{'-' if found.bias < 0 else '+'} {abs(found.bias):.5g}")
    words = f"{' '.join(parts)} = {found.total:.5g}"
    return words if after is None else f"{words}, {after['name']}: {after['value']:.5g}"


def _readers(graph: Graph, node: Node) -> list[Node]:
    return list(graph.readers.get(node.outputs[0], ()))


def _feed(
    graph: Graph, node: Node, index: tuple[int, ...], reader: Node, numbers: dict[str, int]
) -> dict[str, Any]:
    """How many units of a layer read this one, and the box that they lie in."""
    made = graph.output_types(reader)[0]
    data: dict[str, Any] = {"layer": numbers[reader.name], "units": None, "boxes": None}
    operand = reader.inputs.index(node.outputs[0])
    read = graph.input_types(reader)[operand]
    if made is None or read is None or reader.kind == "opaque":
        return data
    reach = _reach(graph, reader)[operand]
    runs = {axis: (range(n), n) for axis, n in enumerate(made.shape)}
    for how, at, n in zip(reach[1:], index, read.shape[1:], strict=True):
        if isinstance(how, Along):
            runs[how.axis] = _readers_along(how.window, at, n, made.shape[how.axis])
        elif how is SOMEWHERE:
            return {**data, "units": 1}  # a number that only moves
    groups = 1 if isinstance(reach[1], Along) else getattr(graph.op(reader), "groups", 1) or 1
    data["units"] = math.prod(count for _, count in list(runs.values())[1:]) // groups
    boxes = [[runs[axis][0].start, runs[axis][0].stop] for axis in range(2, made.rank)]
    data["boxes"] = boxes or None
    return data


def _readers_along(window: Window, at: int, n: int, outputs: int) -> tuple[range, int]:
    """The run of outputs that read position `at` of an axis of n, and how many of them do."""
    if window == Window(1):
        return range(at, at + 1), 1
    near = window.on(n).output_interval(at)
    near = range(max(near.start, 0), min(near.stop, outputs))
    reading = [i for i in near if at in window.taps(i)]
    return (range(reading[0], reading[-1] + 1), len(reading)) if reading else (range(0), 0)


def _reach(graph: Graph, node: Node) -> tuple[Reach, ...]:
    known = tuple(t for t in graph.output_types(node) if t is not None)
    return graph.op(node).reach(graph.input_types(node), known)
