"""Reordering at the edges of a plan."""

from __future__ import annotations

from ..draw import Rng, channels, gap, normal, pick
from ..problem import ImageLanes, Operand, Problem


def draw(rng: Rng) -> Problem:
    """Between plain and blocked maps, both ways; perhaps with images as lanes."""
    x = normal(rng, int(pick(rng, 1, 2, 3)), channels(rng), int(rng.integers(1, 700)))
    to_blocked = bool(rng.random() < 0.5)
    attributes = {
        "batch": len(x), "channels": x.shape[1], "pixels": x.shape[2], "to_blocked": to_blocked,
    }  # fmt: skip
    plain, blocked = Operand(x), Operand(x, True, "batch_stride", gap(rng))
    if rng.random() < 0.3:
        x = normal(rng, int(rng.integers(1, 40)), int(rng.integers(1, 9)), x.shape[2])
        attributes |= {"batch": len(x), "channels": x.shape[1], "images": True}
        plain, blocked = (
            Operand(x),
            ImageLanes(x, stride_name="batch_stride", gap=gap(rng), unused=0),
        )
    inputs: list[Operand | None] = [plain if to_blocked else blocked]
    return Problem("layout", attributes, inputs, [blocked if to_blocked else plain], lambda _: 0.0)
