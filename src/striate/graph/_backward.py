"""What an operation makes its gradient of: names of values, and nodes added one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from . import ops
from ._operation import Operation
from ._types import TensorType

Emit = Callable[[Operation, tuple[str | None, ...], str], tuple[str, ...]]
"""Adds a node and gives the names of its values; the text tells them apart."""


@dataclass
class Backward:
    """One node on the way back: what it read and made, and the gradients of what it made.

    `Operation.gradient` gets it and adds nodes to it. What is added twice is computed once.

    Args:
        inputs, outputs: Names of what the node read and made; None where an input is absent.
        gradients: Of each output; None where nothing that counts depends on it.
        types: Of all values so far.
        emit: Adds a node to the graph.
    """

    inputs: tuple[str | None, ...]
    outputs: tuple[str, ...]
    gradients: tuple[str | None, ...]
    types: dict[str, TensorType]
    emit: Emit
    part: str = ""
    """What the nodes added now are for: the slot of the input whose gradient is computed."""
    _made: dict[tuple[Operation, tuple[str | None, ...]], tuple[str, ...]] = field(
        default_factory=dict, repr=False
    )

    @property
    def gy(self) -> str:
        """The gradient of the only output through which one flows."""
        (known,) = (gradient for gradient in self.gradients if gradient is not None)
        return known

    def input(self, number: int) -> str | None:
        """An input that may be absent."""
        return self.inputs[number] if number < len(self.inputs) else None

    def read(self, number: int) -> str:
        """An input that is there."""
        name = self.inputs[number]
        assert name is not None
        return name

    def shape(self, value: str) -> tuple[int, ...]:
        """Lengths of a value's axes."""
        return self.types[value].shape

    def add_all(self, op: Operation, *inputs: str | None) -> tuple[str, ...]:
        """Add a node and give the names of all its outputs."""
        key = (op, inputs)
        if key not in self._made:
            self._made[key] = self.emit(op, inputs, self.part)
        return self._made[key]

    def add(self, op: Operation, *inputs: str | None) -> str:
        """Add a node and give the name of its first output."""
        return self.add_all(op, *inputs)[0]

    # What many gradients are made of -------------------------------------------------------------

    def binary(self, function: str, a: str | float, b: str | float) -> str:
        """Add arithmetic of two values, of which one may be a number."""
        if not isinstance(a, str):
            assert isinstance(b, str)
            return self.add(ops.Binary(function, number=a, reverse=True), b)
        if isinstance(b, str):
            return self.add(ops.Binary(function), a, b)
        return self.add(ops.Binary(function, number=b), a)

    def sum(self, value: str, axes: tuple[int, ...], *, keepdim: bool = False) -> str:
        """Add up axes; with none, it is the value itself."""
        return self.add(ops.Reduce("sum", axes, keepdim), value) if axes else value

    def reshape(self, value: str, shape: tuple[int, ...]) -> str:
        """Give the same numbers another shape."""
        return value if self.shape(value) == shape else self.add(ops.Reshape(shape), value)

    def turn(self, value: str) -> str:
        """Exchange the last two axes."""
        rank = len(self.shape(value))
        return self.add(ops.Permute((*range(rank - 2), rank - 1, rank - 2)), value)

    def rows(self, value: str) -> str:
        """Join all axes but the last."""
        shape = self.shape(value)
        count = 1
        for n in shape[:-1]:
            count *= n
        return self.reshape(value, (count, *shape[-1:]))

    def zeros(self, value: str) -> str:
        """Fill the shape of a value with zeros."""
        return self.add(ops.Fill(self.shape(value), 0.0, self.types[value].dtype))

    def fit(self, gradient: str, number: int) -> str:
        """Undo broadcasting and promotion: give a gradient the type of the input it is for.

        Where an axis of the input was repeated, the gradients of all repeats add up.
        """
        wanted = self.types[self.read(number)]
        shape = self.shape(gradient)
        front = len(shape) - wanted.rank
        stretched = tuple(
            axis
            for axis, n in enumerate(shape)
            if axis < front or (wanted.shape[axis - front] == 1 and n != 1)
        )
        fitted = self.reshape(self.sum(gradient, stretched, keepdim=True), wanted.shape)
        if self.types[fitted].dtype != wanted.dtype:
            fitted = self.add(ops.Cast(wanted.dtype), fitted)
        return fitted
