"""Two values element by element: sums, products, comparisons, choices."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .. import ops
from .._backward import Backward
from .._operation import Array, Operation, Saved, Type, register
from .._reach import Reach
from .._types import TensorType
from ._axes import broadcast, broadcast_reach, broadcast_shapes, number_type

FUNCTIONS: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "max": np.maximum,
    "min": np.minimum,
    "mod": np.mod,
    "floor_div": np.floor_divide,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
}
"""Names of the arithmetic of two values."""

COMPARISONS = frozenset(
    {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "and", "or", "xor"}
)
# What torch keeps something of for backward: of two values; of one value and a number.
_KEPT_OF_TWO = frozenset({"mul", "div", "pow", "max", "min", "mod"})
_KEPT_OF_ONE = frozenset({"div", "pow", "max", "min"})


@register
@dataclass(frozen=True)
class Binary(Operation):
    """y = a (function) b, with broadcasting.

    Args:
        function: A name of `FUNCTIONS`.
        number: The second operand where it is one number instead of a value.
        reverse: Put the number in front: number (function) a.
        alpha: Factor on the second operand of `add` and `sub`.
    """

    function: str
    number: float | None = None
    reverse: bool = False
    alpha: float = 1

    kind = "binary"
    slots = ("a", "b")

    def infer(self, a: TensorType, b: Type = None) -> tuple[TensorType]:
        y = broadcast(self.function, a, b or number_type(self.number or 0))
        if self.function in COMPARISONS:
            return (TensorType(y.shape, "bool"),)
        if self.function == "div" and not y.is_float:
            return (TensorType(y.shape, "float32"),)
        return (y,)

    def evaluate(self, a: Array, b: Array | None = None) -> tuple[Array]:
        second = _beside(a, self.number or 0) if b is None else b
        if self.alpha != 1:
            second = second * self.alpha
        first, second = (second, a) if self.reverse else (a, second)
        return (np.asarray(FUNCTIONS[self.function](first, second)),)

    def gradient(self, back: Backward, number: int) -> str | None:
        left = (number == 0) != self.reverse
        gradient = self._toward(back, left)
        if gradient is None:
            return None
        if number == 1 and self.alpha != 1:
            gradient = back.binary("mul", gradient, self.alpha)
        return back.fit(gradient, number)

    def _toward(self, back: Backward, left: bool) -> str | None:
        """The gradient for the operand on the left or on the right, before it is fitted."""
        gy, function = back.gy, self.function
        if function == "add" or (left and function in ("sub", "mod")):
            return gy
        if function == "sub":
            return back.add(ops.Activation("neg"), gy)
        a, b = self._operands(back)
        if function in ("max", "min"):
            return _of_extreme(back, function, a, b) if left else _of_extreme(back, function, b, a)
        rule = _OF_LEFT.get(function) if left else _OF_RIGHT.get(function)
        return rule(back, a, b) if rule else None

    def _operands(self, back: Backward) -> tuple[Operand, Operand]:
        """What stands left and right: names, or a number."""
        second: Operand = self.number or 0
        if (named := back.input(1)) is not None:
            second = named if self.alpha == 1 else back.binary("mul", named, self.alpha)
        elif self.alpha != 1:
            second = second * self.alpha  # type: ignore[operator]
        first = back.read(0)
        return (second, first) if self.reverse else (first, second)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        return tuple(broadcast_reach(x.shape, outputs[0].shape) for x in inputs if x)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        two = len(inputs) > 1 and inputs[1] is not None
        if self.function not in (_KEPT_OF_TWO if two else _KEPT_OF_ONE):
            return Saved()
        if self.function == "div" and not two:
            # number / a is number * (1 / a), of which 1 / a is kept; a / number keeps nothing.
            return Saved(extra_bytes=outputs[0].nbytes if self.reverse else 0)
        power = self.function == "pow" and (two or self.reverse)
        return Saved((0, 1) if two else (0,), (0,) if power else ())

    def describe(self) -> str:
        if self.number is None:
            return self.function
        words = (f"{self.number:g}", self.function)
        return " ".join(words if self.reverse else reversed(words))


@register
@dataclass(frozen=True)
class Where(Operation):
    """y = a where the condition holds, else b.

    Args:
        a, b: Numbers, where an operand is one number instead of a value.
    """

    a: float | None = None
    b: float | None = None

    kind = "where"
    slots = ("condition", "a", "b")

    def infer(self, condition: TensorType, a: Type = None, b: Type = None) -> tuple[TensorType]:
        y = broadcast(self.kind, a or number_type(self.a or 0), b or number_type(self.b or 0))
        return (TensorType(broadcast_shapes(self.kind, condition.shape, y.shape), y.dtype),)

    def evaluate(
        self, condition: Array, a: Array | None = None, b: Array | None = None
    ) -> tuple[Array]:
        first = _beside(b, self.a or 0) if a is None else a
        second = _beside(a, self.b or 0) if b is None else b
        return (np.asarray(np.where(condition, first, second)),)

    def gradient(self, back: Backward, number: int) -> str | None:
        one: tuple[str | None, str | None] = (back.gy, None) if number == 1 else (None, back.gy)
        op = ops.Where(b=0.0) if number == 1 else ops.Where(a=0.0)
        return back.fit(back.add(op, back.inputs[0], *one), number)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        return tuple(broadcast_reach(x.shape, outputs[0].shape) if x else () for x in inputs)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        return Saved(inputs=(0,))


def _beside(other: Array | None, number: float) -> Array:
    """Make a number an array that does not widen the real numbers beside it."""
    real = other is not None and other.dtype.kind == "f"
    return np.asarray(number, other.dtype if real else None)  # type: ignore[union-attr]


# Gradients. An operand is a value or a number; the one whose gradient is asked for is a value.

Operand = str | float
Rule = Callable[["Backward", Operand, Operand], str | None]


def _of_base(back: Backward, a: Operand, b: Operand) -> str | None:
    """D a**b = b * a**(b - 1) * da, and 0 where b is 0, also for a = 0."""
    if isinstance(b, str):
        slope = back.binary("mul", back.binary("pow", a, back.binary("sub", b, 1.0)), b)
        zero = back.binary("equal", b, 0.0)
        return back.add(ops.Where(a=0.0), zero, None, back.binary("mul", back.gy, slope))
    if b in (0, 1):
        return back.gy if b else None
    power = a if b == 2 else back.binary("pow", a, b - 1)
    return back.binary("mul", back.gy, back.binary("mul", power, b))


def _of_exponent(back: Backward, a: Operand, b: Operand) -> str:
    """D a**b = a**b * log(a) * db, and 0 for a = 0 and b from 0 on."""
    y, log = back.outputs[0], _log(back, a)
    gradient = back.binary("mul", back.gy, back.binary("mul", y, log))
    if not isinstance(a, str) and a != 0:
        return gradient
    zero = back.binary("greater_equal", b, 0.0)
    if isinstance(a, str):
        zero = back.binary("and", back.binary("equal", a, 0.0), zero)
    return back.add(ops.Where(a=0.0), zero, None, gradient)


def _log(back: Backward, a: Operand) -> Operand:
    if isinstance(a, str):
        return back.add(ops.Activation("log"), a)
    if a == 0:
        return -math.inf
    return math.log(a) if a > 0 else math.nan


def _of_divisor(back: Backward, a: Operand, b: Operand) -> str:
    """D a/b = -(a/b) / b * db"""
    share = back.binary("div", back.binary("mul", back.gy, back.outputs[0]), b)
    return back.add(ops.Activation("neg"), share)


def _of_modulus(back: Backward, a: Operand, b: Operand) -> str:
    """D (a - b*floor(a/b)) = -floor(a/b) * db"""
    times = back.binary("floor_div", a, b)
    return back.add(ops.Activation("neg"), back.binary("mul", back.gy, times))


def _of_extreme(back: Backward, function: str, own: Operand, other: Operand) -> str:
    """The one that won takes all; equals take half each."""
    loses = back.binary("less" if function == "max" else "greater", own, other)
    half = back.binary("mul", back.gy, 0.5)
    won = back.add(ops.Where(), back.binary("equal", own, other), half, back.gy)
    return back.add(ops.Where(a=0.0), loses, None, won)


_OF_LEFT: dict[str, Rule] = {
    "mul": lambda back, a, b: back.binary("mul", back.gy, b),
    "div": lambda back, a, b: back.binary("div", back.gy, b),
    "pow": _of_base,
}
_OF_RIGHT: dict[str, Rule] = {
    "mul": lambda back, a, b: back.binary("mul", back.gy, a),
    "div": _of_divisor,
    "pow": _of_exponent,
    "mod": _of_modulus,
}
"""By function; where there is none, the result is whole numbers, which stand still."""
