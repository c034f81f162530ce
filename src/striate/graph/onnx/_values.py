"""What a name in an ONNX file can stand for while the file is read."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...errors import GraphError
from .._operation import Array
from .._sizes import Size


class UnsupportedError(Exception):
    """A node has something that Striate does not know; it becomes an opaque one."""


@dataclass(frozen=True, eq=False)
class Constant:
    """Numbers that the file holds. They become a weight when a node reads them as data.

    Args:
        array: The numbers, or a view of them.
        dtype: The graph's name of their dtype.
        name: The initializer, or the value of the Constant node.
        stored: Whether it is an initializer, which may be learned.
    """

    array: Array
    dtype: str
    name: str
    stored: bool = False

    def viewed(self, array: Array) -> Constant:
        """Another view of the same numbers."""
        return Constant(array, self.dtype, self.name, self.stored)

    @property
    def learned(self) -> bool:
        """Whether these are numbers that are trained, as far as the file tells."""
        return self.stored and "float" in self.dtype and self.array.size != 1


@dataclass(frozen=True, eq=False)
class Sizes:
    """Numbers that follow from the sizes of values: ints, fractions and `Size`s, as objects."""

    array: Array
    dtype: str = "int64"


@dataclass(frozen=True)
class Unreadable:
    """Numbers in a form that a graph cannot hold; the reason tells which."""

    reason: str


Value = str | Constant | Sizes | Unreadable
"""A name of a value in the graph, or numbers."""

MOST_NUMBERS = 4096
"""Larger arrays are no shape arithmetic."""

_MOST_TERMS = 300


def as_objects(value: Constant | Sizes, *, fractions: bool = True) -> Array:
    """Give numbers as Python's, so that `Size`s can stand among them; floats as fractions."""
    if isinstance(value, Sizes):
        return value.array
    flat = value.array.reshape(-1).tolist()
    flat = [exact(number) for number in flat] if fractions else flat
    result = np.empty(len(flat), object)
    result[:] = flat
    return result.reshape(value.array.shape)


def exact(number: Any) -> Any:
    """Give a float as a fraction: the one it was rounded from, so that 10 * 1.3f makes 13."""
    if not isinstance(number, float):
        return number
    if not np.isfinite(number):
        raise UnsupportedError("it computes sizes with numbers that are not finite")
    fraction = Fraction(number).limit_denominator(1 << 20)
    return fraction.numerator if fraction.denominator == 1 else fraction


def simplified(array: Array, dtype: str, name: str) -> Constant | Sizes:
    """Make a constant of what holds no `Size`; refuse arithmetic that grows without end."""
    flat = array.reshape(-1).tolist()
    for number in flat:
        if isinstance(number, Size):
            if terms(number) > _MOST_TERMS:
                raise UnsupportedError("its arithmetic over sizes is too long")
        elif abs(number) >= 1 << 63:
            raise GraphError(f"the value {name!r} is damaged: it holds {float(number):g}.")
    if any(isinstance(number, Size) for number in flat):
        return Sizes(array, dtype)
    numbers = np.array(flat, dtype="float32" if dtype == "bfloat16" else dtype)
    return Constant(numbers.reshape(array.shape), dtype, name)


def terms(size: Any) -> int:
    """Count the terms of arithmetic over sizes."""
    if not isinstance(size, Size):
        return 1
    return 1 if size.operator == "shape" else 1 + sum(map(terms, size.operands))
