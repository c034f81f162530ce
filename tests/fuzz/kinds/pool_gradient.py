"""Gradients of poolings."""

from __future__ import annotations

import numpy as np

from ...native.steps import EPS
from ...native.test_pool_gradient import drawn, reference
from ..draw import Rng, gap, pick
from ..problem import Operand, Problem
from .pool import pooling


def draw(rng: Rng) -> Problem:
    """Of a maximum, whose windows hold equals, or of a mean."""
    problem, mode = pooling(rng), str(pick(rng, "max", "avg"))
    gy, x = drawn(problem, int(rng.integers(1 << 30)))
    gx = reference(problem, mode, gy, x)
    attributes = problem.attributes(mode, gy.shape[2:])
    inputs: list[Operand | None] = [Operand(gy, True, "gy_batch_stride", gap(rng), 2.0)]
    if mode == "max" and problem.has_places and rng.random() < 0.7:
        attributes["places"] = True
        inputs.append(Operand(problem.winners(x)[1], True, in_bytes=True))
    elif mode == "max":
        inputs.append(Operand(x, True, "x_batch_stride", gap(rng), 1.0))
    terms = sum(w.size for w in problem.windows) + 8
    if problem.places:  # where more places than pixels are, many read the same pixel
        terms += int(np.prod(problem.places))
    return Problem(
        "pool_gradient", attributes, inputs,
        [Operand(gx, True, "gx_batch_stride", gap(rng))],
        lambda _: terms * EPS * max(1.0, float(np.abs(gx).max())),
    )  # fmt: skip
