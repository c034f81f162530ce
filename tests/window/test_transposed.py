"""Transposed windows against torch's transposed convolution and its upsampling."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.nn import functional as torch_f

from striate import Window
from striate.errors import OptionError, ShapeError

from .brute_force import axes, indices, small, whole, windows


def table(window: Window, n: int) -> list[list[bool]]:
    """Tell for every output which of the n pixels it reads."""
    return [[p in window.taps(i) for p in range(n)] for i in range(window.output_size(n))]


@given(st.data(), small, small, st.integers(1, 3), st.integers(1, 9))
def test_each_output_reads_what_torchs_transposed_convolution_reads(
    data: st.DataObject, size: int, stride: int, dilation: int, n: int
) -> None:
    padding = data.draw(st.integers(0, 4), label="padding")
    extra = data.draw(st.integers(0, max(stride, dilation) - 1), label="output_padding")
    up = Window(size, stride, dilation, padding).transposed(extra)
    assume(up.output_size(n) > 0)
    # One signal a pixel, 1 there and 0 elsewhere: what comes out is who reads that pixel.
    pixels, ones = torch.eye(n).unsqueeze(1), torch.ones(1, 1, size)
    read = torch_f.conv_transpose1d(
        pixels, ones, None, stride, padding, extra, groups=1, dilation=dilation
    )
    assert table(up, n) == (read.squeeze(1).T != 0).tolist()


@given(whole, st.integers(0, 4), st.integers(1, 24))
def test_output_is_as_long_as_the_formula_says(window: Window, extra: int, n: int) -> None:
    length = (n - 1) * window.stride - window.before - window.after + window.extent + extra
    assert window.transposed(extra).output_size(n) == max(length, 0)


@given(windows)
def test_transposing_twice_gives_the_window_back(window: Window) -> None:
    assert window.transposed().transposed() == window


@given(whole, axes)
def test_output_is_as_long_as_the_shortest_input(window: Window, outputs: int) -> None:
    assume(outputs)
    sizes = window.input_sizes(outputs)
    assume(sizes and sizes[0])
    assert window.transposed().output_size(outputs) == sizes[0]


@given(whole, st.integers(0, 40))
def test_leftover_pixels_are_the_output_padding_that_restores_the_length(
    window: Window, n: int
) -> None:
    assume(window.output_size(n))
    up = window.transposed(window.leftover(n))
    assert up.output_size(window.output_size(n)) == n


@given(windows, indices, indices)
def test_reader_and_read_change_places(window: Window, i: int, j: int) -> None:
    assert (j in window.taps(i)) == (i in window.transposed().taps(j))


@given(small, st.integers(1, 9))
def test_nearest_upsampling_is_a_transposed_pooling(factor: int, n: int) -> None:
    up = Window(factor, stride=factor).transposed()
    ramp = torch.arange(float(n)).reshape(1, 1, n)
    expected = torch_f.interpolate(ramp, scale_factor=factor, mode="nearest").flatten().tolist()
    assert [list(up.taps(i)) for i in range(up.output_size(n))] == [[int(p)] for p in expected]


def test_resizing_by_two_is_a_window_with_half_a_pixel_of_stride() -> None:
    half = Fraction(1, 2)
    up = Window(2, stride=half, dilation=half, padding=half)
    assert up == Window(2, stride=2).transposed()
    assert up.output_size(4) == 8
    assert [list(up.taps(i)) for i in range(4)] == [[0], [0], [1], [1]]
    # A 3x3 convolution behind it sees 3 half pixels: two whole ones, from every phase.
    assert up.then(Window(3, padding=1)).input_interval(1, n=4) == range(0, 2)


def test_dcgan_layer_doubles_the_map() -> None:
    # Radford, Metz, Chintala 2015: 4x4 filters, stride 2, padding 1; 4 -> 8 -> 16 -> 32 -> 64.
    up, n = Window(4, stride=2, padding=1).transposed(), 4
    for _ in range(4):
        n = up.output_size(n)
    assert n == 64


def test_same_padding_has_to_be_resolved_first() -> None:
    window = Window(3, stride=2, padding="same")
    with pytest.raises(ShapeError, match="depends on the length of the axis"):
        window.transposed()
    assert window.on(8).transposed().output_size(4) == 8
    with pytest.raises(OptionError, match="padding='same' needs a whole stride and dilation"):
        Window(3, stride=Fraction(1, 2), padding="same")
