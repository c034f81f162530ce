"""Cross-entropy and its gradient."""

from __future__ import annotations

import numpy as np

from striate.graph.ops import CrossEntropy, CrossEntropyGradient

from ...native.steps import EPS
from ..draw import Rng, normal, pick
from ..problem import Operand, Problem


def draw(rng: Rng) -> Problem:
    """Of any number of classes; logits are far apart, labels sometimes no class."""
    n, classes = (int(rng.integers(1, pick(rng, 4, 20, 130))) for _ in range(2))
    if rng.random() < 0.1:
        n, classes = n % 9 + 1, int(rng.integers(500, 5000))
    scale, smoothing = float(pick(rng, 1, 5, 100)), float(pick(rng, 0, 0, 0.1, 0.5, 1))
    x, gradient = normal(rng, n, classes) * np.float32(scale), bool(rng.random() < 0.6)
    labels = rng.integers(0, classes, n)
    exact = x.astype(float)
    if gradient:
        gy = normal(rng, 1)
        (y,) = CrossEntropyGradient(smoothing).evaluate(exact, labels, gy[0].astype(float))
        bound = 16 * EPS * abs(float(gy[0])) / n
    else:
        (y,) = CrossEntropy(smoothing).evaluate(exact, labels)
        bound = 16 * EPS * max(1.0, float(np.abs(exact).max()))
    given = labels.astype(np.float32)
    if rng.random() < 0.1:
        image = int(rng.integers(n))
        given[image] = pick(rng, -1, classes, 0.5, 1e30, np.nan, -np.inf)
        y = np.array(y)
        y[image if gradient else ...] = np.nan
    inputs: list[Operand | None] = [Operand(x.reshape(1, -1)), Operand(given.reshape(1, -1))]
    if gradient:
        inputs.append(Operand(gy.reshape(1, 1)))
    attributes = {
        "batch": n, "classes": classes, "label_smoothing": smoothing, "gradient": gradient,
    }  # fmt: skip
    return Problem(
        "cross_entropy", attributes, inputs, [Operand(np.reshape(y, (1, -1)))], lambda _: bound,
        in_place=((0, 0),) if gradient else (),
    )  # fmt: skip
