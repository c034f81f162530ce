"""Sums, means and extremes over whole axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import ops
from .._backward import Backward
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
        first: Whether of equals the first alone takes the gradient of `max` and `min` along one
            axis, as where torch tells its position, too; else they share it.
    """

    function: str
    axes: tuple[int, ...] | None = None
    keepdim: bool = False
    first: bool = False

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

    def gradient(self, back: Backward, number: int) -> str | None:
        x = back.read(0)
        shape = back.shape(x)
        gone = tuple(sorted(self.reduced(len(shape))))
        kept = tuple(1 if axis in gone else n for axis, n in enumerate(shape))
        gy, y = (back.reshape(value, kept) for value in (back.gy, back.outputs[0]))
        count = math.prod(shape[axis] for axis in gone)
        if self.function == "mean" and gone and gone == tuple(range(2, len(shape))):
            return back.add(ops.AdaptiveAvgPoolGradient(shape[2:]), gy)
        if self.function in ("sum", "mean"):
            share = gy if self.function == "sum" else back.binary("div", gy, count)
            return share if kept == shape else back.add(ops.Expand(shape), share)
        if self.first:
            return _of_first(back, self.function, gy, x, gone[0])
        return _RULES[self.function](back, gy, x, y, gone)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x = inputs[0]
        assert x
        gone = self.reduced(x.rank)
        kept = [axis for axis in range(x.rank) if self.keepdim or axis not in gone]
        return (tuple(WHOLE if a in gone else Along(kept.index(a)) for a in range(x.rank)),)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        if self.first:
            return Saved(extra_bytes=8 * outputs[0].numel)  # its position, int64
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

    def gradient(self, back: Backward, number: int) -> str | None:
        turn = ops.Flip((self.axis,))
        return back.add(turn, back.add(self, back.add(turn, back.gy)))

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        # Output i reads 0 .. i: a window whose length grows, so the axis counts as read whole.
        rank = outputs[0].rank
        summed = normal_axis(self.axis, rank, self.kind)
        return (tuple(WHOLE if axis == summed else Along(axis) for axis in range(rank)),)


# Gradients: (node, gradient and result with all axes kept, input) -> gradient of the input.
Rule = Callable[["Backward", str, str, str, tuple[int, ...]], str]


def _of_extreme(back: Backward, gy: str, x: str, y: str, gone: tuple[int, ...]) -> str:
    """All that are equal to the extreme share its gradient (torch.amax)."""
    won = back.binary("equal", x, y)
    count = back.sum(back.add(ops.Cast(back.types[x].dtype), won), gone, keepdim=True)
    return back.add(ops.Where(b=0.0), won, back.binary("div", gy, count))


def _of_first(back: Backward, function: str, gy: str, x: str, axis: int) -> str:
    """The first of the equals takes all (torch.max along an axis)."""
    shape = back.shape(x)
    place = back.add(ArgReduce(function, axis, keepdim=True), x)
    count = back.add(ops.Fill((shape[axis],), 0, "int64", 1))
    along = back.reshape(count, (shape[axis], *[1] * (len(shape) - 1 - axis)))
    return back.add(ops.Where(b=0.0), back.binary("equal", along, place), gy)


def _of_norm(back: Backward, gy: str, x: str, y: str, gone: tuple[int, ...]) -> str:
    """D sqrt(sum of x^2) = x / y, and 0 where all are 0."""
    zero = back.binary("equal", y, 0.0)
    share = back.add(ops.Where(a=0.0), zero, None, back.binary("div", gy, y))
    return back.binary("mul", x, share)


def _of_log_sum_exp(back: Backward, gy: str, x: str, y: str, gone: tuple[int, ...]) -> str:
    weight = back.add(ops.Activation("exp"), back.binary("sub", x, y))
    return back.binary("mul", weight, gy)


def _of_variance(unbiased: bool) -> Rule:
    """D var = 2 * (x - mean) / count"""

    def rule(back: Backward, gy: str, x: str, y: str, gone: tuple[int, ...]) -> str:
        count = math.prod(back.shape(x)[axis] for axis in gone) - unbiased
        mean = back.add(Reduce("mean", gone, keepdim=True), x)
        share = back.binary("mul", gy, 2 / count if count else math.inf)
        return back.binary("mul", back.binary("sub", x, mean), share)

    return rule


def _of_deviation(unbiased: bool) -> Rule:
    """D std = d var / (2 * std), and 0 where all are equal."""

    def rule(back: Backward, gy: str, x: str, y: str, gone: tuple[int, ...]) -> str:
        zero = back.binary("equal", y, 0.0)
        share = back.binary("div", gy, back.binary("mul", y, 2.0))
        share = back.add(ops.Where(a=0.0), zero, None, share)
        return _of_variance(unbiased)(back, share, x, y, gone)

    return rule


_RULES: dict[str, Rule] = {
    "max": _of_extreme,
    "min": _of_extreme,
    "prod": lambda back, gy, x, y, gone: back.add(ops.ProductGradient(gone), gy, x),
    "l1": lambda back, gy, x, y, gone: back.binary("mul", back.add(ops.Activation("sign"), x), gy),
    "l2": _of_norm,
    "sum_square": lambda back, gy, x, y, gone: back.binary("mul", back.binary("mul", x, 2.0), gy),
    "log_sum_exp": _of_log_sum_exp,
    "var": _of_variance(False),
    "var_unbiased": _of_variance(True),
    "std": _of_deviation(False),
    "std_unbiased": _of_deviation(True),
}
