"""Pooling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from striate import Window

from ...native import test_pool
from ...native.steps import EPS
from ..draw import Rng, axes, channels, draw_activation, gap, normal, pick
from ..problem import Operand, Problem


def pooling(rng: Rng) -> test_pool.Pooling:
    """Windows of any kind, or adaptive ones."""
    used = axes(rng, 3)
    size = tuple(
        1 if i not in used else int(rng.integers(1, 10 if len(used) == 3 else 30)) for i in range(3)
    )
    common: dict[str, Any] = {
        "size": size, "channels": channels(rng), "batch": int(pick(rng, 1, 1, 2, 3)),
    }  # fmt: skip
    if rng.random() < 0.2:
        places = tuple(int(rng.integers(1, n + 3)) if i in used else 1 for i, n in enumerate(size))
        return test_pool.Pooling(places=places, **common)
    windows = tuple(_window(rng, n) if i in used else Window(1) for i, n in enumerate(size))
    return test_pool.Pooling(
        windows=windows, count_include_pad=bool(rng.random() < 0.5),
        divisor=int(rng.integers(1, 9)) if rng.random() < 0.1 else None, **common,
    )  # fmt: skip


def draw(rng: Rng) -> Problem:
    """A maximum or a mean over windows, adaptive or not."""
    problem, mode = pooling(rng), str(pick(rng, "max", "avg"))
    if mode == "max" and problem.has_places and rng.random() < 0.3:
        return _behind_a_norm(rng, problem)
    x = normal(rng, problem.batch, problem.channels, *problem.size)
    exact = problem.reference(x, mode)
    terms = math.prod(problem.size) if mode == "avg" else 0
    attributes, expected, bound = draw_activation(
        rng, problem.attributes(mode, exact.shape[2:]), exact, 4 * EPS * terms
    )
    outputs: list[Operand | None] = [Operand(expected, True, "y_batch_stride", gap(rng))]
    bounds = [bound]
    if mode == "max" and problem.has_places and rng.random() < 0.5:
        attributes["places"] = True
        outputs.append(Operand(problem.winners(x)[1], True, in_bytes=True))
        bounds.append(0)
    return Problem(
        "pool", attributes, [Operand(x, True, "x_batch_stride", gap(rng))], outputs,
        lambda _: bounds,
    )  # fmt: skip


def _behind_a_norm(rng: Rng, problem: test_pool.Pooling) -> Problem:
    """Of what a batch norm makes of whole numbers, without rounding."""
    numbers = test_pool.Norm.drawn(rng, problem.channels)
    x = rng.integers(-8, 9, (problem.batch, problem.channels, *problem.size)).astype(np.float32)
    y, places = problem.winners(numbers.of(x))
    attributes = problem.attributes("max", y.shape[2:]) | numbers.attributes | {"places": True}
    return Problem(
        "pool", attributes,
        [Operand(x, True, "x_batch_stride", gap(rng)),
         *(None if array is None else Operand(array.reshape(1, -1)) for array in numbers.arrays)],
        [Operand(y, True, "y_batch_stride", gap(rng)), Operand(places, True, in_bytes=True)],
        lambda _: [0, 0],
    )  # fmt: skip


def _window(rng: Rng, n: int) -> Window:
    """One that fits n pixels and never lies in the padding alone."""
    while True:
        size, dilation = int(rng.integers(1, min(n, 8) + 1)), int(pick(rng, 1, 1, 1, 2, 3))
        reach = dilation * (size - 1) + 1
        half = min(reach // 2, size // 2 if dilation == 1 else 0)
        padding = tuple(int(rng.integers(0, half + 1)) for _ in range(2))
        if reach <= n:
            return Window(
                size, int(rng.integers(1, 5)), dilation, padding, ceil_mode=bool(rng.random() < 0.3)
            )
