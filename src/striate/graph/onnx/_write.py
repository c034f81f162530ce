"""Write a graph as an ONNX file: whole or not at all."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from ..._extras import require
from ..._files import writing
from ...errors import GraphError, OptionError, StriateError
from .._graph import Graph
from .._types import TensorType
from . import (  # noqa: F401  (each enters its operations into the table)
    _write_combine,
    _write_conv,
    _write_elementwise,
    _write_linear,
    _write_norm,
    _write_shape,
)
from ._tensors import NUMBERS
from ._writer import FixedBatchError, Writer, little_endian, weight_tensor

OLDEST_OPSET, NEWEST_OPSET = 13, 21

MOST_BYTES_INSIDE = (2 << 30) - (64 << 20)
"""More bytes of weights than this lie in a second file: protobuf ends at 2 GiB."""


def write_onnx(graph: Graph, path: Path, *, opset: int) -> None:
    """Write a graph as an ONNX file, and larger weights as `<name>.data` beside it.

    The batch is left open, unless a fixed size depends on it.

    Raises:
        GraphError: A node has no counterpart in ONNX, or the file cannot be written.
        OptionError: An opset that is not written.
    """
    onnx = require("onnx", extra="onnx", purpose="writing ONNX files")
    if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
        raise OptionError(
            f"opset={opset} is not written; opsets {OLDEST_OPSET} to {NEWEST_OPSET} are."
        )
    larger = _larger(graph)
    writer = Writer(graph, larger, opset)
    try:
        writer.write()
    except FixedBatchError:
        larger = None
        writer = Writer(graph, None, opset)
        writer.write()
    model = _model(onnx, writer, dynamic=larger is not None)
    _save(onnx, graph, model, path)


def _larger(graph: Graph) -> Graph | None:
    """Work the graph out for a batch one larger; None where that changes more than the batch."""
    shapes = [t.shape for t in graph.inputs.values()]
    if not shapes or any(not shape or shape[0] != shapes[0][0] for shape in shapes):
        return None
    try:
        larger = graph.at(*((shape[0] + 1, *shape[1:]) for shape in shapes))
    except StriateError:
        return None
    for value, type_ in graph.types.items():
        other = larger.types[value]
        if type_ is None or other is None or type_.rank != other.rank:
            return None
    for value in graph.outputs:
        type_, other = graph.types[value], larger.types[value]
        assert type_
        assert other
        if type_.shape[1:] != other.shape[1:]:
            return None
    return larger


def _model(onnx: Any, writer: Writer, *, dynamic: bool) -> Any:
    graph, helper = writer.graph, writer.helper
    read = {value for node in graph.nodes for value in node.inputs} | {*graph.outputs}
    stored = [w for w in graph.weights.values() if w.role != "constant" and w.name in read]
    inputs = [_value(helper, name, type_, dynamic) for name, type_ in graph.inputs.items()]
    outputs = []
    made = {value for node in graph.nodes for value in node.outputs}
    for value in graph.outputs:
        name = value
        if value not in made:  # an input, a weight, or named twice: it needs a name of its own
            name = writer.unique(f"{value}/output")
            writer.node("Identity", (value,), (name,), name)
        made.discard(value)
        type_ = graph.types[value]
        assert type_
        follows = dynamic and type_.rank > 0 and _follows(writer, value)
        outputs.append(_value(helper, name, type_, follows))
    content = helper.make_graph(writer.nodes, graph.name, inputs, outputs)
    content.initializer.extend(_empty(onnx, weight) for weight in stored)
    imports = [helper.make_opsetid("", writer.opset)]
    model = helper.make_model(content, opset_imports=imports, producer_name="striate")
    model.ir_version = helper.find_min_ir_version_for(imports)
    roles = {weight.name: weight.role for weight in stored if weight.role != "parameter"}
    helper.set_model_props(model, {"striate.roles": json.dumps(roles)})
    return model


def _empty(onnx: Any, weight: Any) -> Any:
    tensor = onnx.TensorProto()
    tensor.name, tensor.data_type = weight.name, NUMBERS[weight.type.dtype]
    tensor.dims.extend(weight.type.shape)
    return tensor


def _follows(writer: Writer, value: str) -> bool:
    assert writer.larger
    return writer.larger.types[value] != writer.graph.types[value]


def _value(helper: Any, name: str, type_: TensorType, dynamic: bool) -> Any:
    shape = ["N", *type_.shape[1:]] if dynamic else list(type_.shape)
    return helper.make_tensor_value_info(name, NUMBERS[type_.dtype], shape)


# The file ---------------------------------------------------------------------------------------


def _save(onnx: Any, graph: Graph, model: Any, path: Path) -> None:
    """Fill the weights in and write under other names; then give the files their own."""
    tensors = model.graph.initializer
    total = sum(graph.weights[tensor.name].type.nbytes for tensor in tensors)
    data = path.with_name(f"{path.name}.data")
    with ExitStack() as files:
        file = files.enter_context(writing(path, GraphError))
        if total > MOST_BYTES_INSIDE:
            outside = files.enter_context(writing(data, GraphError))
            _write_outside(graph, tensors, outside, data.name)
        else:
            for tensor in tensors:
                tensor.CopyFrom(weight_tensor(onnx, graph.weights[tensor.name]))
            _check(onnx, graph, model)
        file.write(model.SerializeToString())


def _write_outside(graph: Graph, tensors: Any, stream: BinaryIO, name: str) -> None:
    for tensor in tensors:
        weight = graph.weights[tensor.name]
        stream.write(b"\0" * (-stream.tell() % 64))  # aligned, so that it can be mapped
        place = stream.tell()
        stream.write(little_endian(weight.numpy(), weight.type.dtype))
        tensor.data_location = 1
        told = (("location", name), ("offset", place), ("length", stream.tell() - place))
        for key, value in told:
            tensor.external_data.add(key=key, value=str(value))


def _check(onnx: Any, graph: Graph, model: Any) -> None:
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise GraphError(
            f"{graph.name}: ONNX's checker refuses what was to be written ({error}). Please report "
            f"this."
        ) from error
