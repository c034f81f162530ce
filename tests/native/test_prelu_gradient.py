"""The step `prelu_gradient` against the definition."""

from __future__ import annotations

import numpy as np
import pytest

from striate import _core
from striate.graph.ops import PReLUGradient

from .steps import EPS, Array, block, run_step, unblock

TARGETS = [name for name, _ in _core.targets()]


def run(target: str, gy: Array, x: Array, slope: Array, threads: int = 1) -> tuple[Array, Array]:
    lanes = dict(_core.targets())[target]
    n, c, pixels = x.shape
    inputs = [block(gy, lanes, 2.0), block(x, lanes, -2.0), block(slope.reshape(1, -1, 1), lanes)]
    gx, gw = run_step(
        target, "prelu_gradient", "blocks", {"batch": n, "channels": c, "pixels": pixels},
        inputs, [inputs[0].shape, (c,)], threads=threads,
    )  # fmt: skip
    whole = unblock(gx, inputs[0].shape[1] * lanes)
    assert (whole[:, c:] == 0).all()
    return whole[:, :c], gw


def test_worked_numbers() -> None:
    gy, x = np.float32([[[1, 2, 3]], [[4, 5, 6]]]), np.float32([[[1, -1, 0]], [[-2, 3, 7]]])
    gx, gw = run(TARGETS[0], gy, x, np.float32([0.5]))
    assert gx.tolist() == [[[1, 1, 1.5]], [[2, 5, 6]]]
    assert gw.tolist() == [2 * -1 + 3 * 0 + 4 * -2]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 8, 5), (2, 17, 49), (700, 3, 4), (1, 9, 5000)])
def test_awkward_shapes_and_threads(shape: tuple[int, ...], target: str) -> None:
    rng = np.random.default_rng(0)
    gy, x = (rng.standard_normal(shape).astype(np.float32) for _ in range(2))
    slope = rng.standard_normal(shape[1]).astype(np.float32)
    wanted = PReLUGradient().evaluate(*(a.astype(np.float64) for a in (gy, x, slope)))
    gx, gw = run(target, gy, x, slope)
    assert np.abs(gx - wanted[0]).max() <= 4 * EPS * np.abs(wanted[0]).max()
    terms = shape[0] * shape[2]
    assert np.abs(gw - wanted[1]).max() <= 8 * EPS * terms**0.5 + 2 * EPS * np.abs(wanted[1]).max()
    again = run(target, gy, x, slope, threads=3)
    assert np.array_equal(gx, again[0])
    assert np.array_equal(gw, again[1])
