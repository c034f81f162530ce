"""How many places a window takes, what it leaves over, and what 'same' and ceil mode add."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as torch_f

from striate import Window
from striate.errors import ShapeError

from .brute_force import axes, places, small, whole, windows

dilations = st.integers(1, 3)
positive = st.integers(0, 4)


@given(windows, axes)
def test_output_size_counts_the_places(window: Window, n: int) -> None:
    assert window.output_size(n) == len(places(window, n))


@given(whole, axes)
def test_leftover_counts_the_padded_pixels_behind_the_last_place(window: Window, n: int) -> None:
    found = places(window, n)
    end = found[-1][-1] if found else -window.before - 1
    padded = range(-int(window.before), n + int(window.after))
    assert window.leftover(n) == sum(position > end for position in padded)


@given(windows, axes)
def test_leftover_is_what_the_last_place_may_be_pushed(window: Window, n: int) -> None:
    found = places(window, n)
    assume(found)
    assert window.leftover(n) == n - 1 + window.after - found[-1][-1]
    assert 0 <= window.leftover(n) < window.stride


@given(windows, axes)
def test_fits_where_the_last_place_ends_on_the_last_padded_pixel(window: Window, n: int) -> None:
    found = places(window, n)
    fits = bool(found) and found[-1][-1] == n - 1 + window.after
    assert window.fits(n) is fits
    if fits:
        assert window.output_size(n, exact=True) == len(found)
    else:
        with pytest.raises(ShapeError):
            window.output_size(n, exact=True)


@settings(max_examples=40)
@given(windows, st.integers(0, 9))
def test_input_sizes_are_the_lengths_with_that_many_outputs(window: Window, outputs: int) -> None:
    found = [n for n in range(80) if len(places(window, n)) == outputs]
    assert list(window.input_sizes(outputs)) == found


@given(small, small, dilations, st.integers(0, 9), st.booleans())
def test_input_sizes_know_same_and_ceil_mode(
    size: int, stride: int, dilation: int, outputs: int, same: bool
) -> None:
    window = Window(size, stride, dilation, "same" if same else 1, ceil_mode=not same)
    found = [n for n in range(80) if window.output_size(n) == outputs]
    assert list(window.input_sizes(outputs)) == found


@given(small, small, dilations, axes)
def test_same_is_the_rule_tensorflow_publishes(
    size: int, stride: int, dilation: int, n: int
) -> None:
    # tensorflow.org/api_docs/python/tf/nn, "Notes on padding": with f the filter's length,
    #   n % s == 0:  max(f - s, 0)        else:  max(f - n % s, 0)        pad // 2 goes in front
    reach = (size - 1) * dilation + 1
    over = n % stride or stride
    total = max(reach - over, 0)
    window = Window(size, stride, dilation, "same")
    explicit = Window(size, stride, dilation, (total // 2, total - total // 2))
    assert window.output_size(n) == -(-n // stride)
    if n:
        assert window.on(n) == explicit


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@given(small, dilations, axes)
def test_same_with_stride_one_agrees_with_torch(size: int, dilation: int, n: int) -> None:
    assume(n > 0)
    signal = torch.arange(1.0, n + 1, dtype=torch.float64).reshape(1, 1, n)
    taps = 2.0 ** torch.arange(size, dtype=torch.float64).reshape(1, 1, size)
    expected = torch_f.conv1d(signal, taps, padding="same", dilation=dilation)
    window = Window(size, dilation=dilation, padding="same")
    sums = [
        sum(2.0**u * (p + 1) for u, p in enumerate(window.taps(i)) if 0 <= p < n)
        for i in range(window.output_size(n))
    ]
    assert sums == expected.flatten().tolist()


@given(st.integers(1, 6), small, dilations, st.integers(0, 3), st.integers(1, 24))
def test_ceil_mode_gives_the_maxima_of_torch(
    size: int, stride: int, dilation: int, padding: int, n: int
) -> None:
    assume(2 * padding <= size)  # torch refuses more
    window = Window(size, stride, dilation, padding, ceil_mode=True)
    # Rising numbers, so that each maximum is the last pixel the window reads.
    signal = torch.arange(float(n)).reshape(1, 1, n)
    if window.output_size(n) == 0:
        with pytest.raises(RuntimeError):
            torch_f.max_pool1d(signal, size, stride, padding, dilation, ceil_mode=True)
        return
    pooled = torch_f.max_pool1d(signal, size, stride, padding, dilation, ceil_mode=True)
    last = [
        max((p for p in window.on(n).taps(i) if 0 <= p < n), default=-torch.inf)
        for i in range(window.output_size(n))
    ]
    assert pooled.flatten().tolist() == last


@given(st.integers(1, 6), small, st.integers(0, 3), st.integers(1, 24))
def test_ceil_mode_has_as_many_averages_as_torch(
    size: int, stride: int, padding: int, n: int
) -> None:
    assume(2 * padding <= size)
    window = Window(size, stride, padding=padding, ceil_mode=True)
    assume(window.output_size(n) > 0)
    ones = torch.ones(1, 1, n, dtype=torch.float64)
    averages = torch_f.avg_pool1d(ones, size, stride, padding, True, count_include_pad=False)
    assert averages.flatten().tolist() == [1.0] * window.output_size(n)


@given(small, small, dilations, st.tuples(positive, positive), axes)
def test_ceil_mode_keeps_every_place_and_adds_at_most_one(
    size: int, stride: int, dilation: int, padding: tuple[int, int], n: int
) -> None:
    floor = Window(size, stride, dilation, padding)
    ceil = Window(size, stride, dilation, padding, ceil_mode=True)
    assert ceil.output_size(n) - floor.output_size(n) in (0, 1)
    if floor.fits(n) or not ceil.output_size(n):
        assert ceil.output_size(n) == floor.output_size(n)
        assert ceil.leftover(n) == floor.leftover(n)


@given(windows, axes)
def test_on_leaves_explicit_padding_alone(window: Window, n: int) -> None:
    assert window.resolved
    assert window.on(n) is window


@pytest.mark.parametrize("options", [{"padding": "same"}, {"ceil_mode": True}])
def test_on_resolves_what_depends_on_the_length(options: dict[str, object]) -> None:
    window = Window(3, stride=2, **options)  # type: ignore[arg-type]
    assert not window.resolved
    assert window.on(8).resolved
    assert window.on(8).output_size(8) == window.output_size(8) == 4


def test_same_lower_puts_the_odd_pixel_in_front() -> None:
    # 8 pixels, stride 2: 4 outputs, (4 - 1)*2 + 3 - 8 = 1 pixel of padding.
    assert Window(3, stride=2, padding="same_lower").on(8) == Window(3, stride=2, padding=(1, 0))
    assert Window(4, padding="same_lower") == Window(4, padding=(2, 1))
    assert repr(Window(3, stride=2, padding="same_lower")) == (
        "Window(3, stride=2, padding='same_lower')"
    )
