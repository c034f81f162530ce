"""Functions of one number, on all targets: their errors in ulp of the exact result."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from striate import _core
from striate.graph.ops.activation import FUNCTIONS

from .steps import Array, run_step

TARGETS = [name for name, _ in _core.targets()]
NORMAL = 2.0**-126
Wide = np.longdouble

mpmath = pytest.importorskip("mpmath")


def wide(function: Any, x: Array) -> Array:
    """A function of mpmath in long double; what is below all floats is 0."""
    values = [function(mpmath.mpf(float(v))) for v in x]
    return np.array([Wide(mpmath.nstr(v, 25)) if abs(v) > 1e-300 else Wide(0) for v in values])


def _erfc(x: Array) -> Array:
    """Complementary error function, to more digits than math.erfc keeps far out."""
    return wide(mpmath.erfc, x)


def _gelu(x: Array) -> Array:
    return x * _erfc(-np.asarray(x, np.float64) / math.sqrt(2)) / 2


def _gelu_tanh(x: Array) -> Array:
    u = Wide(2) * np.sqrt(2 / Wide(math.pi)) * (x + Wide("0.044715") * x**3)
    return x / (1 + np.exp(-u))


def _mish(x: Array) -> Array:
    e = np.exp(np.minimum(x, 50))
    return np.where(x > 50, x, x * (e * (e + 2)) / (e * (e + 2) + 2))


# name: (formula in long double, arguments, largest error in ulp)
EXACT: dict[str, tuple[Any, dict[str, float], float]] = {
    "exp": (np.exp, {}, 1.5),
    "log": (np.log, {}, 1.5),
    "tanh": (np.tanh, {"alpha": 1, "beta": 1}, 3),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), {}, 2.5),
    "silu": (lambda x: x / (1 + np.exp(-x)), {}, 2.5),
    "softplus": (
        lambda x: np.where(x > 20, x, np.log1p(np.exp(x))), {"alpha": 1, "beta": 20}, 2.5,
    ),
    "log_sigmoid": (lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))), {}, 2.5),
    "mish": (_mish, {}, 4),
    "gelu": (_gelu, {}, 3.5),
    "gelu_tanh": (_gelu_tanh, {}, 3.5),
    "erf": (
        lambda x: wide(mpmath.erf, x),
        {}, 2,
    ),
    "elu": (lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), {"alpha": 1}, 2),
    "selu": (
        lambda x: Wide(np.float32(1.0507009873554805))
        * np.where(x > 0, x, Wide(np.float32(1.6732632423543772)) * np.expm1(np.minimum(x, 0))),
        {}, 3.5,
    ),
    "sqrt": (np.sqrt, {}, 0.5),
    "rsqrt": (lambda x: 1 / np.sqrt(x), {}, 1.5),
    "softsign": (lambda x: x / (1 + np.abs(x)), {}, 1.5),
    "sin": (lambda x: wide(mpmath.sin, x), {}, 1),
    "cos": (lambda x: wide(mpmath.cos, x), {}, 1),
}  # fmt: skip
SLOW = {"gelu", "erf", "sin", "cos"}  # their exact values are


def apply(target: str, x: Array, activation: str, **arguments: float) -> Array:
    """Run an activation alone on a plain array."""
    attributes = {"pixels": x.size, "plain": True, "activation": activation, **arguments}
    (y,) = run_step(target, "elementwise", "flat", attributes, [x], [x.shape])
    return y


def numbers(few: bool) -> Array:
    """Floats of every exponent and both signs, and many where functions bend."""
    rng = np.random.default_rng(5)
    mantissas = np.concatenate([[0, 1, 2**22, 2**23 - 1], rng.integers(0, 2**23, 8 if few else 60)])
    bits = (np.arange(255)[:, None] << 23) + mantissas[None]
    everywhere = bits.ravel().astype(np.int32).view(np.float32)
    bend = rng.uniform(-1, 1, 4000 if few else 60000) * rng.choice(
        [0.01, 0.3, 1, 3, 12, 105], 4000 if few else 60000
    )
    return np.concatenate([everywhere, -everywhere, bend]).astype(np.float32)


@pytest.mark.parametrize("name", EXACT)
def test_errors_are_at_most_four_ulp(name: str) -> None:
    formula, arguments, most = EXACT[name]
    x = numbers(name in SLOW)
    if name in {"log", "sqrt", "rsqrt"}:
        x = x[x > 0]
    with np.errstate(all="ignore"):
        exact = formula(x.astype(Wide))
        rounded = exact.astype(np.float32)
        finite = np.isfinite(rounded)
        x, exact, rounded = x[finite], exact[finite], rounded[finite]
        ulp = np.exp2(np.floor(np.log2(np.maximum(np.abs(rounded), NORMAL).astype(Wide))) - 23)
    for target in TARGETS:
        error = np.abs(apply(target, x, name, **arguments).astype(Wide) - exact) / ulp
        worst = int(error.argmax())
        assert error[worst] <= most, (target, float(x[worst]), float(error[worst]))


@pytest.mark.parametrize("target", TARGETS)
def test_infinities_give_limits_and_nan_stays(target: str) -> None:
    limits = {
        "exp": (0, math.inf), "log": (math.nan, math.inf), "tanh": (-1, 1), "sigmoid": (0, 1),
        "silu": (0, math.inf), "softplus": (0, math.inf), "log_sigmoid": (-math.inf, 0),
        "mish": (0, math.inf), "gelu": (0, math.inf), "gelu_tanh": (0, math.inf), "erf": (-1, 1),
        "elu": (-1, math.inf), "celu": (-1, math.inf), "sqrt": (math.nan, math.inf),
        "hard_sigmoid": (0, 1), "floor": (-math.inf, math.inf), "round": (-math.inf, math.inf),
    }  # fmt: skip
    for name, (low, high) in limits.items():
        x = np.array([-math.inf, math.inf, math.nan], np.float32)
        beta = 20 if name == "softplus" else 1
        y = apply(target, x, name, alpha=1, beta=beta)
        assert np.array_equal(y, np.float32([low, high, math.nan]), equal_nan=True), (name, y)
    clamped = apply(target, np.float32([math.nan, -1, 7]), "clamp", alpha=0, beta=6)
    assert np.array_equal(clamped, np.float32([math.nan, 0, 6]), equal_nan=True)
    assert np.array_equal(apply(target, np.float32([0, -0.0, -1]), "log"),
                          np.float32([-math.inf, -math.inf, math.nan]), equal_nan=True)  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_all_functions_of_the_graph_agree(target: str) -> None:
    names = {
        "relu": ("clamp", {"alpha": 0, "beta": math.inf}), "neg": ("negative", {}),
        "clip": ("clamp", {"alpha": 0, "beta": 6}), "leaky_relu": ("leaky_relu", {"alpha": 0.01}),
        "elu": ("elu", {"alpha": 1}), "softplus": ("softplus", {"alpha": 1, "beta": 20}),
        "hardswish": ("hard_swish", {"alpha": 1 / 6, "beta": 0.5}),
        "hardsigmoid": ("hard_sigmoid", {"alpha": 1 / 6, "beta": 0.5}),
        "tanh": ("tanh", {"alpha": 1, "beta": 1}), "threshold": ("threshold", {}),
        "identity": ("none", {}), "detach": ("none", {}), "not": ("logical_not", {}),
    }  # fmt: skip
    x = np.random.default_rng(0).normal(0, 3, 1003).astype(np.float32)
    x[::17] = 0
    x[1::19] = np.arange(len(x[1::19])) - 20.5
    for function, (formula, _, usual, _) in FUNCTIONS.items():
        activation, arguments = names.get(function, (function, {}))
        real = np.abs(x) + 0.1 if function in {"log", "sqrt", "rsqrt", "reciprocal"} else x
        expected = formula(real.astype(np.float64), *usual)
        y = apply(target, real, activation, **arguments)
        np.testing.assert_allclose(y, expected, rtol=3e-6, atol=3e-7, err_msg=function)
    celu = apply(target, x, "celu", alpha=1.5)
    np.testing.assert_allclose(
        celu, np.where(x > 0, x, 1.5 * np.expm1(np.minimum(x, 0) / 1.5)), rtol=1e-6
    )
    lecun = apply(target, x, "tanh", alpha=1.7159, beta=2 / 3)
    np.testing.assert_allclose(lecun, 1.7159 * np.tanh(2 / 3 * x.astype(float)), rtol=1e-6)
