"""What if a window were another? Shapes, fields and costs of the network, without running it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...errors import ShapeError, StriateError
from ...graph import FitError, Graph, Node, Weight
from ...graph.ops import Opaque
from ...inspection._fields_of import axis_fields
from ...window import Window
from ._answers import Answer, Ask, Json, RequestError
from ._model import field_data
from ._session import Session

MOST = {"size": 1 << 10, "stride": 1 << 10, "padding": 1 << 10, "dilation": 1 << 10}
"""What may be asked for; a size of nothing that anyone builds is refused."""

LEAST = {"size": 1, "stride": 1, "padding": 0, "dilation": 1}


def whatif(session: Session, ask: Ask) -> Answer:
    """Work the network out with other windows."""
    changes = ask.body.get("changes") if isinstance(ask.body, dict) else None
    if not isinstance(changes, dict):
        raise RequestError('Changes are given as {"changes": {"0": {"stride": 2}}}.', 400)
    graph = session.subject.graph
    return Json(worked_out(graph, _checked(graph, changes)))


def _checked(graph: Graph, changes: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """The changes by the layer's name."""
    found = {}
    for key, wanted in changes.items():
        number = int(key) if str(key).isascii() and str(key).isdigit() else len(graph)
        if number >= len(graph) or not isinstance(wanted, dict):
            raise RequestError(f"There is no layer {str(key)[:20]}.", 400)
        node = graph.nodes[number]
        if not hasattr(node.op, "windows"):
            raise RequestError(f"{node.name} has no window that could be changed.", 400)
        for name, value in wanted.items():
            if (
                name not in LEAST
                or type(value) is not int
                or not (LEAST[name] <= value <= MOST[name])
            ):
                raise RequestError(
                    f"{node.name}: {str(name)[:20]}={str(value)[:20]} must be a whole number, of "
                    f"size, stride, dilation (1 or more) or padding (0 or more).",
                    400,
                )
        found[node.name] = wanted
    return found


def worked_out(graph: Graph, changes: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Tell shapes, costs and fields of every layer of the changed network.

    Args:
        graph: The network.
        changes: By the layer's name its new size, stride, padding or dilation, on every axis.
    Returns:
        `layers` (None behind what does not fit), `totals`, and `error`: where it stops fitting.
    """
    numbers = {node.name: i for i, node in enumerate(graph.nodes)}
    error = None
    try:
        changed, trouble = _fitting(_changed(graph, changes))
    except _WindowError as refused:
        return {"layers": [None] * len(graph), "totals": None,
                "error": {"layer": numbers[refused.layer], "text": str(refused)}}  # fmt: skip
    if trouble is not None:
        error = {"layer": numbers[trouble.node], "text": str(trouble)}
    fields, _ = axis_fields(changed)
    counted: set[str] = set()
    layers = [_layer(changed, node, i, fields, counted) for i, node in enumerate(changed.nodes)]
    known = [layer for layer in layers if layer is not None]
    totals = {name: sum(layer[name] or 0 for layer in known) for name in ("params", "macs")}
    return {"layers": layers, "totals": totals, "error": error}


class _WindowError(StriateError):
    """A window that cannot be."""

    def __init__(self, message: str, layer: str) -> None:
        super().__init__(message)
        self.layer = layer


def _changed(graph: Graph, changes: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Nodes and weights with other windows; a graph of them may not fit."""
    weights, nodes = dict(graph.weights), []
    for node in graph.nodes:
        wanted = changes.get(node.name)
        nodes.append(node if not wanted else _node(graph, node, wanted, weights))
    return {"graph": graph, "nodes": tuple(nodes), "weights": weights}


def _node(graph: Graph, node: Node, wanted: Mapping[str, int], weights: dict[str, Weight]) -> Node:
    try:
        windows = tuple(_window(w, wanted) for w in graph.op(node).windows)  # type: ignore[attr-defined]
    except StriateError as refused:
        raise _WindowError(str(refused), node.name) from None
    op = replace(graph.op(node), windows=windows)  # type: ignore[type-var]
    old = weights.get(node.inputs[1] or "") if len(node.inputs) > 1 else None
    if "size" not in wanted or node.kind not in ("conv", "conv_transpose") or old is None:
        return replace(node, op=op)
    name = f"{node.name}: another {old.name}"  # a shared weight stays with the others
    shape = (*old.type.shape[: -len(windows)], *(w.size for w in windows))
    weights[name] = Weight(name, old.type.with_shape(*shape), None, old.role)
    return replace(node, op=op, inputs=(node.inputs[0], name, *node.inputs[2:]))


def _window(window: Window, wanted: Mapping[str, int]) -> Window:
    return Window(
        wanted.get("size", window.size),
        stride=wanted.get("stride", window.stride),
        dilation=wanted.get("dilation", window.dilation),
        padding=wanted.get("padding", window.padding),
        ceil_mode=window.ceil_mode,
    )


def _fitting(parts: dict[str, Any]) -> tuple[Graph, FitError | None]:
    """Make the graph; what does not fit becomes unknown, and all behind it."""
    graph, nodes, first = parts["graph"], parts["nodes"], None
    while True:
        try:
            return replace(graph, nodes=nodes, weights=parts["weights"], source=None), first
        except FitError as trouble:
            first = first or trouble
            nodes = tuple(_unknown(n) if n.name == trouble.node else n for n in nodes)
        except ShapeError as error:  # of an input alone: no change of a window leads there
            raise RequestError(str(error), 422) from None


def _unknown(node: Node) -> Node:
    return replace(node, op=Opaque(node.kind, (None,) * len(node.outputs)))


def _layer(
    graph: Graph, node: Node, number: int, fields: Mapping[str, Any], counted: set[str]
) -> dict[str, Any] | None:
    """What changes of one layer; None where it is not known."""
    outputs = graph.output_types(node)
    known = tuple(t for t in outputs if t is not None)
    own = {v for v in node.inputs if v is not None and v in graph.weights} - counted
    counted |= own
    if not outputs or len(known) < len(outputs) or node.kind == "opaque":
        return None
    learned = (graph.weights[v] for v in own if graph.weights[v].role == "parameter")
    return {
        "id": number,
        "shape": known[0].shape[1:],
        "macs": graph.op(node).macs(graph.input_types(node), known),
        "field": field_data(fields.get(node.outputs[0])),
        "params": sum(math.prod(w.type.shape) for w in learned),
    }
