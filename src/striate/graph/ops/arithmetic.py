"""Two values element by element: sums, products, comparisons, choices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._operation import Array, Operation, Saved, Type, register
from .._reach import Reach
from .._types import TensorType
from ._axes import broadcast, broadcast_reach

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
_KEPT = {"mul": (0, 1), "div": (0, 1), "pow": (0, 1), "max": (0, 1), "min": (0, 1)}


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
        number = TensorType((), "float32" if isinstance(self.number, float) else "bool")
        y = broadcast(self.function, a, b or number)
        if self.function in COMPARISONS:
            return (TensorType(y.shape, "bool"),)
        if self.function == "div" and not y.is_float:
            return (TensorType(y.shape, "float32"),)
        return (y,)

    def evaluate(self, a: Array, b: Array | None = None) -> tuple[Array]:
        second = np.asarray(self.number).astype(a.dtype) if b is None else b
        if self.alpha != 1:
            second = second * self.alpha
        first, second = (second, a) if self.reverse else (a, second)
        return (np.asarray(FUNCTIONS[self.function](first, second)),)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        return tuple(broadcast_reach(x.shape, outputs[0].shape) for x in inputs if x)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        if len(inputs) < 2 or inputs[1] is None:
            needs = self.function == "pow" or (self.function == "div" and self.reverse)
            return Saved(inputs=(0,) if needs else ())
        return Saved(inputs=_KEPT.get(self.function, ()))

    def describe(self) -> str:
        if self.number is None:
            return self.function
        return f"{self.number:g} {self.function}" if self.reverse else (
            f"{self.function} {self.number:g}"
        )  # fmt: skip


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
        values = [t for t in (a, b) if t] or [TensorType(())]
        y = broadcast(self.kind, *values)
        return (TensorType(broadcast(self.kind, condition, y).shape, y.dtype),)

    def evaluate(
        self, condition: Array, a: Array | None = None, b: Array | None = None
    ) -> tuple[Array]:
        first = self.a if a is None else a
        second = self.b if b is None else b
        y = np.where(condition, first, second)  # type: ignore[arg-type]
        kept = a if a is not None else b
        return (y if kept is None else y.astype(kept.dtype),)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        return tuple(broadcast_reach(x.shape, outputs[0].shape) if x else () for x in inputs)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        return Saved(inputs=(0,))
