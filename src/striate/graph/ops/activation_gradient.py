"""Gradients of functions of one number, and of softmax, for their input."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._operation import Array, Operation, register
from .._types import TensorType
from .activation import FUNCTIONS, _erf, _sigmoid

Slope = Callable[..., Any]


def _gelu(x: Array, approximate: float) -> Array:
    if approximate:
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        tanh, slope = np.tanh(inner), math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
        return np.asarray(0.5 * (1 + tanh) + 0.5 * x * (1 - tanh**2) * slope)
    density = np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)
    return np.asarray(0.5 * (1 + _erf(x / math.sqrt(2))) + x * density)


def _mish(x: Array) -> Array:
    tanh = np.tanh(np.logaddexp(0, x))
    return np.asarray(tanh + x * (1 - tanh**2) * _sigmoid(x))


def _hardswish(x: Array) -> Array:
    return np.where(x <= -3, 0, np.where(x >= 3, 1, x / 3 + 0.5))


OF_OUTPUT: dict[str, Slope] = {
    "relu": lambda y: ~(y <= 0),
    "sigmoid": lambda y: y * (1 - y),
    "tanh": lambda y: 1 - y**2,
    "exp": lambda y: y,
    "sqrt": lambda y: 0.5 / y,
    "rsqrt": lambda y: -0.5 * y**3,
    "reciprocal": lambda y: -(y**2),
    "clip": lambda y, low, high: ~((y <= low) | (y >= high)),
}
"""f'(x) in terms of y = f(x) and f's constants, where that is all it takes: x need not be kept."""

OF_INPUT: dict[str, Slope] = {
    "leaky_relu": lambda x, slope: np.where(x > 0, 1, slope),
    "elu": lambda x, alpha, scale, inner: scale * np.where(
        x > 0, 1, alpha * inner * np.exp(np.minimum(x, 0) * inner)
    ),
    "gelu": _gelu,
    "silu": lambda x: _sigmoid(x) * (1 + x * (1 - _sigmoid(x))),
    "mish": _mish,
    "softplus": lambda x, beta, threshold: np.where(x * beta > threshold, 1, _sigmoid(x * beta)),
    "softsign": lambda x: 1 / (1 + np.abs(x)) ** 2,
    "hardswish": _hardswish,
    "hardsigmoid": lambda x, alpha, beta: alpha * (np.abs(alpha * x + beta - 0.5) < 0.5),
    "log_sigmoid": lambda x: _sigmoid(-x),
    "threshold": lambda x, threshold, value: ~(x <= threshold),
    "abs": np.sign,
    "log": lambda x: 1 / x,
    "square": lambda x: 2 * x,
    "erf": lambda x: 2 / math.sqrt(math.pi) * np.exp(-(x**2)),
    "sin": np.cos,
    "cos": lambda x: -np.sin(x),
}  # fmt: skip
"""f'(x) in terms of x and f's constants. At a corner of f it is what torch takes: 0 at both ends of
`clip` (torch: of relu6 and hardtanh; of clamp it is 1) and of `hardsigmoid`. A NaN lets a gradient
through `relu`, `clip` and `threshold`."""


@register
@dataclass(frozen=True)
class ActivationGradient(Operation):
    """gx = gy * f'(x) for each number, from y = f(x) where f is in `OF_OUTPUT`, else from x.

    Args:
        function, numbers: The activation's.
    """

    function: str
    numbers: tuple[float, ...] | None = None

    kind = "activation_gradient"
    slots = ("gy", "x or y")

    @property
    def of_output(self) -> bool:
        """Whether the second input is the activation's output."""
        return self.function in OF_OUTPUT

    def infer(self, gy: TensorType, seen: TensorType) -> tuple[TensorType]:
        return (seen,)

    def evaluate(self, gy: Array, seen: Array) -> tuple[Array]:
        slope = (OF_OUTPUT if self.of_output else OF_INPUT)[self.function]
        numbers = self.numbers or FUNCTIONS[self.function][2]
        slopes = slope(seen, *numbers)
        if slopes.dtype == bool:  # then what is flat gives 0, whatever comes
            return (np.where(slopes, gy, 0).astype(gy.dtype),)
        return (np.asarray(gy * slopes, gy.dtype),)

    def describe(self) -> str:
        return self.function


@register
@dataclass(frozen=True)
class PReLUGradient(Operation):
    """gx = gy where x > 0, else slope * gy; the slope's is the sum of gy * x over x <= 0.

    Shape:
        gy and x (N, C, *), weight of C slopes or one: gx like x, gradient of the weight like it.
    """

    kind = "prelu_gradient"
    slots = ("gy", "x", "weight")

    def infer(
        self, gy: TensorType, x: TensorType, weight: TensorType
    ) -> tuple[TensorType, TensorType]:
        return (x, weight)

    def evaluate(self, gy: Array, x: Array, weight: Array) -> tuple[Array, Array]:
        slope = weight.reshape(-1, *[1] * (x.ndim - 2)) if x.ndim > 1 else weight.reshape(-1)
        below = np.where(x > 0, 0, gy * x)
        axes = tuple(axis for axis in range(x.ndim) if weight.size == 1 or axis != 1)
        return (np.where(x > 0, gy, slope * gy), below.sum(axes).reshape(weight.shape))


@register
@dataclass(frozen=True)
class SoftmaxGradient(Operation):
    """gx = y * (gy - sum of gy * y), or gy - exp(y) * sum of gy for the logarithm.

    Args:
        axis, log: The softmax's.
    """

    axis: int
    log: bool = False

    kind = "softmax_gradient"
    slots = ("gy", "y")

    def infer(self, gy: TensorType, y: TensorType) -> tuple[TensorType]:
        return (y,)

    def evaluate(self, gy: Array, y: Array) -> tuple[Array]:
        if not y.ndim:
            return (np.zeros_like(gy),)
        if self.log:
            return (gy - np.exp(y) * gy.sum(self.axis, keepdims=True),)
        return (y * (gy - (gy * y).sum(self.axis, keepdims=True)),)
