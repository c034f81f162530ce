"""The gradient of a learned slope."""

from __future__ import annotations

import numpy as np

from striate.graph.ops import PReLUGradient

from ..draw import Rng, channels, gap, normal, pick
from ..problem import Operand, Problem


def draw(rng: Rng) -> Problem:
    """Maps of any size, one slope a channel."""
    n, c, pixels = int(pick(rng, 1, 2, 5)), channels(rng), int(rng.integers(1, pick(rng, 9, 3000)))
    gy, x, slope = normal(rng, n, c, pixels), normal(rng, n, c, pixels), normal(rng, c)
    wanted = PReLUGradient().evaluate(*(a.astype(float) for a in (gy, x, slope)))
    bound = 1e-6 * (n * pixels) ** 0.5 + 1e-6 * float(np.abs(wanted[1]).max())
    return Problem(
        "prelu_gradient", {"batch": n, "channels": c, "pixels": pixels},
        [Operand(gy, True, "gy_batch_stride", gap(rng), 2.0),
         Operand(x, True, "x_batch_stride", gap(rng), -2.0),
         Operand(slope.reshape(1, -1, 1), True)],
        [Operand(wanted[0], True, "gx_batch_stride", gap(rng)),
         Operand(wanted[1].reshape(1, -1))], lambda _: bound,
    )  # fmt: skip
