"""Images turned and shifted: by hand, as torch samples them in float64, on several threads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

import striate
from striate import OptionError, _core

from .steps import EPS, Array


def turned(x: Array, turns: Array) -> Array:
    y = np.full_like(x, np.nan)
    _core.rotate_images(x, turns.astype(np.float32), y)
    return y


def sampled(x: Array, turns: Array) -> Array:
    """What torch's sampler makes of it, in float64, from the numbers of the turn as they are."""
    height, width = x.shape[2:]
    cos, sin, down, right = (
        torch.from_numpy(c).double()[:, None, None] for c in turns.astype(np.float32).T
    )
    v = torch.arange(height)[:, None] - (height - 1) / 2 + down
    u = torch.arange(width) - (width - 1) / 2 + right
    grid = torch.stack([(cos * u - sin * v) * 2 / width, (sin * u + cos * v) * 2 / height], dim=-1)
    return F.grid_sample(torch.from_numpy(x).double(), grid, align_corners=False).numpy()


def draw(seed: int, shape: tuple[int, ...], most: float, shift: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    angle = rng.uniform(-most, most, shape[0])
    moved = rng.integers(-shift, shift + 1, (2, shape[0]))
    turns = np.stack([np.cos(angle), np.sin(angle), *moved], axis=1)
    return rng.standard_normal(shape).astype(np.float32), turns


def test_half_a_pixel_is_the_mean_of_two() -> None:
    x = np.array([[[[2, 4, 8]]]], np.float32)
    #  1 = (0 + 2) / 2, 3 = (2 + 4) / 2, 6 = (4 + 8) / 2
    assert turned(x, np.array([[1, 0, 0, -0.5]])).tolist() == [[[[1, 3, 6]]]]


def test_a_quarter_turn() -> None:
    x = np.array([[[[1, 2], [3, 4]]]], np.float32)
    # right of the centre comes what lies below it
    assert turned(x, np.array([[0, 1, 0, 0]])).tolist() == [[[[2, 4], [1, 3]]]]


def test_whole_pixels_are_copied_exactly() -> None:
    x, _ = draw(0, (1, 2, 9, 13), 0, 0)
    down = turned(x, np.array([[1, 0, 2, -3]]))
    expected = np.zeros_like(x)
    expected[:, :, :-2, 3:] = x[:, :, 2:, :-3]
    assert np.array_equal(down, expected)


@pytest.mark.parametrize("shift", [100, -100])
def test_far_outside_is_zero(shift: int) -> None:
    x, turns = draw(0, (3, 1, 5, 4), 3, 0)
    turns[:, 2:] = shift
    assert not turned(x, turns).any()


@given(
    shape=st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(1, 20), st.integers(1, 40)),
    seed=st.integers(0, 2**32 - 1),
    shift=st.integers(0, 8),
)
def test_any_shape_as_torch_samples_it(shape: tuple[int, ...], seed: int, shift: int) -> None:
    x, turns = draw(seed, shape, np.pi, shift)
    # A place is off by a few roundings of the largest coordinate, its value by that times a slope.
    slack = 16 * EPS * (max(shape[2:]) + shift) * max(1, np.abs(x).max(initial=0))
    assert np.abs(turned(x, turns) - sampled(x, turns)).max(initial=0) <= slack


def test_bytes_are_scaled_first() -> None:
    x = np.random.default_rng(0).integers(0, 256, (5, 2, 7, 9), dtype=np.uint8)
    _, turns = draw(0, (5,), 1, 2)
    y = np.empty(x.shape, np.float32)
    _core.rotate_images(x, turns.astype(np.float32), y)
    assert np.array_equal(y, turned(x.astype(np.float32) / np.float32(255), turns))


def test_threads_do_not_matter() -> None:
    x, turns = draw(1, (37, 2, 12, 19), 0.3, 2)
    before = striate.get_num_threads()
    found = []
    for threads in (1, 3):
        striate.set_num_threads(threads)
        found.append(turned(x, turns))
    striate.set_num_threads(before)
    assert np.array_equal(*found)


def test_what_does_not_fit_is_refused() -> None:
    x, turns = draw(0, (2, 1, 5, 5), 1, 1)
    with pytest.raises(OptionError, match=r"turns is \(1, 4\); \(2, 4\) is needed"):
        turned(x, turns[:1])
    with pytest.raises(OptionError, match="another shape than x"):
        _core.rotate_images(x, turns.astype(np.float32), x[:, :, :4].copy())
