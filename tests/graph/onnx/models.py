"""ONNX files made by hand, and how they are compared with ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from striate.graph import Graph, load_onnx

FLOAT = TensorProto.FLOAT
TOLERANCE = 2e-6
"""Of the largest output; float32 rounds by 1.2e-7 a step."""


def draw(*shape: int, seed: int = 0, dtype: str = "float32") -> np.ndarray[Any, Any]:
    """Numbers from a normal distribution."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def value(name: str, shape: Any = None, dtype: int = FLOAT) -> Any:
    """Declare an input or output."""
    return helper.make_tensor_value_info(name, dtype, shape)


def model(
    nodes: list[Any],
    inputs: dict[str, Any],
    *,
    outputs: Any = ("y",),
    weights: dict[str, Any] | None = None,
    opset: int = 18,
    input_dtype: int = FLOAT,
    ir_version: int = 8,
) -> Any:
    """Put a model together; outputs are declared without a shape."""
    declared = [output if not isinstance(output, str) else value(output) for output in outputs]
    stored = [numpy_helper.from_array(np.asarray(a), n) for n, a in (weights or {}).items()]
    graph = helper.make_graph(
        nodes, "net", [value(n, s, input_dtype) for n, s in inputs.items()], declared, stored
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = ir_version
    return made


def one(
    op_type: str,
    *inputs: Any,
    opset: int = 18,
    outputs: int = 1,
    dtypes: tuple[int, ...] = (FLOAT, TensorProto.INT64),
    name: str = "node",
    input_dtype: int = FLOAT,
    **attributes: Any,
) -> Any:
    """Make a model of one node: a tuple is the shape of an input, an array a weight."""
    data: dict[str, Any] = {}
    weights: dict[str, Any] = {}
    names = []
    for k, given in enumerate(inputs):
        if given is None:
            names.append("")
        elif isinstance(given, tuple):
            data[f"x{k}"] = given
            names.append(f"x{k}")
        else:
            weights[f"w{k}"] = given
            names.append(f"w{k}")
    made = [f"y{k}" for k in range(outputs)]
    node = helper.make_node(op_type, names, made, name=name, **attributes)
    declared = [value(n, None, dtypes[k if len(dtypes) > k else 0]) for k, n in enumerate(made)]
    return model(
        [node], data, outputs=declared, weights=weights, opset=opset, input_dtype=input_dtype
    )


def written(made: Any, folder: Path, name: str = "net.onnx") -> Path:
    """Save a model without any check."""
    path = folder / name
    path.write_bytes(made.SerializeToString())
    return path


def checked(made: Any, folder: Path, *shapes: Any, tolerance: float = TOLERANCE) -> Graph:
    """Load a model, and hold its result against ONNX Runtime's."""
    graph = load_onnx(written(made, folder), *shapes)
    assert "opaque" not in {node.kind for node in graph}
    assert graph.check() < tolerance
    return graph


def kinds(graph: Graph) -> list[str]:
    """Kinds of the nodes, in order."""
    return [node.kind for node in graph]


__all__ = ["FLOAT", "TOLERANCE", "checked", "draw", "kinds", "model", "one", "onnx", "value",
           "written"]  # fmt: skip
