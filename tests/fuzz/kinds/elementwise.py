"""Arithmetic of maps and arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..draw import Rng, channels, draw_activation, gap, normal, pick, sigmoid
from ..problem import Array, Operand, Problem

OPS: dict[str, Any] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "pow": np.power,
    "max": np.maximum, "min": np.minimum, "prelu": lambda x, b: np.where(x > 0, x, b * x),
    "equal": np.equal, "less": np.less, "less_equal": np.less_equal,
}  # fmt: skip
CHOICES = ("where", "masked_fill")


def _numbers(rng: Rng, op: str, *shape: int) -> Array:
    """Numbers on which the operation is defined, and does all that it can."""
    if op in ("equal", "less", "less_equal", *CHOICES):
        return rng.integers(-2, 3, shape).astype(np.float32)
    if op in ("prelu", "max", "min"):
        return normal(rng, *shape)
    return rng.uniform(0.5, 2, shape).astype(np.float32)


def draw(rng: Rng) -> Problem:
    """Arithmetic of maps, or of arrays that are broadcast."""
    if rng.random() < 0.3:
        return _broadcast(rng)
    n, c, pixels = int(pick(rng, 1, 2, 3)), channels(rng), int(rng.integers(1, 300))
    plain = bool(rng.random() < 0.4)
    op = pick(rng, "none", "affine", *CHOICES, *OPS)
    second = "none" if op == "none" else pick(rng, "same", "channel", "image_channel", "pixel")
    if op not in ("none", "affine", *CHOICES) and rng.random() < 0.2:
        second = "number"
    shapes = {
        "none": (1, 1, 1), "number": (1, 1, 1), "same": (n, c, pixels), "channel": (1, c, 1),
        "image_channel": (n, c, 1), "pixel": (n, 1, pixels),
    }  # fmt: skip
    if op in ("affine", "where") and second == "pixel":
        second = "same"
    x, b, shift = _numbers(rng, op, n, c, pixels), _numbers(rng, op, *shapes[second]), None
    attributes: dict[str, Any] = {
        "batch": n, "channels": c, "pixels": pixels, "plain": plain, "op": op, "second": second,
    }  # fmt: skip
    real, other = x.astype(float), b.astype(float)
    if op == "none":
        attributes |= {"activation": "silu"}
        exact = real * sigmoid(real)
    elif op == "affine":
        shift = _numbers(rng, op, *shapes[second])
        exact = real * other + shift
    elif op == "where":
        shift = _numbers(rng, op, *shapes[second])
        exact = np.where(real != 0, other, shift).astype(float)
    elif op == "masked_fill":
        attributes |= {"number": 2.5, "reverse": bool(rng.random() < 0.5)}
        exact = np.where((real != 0) != attributes["reverse"], 2.5, other)
    else:
        reverse = op in ("sub", "div", "pow", "less", "less_equal") and rng.random() < 0.5
        attributes["reverse"] = bool(reverse)
        exact = (OPS[op](other, real) if reverse else OPS[op](real, other)).astype(float)
    if second == "number":
        attributes["number"] = float(b.item())
    bound = 4e-6
    if op != "none":
        attributes, exact, bound = draw_activation(rng, attributes, exact, bound)

    def beside(array: Array | None, stride: str) -> Operand | None:
        if array is None or second in ("none", "number"):
            return None
        strided = second in ("same", "pixel")
        blocked = not plain
        return Operand(array, blocked, stride * strided, gap(rng) * strided, 1.0)

    return Problem(
        "elementwise", attributes,
        [Operand(x, not plain, "x_batch_stride", gap(rng), 1.0), beside(b, "b_batch_stride"),
         beside(shift, "c_batch_stride")],
        [Operand(exact, not plain, "y_batch_stride", gap(rng))], lambda _: bound,
        in_place=((0, 0), (0, 1), (0, 2)) if second == "same" else ((0, 0),),
    )  # fmt: skip


def _broadcast(rng: Rng) -> Problem:
    sizes = [int(rng.integers(1, pick(rng, 3, 9, 30))) for _ in range(rng.integers(1, 7))]
    while math.prod(sizes) > 20000:
        sizes.pop()
    op = pick(rng, *OPS)
    a, b = (_numbers(rng, op, *(1 if rng.random() < 0.3 else n for n in sizes)) for _ in range(2))
    sizes = list(np.broadcast_shapes(a.shape, b.shape))
    strides = [[s // 4 for s in np.broadcast_to(v, sizes).strides] for v in (a, b)]
    attributes = {"op": op, "sizes": sizes, "a_strides": strides[0], "b_strides": strides[1]}
    exact = OPS[op](a.astype(float), b.astype(float)).astype(float)
    attributes, exact, bound = draw_activation(rng, attributes, exact, 4e-6)
    return Problem(
        "elementwise", attributes, [Operand(v.reshape(1, -1)) for v in (a, b)],
        [Operand(exact.reshape(1, -1))], lambda _: bound, in_place=((0, 0), (0, 1)),
    )  # fmt: skip
