"""The step `reduce`: sums, extremes and softmax along one axis of plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from striate import _core
from striate.graph.ops.reduce import FUNCTIONS

from .steps import Array, run_step

TARGETS = [name for name, _ in _core.targets()]
SHAPES = [
    (1, 1, 1), (3, 7, 1), (2, 8, 1), (5, 17, 1), (40, 49, 1), (1, 3000, 1), (300, 5, 1),
    (2, 5, 3), (1, 9, 8), (2, 17, 33), (3, 2, 70), (1, 700, 13), (2, 64, 49), (1, 10, 1000),
]  # fmt: skip
MODES = {
    **{name: name for name in ("sum", "mean", "max", "min", "prod", "l1", "l2", "sum_square",
                               "log_sum_exp")},
    "variance": "var_unbiased", "deviation": "std",
}  # fmt: skip


def run(target: str, kernel: str, x: Array, mode: str, shape: Any, **more: Any) -> Array:
    outer, size, inner = x.shape
    attributes = {"mode": mode, "outer": outer, "size": size, "inner": inner, **more}
    (y,) = run_step(target, "reduce", kernel, attributes, [x], [shape], threads=2)
    return y


def kernels(inner: int) -> list[str]:
    return ["rows", "columns"] if inner == 1 else ["columns"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("mode", MODES)
def test_reductions_are_numpys(mode: str, target: str) -> None:
    for shape in SHAPES:
        if mode == "variance" and shape[1] == 1:
            continue
        x = np.random.default_rng(0).normal(1, 2, shape).astype(np.float32)
        if mode == "prod":
            x = np.sign(x) * np.abs(x) ** (1 / shape[1])
        exact = FUNCTIONS[MODES[mode]](x.astype(np.float64), axis=(1,), keepdims=False)
        divisor = shape[1] - (mode == "variance")
        terms = np.abs(x).sum(1) if mode in ("sum", "mean", "l1") else np.abs(exact) + 1
        for kernel in kernels(shape[2]):
            y = run(target, kernel, x, mode, exact.shape, divisor=float(divisor))
            steps = 4 + shape[1] ** 0.5
            assert np.all(np.abs(y - exact) <= steps * 2e-7 * terms), (shape, kernel)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("mode", ["softmax", "log_softmax"])
def test_shares_add_up_to_one(mode: str, target: str) -> None:
    for shape in SHAPES:
        x = np.random.default_rng(0).normal(0, 20, shape).astype(np.float32) + 100
        shifted = x.astype(np.float64) - x.max(1, keepdims=True)
        exact = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
        for kernel in kernels(shape[2]):
            y = run(target, kernel, x, mode, shape).astype(np.float64)
            if mode == "softmax":
                assert np.abs(y.sum(1) - 1).max() < 1e-5
                assert np.abs(y - np.exp(exact)).max() < 1e-6
            else:
                assert np.all(np.abs(y - exact) <= 1e-6 * (1 + np.abs(exact))), (shape, kernel)


@pytest.mark.parametrize("target", TARGETS)
def test_infinities(target: str) -> None:
    x = np.float32([[-np.inf, 1, 1], [np.inf, 0, -np.inf], [-np.inf] * 3, [1, np.nan, 2]])
    for kernel, shape, axis in (("rows", (4, 3, 1), 1), ("columns", (1, 3, 4), 0)):
        given = x.reshape(shape) if axis else np.ascontiguousarray(x.T).reshape(shape)
        shares = run(target, kernel, given, "softmax", (4, 3) if axis else (3, 4))
        shares = shares if axis else shares.T
        assert np.array_equal(shares[0], np.float32([0, 0.5, 0.5]))
        assert np.isnan(shares[3]).all()
        total = run(target, kernel, given, "log_sum_exp", (4,))
        assert total[1] == np.inf
        assert total[2] == -np.inf
        assert np.isnan(total[3])


def test_wrong_arguments_are_refused() -> None:
    for wrong in ({"mode": "median"}, {"outer": 0}, {"size": 1 << 31, "inner": 1 << 31}):
        attributes = {"mode": "sum", "outer": 1 << 10, "size": 3, "inner": 1, **wrong}
        with pytest.raises(ValueError, match="reduce"):
            _core.candidates(TARGETS[0], "reduce", attributes)


@pytest.mark.parametrize("target", TARGETS)
def test_places_of_extremes_are_numpys(target: str) -> None:
    """Of equals the first; a NaN beats all."""
    for shape in SHAPES:
        x = np.random.default_rng(0).integers(-3, 4, shape).astype(np.float32)
        for holes in (0.0, 0.3):
            x[np.random.default_rng(1).random(shape) < holes] = np.nan
            for mode, find in (("argmax", np.argmax), ("argmin", np.argmin)):
                y = run(target, "places", x, mode, (shape[0], shape[2]))
                assert np.array_equal(y, find(x, 1)), (shape, mode)


@pytest.mark.parametrize("target", TARGETS)
def test_running_sums_stay_exact(target: str) -> None:
    for shape in [*SHAPES, (1, 100_000, 1)]:
        x = np.random.default_rng(0).uniform(0.5, 1.5, shape).astype(np.float32)
        exact = np.cumsum(x.astype(np.float64), 1)
        y = run(target, "running", x, "cumsum", shape)
        assert np.all(np.abs(y - exact) <= 2**-24 * exact), shape


def test_places_that_floats_cannot_count_are_refused() -> None:
    sizes = {"mode": "argmax", "outer": 1, "size": 2**24 + 1, "inner": 1}
    with pytest.raises(ValueError, match="more than a float counts"):
        _core.candidates(TARGETS[0], "reduce", sizes)
