"""The step `gather`: look-ups and their gradients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import _core

from ..fuzz.kinds.gather import looked_up
from .steps import Array, run_step

TARGETS = [name for name, _ in _core.targets()]


def run(mode: str, x: Array, index: Array, size: int, threads: int = 1) -> Array:
    outer, _, inner = x.shape
    count = index.shape[1] if mode.endswith("each") else index.size
    attributes = {"mode": mode, "outer": outer, "size": size, "count": count, "inner": inner}
    made = (outer, size if mode.startswith("add") else count, inner)
    (y,) = run_step(
        TARGETS[0], "gather", "lines", attributes, [x, index.astype(np.float32)], [made],
        threads=threads,
    )  # fmt: skip
    return y


def test_worked_numbers() -> None:
    x = np.float32([[1, 2], [3, 4], [5, 6]])[None]
    index = np.array([2, 0, 2])
    assert run("take", x, index, 3).tolist() == [[[5, 6], [1, 2], [5, 6]]]
    assert run("add", x, index, 4).tolist() == [[[3, 4], [0, 0], [6, 8], [0, 0]]]
    each = np.array([[[2, 0], [0, 0], [1, 2]]])
    assert run("each", x, each, 3).tolist() == [[[5, 2], [1, 2], [3, 6]]]
    assert run("add_each", x, each, 3).tolist() == [[[3, 6], [5, 0], [1, 6]]]


@pytest.mark.parametrize("mode", ["take", "each", "add", "add_each"])
@settings(max_examples=25, deadline=None)
@given(
    outer=st.integers(1, 5),
    size=st.integers(1, 20),
    count=st.integers(1, 20),
    inner=st.sampled_from([1, 3, 300]),
)
def test_any_number_of_threads(mode: str, outer: int, size: int, count: int, inner: int) -> None:
    rng = np.random.default_rng(0)
    lines = count if mode.startswith("add") else size
    x = rng.integers(-9, 9, (outer, lines, inner)).astype(np.float32)  # whose sums are exact
    index = rng.integers(0, size, (outer, count, inner) if mode.endswith("each") else (count,))
    for threads in (1, 3):
        assert np.array_equal(run(mode, x, index, size, threads), looked_up(mode, x, index, size))


def test_an_index_outside_reads_inside() -> None:
    x = np.float32([7, 8])[None, :, None]
    index = np.float32([-1, 2, np.nan, 1])
    assert run("take", x, index, 2).ravel().tolist() == [7, 7, 7, 8]
