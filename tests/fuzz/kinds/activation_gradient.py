"""Gradients of activations."""

from __future__ import annotations

import numpy as np

from ...native.steps import EPS
from ...native.test_activation_gradient import CASES, operations
from ..draw import Rng, channels, gap, normal, pick
from ..problem import Array, Operand, Problem


def draw(rng: Rng) -> Problem:
    """Of maps or arrays; perhaps a second gradient is added first."""
    name, plain = str(pick(rng, *sorted(CASES))), bool(rng.random() < 0.4)
    shape = int(pick(rng, 1, 2, 3)), channels(rng), int(rng.integers(1, 300))
    if rng.random() < 0.05:
        shape = 1, shape[1] % 9 + 1, int(rng.integers(3000, 20_000))
    _, gradient, native = operations(name)
    gy, x = normal(rng, *shape), _numbers(rng, name, *shape)
    added = normal(rng, *shape) if rng.random() < 0.3 else None
    whole = gy.astype(float) if added is None else gy.astype(float) + added
    (gx,) = gradient.evaluate(whole, x.astype(float))
    attributes = {
        "batch": shape[0], "channels": shape[1], "pixels": shape[2], "plain": plain,
        "added": added is not None, **native,
    }  # fmt: skip
    gap_ = gap(rng)  # the same for all, so that gx may lie where the others do

    def beside(name: str, array: Array) -> Operand:
        return Operand(array, not plain, f"{name}_batch_stride", gap_, 1.0)

    # Slopes are of the size of 1, or as large as the largest number that comes out.
    size = np.abs(gy) + np.abs(gx) + (0 if added is None else np.abs(added))
    return Problem(
        "activation_gradient", attributes,
        [beside("gy", gy), beside("x", x), None if added is None else beside("added", added)],
        [beside("gx", gx)], lambda _: 8 * EPS * size, in_place=((0, 0), (0, 1), (0, 2)),
    )  # fmt: skip


def _numbers(rng: Rng, name: str, *shape: int) -> Array:
    """X, or y, as numbers the function is smooth at, and its corners; some are far from 0."""
    x = normal(rng, *shape) * np.float32(pick(rng, 0.1, 1, 3, 3, 30))
    corners = rng.random(shape) < 0.1
    x[corners] = rng.integers(-6, 7, int(corners.sum()))
    if name == "exp":
        x = np.minimum(x, 20)
    if name in ("log", "sqrt", "rsqrt", "reciprocal"):
        x = np.abs(x) + np.float32(0.25)
    forward, gradient, _ = operations(name)
    if gradient.of_output:
        (x,) = forward.evaluate(x.astype(float))
    return x.astype(np.float32)
