"""The step `matmul`: batches of products of two arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from striate import _core

from .steps import EPS, run_step

TARGETS = [name for name, _ in _core.targets()]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("a_transposed", [False, True])
def test_products_are_numpys(a_transposed: bool, transposed: bool, target: str) -> None:
    sizes = [(1, 1, 1, 1), (2, 3, 5, 7), (3, 7, 8, 9), (1, 97, 33, 17), (2, 196, 16, 196),
             (1, 5, 600, 40), (4, 1, 64, 65), (1, 100, 3, 500)]  # fmt: skip
    rng = np.random.default_rng(0)
    for n, rows, depth, columns in sizes:
        a = rng.normal(size=(n, rows, depth)).astype(np.float32)
        b = rng.normal(size=(n, depth, columns)).astype(np.float32)
        given = np.ascontiguousarray(a.swapaxes(1, 2)) if a_transposed else a
        stored = np.ascontiguousarray(b.swapaxes(1, 2)) if transposed else b
        attributes = {
            "batch": [n], "a_strides": [rows * depth], "b_strides": [depth * columns],
            "rows": rows, "depth": depth, "columns": columns, "transposed": transposed,
            "a_transposed": a_transposed, "scale": 0.5,
        }  # fmt: skip
        exact = 0.5 * (a.astype(np.float64) @ b)
        for kernel in _core.candidates(target, "matmul", attributes):
            (y,) = run_step(target, "matmul", kernel, attributes, [given, stored],
                            [(n, rows, columns)], threads=2)  # fmt: skip
            error = np.abs(y - exact).max()
            assert error <= 4 * EPS * depth + EPS, (kernel, n, rows, depth, columns)


@pytest.mark.parametrize("target", TARGETS)
def test_matrices_of_few_rows_are_read_in_place(target: str) -> None:
    def sizes(**changes: Any) -> dict[str, Any]:
        batch = {"batch": [1], "a_strides": [0], "b_strides": [0]}
        return batch | {"rows": 64, "depth": 120, "columns": 400, **changes}

    def kernels(**changes: Any) -> list[str]:
        return list(_core.candidates(target, "matmul", sizes(**changes)))

    def copied(**changes: Any) -> int:
        return int(_core.needs(target, "matmul", "in_place", sizes(**changes)).thread_floats)

    assert (
        kernels() == kernels(a_transposed=True) == kernels(columns=1024) == ["in_place", "blocks"]
    )
    assert kernels(transposed=True) == kernels(depth=257) == kernels(columns=3) == ["blocks"]
    # All rows of b in one set of L1: a panel is copied, unless few rows of a read it.
    assert copied() == copied(rows=1, columns=1024) == 0
    assert copied(columns=1024) == 120 * 3 * dict(_core.targets())[target]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("turned", [False, True])
def test_panels_that_are_copied(target: str, turned: bool) -> None:
    rng = np.random.default_rng(0)
    rows, depth = 33, 20
    for columns in (256, 1024 + 32, 4096 + 16):
        a = rng.normal(size=(depth, rows) if turned else (rows, depth)).astype(np.float32)
        b = rng.normal(size=(depth, columns)).astype(np.float32)
        exact = (a.T if turned else a).astype(np.float64) @ b
        attributes: dict[str, Any] = {
            "batch": [1], "a_strides": [0], "b_strides": [0], "rows": rows, "depth": depth,
            "columns": columns, "scale": 0.5, "a_transposed": turned,
        }  # fmt: skip
        (y,) = run_step(target, "matmul", "in_place", attributes, [a, b], [exact.shape])
        assert np.abs(y - 0.5 * exact).max() < 4 * EPS * depth


@pytest.mark.parametrize("target", TARGETS)
def test_batches_repeat_operands(target: str) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(2, 1, 3, 4, 5)).astype(np.float32)
    for shape in ((2, 3, 5, 18), (5, 18), (1, 3, 5, 18)):
        b = rng.normal(size=shape).astype(np.float32)
        strides = [0, 0, 0] if len(shape) == 2 else [0, 270 * (shape[0] > 1), 90]
        attributes: dict[str, Any] = {
            "batch": [2, 2, 3], "a_strides": [60, 0, 20], "b_strides": strides,
            "rows": 4, "depth": 5, "columns": 18,
        }  # fmt: skip
        wide = b if len(shape) == 2 else np.broadcast_to(b, (2, 3, 5, 18))[None]
        exact = np.broadcast_to(a, (2, 2, 3, 4, 5)).astype(np.float64) @ wide
        for kernel in ("in_place", "blocks"):
            (y,) = run_step(target, "matmul", kernel, attributes, [a, b], [exact.shape])
            assert np.abs(y - exact).max() < 40 * EPS


def test_wrong_arguments_are_refused() -> None:
    right = {"batch": [2], "a_strides": [4], "b_strides": [4], "rows": 2, "depth": 2, "columns": 2}
    assert _core.candidates(TARGETS[0], "matmul", right) == ["blocks"]
    for wrong in ({"batch": [1] * 5}, {"a_strides": [-1]}, {"rows": 0}, {"b_strides": [1, 2]},
                  {"rows": 1 << 31, "columns": 1 << 31, "batch": [1 << 31]}):  # fmt: skip
        with pytest.raises(ValueError, match="matmul"):
            _core.candidates(TARGETS[0], "matmul", {**right, **wrong})
