"""The step `sums`: sums of maps and of products of maps against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import _core

from .steps import EPS, Array, block, run_step

TARGETS = [name for name, _ in _core.targets()]


def drawn(shape: tuple[int, ...], product: bool) -> tuple[Array, Array | None]:
    rng = np.random.default_rng(0)
    x, b = (rng.standard_normal(shape).astype(np.float32) for _ in range(2))
    return x, b if product else None


def wanted(x: Array, b: Array | None, over: str) -> Array:
    products = x.astype(np.float64) * (1 if b is None else b)
    return np.asarray(products.sum((0, 2) if over == "images" else 2))


def run(target: str, x: Array, b: Array | None, over: str, threads: int = 1) -> Array:
    lanes = dict(_core.targets())[target]
    n, c, pixels = x.shape
    attributes = {
        "batch": n, "channels": c, "pixels": pixels, "over": over, "product": b is not None,
    }  # fmt: skip
    inputs = [None if a is None else block(a, lanes, 2.0) for a in (x, b)]
    shape = (c,) if over == "images" else (n, -(-c // lanes) * lanes)
    (y,) = run_step(target, "sums", "blocks", attributes, inputs, [shape], threads=threads)
    assert np.isfinite(y).all()
    return y[..., :c]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("over", ["places", "images"])
@pytest.mark.parametrize("product", [False, True])
def test_awkward_shapes(product: bool, over: str, target: str) -> None:
    for shape in [(1, 1, 1), (3, 8, 1), (2, 17, 49), (5, 9, 8), (700, 3, 4), (1, 9, 17000)]:
        x, b = drawn(shape, product)
        terms = shape[2] * (shape[0] if over == "images" else 1)
        error = np.abs(run(target, x, b, over) - wanted(x, b, over)).max()
        assert error <= 8 * EPS * np.sqrt(terms) + 2 * EPS * np.abs(wanted(x, b, over)).max()


@settings(max_examples=50, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 20), st.integers(1, 300)),
    product=st.booleans(),
    over=st.sampled_from(["places", "images"]),
)
def test_threads_give_the_same_bits(shape: tuple[int, ...], product: bool, over: str) -> None:
    x, b = drawn(shape, product)
    found = run(TARGETS[0], x, b, over)
    np.testing.assert_allclose(found, wanted(x, b, over), atol=2e-3, rtol=1e-5)
    for threads in (2, 3):
        assert np.array_equal(found, run(TARGETS[0], x, b, over, threads))


def test_long_sums_stay_exact() -> None:
    """128 x 32 x 32 numbers around 1: added up one by one, each would be rounded to 1/64."""
    x = np.random.default_rng(0).uniform(0.5, 1.5, (128, 8, 1024)).astype(np.float32)
    exact = wanted(x, None, "images")
    assert (np.abs(run(TARGETS[0], x, None, "images") - exact) <= 1e-6 * exact).all()


def test_wrong_arguments_are_refused() -> None:
    sizes = {"batch": 1, "channels": 1, "pixels": 1}
    with pytest.raises(ValueError, match="over must be places or images"):
        _core.candidates(TARGETS[0], "sums", sizes | {"over": "all"})
