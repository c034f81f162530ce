"""Norms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from striate.graph.ops import GroupNorm, LayerNorm, LocalResponseNorm

from ...native.steps import EPS
from ..draw import Rng, channels, draw_activation, gap, normal, pick
from ..problem import Operand, Problem


def draw(rng: Rng) -> Problem:
    """Layer, group or response normalisation."""
    mode = pick(rng, "layer", "layer", "group", "response", "plain")
    n, c, pixels = int(pick(rng, 1, 1, 2, 3)), channels(rng), int(rng.integers(1, 200))
    if rng.random() < 0.1:
        pixels = int(rng.integers(1000, 3000))
    mean = float(pick(rng, 0, 0, 5, -30))
    attributes: dict[str, Any] = {"mode": mode, "batch": n, "channels": c, "pixels": pixels}
    w = normal(rng, c) if rng.random() < 0.7 else None
    b = normal(rng, c) if rng.random() < 0.7 else None
    if mode == "plain":
        c = int(rng.integers(2, 2000))
        w, b = (v if v is None else normal(rng, c) for v in (w, b))
        x = normal(rng, n, c) + np.float32(mean)
        rms = bool(rng.random() < 0.3)
        attributes |= {"mode": "layer", "plain": True, "channels": c, "pixels": 1, "rms": rms}
        (exact,) = LayerNorm(1, 1e-3, rms).evaluate(x.astype(float), w, b)
    elif mode == "layer":
        x, rms = normal(rng, n, c, pixels) + np.float32(mean), bool(rng.random() < 0.3)
        attributes["rms"] = rms
        (y,) = LayerNorm(1, 1e-3, rms).evaluate(np.moveaxis(x.astype(float), 1, -1), w, b)
        exact = np.moveaxis(y, -1, 1)
    elif mode == "group":
        groups = int(pick(rng, *(g for g in range(1, c + 1) if c % g == 0)))
        if c // groups * pixels == 1:
            pixels = attributes["pixels"] = 2
        x = normal(rng, n, c, pixels) + np.float32(mean)
        attributes["groups"] = groups
        (exact,) = GroupNorm(groups, 1e-3).evaluate(x.astype(float), w, b)
    else:
        w = b = None
        x, size = normal(rng, n, c, pixels), int(rng.integers(1, 12))
        power = float(pick(rng, 0.75, 0.5, 0.6))
        attributes |= {"size": size, "k": 2.0, "scale": 0.1 / size, "power": power}
        (exact,) = LocalResponseNorm(size, 0.1, power, 2.0).evaluate(x.astype(float))
    attributes |= {"eps": 1e-3, "weight": w is not None, "bias": b is not None}
    # A norm of nearly equal numbers divides their rounding errors by sqrt(eps).
    bound = 1e-5 * float(np.abs(exact).max()) + 8 * EPS * abs(mean) * (
        1 if w is None else float(np.abs(w).max())
    ) / math.sqrt(1e-3) * (c * pixels <= 4 or c == 1 or c <= 4)
    attributes, expected, bound = draw_activation(rng, attributes, exact, bound)
    blocked = not attributes.get("plain")
    return Problem(
        "norm", attributes, [Operand(x, blocked, "x_batch_stride", gap(rng), 77.0)],
        [Operand(expected, blocked, "y_batch_stride", gap(rng))], lambda _: bound,
        weights=[w, b], in_place=((0, 0),),
    )  # fmt: skip
