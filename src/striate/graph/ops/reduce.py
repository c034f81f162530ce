"""Sums, means and extremes over whole axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._operation import Array, Operation, Saved, Type, register
from .._reach import WHOLE, Along, Reach
from .._types import TensorType
from ._axes import normal_axes, normal_axis


def _log_sum_exp(x: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
    largest = x.max(axis, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0)  # else inf - inf
    total = np.log(np.exp(x - largest).sum(axis, keepdims=True)) + largest
    return np.asarray(total if keepdims else total.squeeze(axis))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "prod": np.prod,
    "l1": lambda x, axis, keepdims: np.abs(x).sum(axis, keepdims=keepdims),
    "l2": lambda x, axis, keepdims: np.sqrt(np.square(x).sum(axis, keepdims=keepdims)),
    "sum_square": lambda x, axis, keepdims: np.square(x).sum(axis, keepdims=keepdims),
    "log_sum_exp": _log_sum_exp,
    "var": lambda x, axis, keepdims: np.var(x, axis, keepdims=keepdims),
    "var_unbiased": lambda x, axis, keepdims: np.var(x, axis, ddof=1, keepdims=keepdims),
    "std": lambda x, axis, keepdims: np.std(x, axis, keepdims=keepdims),
    "std_unbiased": lambda x, axis, keepdims: np.std(x, axis, ddof=1, keepdims=keepdims),
    "any": np.any,
    "all": np.all,
}
"""Names of what an axis can be reduced to."""

_KEEPS_INPUT = FUNCTIONS.keys() - {"sum", "mean", "any", "all"}
_KEEPS_OUTPUT = _KEEPS_INPUT - {"sum_square", "var", "var_unbiased"}


@register
@dataclass(frozen=True)
class Reduce(Operation):
    """Reduce axes to one number each.

    Args:
        function: A name of `FUNCTIONS`.
        axes: The axes; None means all.
        keepdim: Keep the reduced axes, with length 1.
    """

    function: str
    axes: tuple[int, ...] | None = None
    keepdim: bool = False

    kind = "reduce"
    slots = ("x",)

    def reduced(self, rank: int) -> tuple[int, ...]:
        """The axes that are reduced, counted from the front."""
        return tuple(range(rank)) if self.axes is None else normal_axes(self.axes, rank, self.kind)

    def infer(self, x: TensorType) -> tuple[TensorType]:
        gone = self.reduced(x.rank)
        if self.keepdim:
            shape = tuple(1 if axis in gone else n for axis, n in enumerate(x.shape))
        else:
            shape = tuple(n for axis, n in enumerate(x.shape) if axis not in gone)
        dtype = x.dtype
        if self.function in ("any", "all"):
            dtype = "bool"
        elif self.function in ("sum", "prod") and not x.is_float:
            dtype = "int64"
        return (TensorType(shape, dtype),)

    def evaluate(self, x: Array) -> tuple[Array]:
        axes = self.reduced(x.ndim)
        return (np.asarray(FUNCTIONS[self.function](x, axis=axes, keepdims=self.keepdim)),)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x = inputs[0]
        assert x
        gone = self.reduced(x.rank)
        kept = [axis for axis in range(x.rank) if self.keepdim or axis not in gone]
        return (tuple(WHOLE if a in gone else Along(kept.index(a)) for a in range(x.rank)),)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        # As torch.amax: where a maximum comes with its position, torch keeps the position instead.
        kept = (0,)
        return Saved(
            kept if self.function in _KEEPS_INPUT else (),
            kept if self.function in _KEEPS_OUTPUT else (),
        )

    def describe(self) -> str:
        over = "all axes" if self.axes is None else f"axes {', '.join(map(str, self.axes))}"
        return f"{self.function} over {over}"


@register
@dataclass(frozen=True)
class ArgReduce(Operation):
    """The position of the largest or smallest number along an axis; None means of all.

    Args:
        function: `max` or `min`.
        axis: The axis.
        keepdim: Keep the axis, with length 1.
    """

    function: str
    axis: int | None = None
    keepdim: bool = False

    kind = "arg_reduce"
    slots = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType]:
        (y,) = self._as_reduce().infer(x)
        return (TensorType(y.shape, "int64"),)

    def evaluate(self, x: Array) -> tuple[Array]:
        find = np.argmax if self.function == "max" else np.argmin
        return (np.asarray(find(x, axis=self.axis, keepdims=self.keepdim)),)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        return self._as_reduce().reach(inputs, outputs)

    def _as_reduce(self) -> Reduce:
        """The reduction of the same axes."""
        return Reduce(self.function, None if self.axis is None else (self.axis,), self.keepdim)


@register
@dataclass(frozen=True)
class CumSum(Operation):
    """y[i] = sum of x[0 .. i] along an axis."""

    axis: int

    kind = "cumsum"
    slots = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType]:
        normal_axis(self.axis, x.rank, self.kind)
        return (x if x.is_float else TensorType(x.shape, "int64"),)

    def evaluate(self, x: Array) -> tuple[Array]:
        return (np.cumsum(x, self.axis),)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        # Output i reads 0 .. i: a window whose length grows, so the axis counts as read whole.
        rank = outputs[0].rank
        summed = normal_axis(self.axis, rank, self.kind)
        return (tuple(WHOLE if axis == summed else Along(axis) for axis in range(rank)),)
