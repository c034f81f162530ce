"""Interpolation."""

from __future__ import annotations

from striate.graph.ops import Resize

from ...native import test_resize
from ..draw import Rng, channels, draw_activation, gap, normal, pick
from ..problem import Operand, Problem


def draw(rng: Rng) -> Problem:
    """Nearest, linear or cubic interpolation along one to three axes."""
    count = int(pick(rng, 1, 2, 2, 3))
    most = (300, 24, 8)[count - 1]
    sizes, out = (tuple(int(rng.integers(1, most)) for _ in range(count)) for _ in range(2))
    mode = pick(rng, "nearest", "linear", "linear", "cubic")
    coordinates = pick(rng, "half_pixel", "align_corners", "asymmetric")
    op = Resize(out, mode=mode, coordinates=coordinates)
    x = normal(rng, int(pick(rng, 1, 2, 3)), channels(rng), *sizes)
    attributes, tables = test_resize.attributes_of(op, x.shape, out)
    (exact,) = op.evaluate(x.astype(float))
    attributes, expected, bound = draw_activation(rng, attributes, exact, 1e-5)
    return Problem(
        "resize", attributes, [Operand(x, True, "x_batch_stride", gap(rng), 5.0)],
        [Operand(expected, True, "y_batch_stride", gap(rng))], lambda _: bound, weights=[tables],
    )  # fmt: skip
