"""What every convolution obeys, whatever the sizes, the boundary and the way it is computed."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.signal import convolve, correlate

from .reference import BOUNDARIES, tolerance

ways = st.sampled_from(["auto", "direct", "separable", "fft"])
modes = st.sampled_from(["full", "same"])
boundaries = st.sampled_from(BOUNDARIES)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def shapes(draw: st.DrawFn, largest: int = 12) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """An input's and a kernel's sizes, with the same number of axes."""
    ndim = draw(st.integers(1, 3))
    sizes = st.tuples(*[st.integers(1, largest if ndim < 3 else 5)] * ndim)
    return draw(sizes), draw(sizes)


def numbers(shape: tuple[int, ...], seed: int) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


@settings(deadline=None, max_examples=60)
@given(shapes(), modes, boundaries, ways, seeds)
def test_linear_in_the_input(
    sizes: tuple[Any, Any], mode: Any, boundary: Any, way: Any, seed: int
) -> None:
    a, b, w = numbers(sizes[0], seed), numbers(sizes[0], seed + 1), numbers(sizes[1], seed + 2)
    together = convolve(2 * a - 3 * b, w, mode, boundary, way)
    apart = 2 * convolve(a, w, mode, boundary, way) - 3 * convolve(b, w, mode, boundary, way)
    assert abs(together - apart).max() <= 16 * tolerance(abs(a) + abs(b), w)


@settings(deadline=None, max_examples=60)
@given(shapes(), modes, boundaries, ways, seeds)
def test_linear_in_the_kernel(
    sizes: tuple[Any, Any], mode: Any, boundary: Any, way: Any, seed: int
) -> None:
    x, v, w = numbers(sizes[0], seed), numbers(sizes[1], seed + 1), numbers(sizes[1], seed + 2)
    together = convolve(x, 2 * v - 3 * w, mode, boundary, way)
    apart = 2 * convolve(x, v, mode, boundary, way) - 3 * convolve(x, w, mode, boundary, way)
    assert abs(together - apart).max() <= 16 * tolerance(x, abs(v) + abs(w))


@settings(deadline=None, max_examples=60)
@given(shapes(), ways, seeds)
def test_full_convolution_is_commutative(sizes: tuple[Any, Any], way: Any, seed: int) -> None:
    x, w = numbers(sizes[0], seed), numbers(sizes[1], seed + 1)
    bound = 4 * max(tolerance(x, w), tolerance(w, x))
    assert abs(convolve(x, w, method=way) - convolve(w, x, method=way)).max() <= bound


@settings(deadline=None, max_examples=60)
@given(shapes(), ways, seeds, st.integers(-20, 20))
def test_a_turn_of_the_circle_turns_the_result(
    sizes: tuple[Any, Any], way: Any, seed: int, turn: int
) -> None:
    x, w = numbers(sizes[0], seed), numbers(sizes[1], seed + 1)
    turned = convolve(np.roll(x, turn, 0), w, "same", "circular", way)
    expected = np.roll(convolve(x, w, "same", "circular", way), turn, 0)
    assert abs(turned - expected).max() <= 8 * tolerance(x, w)


@settings(deadline=None, max_examples=60)
@given(shapes(), boundaries, ways, seeds)
def test_the_identity_kernel_changes_nothing(
    sizes: tuple[Any, Any], boundary: Any, way: Any, seed: int
) -> None:
    x, w = numbers(sizes[0], seed), np.zeros(sizes[1])
    w[tuple((k - 1) // 2 for k in sizes[1])] = 1.0
    assert abs(convolve(x, w, "same", boundary, way) - x).max() <= tolerance(x, w)


@settings(deadline=None, max_examples=60)
@given(shapes(), modes, boundaries, ways, seeds)
def test_correlation_is_convolution_with_the_flipped_kernel(
    sizes: tuple[Any, Any], mode: Any, boundary: Any, way: Any, seed: int
) -> None:
    x, w = numbers(sizes[0], seed), numbers(sizes[1], seed + 1)
    w = w + 1j * numbers(sizes[1], seed + 2)
    one = correlate(x, w, mode, boundary, way)
    other = convolve(x, np.flip(w).conj(), mode, boundary, way)
    assert abs(one - other).max() <= 4 * tolerance(x, w)


@settings(deadline=None, max_examples=60)
@given(shapes(), boundaries, ways, seeds)
def test_a_kernel_that_sums_to_one_keeps_an_even_image(
    sizes: tuple[Any, Any], boundary: Any, way: Any, seed: int
) -> None:
    w = abs(numbers(sizes[1], seed))
    w /= w.sum()
    y = convolve(np.full(sizes[0], 3.0), w, "same", boundary, way)
    if boundary == "zeros":
        assert y.max() <= 3 + tolerance(np.full(1, 3.0), w)
    else:
        assert abs(y - 3).max() <= tolerance(np.full(1, 3.0), w)
