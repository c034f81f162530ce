"""Products of two arrays."""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...native.steps import EPS
from ..draw import Rng, normal, pick
from ..problem import Array, Operand, Problem


def draw(rng: Rng) -> Problem:
    """Batches of products, of matrices that repeat along some axes of the batch."""
    batch = [int(rng.integers(1, 5)) for _ in range(rng.integers(1, 5))]
    rows, depth, columns = (int(rng.integers(1, pick(rng, 4, 20, 70, 300))) for _ in range(3))
    while rows * depth * columns * math.prod(batch) > 4e6:
        rows, depth, columns = (-(-n // 2) for n in (rows, depth, columns))
    transposed, scale = bool(rng.random() < 0.5), float(pick(rng, 1, 1, 0.125, -3))
    a_transposed = bool(rng.random() < 0.3)
    given, a, a_strides = _operand(rng, batch, (depth, rows) if a_transposed else (rows, depth))
    a = a.swapaxes(-1, -2) if a_transposed else a
    other, b, b_strides = _operand(rng, batch, (columns, depth) if transposed else (depth, columns))
    b = b.swapaxes(-1, -2) if transposed else b
    attributes = {
        "batch": batch, "a_strides": a_strides, "b_strides": b_strides, "rows": rows,
        "depth": depth, "columns": columns, "transposed": transposed, "scale": scale,
        "a_transposed": a_transposed,
    }  # fmt: skip
    exact = scale * (a.astype(float) @ b.astype(float))
    return Problem(
        "matmul", attributes, [given, other], [Operand(exact.reshape(1, -1))],
        lambda _: 4 * EPS * (depth + 2) * abs(scale),
    )  # fmt: skip


def _operand(
    rng: Rng, batch: list[int], matrix: tuple[int, int]
) -> tuple[Operand, Array, list[int]]:
    """An array, the matrices (*batch, *matrix) in it, and the strides of the batch."""
    strides: list[int] = []
    size = math.prod(matrix)
    for n in reversed(batch):
        repeated = rng.random() < 0.3
        strides.insert(0, 0 if repeated else size)
        size = size if repeated else size * n + int(pick(rng, 0, 0, 5))
    size = math.prod(matrix) + sum((n - 1) * s for n, s in zip(batch, strides, strict=True))
    x = normal(rng, size)
    shown = as_strided(x, (*batch, *matrix), [4 * s for s in (*strides, matrix[1], 1)])
    return Operand(x.reshape(1, -1)), np.asarray(shown), strides
