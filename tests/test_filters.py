"""Kernels: their numbers by hand, what they sum to, and what they answer to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.ndimage

from striate import OptionError, filters
from striate.signal import convolve, correlate

NDIMS = [1, 2, 3]


def coordinates(ndim: int, n: int = 7) -> Any:
    return np.mgrid[(slice(n),) * ndim].astype(float)


class TestGaussian:
    @pytest.mark.parametrize("ndim", NDIMS)
    @pytest.mark.parametrize("sigma", [0.0, 0.3, 1.0, 2.5])
    def test_sums_to_one_and_peaks_in_the_middle(self, sigma: float, ndim: int) -> None:
        kernel = filters.gaussian(sigma, ndim)
        assert kernel.sum() == pytest.approx(1, abs=1e-14)
        middle = tuple(n // 2 for n in kernel.shape)
        assert kernel.max() == kernel[middle]
        assert np.array_equal(kernel, np.flip(kernel))

    def test_by_hand(self) -> None:
        # Weights 1 and e^(-1/2) on both sides.
        side = math.exp(-0.5)
        expected = np.array([side, 1, side]) / (1 + 2 * side)
        assert filters.gaussian(1.0, ndim=1, truncate=1.0) == pytest.approx(expected)

    def test_is_the_product_of_its_axes(self) -> None:
        kernel = filters.gaussian((1.0, 2.0, 0.5), ndim=3)
        one, two, three = (filters.gaussian(s, ndim=1) for s in (1.0, 2.0, 0.5))
        expected = np.einsum("i,j,k->ijk", one, two, three)
        assert kernel == pytest.approx(expected, abs=1e-17)

    @pytest.mark.parametrize("sigma", [0.7, 1.0, 3.0])
    def test_smooths_as_ndimage_does(self, sigma: float) -> None:
        image = np.random.default_rng(0).standard_normal((20, 30))
        expected = scipy.ndimage.gaussian_filter(image, sigma)
        ours = convolve(image, filters.gaussian(sigma), "same", "symmetric")
        assert ours == pytest.approx(expected, abs=1e-13)

    def test_spreads_by_its_sigma(self) -> None:
        kernel = filters.gaussian(3.0, ndim=1, truncate=8.0)
        r = np.arange(len(kernel)) - len(kernel) // 2
        assert (kernel * r**2).sum() == pytest.approx(9.0, rel=1e-6)


class TestBox:
    def test_average_of_a_block(self) -> None:
        assert filters.box((1, 4)).tolist() == [[0.25] * 4]
        assert filters.box(2, ndim=3).tolist() == [[[0.125] * 2] * 2] * 2

    def test_ones_stay_ones(self) -> None:
        y = convolve(np.ones((5, 5)), filters.box(3), "valid")
        assert y == pytest.approx(np.ones((3, 3)))


class TestLaplacian:
    def test_by_hand_with_and_without_corners(self) -> None:
        assert filters.laplacian(1).tolist() == [1, -2, 1]
        assert filters.laplacian(2, diagonal=True).tolist() == [[1, 1, 1], [1, -8, 1], [1, 1, 1]]
        assert filters.laplacian(3)[1].tolist() == [[0, 1, 0], [1, -6, 1], [0, 1, 0]]

    @pytest.mark.parametrize("ndim", NDIMS)
    @pytest.mark.parametrize("diagonal", [False, True])
    def test_of_a_quadratic_is_constant(self, ndim: int, diagonal: bool) -> None:
        # The sum of x_a^2 has the Laplacian 2 * ndim; a plane added changes nothing.
        x = coordinates(ndim)
        y = correlate((x**2).sum(0) + 5 * x.sum(0) - 2, filters.laplacian(ndim, diagonal), "valid")
        scale = 3 ** (ndim - 1) if diagonal else 1
        assert y.min() == y.max() == 2 * ndim * scale

    @pytest.mark.parametrize("ndim", NDIMS)
    def test_sums_to_zero(self, ndim: int) -> None:
        assert filters.laplacian(ndim).sum() == filters.laplacian(ndim, diagonal=True).sum() == 0


class TestSharpen:
    def test_by_hand(self) -> None:
        assert filters.sharpen(1.0, ndim=1).tolist() == [-1, 3, -1]
        assert filters.sharpen(0.5, diagonal=True).tolist() == [
            [-0.5] * 3,
            [-0.5, 5, -0.5],
            [-0.5] * 3,
        ]

    @pytest.mark.parametrize("ndim", NDIMS)
    @pytest.mark.parametrize("amount", [-0.1, 0.0, 0.7, 3.0])
    def test_sums_to_one_and_leaves_a_ramp_alone(self, amount: float, ndim: int) -> None:
        assert filters.sharpen(amount, ndim).sum() == pytest.approx(1)
        ramp = coordinates(ndim).sum(0)
        inside = (slice(1, -1),) * ndim
        y = correlate(ramp, filters.sharpen(amount, ndim), "valid")
        assert y == pytest.approx(ramp[inside])


class TestSobel:
    def test_by_hand(self) -> None:
        assert (8 * filters.sobel(axis=0)).tolist() == [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]
        assert filters.sobel(ndim=1).tolist() == [-0.5, 0, 0.5]

    @pytest.mark.parametrize("ndim", NDIMS)
    def test_of_a_ramp_is_its_slope(self, ndim: int) -> None:
        slopes = np.array([2.0, -3.0, 0.5])[:ndim]
        ramp = np.tensordot(slopes, coordinates(ndim), 1)
        for axis in range(ndim):
            y = correlate(ramp, filters.sobel(axis, ndim), "valid")
            assert y == pytest.approx(np.full(y.shape, slopes[axis]))
            assert np.array_equal(filters.sobel(axis, ndim), filters.sobel(axis - ndim, ndim))

    def test_is_ndimages_but_for_the_scale(self) -> None:
        image = np.random.default_rng(0).standard_normal((9, 8))
        expected = scipy.ndimage.sobel(image, axis=0, mode="nearest") / 8
        y = correlate(image, filters.sobel(axis=0), "same", "replicate")
        assert y == pytest.approx(expected, abs=1e-14)


class TestGabor:
    @pytest.mark.parametrize("phase", [0.0, 0.8, -math.pi / 2])
    @pytest.mark.parametrize(
        ("ndim", "orientation"), [(1, 0.0), (2, 0.4), (2, (1.0, -2.0)), (3, (1.0, 2.0, 2.0))]
    )
    def test_sums_to_zero_and_answers_one_to_its_wave(
        self, ndim: int, orientation: Any, phase: float
    ) -> None:
        kernel = filters.gabor(5.0, orientation, phase=phase, ndim=ndim)
        assert kernel.sum() == pytest.approx(0, abs=1e-12)
        r = coordinates(ndim, len(kernel)) - len(kernel) // 2
        direction = np.array([math.sin(0.4), math.cos(0.4)] if orientation == 0.4 else orientation)
        along = np.tensordot(np.atleast_1d(direction), r, 1) if ndim > 1 else r[0]
        if ndim > 1:
            along = along / np.linalg.norm(direction)
        wave = np.cos(2 * math.pi * along / 5 + phase)
        assert (kernel * wave).sum() == pytest.approx(1)

    def test_by_hand(self) -> None:
        # sigma = 1, wavelength 4: bell e^(-1/2), 1, e^(-1/2); wave 0, 1, 0.
        bell = np.array([math.exp(-0.5), 1, math.exp(-0.5)])
        kernel = bell * (np.array([0, 1, 0]) - 1 / bell.sum())
        expected = kernel / kernel[1]
        ours = filters.gabor(4.0, sigma=1.0, ndim=1, truncate=1.0)
        assert ours == pytest.approx(expected, abs=1e-15)

    def test_orientation_zero_finds_upright_stripes(self) -> None:
        y, x = coordinates(2, 40)
        upright, level = np.cos(2 * math.pi * x / 6), np.cos(2 * math.pi * y / 6)
        kernel = filters.gabor(6.0)
        assert abs(correlate(upright, kernel, "valid")).max() == pytest.approx(1, abs=0.01)
        assert abs(correlate(level, kernel, "valid")).max() < 0.05
        turned = filters.gabor(6.0, orientation=math.pi / 2)
        assert turned == pytest.approx(kernel.T, abs=1e-12)

    def test_a_rising_phase_finds_a_rising_edge(self) -> None:
        step = (np.arange(41) >= 20).astype(float)
        y = correlate(step, filters.gabor(8.0, phase=-math.pi / 2, ndim=1), "same", "replicate")
        assert y.argmax() in (19, 20)
        assert y.max() == abs(y).max() > 0.2

    def test_a_small_aspect_is_long_along_the_stripes(self) -> None:
        kernel = filters.gabor(4.0, aspect=0.5, sigma=2.0)
        round_one = filters.gabor(4.0, aspect=1.0, sigma=2.0)
        assert kernel.shape == (25, 25)
        assert round_one.shape == (13, 13)
        spread = abs(kernel[:, 12])
        assert spread[12 + 4] / spread[12] == pytest.approx(math.exp(-(0.25 * 16) / 8))


class TestErrors:
    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: filters.gaussian(-1.0), "gaussian: sigma=-1.0 must be finite, 0 or more"),
            (lambda: filters.gaussian((1.0, 2.0, 3.0)), r"sigma=\(1.0, 2.0, 3.0\) must be one"),
            (lambda: filters.gaussian("wide"), "sigma='wide' must be one number, or 2"),  # type: ignore[arg-type]
            (lambda: filters.gaussian(math.nan), "sigma=nan must be"),
            (lambda: filters.gaussian(1.0, truncate=0), "truncate=0 must be finite, more than 0"),
            (lambda: filters.gaussian(1.0, ndim=4), "gaussian: ndim=4 must be 1, 2 or 3"),
            (lambda: filters.box(0), "box: size=0 must be a whole number of 1 or more"),
            (lambda: filters.box(2.5), "size=2.5 must be a whole number"),  # type: ignore[arg-type]
            (lambda: filters.box(3, ndim=0), "ndim=0"),
            (lambda: filters.laplacian(5), "laplacian: ndim=5"),
            (lambda: filters.sharpen(math.inf), "sharpen: amount=inf must be finite"),
            (lambda: filters.sobel(axis=2), "sobel: axis=2 must be a whole number from -2 to 1"),
            (lambda: filters.gabor(1.0), "gabor: wavelength=1.0 must be 2 pixels or more"),
            (lambda: filters.gabor(4.0, sigma=0.0), "sigma=0.0 must be finite, more than 0"),
            (lambda: filters.gabor(4.0, aspect=-1.0), "aspect=-1.0"),
            (lambda: filters.gabor(4.0, phase=math.inf), "phase=inf"),
            (lambda: filters.gabor(4.0, 0.5, ndim=3), "orientation=0.5 must be 0 or a direction"),
            (lambda: filters.gabor(4.0, (0.0, 0.0)), r"orientation=\(0.0, 0.0\) must be a finite"),
            (lambda: filters.gabor(4.0, (1.0,)), "a direction of 2 numbers"),
            (lambda: filters.gabor(2.0, phase=math.pi / 2), "leave nothing"),
            (lambda: filters.gabor(4.0, sigma=0.01), "leave nothing"),
        ],
    )
    def test_what_cannot_be_is_said(self, make: Any, said: str) -> None:
        with pytest.raises(OptionError, match=said):
            make()
