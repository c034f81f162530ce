"""Tiles give bit for bit what one piece gives, and what `correlate` gives but for rounding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate import OptionError, ShapeError, correlate, filters
from striate.signal import correlate_tiles
from striate.signal._boundary import BOUNDARIES


def whole(x, kernels, **options):
    y = np.full(x.shape, np.nan)
    for where, values in correlate_tiles(x, kernels, **options):
        assert np.isnan(y[where]).all()  # every place once
        y[where] = values
    return y


@given(
    st.integers(1, 23), st.integers(1, 23), st.integers(1, 6), st.integers(1, 6),
    st.sampled_from(BOUNDARIES), st.integers(1, 24), st.integers(0, 99),
)  # fmt: skip
def test_any_tile_gives_the_same(high, wide, kh, kw, boundary, tile, seed):
    rng = np.random.default_rng(seed)
    x, kernel = rng.normal(size=(high, wide)), rng.normal(size=(kh, kw))
    y = whole(x, [kernel], boundary=boundary)
    np.testing.assert_array_equal(whole(x, [kernel], boundary=boundary, tile=tile), y)
    expected = correlate(x, kernel, mode="same", boundary=boundary, method="direct")
    np.testing.assert_allclose(y, expected, atol=1e-12)


@pytest.mark.parametrize(
    "kernel", [filters.gaussian(2.0), filters.gabor(5.0, 0.7), filters.sobel(), filters.box((4, 7))]
)
def test_kernels_in_passes_give_the_same_too(kernel):
    x = np.random.default_rng(0).integers(0, 65536, (90, 70)).astype(np.uint16)
    y = whole(x, [kernel])
    np.testing.assert_array_equal(whole(x, [kernel], tile=17), y)
    expected = correlate(x.astype(float), kernel, mode="same", boundary="symmetric")
    np.testing.assert_allclose(y, expected, atol=65536 * 1e-12)


def test_a_worked_line_with_an_edge_repeated():
    # (4 + 4 + 0) / 4, then (4 + 0 + 0) / 4 ...: 1, 2, 1 over 4, 0, 0, 8 with the ends twice.
    y = whole(np.array([4, 0, 0, 8]), [np.array([1, 2, 1]) / 4])
    assert y.tolist() == [3.0, 1.0, 2.0, 6.0]


def test_results_are_combined_place_by_place():
    x = np.arange(9.0).reshape(3, 3)
    steep = whole(
        x, [filters.sobel(-1), filters.sobel(0)], combine=lambda found: np.hypot(*found), tile=2
    )
    assert steep[1, 1] == pytest.approx(np.hypot(1, 3))


def test_what_does_not_fit_is_told():
    with pytest.raises(ShapeError, match="as many axes"):
        whole(np.ones(4), [np.ones((2, 2))])
    with pytest.raises(OptionError, match="boundary='mirror' is not one of zeros"):
        whole(np.ones(4), [np.ones(2)], boundary="mirror")
    with pytest.raises(OptionError, match="tile=0"):
        whole(np.ones(4), [np.ones(2)], tile=0)
