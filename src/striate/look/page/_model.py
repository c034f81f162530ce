"""What the page knows of the network before any input: its layers, blocks, numbers and advice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...graph import Graph, Node
from ...inspection import Report
from ...inspection._field import AxisField
from ...window import Number, Window
from .._gradient import has_gradients
from .._subject import Subject
from ._answers import Answer, Ask, Json
from ._session import Session


def model(session: Session, ask: Ask) -> Answer:
    """Tell of the network."""
    return Json(model_data(session))


def model_data(session: Session) -> dict[str, Any]:
    """Tell of the network and of what there is to choose."""
    subject = session.subject
    of_network: dict[str, Any] = session.once("model", lambda: _network(subject))
    return {
        **of_network,
        "trained": session.trained,
        "has_gradients": has_gradients(subject) and not session.exported,
        "has_data": session.data is not None and not session.exported,
        "live": session.watched is not None and not session.exported,
        "exported": session.exported,
        "samples": [
            {"id": i, "label": sample.label, "thumbnail": f"api/samples/{i}/thumbnail"}
            for i, sample in enumerate(session.samples)
        ],
    }


def _network(subject: Subject) -> dict[str, Any]:
    report = subject.report
    return {
        "name": subject.name,
        "input": _input(subject),
        "classes": subject.classes,
        "totals": {
            "params": report.params,
            "macs": report.macs,
            "memory_bytes": report.peak_memory_inference,
        },
        "layers": layers_data(subject, report),
        "blocks": blocks(subject.graph),
        "advice": [
            {"layer": one.layer, "text": f"{one.finding} {one.why} {one.remedy}"}
            for one in report.advice
        ],
    }


def _input(subject: Subject) -> dict[str, Any]:
    shape = subject.input_shape
    kinds = {2: "signal", 3: "image", 4: "volume"}
    kind = kinds.get(len(shape), "array")
    return {
        "name": next(iter(subject.graph.inputs)),
        "shape": shape,
        "kind": "array" if kind == "image" and shape[0] not in (1, 3) else kind,
        "channels": shape[0] if shape else 1,
        "sample_rate": subject.preprocess.sample_rate,
        "accept": ",".join(subject.preprocess.suffixes),
    }


def layers_data(subject: Subject, report: Report) -> list[dict[str, Any]]:
    """Tell of each layer, in the order they run."""
    graph = subject.graph
    numbers = {node.name: i for i, node in enumerate(graph.nodes)}
    return [_layer(subject, report, node, numbers) for node in graph.nodes]


def _layer(subject: Subject, report: Report, node: Node, numbers: dict[str, int]) -> dict[str, Any]:
    from ...inspection.render import layer_entries

    graph, row = subject.graph, report[node.name]
    weight = filter_shape(graph, node)
    made = graph.output_types(node)[0] if node.outputs else None
    readers = [reader for value in node.outputs for reader in graph.readers.get(value, ())]
    return {
        "id": numbers[node.name],
        "name": node.name,
        "kind": node.kind,
        "details": row.details,
        "path": node.path,
        "module": node.module,
        "inputs": operands(graph, node, numbers),
        "shape": made.shape[1:] if made else None,
        "params": row.params,
        "macs": row.macs,
        "map_bytes": row.output_bytes,
        "weights": weight,
        "groups": getattr(node.op, "groups", 1),
        "window": windows_data(graph, node),
        "field": field_data(row.field),
        "formulas": [
            {"name": e.label, "value": e.value, "text": e.arithmetic, "meaning": e.meaning}
            for e in layer_entries(report, row)
        ],
        "readers": sorted({numbers[reader.name] for reader in readers}),
    }


def filter_shape(graph: Graph, node: Node) -> tuple[int, ...] | None:
    """Shape of a layer's filters; None where it has none."""
    slots = [v for v in node.inputs[1:] if v is not None and v in graph.weights]
    shape = graph.weights[slots[0]].type.shape if slots else ()
    return shape if len(shape) > 1 else None


def operands(graph: Graph, node: Node, numbers: dict[str, int]) -> list[int]:
    """The layers that a layer reads, -1 for the network's input; weights are left out."""
    data = [v for v in node.inputs if v is not None and v not in graph.weights]
    found = (numbers[graph.producers[v].name] if v in graph.producers else -1 for v in data)
    return list(dict.fromkeys(found))


def windows_data(graph: Graph, node: Node) -> list[dict[str, Any]] | None:
    """The windows of a convolution or a pooling, with the padding that this input gets."""
    windows: Sequence[Window] = getattr(graph.op(node), "windows", ())
    read = graph.input_types(node)[0] if node.inputs else None
    if not windows or read is None:
        return None
    sizes = read.shape[2:] if node.kind != "conv_transpose" else [None] * len(windows)
    concrete = [w if n is None else w.on(n) for w, n in zip(windows, sizes, strict=True)]
    return [
        {
            "size": w.size,
            "stride": _number(w.stride),
            "dilation": _number(w.dilation),
            "before": _number(w.before),
            "after": _number(w.after),
        }
        for w in concrete
    ]


def field_data(field: Sequence[AxisField | None] | None) -> list[dict[str, Any] | None] | None:
    """A receptive field per axis; the size is None where it grows with the input."""
    if field is None:
        return None
    return [None if axis is None else _axis(axis) for axis in field]


def _axis(axis: AxisField) -> dict[str, Any]:
    size = None if math.isinf(axis.size) else axis.size
    return {"size": size, "stride": axis.jump, "start": axis.start}


def blocks(graph: Graph) -> dict[str, Any]:
    """The layers nested by the paths of their modules."""
    paths = [node.path for node in graph.nodes]
    inner = {path for path in paths if paths.count(path) > 1}
    inner |= {".".join(p.split(".")[:k]) for p in paths for k in range(1, len(p.split(".")))}
    root: dict[str, Any] = {"path": "", "name": graph.name, "layers": [], "blocks": []}
    made = {"": root}

    def block(path: str) -> dict[str, Any]:
        if path not in made:
            above, _, name = path.rpartition(".")
            made[path] = {"path": path, "name": name, "layers": [], "blocks": []}
            block(above)["blocks"].append(made[path])
        return made[path]

    for number, path in enumerate(paths):
        inside = path if path in inner else path.rpartition(".")[0]
        block(inside)["layers"].append(number)
    return root


def _number(value: Number) -> float:
    return value if isinstance(value, int) else float(value)
