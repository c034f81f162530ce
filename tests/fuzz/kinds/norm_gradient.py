"""Gradients of norms that compute their statistics."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.graph.ops import GroupNormGradient, LayerNormGradient, LocalResponseNormGradient

from ...native.test_norm_gradient import over_channels
from ..draw import Rng, channels, gap, normal, pick
from ..problem import Array, Operand, Problem


def draw(rng: Rng) -> Problem:
    """Layer, group or response normalisation."""
    mode = str(pick(rng, "layer", "layer", "group", "response", "plain"))
    n, c, pixels = int(pick(rng, 1, 1, 2, 3)), channels(rng), int(rng.integers(1, 200))
    if mode == "plain":
        n, c, pixels = int(rng.integers(1, 60)), int(rng.integers(1, pick(rng, 40, 2000))), 1
    elif rng.random() < 0.1:
        pixels = int(rng.integers(1000, 3000))
    blocked, mean = mode != "plain", float(pick(rng, 0, 0, 5, -30))
    shape = (n, c, pixels) if blocked else (n, c)
    gy, x = normal(rng, *shape), normal(rng, *shape) + np.float32(mean)
    w = normal(rng, c) if mode != "response" and rng.random() < 0.7 else None
    told, expected = _expected(rng, mode, gy, x, w)
    whole = mode == "response" or bool(rng.random() < 0.8)
    attributes = {
        "batch": n, "channels": c, "pixels": pixels, "plain": not blocked, "input": whole,
        "weight": w is not None, "eps": EPSILON, **told,
    }  # fmt: skip
    gap_ = gap(rng) if blocked else 0  # the same for all, so that gx may lie where the others do
    share = 1e-4 if mean else 1e-5
    outputs: list[Operand | None] = [
        Operand(expected[0], blocked, "gx_batch_stride", gap_) if whole else None,
        *(Operand(v.reshape(1, -1)) for v in expected[1:]),
    ]
    inputs = [
        Operand(gy, blocked, "gy_batch_stride", gap_, -55.0),
        Operand(x, blocked, "x_batch_stride", gap_, 77.0),
        None if w is None else Operand(w.reshape(1, -1)),
    ][: 2 if mode == "response" else 3]
    bounds = [share * max(1.0, float(np.abs(v).max())) for v in expected]
    return Problem(
        "norm_gradient", attributes, inputs, outputs, lambda _: bounds,
        in_place=((0, 0), (0, 1)) if whole else (),
    )  # fmt: skip


EPSILON = 1e-2  # 1 / sqrt of it magnifies the rounding of nearly equal numbers


def _expected(
    rng: Rng, mode: str, gy: Array, x: Array, w: Array | None
) -> tuple[dict[str, Any], tuple[Array, ...]]:
    """Attributes of the mode, and what comes out."""
    real = gy.astype(float), x.astype(float)
    if mode == "response":
        size, power = int(rng.integers(1, 12)), float(pick(rng, 0.75, 0.5, 0.6))
        op = LocalResponseNormGradient(size, 0.1, power, 2.0)
        told = {"mode": mode, "size": size, "k": 2.0, "scale": 0.1 / size, "power": power}
        return told, op.evaluate(*real)
    if mode == "group":
        c = x.shape[1]
        groups = int(pick(rng, *(g for g in range(1, c + 1) if c % g == 0)))
        group = GroupNormGradient(groups, EPSILON)
        return {"mode": mode, "groups": groups}, group.evaluate(*real, w)
    rms = bool(rng.random() < 0.3)
    layer = LayerNormGradient(1, EPSILON, rms)
    if mode == "plain":
        return {"mode": "layer", "rms": rms}, layer.evaluate(*real, w)
    return {"mode": mode, "rms": rms}, over_channels(layer, gy, x, w)
