"""The network as another program computes it, to compare a graph with."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..._extras import require
from ...errors import GraphError


def source_of(path: Path) -> Callable[..., Sequence[Any]]:
    """Make a function that runs the file: in ONNX Runtime, or in onnx's own reference.

    Nothing is loaded before the first call.
    """
    runner: list[Callable[[dict[str, Any]], Sequence[Any]]] = []
    types: dict[str, str] = {}

    def run(*arrays: Any) -> Sequence[Any]:
        if not runner:
            runner.append(_runner(path, types))
        feeds = {
            name: array.astype(dtype)
            for (name, dtype), array in zip(types.items(), arrays, strict=True)
        }
        try:
            return runner[0](feeds)
        except Exception as error:  # native code raises what it likes
            raise GraphError(f"{path} cannot be run ({error}).") from error

    return run


def _runner(path: Path, types: dict[str, str]) -> Callable[[dict[str, Any]], Sequence[Any]]:
    if importlib.util.find_spec("onnxruntime"):
        runtime = require("onnxruntime", extra="onnx", purpose="running an ONNX file")
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        try:
            session = runtime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
        except Exception as error:
            raise GraphError(f"{path}: ONNX Runtime refuses it ({error}).") from error
        for value in session.get_inputs():
            types[value.name] = _DTYPES.get(value.type, "float32")
        return lambda feeds: session.run(None, feeds)
    reference = require("onnx.reference", extra="onnx", purpose="running an ONNX file")
    evaluator = reference.ReferenceEvaluator(str(path))
    helper = require("onnx.helper", extra="onnx", purpose="running an ONNX file")
    for name, type_ in zip(evaluator.input_names, evaluator.input_types, strict=True):
        types[name] = helper.tensor_dtype_to_np_dtype(type_.tensor_type.elem_type).name
    return lambda feeds: evaluator.run(None, feeds)


_DTYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16",
    "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(int16)": "int16",
    "tensor(int8)": "int8", "tensor(uint8)": "uint8", "tensor(uint16)": "uint16",
    "tensor(uint32)": "uint32", "tensor(uint64)": "uint64", "tensor(bool)": "bool",
}  # fmt: skip
