"""Which activations the native kernels apply, and under which names."""

from __future__ import annotations

import math
from typing import Any

from ..graph.ops import Activation

_PLAIN = {
    "sigmoid": "sigmoid",
    "silu": "silu",
    "mish": "mish",
    "exp": "exp",
    "log": "log",
    "abs": "abs",
    "sqrt": "sqrt",
    "rsqrt": "rsqrt",
    "square": "square",
    "neg": "negative",
    "reciprocal": "reciprocal",
    "softsign": "softsign",
    "erf": "erf",
    "log_sigmoid": "log_sigmoid",
    "sin": "sin",
    "cos": "cos",
    "sign": "sign",
    "floor": "floor",
    "ceil": "ceil",
    "round": "round",
    "not": "logical_not",
}


def native_activation(op: Activation) -> dict[str, Any] | None:
    """The arguments `activation`, `alpha`, `beta` of a native step; None where it has no such."""
    numbers = op.constants
    name = op.function
    if name in ("identity", "detach"):
        return _named("none")
    if name in _PLAIN:
        return _named(_PLAIN[name])
    if name == "relu":
        return _named("clamp", 0.0, math.inf)
    if name == "clip":
        return _named("clamp", float(numbers["low"]), float(numbers["high"]))
    if name == "leaky_relu":
        return _named("leaky_relu", float(numbers["slope"]))
    if name == "elu" and numbers["scale"] == numbers["input_scale"] == 1:
        return _named("elu", float(numbers["alpha"]))
    if name == "elu" and numbers["input_scale"] == 1:
        return _named("selu", float(numbers["alpha"]), float(numbers["scale"]))
    if name == "elu" and numbers["scale"] == 1 and numbers["alpha"] * numbers["input_scale"] == 1:
        return _named("celu", float(numbers["alpha"]))
    if name == "threshold":
        return _named("threshold", float(numbers["threshold"]), float(numbers["value"]))
    if name == "gelu":
        return _named("gelu_tanh" if numbers["tanh"] else "gelu")
    if name == "softplus":
        return _named("softplus", float(numbers["beta"]), float(numbers["threshold"]))
    if name == "hardswish":
        return _named("hard_swish", 1 / 6, 0.5)
    if name == "hardsigmoid":
        return _named("hard_sigmoid", float(numbers["alpha"]), float(numbers["beta"]))
    if name == "tanh":
        return _named("tanh", 1.0, 1.0)
    return None


def _named(activation: str, alpha: float = 0.0, beta: float = 0.0) -> dict[str, Any]:
    return {"activation": activation, "alpha": alpha, "beta": beta}
