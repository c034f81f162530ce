"""One node of an ONNX file with what its inputs are known to be: what the lowerings work on."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import GraphError
from .._operation import Array, Operation
from .._sizes import Size
from .._types import TensorType
from .._weight import Role
from ._build import Builder
from ._tensors import known_dtype, read_tensor
from ._values import (
    MOST_NUMBERS,
    Constant,
    Sizes,
    Unreadable,
    UnsupportedError,
    Value,
    as_objects,
)


class Call:
    """A node: its attributes, inputs and outputs.

    Args:
        builder: Takes the graph's nodes.
        node: The `onnx.NodeProto`.
        inputs: What each input is; None where it is left out.
        opset: Version of ONNX's operators.
        path, name: Where in the network it stands, and what it is called.
        reads: How often each output is read.
        folder: Where external data may lie.
    """

    def __init__(
        self,
        builder: Builder,
        node: Any,
        inputs: list[Value | None],
        *,
        opset: int,
        path: str,
        name: str,
        reads: list[int],
        folder: Path,
    ) -> None:
        self.builder, self.node, self.inputs, self.opset = builder, node, inputs, opset
        self.path, self.name, self.reads, self._folder = path, name, reads, folder
        self.op_type: str = node.op_type
        self._attributes = {attribute.name: attribute for attribute in node.attribute}

    # Attributes ---------------------------------------------------------------------------------

    def attr(self, name: str, default: Any = None) -> Any:
        """Look an attribute up: an int, float, text, tuple of them, or a Constant."""
        attribute = self._attributes.get(name)
        if attribute is None:
            return default
        kind = attribute.type
        if kind in (1, 2):
            return attribute.f if kind == 1 else attribute.i
        if kind == 3:
            return attribute.s.decode("utf-8")
        if kind == 4:
            return self._tensor(attribute.t)
        if kind in (6, 7):
            return tuple(attribute.floats if kind == 6 else attribute.ints)
        raise UnsupportedError(f"its attribute {name} has a type that is not known")

    def ints(self, name: str, length: int, default: int) -> tuple[int, ...]:
        """Look up an attribute with one number for each axis."""
        values = self.attr(name, ())
        if not values:
            return (default,) * length
        if not isinstance(values, tuple) or len(values) != length:
            raise GraphError(f"{name}={values} must hold {length} numbers.")
        return tuple(int(value) for value in values)

    def has(self, name: str) -> bool:
        """Whether the attribute is given."""
        return name in self._attributes

    def _tensor(self, tensor: Any) -> Constant:
        if not known_dtype(tensor):
            raise UnsupportedError(f"it holds numbers of ONNX's type {tensor.data_type}")
        array, dtype = read_tensor(tensor, self._folder)
        return Constant(array, dtype, self.value_name)

    @property
    def value_name(self) -> str:
        """The file's name for the first output, which no other value has."""
        return str(self.node.output[0]) if self.node.output else self.name

    # Inputs -------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.inputs)

    def value(self, index: int) -> Value | None:
        """What an input is; None where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def given(self, index: int) -> bool:
        """Whether an input is there."""
        return self.value(index) is not None

    def data(self, index: int, role: Role | None = None) -> str:
        """Name an input as a value of the graph; numbers of the file become a weight."""
        value = self.value(index)
        if value is None:
            raise GraphError(f"its input {index} is missing.")
        return self.named(value, role)

    def named(self, value: Value, role: Role | None = None) -> str:
        """Name anything as a value of the graph."""
        if isinstance(value, Constant):
            return self.builder.weight(value, role)
        if isinstance(value, Sizes):
            return self.builder.sizes_as_data(value, self.name)
        if isinstance(value, Unreadable):
            raise UnsupportedError(value.reason)
        return value

    def parameter(self, index: int, role: Role = "parameter") -> str | None:
        """Name an optional input that is learned."""
        return self.data(index, role) if self.given(index) else None

    def constant(self, index: int) -> Constant | None:
        """Numbers that the file holds, if this input is such."""
        value = self.value(index)
        return value if isinstance(value, Constant) else None

    def type(self, index: int) -> TensorType:
        """Type of an input, which must be known."""
        value = self.value(index)
        if value is None:
            raise GraphError(f"its input {index} is missing.")
        return self.type_of(value)

    def type_of(self, value: Value) -> TensorType:
        """Type of anything."""
        if isinstance(value, Constant | Sizes):
            return TensorType(tuple(value.array.shape), value.dtype)
        if isinstance(value, Unreadable):
            raise UnsupportedError(value.reason)
        known = self.builder.types[value]
        if known is None:
            raise UnsupportedError("the size of its input is not known")
        return known

    def numbers(self, index: int) -> Array | None:
        """Numbers and `Size`s of an input, as objects; None where it is left out or data."""
        value = self.value(index)
        if isinstance(value, Sizes) or (
            isinstance(value, Constant) and value.array.size <= MOST_NUMBERS
        ):
            return as_objects(value)
        return None

    def sizes(self, index: int, attribute: str = "") -> tuple[Any, ...] | None:
        """Ints and `Size`s of an input, or of an attribute in older opsets; None if left out."""
        if self.has(attribute):
            return tuple(self.attr(attribute))
        if not self.given(index):
            return None
        array = self.numbers(index)
        if array is None:
            raise UnsupportedError("its sizes are computed from the data")
        if array.ndim > 1:
            raise GraphError(f"its input {index} must be a list of numbers.")
        values = tuple(array.reshape(-1).tolist())
        if any(isinstance(value, Fraction) for value in values):
            raise GraphError(f"its input {index} must hold whole numbers: {values}.")
        return tuple(int(v) if isinstance(v, bool) else v for v in values)

    def axes(self, index: int = 1, attribute: str = "axes") -> tuple[int, ...] | None:
        """Axes, from an attribute or (newer opsets) an input; None if left out."""
        values = self.sizes(index, attribute)
        if values is not None and any(isinstance(value, Size) for value in values):
            raise UnsupportedError("its axes are computed")
        return values

    def scalar(self, index: int) -> float | int | None:
        """The number of an input that holds just one; None for anything else."""
        value = self.constant(index)
        if value is None or value.array.size != 1 or value.array.dtype.kind == "c":
            return None
        return value.array.reshape(-1)[0].item()  # type: ignore[no-any-return]

    # Results ------------------------------------------------------------------------------------

    def add(self, op: Operation, *inputs: str | None, part: str = "", **options: Any) -> str:
        """Put a node with one output into the graph; `part` names one beside the main one."""
        return self.add_many(op, *inputs, part=part, **options)[0]

    def add_many(
        self, op: Operation, *inputs: str | None, part: str = "", outputs: int = 1
    ) -> tuple[str, ...]:
        """Put a node into the graph."""
        while inputs and inputs[-1] is None:
            inputs = inputs[:-1]
        name = f"{self.name}.{part}" if part else self.name
        return self.builder.add(
            op, inputs, name, outputs=outputs, path=self.path, module=self.op_type
        )

    def read(self, index: int) -> bool:
        """Whether anybody reads an output."""
        return index < len(self.reads) and self.reads[index] > 0

    def only_first(self) -> None:
        """Refuse a node whose further outputs are read."""
        if any(self.reads[1:]):
            raise UnsupportedError("its second output is read")


def size_of(value: str, axis: int) -> Any:
    """Shorthand for `Size.of`."""
    return Size.of(value, axis)


def as_float(number: Any) -> float:
    """A float32 as the decimal number that it was written as: 1.3, not 1.2999999523."""
    return float(str(np.float32(number)))
