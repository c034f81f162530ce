"""A graph in a file: a zip of arrays, with the graph itself as JSON; no pickle.

graph.json     version, name, inputs, nodes, outputs, weights
weights/N.npy  the N-th weight, in NumPy's format; bfloat16 as uint16
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from .._files import reading, writing
from ..errors import GraphError
from ..window import Window
from ._graph import Graph, Node
from ._operation import Operation, find_operation
from ._sizes import Size
from ._types import TensorType, is_dtype
from ._weight import Weight

VERSION = 1

_MOST_JSON_BYTES = 256 << 20


def save(graph: Graph, path: Path) -> None:
    """Write the file under another name, then give it its own: whole or not at all."""
    with writing(path, GraphError) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("graph.json", json.dumps(as_json(graph), separators=(",", ":")))
        for number, weight in enumerate(graph.weights.values()):
            with archive.open(f"weights/{number}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, _storable(weight), allow_pickle=False)


def load(path: Path) -> Graph:
    """Read a file; everything in it is checked before it is used."""
    with reading(path, GraphError, "graph file", "Graph.save"):
        with path.open("rb") as file:
            if file.read(8) == b"STRIATE\0":
                raise GraphError(
                    "it is a plan that Plan.save wrote: striate.runtime.load reads it."
                )
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("graph.json").file_size > _MOST_JSON_BYTES:
                raise GraphError("its graph.json is absurdly large; refused.")
            content = json.loads(archive.read("graph.json"))
            if not isinstance(content, dict) or "version" not in content:
                raise GraphError("its graph.json is no graph.")
            if content["version"] != VERSION:
                raise GraphError(
                    f"its version is {content['version']!r}; this Striate reads version "
                    f"{VERSION}. Install the Striate that wrote it, or write it again."
                )
            arrays = [
                _read_array(archive, number, told) for number, told in enumerate(content["weights"])
            ]
        return _graph(content, arrays)


def as_json(graph: Graph) -> dict[str, Any]:
    """Tell the graph in plain dicts and lists, without the weights' numbers."""
    return {
        "version": VERSION,
        "name": graph.name,
        "training": graph.training,
        "inputs": {name: [list(t.shape), t.dtype] for name, t in graph.inputs.items()},
        "outputs": list(graph.outputs),
        "nodes": [
            {
                "name": node.name,
                "op": operation_as_json(node.op),
                "inputs": list(node.inputs),
                "outputs": list(node.outputs),
                "path": node.path,
                "module": node.module,
                "inplace": node.inplace,
            }
            for node in graph.nodes
        ],
        "weights": [
            {
                "name": w.name,
                "shape": list(w.type.shape),
                "dtype": w.type.dtype,
                "role": w.role,
                "trainable": w.trainable,
            }
            for w in graph.weights.values()
        ],
    }


def _graph(content: dict[str, Any], arrays: list[Any]) -> Graph:
    weights = {}
    for told, array in zip(content["weights"], arrays, strict=True):
        type_ = TensorType(tuple(map(int, told["shape"])), told["dtype"])
        weights[told["name"]] = Weight(
            str(told["name"]), type_, array, told["role"], bool(told["trainable"])
        )
    nodes = tuple(
        Node(
            str(told["name"]),
            operation_from_json(told["op"]),
            tuple(told["inputs"]),
            tuple(told["outputs"]),
            str(told["path"]),
            str(told["module"]),
            bool(told["inplace"]),
        )
        for told in content["nodes"]
    )
    inputs = {
        name: TensorType(tuple(map(int, shape)), dtype)
        for name, (shape, dtype) in content["inputs"].items()
    }
    for type_ in (*inputs.values(), *(w.type for w in weights.values())):
        if not is_dtype(type_.dtype):
            raise GraphError(f"dtype {type_.dtype!r} is not known.")
    return Graph(
        str(content["name"]),
        inputs,
        nodes,
        tuple(content["outputs"]),
        weights,
        bool(content["training"]),
    )


def _storable(weight: Weight) -> np.ndarray[Any, Any]:
    array = weight.numpy()
    if weight.type.dtype == "bfloat16":
        return (np.ascontiguousarray(array, np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return array


def _read_array(archive: zipfile.ZipFile, number: int, told: dict[str, Any]) -> Any:
    array = np.lib.format.read_array(
        io.BytesIO(archive.read(f"weights/{number}.npy")), allow_pickle=False
    )
    bits = told["dtype"] == "bfloat16"
    expected = "uint16" if bits else told["dtype"]
    if array.dtype != expected or list(array.shape) != told["shape"]:
        raise GraphError(
            f"weight {told['name']!r} is {array.dtype} {array.shape}; the graph says {expected} "
            f"{tuple(told['shape'])}."
        )
    return (array.astype(np.uint32) << 16).view(np.float32) if bits else array


def operation_as_json(op: Operation) -> dict[str, Any]:
    """Tell an operation in plain dicts and lists."""
    arguments = {f.name: _plain(getattr(op, f.name)) for f in fields(op)}  # type: ignore[arg-type]
    return {"kind": op.kind, **arguments}


def operation_from_json(told: dict[str, Any]) -> Operation:
    """Make the operation that `operation_as_json` told."""
    arguments = {name: _rich(value) for name, value in told.items() if name != "kind"}
    return find_operation(told["kind"])(**arguments)


def _plain(value: Any) -> Any:
    """Tell a field in JSON: what is not a number, text, None or list becomes {"type": ...}."""
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Fraction):
        return {"fraction": [value.numerator, value.denominator]}
    if isinstance(value, Window):
        padding = value.padding
        parts = [value.size, value.stride, value.dilation]
        return {
            "window": [_plain(p) for p in (*parts, padding)],
            "ceil_mode": value.ceil_mode,
        }
    if isinstance(value, Size):
        return {"size": [value.operator, *(_plain(o) for o in value.operands)]}
    if isinstance(value, float) and not np.isfinite(value):
        return {"float": str(value)}
    return value


def _rich(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_rich, value))
    if not isinstance(value, dict):
        return value
    if "fraction" in value:
        return Fraction(*value["fraction"])
    if "window" in value:
        size, stride, dilation, padding = map(_rich, value["window"])
        return Window(size, stride, dilation, padding, value["ceil_mode"])
    if "size" in value:
        operator, *operands = map(_rich, value["size"])
        return Size(operator, tuple(operands))
    return float(value["float"])
