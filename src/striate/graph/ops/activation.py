"""Functions of one number, applied to each; softmax over an axis."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...errors import ShapeError
from .. import ops
from .._backward import Backward
from .._operation import Array, Operation, Saved, Type, register
from .._reach import WHOLE, Along, Reach, pointwise
from .._types import TensorType
from ._axes import normal_axis

Function = Callable[..., Any]


def _sigmoid(x: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0, -x)))


def _erf(x: Array) -> Array:
    values = np.fromiter(map(math.erf, x.ravel().tolist()), dtype=np.float64, count=x.size)
    return values.reshape(x.shape).astype(x.dtype if x.dtype.kind == "f" else np.float32)


def _gelu(x: Array, approximate: float) -> Array:
    if approximate:  # the tanh formula
        return np.asarray(0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))
    return np.asarray(0.5 * x * (1 + _erf(x / math.sqrt(2))))


def _elu(x: Array, alpha: float, scale: float, input_scale: float) -> Array:
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) * input_scale))


Kept = Literal["nothing", "input", "output", "input and more"]

# name: (formula, names of its numbers, their usual values, what torch keeps for backward: "more" is
# as much again, the denominator of softsign or the exponential of log_sigmoid)
FUNCTIONS: dict[str, tuple[Function, tuple[str, ...], tuple[float, ...], Kept]] = {
    "relu": (lambda x: np.maximum(x, 0), (), (), "output"),
    "clip": (lambda x, low, high: np.clip(x, low, high), ("low", "high"), (0, 6), "input"),
    "leaky_relu": (
        lambda x, slope: np.where(x > 0, x, slope * x), ("slope",), (0.01,), "input",
    ),
    "elu": (_elu, ("alpha", "scale", "input_scale"), (1, 1, 1), "input"),
    "gelu": (_gelu, ("tanh",), (0,), "input"),
    "silu": (lambda x: x * _sigmoid(x), (), (), "input"),
    "mish": (lambda x: x * np.tanh(np.logaddexp(0, x)), (), (), "input"),
    "softplus": (
        lambda x, beta, threshold: np.where(
            x * beta > threshold, x, np.logaddexp(0, x * beta) / beta
        ),
        ("beta", "threshold"), (1, 20), "input",
    ),
    "softsign": (lambda x: x / (1 + np.abs(x)), (), (), "input and more"),
    "hardswish": (lambda x: x * np.clip(x / 6 + 0.5, 0, 1), (), (), "input"),
    "hardsigmoid": (
        lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1),
        ("alpha", "beta"), (1 / 6, 0.5), "input",
    ),
    "sigmoid": (_sigmoid, (), (), "output"),
    "log_sigmoid": (lambda x: -np.logaddexp(0, -x), (), (), "input and more"),
    "tanh": (np.tanh, (), (), "output"),
    "threshold": (
        lambda x, threshold, value: np.where(x <= threshold, value, x),
        ("threshold", "value"), (0, 0), "input",
    ),
    "identity": (lambda x: x, (), (), "nothing"),
    "detach": (lambda x: x, (), (), "nothing"),  # no gradient flows back
    "neg": (np.negative, (), (), "nothing"),
    "abs": (np.abs, (), (), "input"),
    "exp": (np.exp, (), (), "output"),
    "log": (np.log, (), (), "input"),
    "sqrt": (np.sqrt, (), (), "output"),
    "rsqrt": (lambda x: 1 / np.sqrt(x), (), (), "output"),
    "square": (np.square, (), (), "input"),
    "reciprocal": (lambda x: 1 / x, (), (), "output"),
    "erf": (_erf, (), (), "input"),
    "sin": (np.sin, (), (), "input"),
    "cos": (np.cos, (), (), "input"),
    "sign": (np.sign, (), (), "nothing"),
    "floor": (np.floor, (), (), "nothing"),
    "ceil": (np.ceil, (), (), "nothing"),
    "round": (np.rint, (), (), "nothing"),
    "not": (np.logical_not, (), (), "nothing"),
}  # fmt: skip
"""Names of what a number can become."""

_KEEPS_WHOLE = frozenset(
    {"relu", "clip", "threshold", "identity", "detach", "neg", "abs", "square", "sign", "floor",
     "ceil", "round"}
)  # fmt: skip


_FLAT = frozenset({"sign", "floor", "ceil", "round", "detach"})
"""What stays the same when its number moves a little, or is said to."""


@register
@dataclass(frozen=True)
class Activation(Operation):
    """y = f(x) for each number on its own.

    Args:
        function: A name of `FUNCTIONS`. The family members have one name: relu6, hardtanh and clamp
            are `clip`; selu and celu are `elu` with other numbers.
        numbers: The function's constants; None takes the usual ones.
    """

    function: str
    numbers: tuple[float, ...] | None = None

    kind = "activation"
    slots = ("x",)

    @property
    def view(self) -> bool:  # type: ignore[override]
        """A detached value is the value itself."""
        return self.function == "detach"

    @property
    def constants(self) -> dict[str, float]:
        """The function's constants by name."""
        _, names, usual, _ = FUNCTIONS[self.function]
        return dict(zip(names, self.numbers or usual, strict=True))

    def infer(self, x: TensorType) -> tuple[TensorType]:
        if self.function == "not":
            return (TensorType(x.shape, "bool"),)
        kept = x.is_float or self.function in _KEEPS_WHOLE
        return (x if kept else TensorType(x.shape, "float32"),)

    def evaluate(self, x: Array) -> tuple[Array]:
        return (np.asarray(FUNCTIONS[self.function][0](x, *self.constants.values())),)

    def gradient(self, back: Backward, number: int) -> str | None:
        if self.function in _FLAT:
            return None
        if self.function == "identity":
            return back.gy
        if self.function == "neg":
            return back.add(self, back.gy)
        op = ops.ActivationGradient(self.function, self.numbers)
        return back.add(op, back.gy, back.outputs[0] if op.of_output else back.inputs[0])

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        return (pointwise(outputs[0].rank),)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        kept = FUNCTIONS[self.function][3]
        return Saved(
            (0,) if kept.startswith("input") else (),
            (0,) if kept == "output" else (),
            outputs[0].nbytes if kept.endswith("more") else 0,
        )

    def describe(self) -> str:
        numbers = ", ".join(f"{name} {value:g}" for name, value in self.constants.items())
        return f"{self.function}({numbers})" if self.numbers else self.function


@register
@dataclass(frozen=True)
class PReLU(Operation):
    """y = x where x > 0, else slope[c] * x, with one learned slope, or one a channel (axis 1)."""

    kind = "prelu"
    slots = ("x", "weight")

    def infer(self, x: TensorType, weight: TensorType) -> tuple[TensorType]:
        channels = x.shape[1] if x.rank > 1 else 1
        if weight.numel not in (1, channels):
            raise ShapeError(
                f"input {x} has {channels} channels; {weight.numel} slopes were given.",
                subject=self.kind,
            )
        return (x,)

    def evaluate(self, x: Array, weight: Array) -> tuple[Array]:
        slope = weight.reshape(-1, *[1] * (x.ndim - 2)) if x.ndim > 1 else weight.reshape(-1)
        return (np.where(x > 0, x, slope * x),)

    def gradient(self, back: Backward, number: int) -> str | None:
        return back.add_all(ops.PReLUGradient(), back.gy, *back.inputs)[number]

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        return (pointwise(outputs[0].rank),)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        return Saved(inputs=(0, 1))


@register
@dataclass(frozen=True)
class Softmax(Operation):
    """y = exp(x) / sum of exp(x) along an axis, or its logarithm.

    Args:
        axis: The axis that adds up to one.
        log: Give the logarithm.
    """

    axis: int
    log: bool = False

    kind = "softmax"
    slots = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType]:
        normal_axis(self.axis, x.rank, self.kind)
        return (x,)

    def evaluate(self, x: Array) -> tuple[Array]:
        if not x.size:
            return (x,)
        axis = self.axis if x.ndim else None
        shifted = x - x.max(axis, keepdims=True)
        total = np.exp(shifted).sum(axis, keepdims=True)
        return (shifted - np.log(total) if self.log else np.exp(shifted) / total,)

    def gradient(self, back: Backward, number: int) -> str | None:
        return back.add(ops.SoftmaxGradient(self.axis, self.log), back.gy, back.outputs[0])

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        rank = outputs[0].rank
        summed = self.axis % rank if rank else 0
        return (tuple(WHOLE if axis == summed else Along(axis) for axis in range(rank)),)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        return Saved(outputs=(0,))


@register
@dataclass(frozen=True)
class Cast(Operation):
    """The same numbers in another dtype."""

    dtype: str

    kind = "cast"
    slots = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType]:
        return (TensorType(x.shape, self.dtype),)

    def evaluate(self, x: Array) -> tuple[Array]:
        if "float" in self.dtype and x.dtype.kind == "f":
            return (x,)  # the reference computes in one precision
        names: dict[str, Any] = {"bfloat16": "float32"}
        return (x.astype(names.get(self.dtype, self.dtype)),)

    def gradient(self, back: Backward, number: int) -> str | None:
        return back.fit(back.gy, 0)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        return (pointwise(outputs[0].rank),)
