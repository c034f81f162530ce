"""Sums, extremes and shares along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.graph.ops.reduce import FUNCTIONS

from ...native import test_reduce
from ..draw import Rng, normal, pick
from ..problem import Array, Operand, Problem

PLACES: dict[str, Any] = {"argmax": np.argmax, "argmin": np.argmin, "cumsum": np.cumsum}


def draw(rng: Rng) -> Problem:
    """One axis of an array; of shares some numbers are -inf, as masks make them."""
    mode = str(pick(rng, *test_reduce.MODES, "softmax", "softmax", "log_softmax", *PLACES))
    outer, size, inner = (int(rng.integers(1, pick(rng, 3, 20, 150))) for _ in range(3))
    if rng.random() < 0.4:
        inner = 1
    if rng.random() < 0.05:
        outer, size, inner = 1, int(rng.integers(1000, 60_000)), 1
    size += mode == "variance"
    x = normal(rng, outer, size, inner) * 2 + 1
    attributes: dict[str, Any] = {"mode": mode, "outer": outer, "size": size, "inner": inner}
    if mode in PLACES:
        x = rng.integers(-3, 4, x.shape).astype(np.float32)  # many equals, exact sums
        exact, bound = PLACES[mode](x, 1).astype(float), 0.0
    elif mode.endswith("softmax"):
        exact, bound = _shares(rng, x, mode)
    else:
        if mode == "prod":
            x = np.sign(x) * np.abs(x) ** np.float32(1 / size)
        attributes["divisor"] = float(size - (mode == "variance"))
        function = FUNCTIONS[test_reduce.MODES[mode]]
        exact = function(x.astype(float), axis=(1,), keepdims=False)
        terms = np.abs(x).sum(1) if mode in ("sum", "mean", "l1") else np.abs(exact) + 1
        steps = size if mode == "prod" else size**0.5  # a product's roundings all count
        bound = (4 + steps) * 2e-7 * float(terms.max())
    return Problem(
        "reduce", attributes, [Operand(x.reshape(1, -1))], [Operand(exact.reshape(1, -1))],
        lambda _: bound, in_place=((0, 0),),
    )  # fmt: skip


def _shares(rng: Rng, x: Array, mode: str) -> tuple[Array, float]:
    """Each number's share of its line, and how far off it may be."""
    x *= np.float32(pick(rng, 1, 10))
    if mode == "softmax" and rng.random() < 0.3:
        x[:, 1:][rng.random(x[:, 1:].shape) < 0.4] = -np.inf
    shifted = x.astype(float) - x.max(1, keepdims=True)
    exact = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    if mode == "softmax":
        return np.exp(exact), 1e-6
    return exact, 1e-6 * (1 + float(np.abs(exact).max()))
