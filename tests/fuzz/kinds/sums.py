"""Sums of maps and of products of maps."""

from __future__ import annotations

import numpy as np

from ...native.steps import EPS
from ..draw import Rng, channels, gap, normal, pick
from ..problem import Operand, Problem


def draw(rng: Rng) -> Problem:
    """Over the places of each image, or over all images as well."""
    n, c, pixels = int(pick(rng, 1, 1, 2, 3, 40)), channels(rng), int(rng.integers(1, 300))
    if rng.random() < 0.1:
        n, c, pixels = int(rng.integers(1, 4)), c % 9 + 1, int(rng.integers(1000, 20_000))
    x = normal(rng, n, c, pixels) + np.float32(pick(rng, 0, 0, 1, -20))
    b = normal(rng, n, c, pixels) if rng.random() < 0.5 else None
    images = bool(rng.random() < 0.5)
    products = x.astype(float) * (1 if b is None else b)
    y = products.sum((0, 2))[None] if images else products.sum(2)[:, :, None]
    # Added up in runs: what rounding adds is of the size of the terms' sum, not of their number's.
    terms = np.abs(products).sum((0, 2))[None] if images else np.abs(products).sum(2)[:, :, None]
    return Problem(
        "sums",
        {
            "batch": n, "channels": c, "pixels": pixels, "over": "images" if images else "places",
            "product": b is not None,
        },
        [
            Operand(x, True, "x_batch_stride", gap(rng), 2.0),
            None if b is None else Operand(b, True, "b_batch_stride", gap(rng), 5.0),
        ],
        [Operand(y, not images)], lambda _: 16 * EPS * terms,
    )  # fmt: skip
