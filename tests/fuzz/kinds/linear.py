"""Linear layers."""

from __future__ import annotations

from typing import Any

from ...native.steps import EPS
from ..draw import Rng, channels, draw_activation, normal, pick
from ..problem import Operand, Problem


def draw(rng: Rng) -> Problem:
    """A linear layer of rows, or of maps that it flattens."""
    batch, outputs = int(pick(rng, 1, 1, 2, 3, 4, 7, 20, 65)), channels(rng)
    features = int(rng.integers(1, 900))
    if rng.random() < 0.2:
        outputs = int(rng.integers(100, 700))
    attributes: dict[str, Any] = {}
    if rng.random() < 0.5:
        c, pixels = channels(rng), int(rng.integers(1, 30))
        features = c * pixels
        attributes = {"channels": c, "pixels": pixels}
    x, weight = normal(rng, batch, features), normal(rng, outputs, features)
    bias = normal(rng, outputs) if rng.random() < 0.7 else None
    exact = x.astype(float) @ weight.T.astype(float) + (0 if bias is None else bias)
    attributes |= {
        "batch": batch, "in_features": features, "out_features": outputs,
        "bias": bias is not None,
    }  # fmt: skip
    attributes, expected, bound = draw_activation(rng, attributes, exact, 4 * EPS * (features + 2))
    given = Operand(x)
    if "channels" in attributes:
        given = Operand(x.reshape(batch, attributes["channels"], -1), True, unused=7.0)
    blocked = bool(rng.random() < 0.3)
    attributes |= {"blocked_output": blocked}
    return Problem(
        "linear", attributes, [given], [Operand(expected, blocked)], lambda _: bound, weight, [bias]
    )
