"""Sizes that depend on the input: `x.view(x.shape[0], -1, x.shape[2] // 2)` as data.

An operation's argument that holds a size (a reshape's target, a slice's end) is an int or a `Size`:
arithmetic over the lengths of other values' axes. A graph keeps the `Size`; working a graph out for
an input shape puts the numbers in.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..errors import OptionError

Number = int | Fraction
Lookup = Callable[[str, int], int]
"""Gives the length of a value's axis."""

_OPERATORS: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "/": lambda a, b: Fraction(a) / Fraction(b),
    "%": operator.mod,
    "ceil": math.ceil,
    "floor": math.floor,
    "trunc": math.trunc,
    "max": max,
    "min": min,
}


@dataclass(frozen=True, slots=True)
class Size:
    """Arithmetic over the lengths of values' axes.

    Example:
        >>> height = Size.of("x", 2)
        >>> (height * 2 + 1).resolve(lambda value, axis: 28)
        57
        >>> print(height // 2)
        (x.shape[2] // 2)
    """

    operator: str
    operands: tuple[Any, ...]

    @classmethod
    def of(cls, value: str, axis: int) -> Size:
        """Take the length of one axis of a value."""
        return cls("shape", (value, axis))

    @classmethod
    def apply(cls, operator: str, *operands: Size | Number) -> Size | Number:
        """Combine sizes; where all are numbers already, work it out."""
        if operator not in _OPERATORS:
            known = ", ".join(_OPERATORS)
            raise OptionError(f"a size cannot be made with {operator!r}; known are {known}.")
        if any(isinstance(operand, Size) for operand in operands):
            return cls(operator, operands)
        return _whole(_OPERATORS[operator](*operands))

    def resolve(self, lookup: Lookup) -> Number:
        """Put the numbers in."""
        if self.operator == "shape":
            return lookup(*self.operands)
        values = (o.resolve(lookup) if isinstance(o, Size) else o for o in self.operands)
        return _whole(_OPERATORS[self.operator](*values))

    def renamed(self, names: Callable[[str], str]) -> Size:
        """Say the same of values that have other names."""
        if self.operator == "shape":
            return Size("shape", (names(self.operands[0]), self.operands[1]))
        parts = (o.renamed(names) if isinstance(o, Size) else o for o in self.operands)
        return Size(self.operator, tuple(parts))

    def __add__(self, other: Size | Number) -> Size | Number:
        return Size.apply("+", self, other)

    def __radd__(self, other: Number) -> Size | Number:
        return Size.apply("+", other, self)

    def __sub__(self, other: Size | Number) -> Size | Number:
        return Size.apply("-", self, other)

    def __rsub__(self, other: Number) -> Size | Number:
        return Size.apply("-", other, self)

    def __mul__(self, other: Size | Number) -> Size | Number:
        return Size.apply("*", self, other)

    def __rmul__(self, other: Number) -> Size | Number:
        return Size.apply("*", other, self)

    def __floordiv__(self, other: Size | Number) -> Size | Number:
        return Size.apply("//", self, other)

    def __truediv__(self, other: Size | Number) -> Size | Number:
        return Size.apply("/", self, other)

    def __mod__(self, other: Size | Number) -> Size | Number:
        return Size.apply("%", self, other)

    def __str__(self) -> str:
        if self.operator == "shape":
            value, axis = self.operands
            return f"{value}.shape[{axis}]"
        if len(self.operands) == 2 and not self.operator.isalpha():
            return f"({self.operands[0]} {self.operator} {self.operands[1]})"
        return f"{self.operator}({', '.join(map(str, self.operands))})"


def bound(field: Any, lookup: Lookup) -> Any:
    """Put the numbers into every `Size` of an operation's field, at any depth of tuples."""
    if isinstance(field, Size):
        return field.resolve(lookup)
    if isinstance(field, tuple):
        return tuple(bound(part, lookup) for part in field)
    return field


def depends(field: Any) -> bool:
    """Whether a field holds a `Size`."""
    return isinstance(field, Size) or (isinstance(field, tuple) and any(map(depends, field)))


def _whole(number: Any) -> Number:
    if isinstance(number, Fraction) and number.denominator == 1:
        return number.numerator
    return number  # type: ignore[no-any-return]
