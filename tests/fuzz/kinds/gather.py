"""Look-ups along an axis, and what they add up in the gradient."""

from __future__ import annotations

import numpy as np

from ..draw import Rng, normal, pick
from ..problem import Array, Operand, Problem


def looked_up(mode: str, x: Array, index: Array, size: int) -> Array:
    """What the step `gather` makes of x [outer][size][inner], or of gradients, in float64."""
    outer, _, inner = x.shape
    places = index if mode.endswith("each") else np.broadcast_to(index, (outer, inner, index.size))
    if not mode.endswith("each"):
        places = places.swapaxes(1, 2)
    if not mode.startswith("add"):
        return np.take_along_axis(x.astype(float), places, 1)
    made = np.zeros((outer, size, inner))
    np.add.at(made, (np.arange(outer)[:, None, None], places, np.arange(inner)), x)
    return made


def draw(rng: Rng) -> Problem:
    """A table and places in it, often the same ones."""
    mode = str(pick(rng, "take", "each", "add", "add_each"))
    outer, size, inner = (int(rng.integers(1, pick(rng, 3, 20, 250))) for _ in range(3))
    count = int(rng.integers(1, pick(rng, 3, 40)))
    x = normal(rng, outer, count if mode.startswith("add") else size, inner)
    index = rng.integers(0, size, (outer, count, inner) if mode.endswith("each") else (count,))
    exact = looked_up(mode, x, index, size)
    attributes = {"mode": mode, "outer": outer, "size": size, "count": count, "inner": inner}
    given = [Operand(a.astype(np.float32).reshape(1, -1)) for a in (x, index)]
    bound = 1e-7 * count * float(np.abs(x).max()) if mode.startswith("add") else 0
    return Problem("gather", attributes, given, [Operand(exact.reshape(1, -1))], lambda _: bound)
