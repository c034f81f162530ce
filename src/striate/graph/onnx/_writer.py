"""ONNX nodes under construction: names, constants, sizes that follow the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..._extras import require
from ...errors import GraphError
from .._graph import Graph, Node
from .._operation import Operation
from .._sizes import Size
from .._types import TensorType
from .._weight import Weight
from ._tensors import NUMBERS

WRITERS: dict[type[Operation], Callable[[Job], None]] = {}
"""By class of the operation, the function that writes it."""

_OPERATORS = {"+": "Add", "-": "Sub", "*": "Mul", "//": "Div", "max": "Max", "min": "Min"}


class FixedBatchError(Exception):
    """The network can be written for one size of the batch only."""


def writes(
    *operations: type[Operation],
) -> Callable[[Callable[[Job], None]], Callable[[Job], None]]:
    """Enter a function into the table."""

    def entered(function: Callable[[Job], None]) -> Callable[[Job], None]:
        WRITERS.update(dict.fromkeys(operations, function))
        return function

    return entered


class Writer:
    """Collects the nodes of an ONNX graph.

    Args:
        graph: What is written.
        larger: The same graph at a batch one larger; None where its size is to be fixed.
        opset: Version of ONNX's operators.
    """

    def __init__(self, graph: Graph, larger: Graph | None, opset: int) -> None:
        self.graph, self.larger, self.opset = graph, larger, opset
        self.helper = require("onnx.helper", extra="onnx", purpose="writing ONNX files")
        self.onnx = require("onnx", extra="onnx", purpose="writing ONNX files")
        self.nodes: list[Any] = []
        self._taken = set(graph.types) | {node.name for node in graph.nodes}
        self._constants: dict[tuple[Any, ...], str] = {}

    def write(self) -> None:
        """Write every weight that is a constant, then every node."""
        read = {value for node in self.graph.nodes for value in node.inputs if value is not None}
        read.update(self.graph.outputs)
        for weight in self.graph.weights.values():
            if weight.role == "constant" and weight.name in read:
                self._constant_node(weight.name, weight.numpy(), weight.type.dtype)
        for node in self.graph.nodes:
            function = WRITERS.get(type(node.op))
            if function is None:
                what = getattr(node.op, "name", node.kind) if node.kind == "opaque" else node.kind
                raise GraphError(
                    f"{self.graph.name}: '{node.name}' ({what}) has no counterpart in ONNX, so the "
                    f"network cannot be written."
                )
            job = Job(self, node)
            try:
                function(job)
            except GraphError as error:
                raise GraphError(
                    f"{self.graph.name}: '{node.name}' ({node.kind}) cannot be written: {error}"
                ) from error

    def unique(self, name: str) -> str:
        """Take a name that nothing has yet."""
        found, count = name, 1
        while found in self._taken:
            count += 1
            found = f"{name}_{count}"
        self._taken.add(found)
        return found

    def node(
        self, op_type: str, inputs: Sequence[str], outputs: Sequence[str], name: str, **given: Any
    ) -> None:
        """Put a node at the end."""
        inputs = list(inputs)
        while inputs and not inputs[-1]:
            inputs.pop()
        self.nodes.append(self.helper.make_node(op_type, inputs, outputs, name=name, **given))

    def constant(self, numbers: Any, dtype: str) -> str:
        """Name small numbers; equal ones share a node."""
        array = np.asarray(numbers, _stored(dtype))
        key = (array.tobytes(), array.shape, dtype)
        if key not in self._constants:
            name = self.unique("constant")
            self._constant_node(name, array, dtype)
            self._constants[key] = name
        return self._constants[key]

    def _constant_node(self, name: str, array: Any, dtype: str) -> None:
        value = tensor_of(self.onnx, name, array, dtype)
        self.node("Constant", (), (name,), self.unique(f"{name}/Constant"), value=value)


def tensor_of(onnx: Any, name: str, array: Any, dtype: str) -> Any:
    """Make a `TensorProto` of an array."""
    tensor = onnx.TensorProto()
    tensor.name, tensor.data_type = name, NUMBERS[dtype]
    tensor.dims.extend(array.shape)
    tensor.raw_data = little_endian(array, dtype)
    return tensor


def little_endian(array: Any, dtype: str) -> bytes:
    """The bytes of an array as ONNX stores them; bfloat16 comes as float32."""
    if dtype == "bfloat16":
        array = (np.ascontiguousarray(array, np.float32).view(np.uint32) >> 16).astype("<u2")
    array = np.asarray(array)
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


def weight_tensor(onnx: Any, weight: Weight) -> Any:
    """Make the initializer of a weight."""
    return tensor_of(onnx, weight.name, weight.numpy(), weight.type.dtype)


def _stored(dtype: str) -> Any:
    return "float32" if dtype == "bfloat16" else dtype


class Job:
    """One node of a graph that is to be written.

    Args:
        writer: Takes the ONNX nodes.
        node: The node.
    """

    def __init__(self, writer: Writer, node: Node) -> None:
        graph = writer.graph
        self.writer, self.node, self.opset = writer, node, writer.opset
        self.op: Any = graph.op(node)
        self.inputs = tuple(value or "" for value in node.inputs)
        self.outputs = node.outputs
        self.x = tuple(t or TensorType(()) for t in graph.input_types(node))
        self.y = tuple(t or TensorType(()) for t in graph.output_types(node))
        self._named = False

    def given(self, index: int) -> bool:
        """Whether an input is there."""
        return index < len(self.inputs) and bool(self.inputs[index])

    def input(self, index: int) -> str:
        """Name of an input; empty where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else ""

    def read(self, index: int) -> bool:
        """Whether anybody reads an output."""
        graph, value = self.writer.graph, self.outputs[index]
        return value in graph.readers or value in graph.outputs

    # Nodes --------------------------------------------------------------------------------------

    def emit(self, op_type: str, *inputs: str, main: bool = False, **given: Any) -> str:
        """Put a node with one output in between; `main` gives it the operation's name."""
        name = self.writer.unique(f"{self.node.name}/{op_type}")
        self.writer.node(op_type, inputs, (name,), self.node.name if main else name, **given)
        self._named |= main
        return name

    def end(self, op_type: str, *inputs: str, outputs: Sequence[str] = (), **given: Any) -> None:
        """Put the node that makes the operation's outputs."""
        name = self.node.name
        name = self.writer.unique(f"{name}/{op_type}") if self._named else name
        self.writer.node(op_type, inputs, outputs or self.outputs, name, **given)

    # Numbers ------------------------------------------------------------------------------------

    def ints(self, values: Iterable[Any]) -> str:
        """Name a list of whole numbers."""
        return self.writer.constant([int(value) for value in values], "int64")

    def number(self, value: Any, dtype: str | None = None) -> str:
        """Name one number, of the first output's dtype unless told."""
        return self.writer.constant(value, dtype or self.y[0].dtype)

    def cast(self, value: str, dtype: str, to: str) -> str:
        """Give a value another dtype, if it has not got it."""
        return value if dtype == to else self.emit("Cast", value, to=NUMBERS[to])

    # Sizes --------------------------------------------------------------------------------------

    def fixed(self, index: int = 0) -> tuple[int, ...]:
        """Shape of an input whose axes behind the batch do not follow the batch.

        Raises:
            FixedBatchError: They do.
        """
        larger, value = self.writer.larger, self.node.inputs[index]
        assert value is not None
        if larger is not None:
            other = larger.types[value]
            if other is None or other.shape[1:] != self.x[index].shape[1:]:
                raise FixedBatchError
        return self.x[index].shape

    def sizes(self, name: str) -> str:
        """Name a list of the operation's sizes; those that follow the batch are computed."""
        return self.sizes_of(getattr(self.node.op, name), getattr(self.op, name), name)

    def sizes_of(self, raw: Sequence[Any], bound: Sequence[Any], name: str = "") -> str:
        """Name a list of sizes, given as arithmetic and as what it comes to."""
        larger = self.writer.larger
        if larger is None:
            return self.ints(bound)
        lookup = _lengths(larger)
        moved = [part.resolve(lookup) if isinstance(part, Size) else part for part in raw]
        parts = [
            self.ints([size]) if size == other else self._computed(part)
            for part, size, other in zip(raw, bound, moved, strict=True)
        ]
        if not any(size != other for size, other in zip(bound, moved, strict=True)):
            return self.ints(bound)
        return parts[0] if len(parts) == 1 else self.emit("Concat", *parts, axis=0)

    def follows_batch(self, field: Any) -> bool:
        """Whether a size depends on the batch."""
        larger = self.writer.larger
        if larger is None or not isinstance(field, Size):
            return False
        return field.resolve(_lengths(larger)) != field.resolve(_lengths(self.writer.graph))

    def whole(self, field: Any) -> int:
        """A size that must not depend on the batch.

        Raises:
            FixedBatchError: It does.
        """
        if self.follows_batch(field):
            raise FixedBatchError
        if isinstance(field, Size):
            field = field.resolve(_lengths(self.writer.graph))
        return int(field)

    def _computed(self, size: Any) -> str:
        """Write arithmetic over sizes as nodes; a list of one number."""
        if not isinstance(size, Size):
            return self.ints([size])
        if size.operator == "shape":
            value, axis = size.operands
            return self.emit("Gather", self.emit("Shape", value), self.ints([axis]), axis=0)
        if size.operator not in _OPERATORS:
            raise FixedBatchError
        return self.emit(_OPERATORS[size.operator], *map(self._computed, size.operands))


def _lengths(graph: Graph) -> Callable[[str, int], int]:
    def length(value: str, axis: int) -> int:
        known = graph.types[value]
        assert known is not None
        return known.shape[axis]

    return length
