"""Two values element by element: sums, products, comparisons, choices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

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

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        return tuple(broadcast_reach(x.shape, outputs[0].shape) if x else () for x in inputs)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        return Saved(inputs=(0,))


def _beside(other: Array | None, number: float) -> Array:
    """Make a number an array that does not widen the real numbers beside it."""
    real = other is not None and other.dtype.kind == "f"
    return np.asarray(number, other.dtype if real else None)  # type: ignore[union-attr]
