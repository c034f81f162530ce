"""The three ways agree, the choice is told, and NaN stays where it belongs."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from striate import filters
from striate.signal import _banded as banded
from striate.signal import choose_method, convolve, correlate
from striate.signal._boundary import sources
from striate.signal._fourier import blocks, next_fast_length
from striate.signal._separable import factor

from .reference import NUMPY_PAD, tolerance

EPS = 2.0**-52
WAYS = ["direct", "separable", "fft"]


def numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


class TestDirect:
    """Rows and bands are two ways to add up the same taps: `rows` is the plain one."""

    @pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
    @pytest.mark.parametrize(
        ("sizes", "kernel"),
        [
            ((1, 40), (40,)),
            ((3, 40), (17,)),
            ((2, 100), (99,)),
            ((1, 33, 20), (5, 7)),
            ((40, 17, 1), (17, 1)),
            ((2, 1, 50), (1, 12)),
            ((2, 7, 40, 5), (3, 12, 2)),
            ((2, 20, 4, 5), (13, 1, 1)),
            ((2, 4, 20, 5), (1, 13, 1)),
            ((1, 2000, 70), (12, 12)),  # more than one chunk
            ((70, 40, 40), (20, 3)),  # more than one group of images
        ],
    )
    def test_bands_give_what_rows_give(
        self, sizes: tuple[int, ...], kernel: tuple[int, ...], dtype: str
    ) -> None:
        x, w = numbers(*sizes), numbers(*kernel, seed=1)
        if "complex" in dtype:
            x, w = x * (1 + 2j), w * (2 - 1j)
        x, w = x.astype(dtype), w.astype(dtype)
        eps = float(np.finfo(dtype).eps)
        assert abs(banded.bands(x, w) - banded.rows(x, w)).max() <= tolerance(x, w, eps)

    def test_rows_of_complex_kernels_are_not_conjugated(self) -> None:
        x, w = np.array([[1j, 2.0]]), np.array([1j])
        assert banded.rows(x, w).tolist() == [[-1 + 0j, 2j]]

    def test_whole_numbers_have_no_bands(self) -> None:
        assert banded.band_cost((1, 99), (31,), np.dtype(np.int64)) == math.inf


class TestAgreement:
    @pytest.mark.parametrize(("n", "k"), [(50, 7), (50, 50), (20, 50), (3000, 31), (3000, 600)])
    def test_signals(self, n: int, k: int) -> None:
        x, w = numbers(2, n), numbers(k, seed=1)
        for mode in ("full", "same"):
            one, two, three = (convolve(x, w, mode, "reflect", way) for way in WAYS)  # type: ignore[arg-type]
            assert abs(one - two).max() <= tolerance(x, w)
            assert abs(one - three).max() <= 4 * tolerance(x, w)

    @pytest.mark.parametrize("kernel", [(3, 3), (8, 5), (31, 31), (1, 9), (40, 3)])
    def test_images(self, kernel: tuple[int, int]) -> None:
        x, w = numbers(3, 37, 300), numbers(*kernel, seed=1)
        one, two, three = (convolve(x, w, "same", "circular", way) for way in WAYS)  # type: ignore[arg-type]
        assert abs(one - two).max() <= 8 * tolerance(x, w)  # up to 31 terms
        assert abs(one - three).max() <= 4 * tolerance(x, w)

    def test_volumes(self) -> None:
        x, w = numbers(12, 13, 14), numbers(5, 4, 3, seed=1)
        one, two, three = (convolve(x, w, method=way) for way in WAYS)  # type: ignore[arg-type]
        assert abs(one - two).max() <= 8 * tolerance(x, w)
        assert abs(one - three).max() <= 4 * tolerance(x, w)

    def test_complex_numbers(self) -> None:
        x, w = numbers(40, 30) + 1j * numbers(40, 30, seed=2), numbers(5, 5) * (1 + 1j)
        one, two, three = (correlate(x, w, method=way) for way in WAYS)  # type: ignore[arg-type]
        assert abs(one - two).max() <= 8 * tolerance(x, w)
        assert abs(one - three).max() <= 4 * tolerance(x, w)

    def test_fft_of_single_precision_keeps_small_values_beside_large_ones(self) -> None:
        x = numbers(4000).astype(np.float32)
        x[0] = 1e8  # a transform in single precision would err by about 10 everywhere
        w = numbers(200, seed=1).astype(np.float32)
        direct, fft = (convolve(x, w, method=way) for way in ("direct", "fft"))
        far = slice(300, None)
        assert abs(direct[far] - fft[far]).max() <= tolerance(x[1:], w, eps=2.0**-23)


class TestNotFinite:
    @pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("library", [np.asarray, torch.from_numpy])
    @pytest.mark.parametrize("way", WAYS)
    def test_one_wrong_pixel_reaches_as_far_as_the_kernel(
        self, way: Any, library: Any, wrong: float
    ) -> None:
        x = numbers(60, 50)
        x[20, 10] = wrong
        w = filters.gaussian(2.0, truncate=3.0)  # 13 x 13
        y = np.asarray(convolve(library(x), library(w), "same", method=way))
        reached = np.zeros(x.shape, bool)
        reached[14:27, 4:17] = True
        assert np.array_equal(np.isfinite(y), ~reached)
        assert np.array_equal(y[reached], np.full(13 * 13, wrong), equal_nan=True)

    @pytest.mark.parametrize("way", ["auto", *WAYS])
    def test_a_nan_in_the_kernel_is_a_nan_wherever_it_reads(self, way: Any) -> None:
        # Also on the zeros outside, as in scipy.ndimage: 0 * NaN is NaN. numpy.convolve skips them.
        assert np.isnan(convolve(np.ones(4), [np.nan, 1.0], method=way)).all()

    def test_sums_past_the_largest_number_overflow_without_a_warning(self) -> None:
        y = convolve(np.full(30, 1e308), np.ones(15), method="direct")
        assert y[0] == 1e308
        assert np.isinf(y[1:-1]).all()


class TestChoice:
    def test_a_small_kernel_goes_direct(self) -> None:
        assert choose_method(np.zeros((64, 64)), numbers(3, 3)).method == "direct"

    def test_a_product_of_vectors_goes_separable(self) -> None:
        choice = choose_method(np.zeros((512, 512)), filters.gaussian(4.0))
        assert choice.method == "separable"
        assert choice.reason.startswith("The 33x33 kernel is a product of 1D kernels: an estimated")

    def test_a_long_kernel_goes_by_fft(self) -> None:
        assert choose_method(np.zeros((512, 512)), numbers(33, 33)).method == "fft"
        assert choose_method(torch.zeros(100_000), torch.ones(5000)).method == "fft"

    def test_the_quickest_estimate_wins_and_stands_first(self) -> None:
        choice = choose_method(np.zeros((512, 512)), filters.gaussian(4.0))
        assert set(choice.estimates_ms) == {"direct", "separable", "fft"}
        assert next(iter(choice.estimates_ms)) == choice.method
        assert choice.estimates_ms[choice.method] == min(choice.estimates_ms.values())

    def test_a_sum_of_two_products_is_told(self) -> None:
        w = filters.gaussian(6.0, truncate=3.0).astype(np.float32)
        w[18, 18] -= 1.0
        choice = choose_method(np.zeros((600, 600), np.float32), w)
        assert "a sum of 2 products" in choice.reason

    def test_whole_numbers_go_direct_however_long(self) -> None:
        assert choose_method(np.zeros(9999, int), np.zeros(999, int)).method == "direct"

    def test_a_kernel_that_learns_is_not_factored(self) -> None:
        w = torch.from_numpy(filters.gaussian(4.0)).requires_grad_()
        assert "separable" not in choose_method(torch.zeros(512, 512), w).estimates_ms

    def test_auto_goes_the_way_that_is_told(self) -> None:
        x = numbers(300, 300)
        for w in (numbers(3, 3), filters.gaussian(4.0), numbers(41, 41)):
            way = choose_method(x, w).method
            assert np.array_equal(convolve(x, w), convolve(x, w, method=way))  # type: ignore[arg-type]


class TestFactor:
    @pytest.mark.parametrize("sigma", [0.4, 1.0, 3.3, 9.0, 20.0])
    @pytest.mark.parametrize("ndim", [2, 3])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_a_gaussian_is_one_product(self, sigma: float, ndim: int, dtype: type) -> None:
        kernel: Any = filters.gaussian(sigma / (ndim - 1), ndim).astype(dtype)
        terms = factor(kernel, float(np.finfo(dtype).eps), most=1)
        assert terms is not None

    @pytest.mark.parametrize("shape", [(6,), (6, 5), (4, 5, 6), (1, 7), (7, 1, 3)])
    @pytest.mark.parametrize("rank", [1, 2, 3])
    def test_a_sum_of_products_is_found_again(self, shape: tuple[int, ...], rank: int) -> None:
        kernel = np.zeros(shape)
        for r in range(rank):
            product = np.ones(())
            for axis, size in enumerate(shape):
                product = np.multiply.outer(product, numbers(size, seed=10 * r + axis))
            kernel += product
        terms = factor(kernel, EPS, most=rank**2)
        assert terms is not None
        total = sum(_outer(term) for term in terms)
        assert np.linalg.norm(total - kernel) <= 16 * EPS * np.linalg.norm(kernel)

    def test_a_full_kernel_is_given_up(self) -> None:
        assert factor(numbers(9, 9), EPS, most=8) is None
        assert len(factor(numbers(9, 9), EPS, most=9) or []) == 9

    def test_whole_numbers_are_split_exactly(self) -> None:
        kernel: Any = 8 * filters.sobel()
        ((column, row),) = factor(kernel, EPS, most=1) or []
        assert np.array_equal(np.outer(column, row), kernel)

    def test_a_kernel_that_is_not_finite_has_no_factors(self) -> None:
        assert factor(np.array([[np.inf, 1.0]]), EPS, most=9) is None

    def test_a_kernel_of_zeros_is_one_product_of_zeros(self) -> None:
        assert not convolve(numbers(5, 5), np.zeros((3, 3)), method="separable").any()


class TestLengths:
    def test_fast_lengths_are_the_next_products_of_two_three_five(self) -> None:
        fast = sorted(
            2**a * 3**b * 5**c for a, b, c in itertools.product(range(12), range(8), range(6))
        )
        for n in range(1, 1500):
            assert next_fast_length(n) == next(length for length in fast if length >= n)

    @pytest.mark.parametrize(("n", "k"), [(1, 1), (7, 7), (100, 1), (1000, 31), (100_000, 31)])
    def test_blocks_hold_every_place_of_the_kernel(self, n: int, k: int) -> None:
        window, number = blocks(n, k)
        assert window.size - k + 1 == window.stride  # outputs of one block and the next meet
        assert number * int(window.stride) >= n - k + 1

    def test_a_long_signal_is_cut_for_a_short_kernel(self) -> None:
        assert blocks(1_000_000, 31).number > 100

    @pytest.mark.parametrize("boundary", [name for name in NUMPY_PAD if name != "zeros"])
    @pytest.mark.parametrize("n", [1, 2, 3, 5])
    def test_boundaries_go_on_past_the_length_of_the_axis(self, boundary: str, n: int) -> None:
        expected = np.pad(np.arange(n), 12, mode=NUMPY_PAD[boundary])  # type: ignore[call-overload]
        found = sources(boundary, range(-12, n + 12), n)
        assert found.tolist() == expected.tolist()


def _outer(term: list[Any]) -> Any:
    product = np.ones(())
    for vector in term:
        product = np.multiply.outer(product, vector)
    return product
