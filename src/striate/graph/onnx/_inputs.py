"""Types that an ONNX file declares: of its inputs, and of what Striate cannot work out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import GraphError, OptionError
from .._types import TensorType
from ._call import Call
from ._file import File
from ._tensors import DTYPES

_MOST_ELEMENTS = 1 << 40

_LIKE_INPUT = {
    "QuantizeLinear": "uint8", "DequantizeLinear": "float32", "Bernoulli": "", "Hardmax": "",
    "Shrink": "", "IsNaN": "bool", "IsInf": "bool", "Tan": "", "Sinh": "", "Cosh": "", "Asin": "",
    "Acos": "", "Atan": "", "Asinh": "", "Acosh": "", "Atanh": "", "MeanVarianceNormalization": "",
}  # fmt: skip
"""Operators whose output has the input's shape, and their dtype; empty means the same one."""


def input_types(file: File, shapes: Sequence[Sequence[int]]) -> dict[str, TensorType]:
    """Find the type of every input that is no weight.

    Raises:
        GraphError: A size is open and not given, or no graph can hold such an input.
        OptionError: Shapes were given that are not those of the inputs.
    """
    stored = {tensor.name for tensor in file.graph.initializer}
    stored.update(tensor.values.name for tensor in file.graph.sparse_initializer)
    inputs = [value for value in file.graph.input if value.name not in stored]
    if shapes and len(shapes) != len(inputs):
        names = ", ".join(value.name for value in inputs) or "none"
        raise GraphError(
            f"{file.path}: {len(shapes)} shapes were given for {len(inputs)} inputs: {names}."
        )
    types = {}
    for k, value in enumerate(inputs):
        if not value.type.HasField("tensor_type"):
            raise GraphError(f"{file.path}: its input {value.name!r} is not a tensor.")
        tensor = value.type.tensor_type
        if tensor.elem_type not in DTYPES:
            raise GraphError(
                f"{file.path}: its input {value.name!r} has ONNX's type {tensor.elem_type}, which "
                f"a graph cannot hold."
            )
        dims = _dims(tensor)
        shape = tuple(map(int, shapes[k])) if shapes else _closed(file, inputs, value.name, dims)
        if dims is not None and len(dims) != len(shape):
            raise OptionError(
                f"the input {value.name!r} has {len(dims)} axes; the shape {shape} has "
                f"{len(shape)}."
            )
        if min(shape, default=0) < 0 or math.prod(shape) > _MOST_ELEMENTS:
            raise GraphError(f"{file.path}: its input {value.name!r} is {shape}: absurdly large.")
        types[value.name] = TensorType(shape, DTYPES[tensor.elem_type][0])
    return types


def _dims(tensor: Any) -> list[int | str] | None:
    """Sizes, and words for those that are open; None where even their number is."""
    if not tensor.HasField("shape"):
        return None
    return [
        d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else d.dim_param or "?"
        for d in tensor.shape.dim
    ]


def _closed(file: File, inputs: list[Any], name: str, dims: list[int | str] | None) -> Any:
    """Put 1 for an open batch; ask for other open sizes."""
    if dims is not None and all(isinstance(n, int) for n in dims[1:]):
        return tuple(n if isinstance(n, int) else 1 for n in dims)
    example = " ".join(f"--input {_example(_dims(v.type.tensor_type))}" for v in inputs)
    shapes = ", ".join(f"({', '.join(_example(_dims(v.type.tensor_type)).split('x'))})"
                       for v in inputs)  # fmt: skip
    told = "x".join(map(str, dims)) if dims is not None else "of any shape"
    raise GraphError(
        f"{file.path}: its input {name!r} is {told}, so the file leaves sizes open. Give a shape "
        f"for each input: striate inspect {file.path.name} {example}, or in Python "
        f"striate.load_onnx({file.path.name!r}, {shapes})."
    )


def _example(dims: list[int | str] | None) -> str:
    """Sizes to write: those of the file, and for open ones those of ImageNet."""
    if dims is None:
        return "1x3x224x224"
    usual = {0: 1, 1: 3}
    return "x".join(str(n if isinstance(n, int) else usual.get(k, 224)) for k, n in enumerate(dims))


def declared_type(
    declared: Any, types: Mapping[str, TensorType | None], call: Call, index: int
) -> tuple[tuple[int, ...], str] | None:
    """Find the type of an opaque node's output where the file tells it; else None."""
    if index == 0 and call.op_type in _LIKE_INPUT and isinstance(call.value(0), str):
        known = types[str(call.value(0))]
        if known is not None:
            return known.shape, _LIKE_INPUT[call.op_type] or known.dtype
    if declared is None or not declared.type.HasField("tensor_type"):
        return None
    tensor = declared.type.tensor_type
    dims = _dims(tensor)
    if tensor.elem_type not in DTYPES or dims is None:
        return None
    if not all(isinstance(n, int) and n < 1 << 40 for n in dims):
        return None
    return tuple(n for n in dims if isinstance(n, int)), DTYPES[tensor.elem_type][0]
