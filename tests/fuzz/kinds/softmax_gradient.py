"""Gradients of softmax."""

from __future__ import annotations

import numpy as np

from striate.graph.ops import Softmax, SoftmaxGradient

from ...native.steps import EPS
from ..draw import Rng, normal, pick
from ..problem import Operand, Problem


def draw(rng: Rng) -> Problem:
    """Along one axis of an array; of shares some are 0, as masks make them."""
    shape = tuple(int(rng.integers(1, pick(rng, 3, 20, 150))) for _ in range(3))
    if rng.random() < 0.4:
        shape = (*shape[:2], 1)
    if rng.random() < 0.05:
        shape = (1, int(rng.integers(1000, 60_000)), 1)
    log = bool(rng.random() < 0.5)
    gy, x = normal(rng, *shape), normal(rng, *shape) * np.float32(pick(rng, 1, 10))
    if not log and rng.random() < 0.3:
        x[:, 1:][rng.random(x[:, 1:].shape) < 0.4] = -np.inf
    y = Softmax(1, log).evaluate(x.astype(float))[0].astype(np.float32)
    (gx,) = SoftmaxGradient(1, log).evaluate(gy.astype(float), y.astype(float))
    attributes = dict(zip(("outer", "size", "inner"), shape, strict=True)) | {"log": log}
    # Of y the shares add up to 1, so that their sum is no longer than gy's largest number.
    terms = np.abs(gy).sum(1, keepdims=True) if log else 4 * np.abs(gy).max(1, keepdims=True)
    bound = 8 * EPS * (np.abs(gy) + np.exp(np.minimum(y, 0)) * terms)
    return Problem(
        "softmax_gradient", attributes, [Operand(v.reshape(1, -1)) for v in (gy, y)],
        [Operand(gx.reshape(1, -1))], lambda _: bound.reshape(1, -1), in_place=((0, 0), (0, 1)),
    )  # fmt: skip
