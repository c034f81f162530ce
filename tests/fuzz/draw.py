"""What problems of all kinds draw: sizes, numbers, an activation behind."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..native.steps import EPS
from .problem import Array

Rng = np.random.Generator
CHANNELS = (1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 20, 24, 31, 32, 33, 40, 48, 64, 65)


def sigmoid(x: Array) -> Array:
    return 0.5 * (1 + np.tanh(x / 2))


def _erf(x: Array) -> Array:
    return np.vectorize(math.erf, otypes=[float])(x)


# Name, alpha, beta and the formula; none is steeper than 1.5, so that errors grow by no more.
ACTIVATIONS: list[tuple[str, float, float, Callable[[Array], Array]]] = [
    ("clamp", 0.0, math.inf, lambda x: np.maximum(x, 0)),
    ("clamp", 0.0, 6.0, lambda x: np.clip(x, 0, 6)),
    ("clamp", -0.5, 0.5, lambda x: np.clip(x, -0.5, 0.5)),
    ("leaky_relu", 0.1, 0.0, lambda x: np.where(x < 0, 0.1 * x, x)),
    ("elu", 0.7, 0.0, lambda x: np.where(x < 0, 0.7 * np.expm1(np.minimum(x, 0)), x)),
    ("sigmoid", 0.0, 0.0, sigmoid),
    ("silu", 0.0, 0.0, lambda x: x * sigmoid(x)),
    ("hard_swish", 1 / 6, 0.5, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    ("hard_sigmoid", 1 / 6, 0.5, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    ("tanh", 1.7159, 2 / 3, lambda x: 1.7159 * np.tanh(2 / 3 * x)),
    ("gelu", 0.0, 0.0, lambda x: x * (1 + _erf(x / math.sqrt(2))) / 2),
    ("softplus", 1.0, 20.0, lambda x: np.logaddexp(0, x)),
    ("mish", 0.0, 0.0, lambda x: x * np.tanh(np.logaddexp(0, x))),
    ("abs", 0.0, 0.0, np.abs),
]


def draw_activation(
    rng: Rng, attributes: dict[str, Any], expected: Array, bound: float
) -> tuple[dict[str, Any], Array, float]:
    """Perhaps let an activation follow."""
    if rng.random() < 0.5:
        return attributes, expected, bound
    name, alpha, beta, formula = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    told = {"activation": name, "alpha": alpha, "beta": beta}
    with np.errstate(over="ignore"):
        result = formula(expected)
    largest = np.nanmax(np.abs(result), initial=0)
    return attributes | told, result, 1.5 * bound + 8 * EPS * max(1.0, float(largest))


def normal(rng: Rng, *shape: int) -> Array:
    return rng.standard_normal(shape).astype(np.float32)


def pick(rng: Rng, *options: Any) -> Any:
    return options[rng.integers(len(options))]


def channels(rng: Rng) -> int:
    return int(pick(rng, *CHANNELS) if rng.random() < 0.7 else rng.integers(1, 100))


def gap(rng: Rng) -> int:
    return int(pick(rng, 0, 0, 1, 2, 3, 10))


def axes(rng: Rng, most: int) -> list[int]:
    """Which of depth, height and width there are, by how many: 1, 2 or 3 axes."""
    return list(range(3 - int(pick(rng, 1, 2, 2, 2, 3)), 3))[-most:]
