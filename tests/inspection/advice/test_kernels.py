"""Even kernels, uneven transposed convolutions, and kernels larger than their map."""

from __future__ import annotations

import pytest
from torch import nn

from .helpers import advice_on, only_advice, report_on


def test_a_padded_kernel_of_four_moves_its_map_half_a_pixel() -> None:
    net = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(3, 8, 4, padding=2))
    advice = only_advice("even-kernel", net, 1, 3, 32, 32)
    # Window 0 covers -2 .. 1 of a map whose pixels are 2 input pixels apart: its middle is -0.5.
    assert advice.finding == (
        "4x4, padding 2: the middle of window i is at pixel i - 0.5, 0.5 pixels off the grid of "
        "its map and 1 pixel of the input's. The map becomes 17 where it was 16."
    )
    assert advice.remedy == "Use kernel_size=3 with padding=1 or kernel_size=5 with padding=2."


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(3, 8, 3, padding=1),
        nn.Conv2d(3, 8, 5, padding=2),
        nn.Conv2d(3, 8, 4, stride=2, padding=1),  # the middle of a tile of 2 is where it should be
        nn.Conv2d(3, 8, 4, stride=4),
        nn.Conv2d(3, 8, 16),  # one window takes the whole map
    ],
)
def test_odd_kernels_and_even_strides_do_not(layer: nn.Module) -> None:
    assert not advice_on("even-kernel", nn.Sequential(layer), 1, 3, 16, 16)


def test_same_padding_does_not_help_an_even_kernel() -> None:
    net = nn.Sequential(nn.Conv1d(3, 8, 2, padding="same"))
    advice = only_advice("even-kernel", net, 1, 3, 16)
    assert "pixel i + 0.5, 0.5 pixels off" in advice.finding
    assert "becomes" not in advice.finding


def test_dilation_makes_an_even_kernel_odd() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 2, dilation=2, padding=1))  # taps at -1 and 1
    assert not advice_on("even-kernel", net, 1, 3, 16, 16)


def test_a_transposed_three_with_stride_two_is_a_checkerboard() -> None:
    net = nn.Sequential(nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1))
    advice = only_advice("checkerboard", net, 1, 8, 14, 14)
    # o + 1 - u is even for u = 1 where o is even, and for u = 0, 2 where o is odd.
    assert "along an axis its outputs read 1, 2, ... inputs in turn, in the map 1 to 4." in (
        advice.finding
    )
    assert advice.remedy.startswith("Use kernel_size=4, padding=1 (output 28), or upsample by 2x2")


def test_a_kernel_that_the_stride_divides_is_none() -> None:
    net = nn.Sequential(nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1))
    assert not advice_on("checkerboard", net, 1, 8, 14, 14)
    assert report_on(net, 1, 8, 14, 14).rows[-1].output_shape == (1, 4, 28, 28)


@pytest.mark.parametrize("kernel_size", range(1, 8))
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1])
def test_the_kernel_that_is_offered_fits_and_is_even(
    kernel_size: int, stride: int, padding: int
) -> None:
    if kernel_size <= 2 * padding:
        pytest.skip("the padding would take all of the kernel")
    layer = nn.ConvTranspose1d(2, 2, kernel_size, stride=stride, padding=padding)
    found = advice_on("checkerboard", nn.Sequential(layer), 1, 2, 9)
    assert bool(found) == (kernel_size % stride != 0)
    if found and "output" in found[0].remedy:
        offer = found[0].remedy.removeprefix("Use ").split(" (output ")
        arguments = dict(part.split("=") for part in offer[0].split(", "))
        numbers = {name: int(value) for name, value in arguments.items()}
        better = nn.Sequential(nn.ConvTranspose1d(2, 2, stride=stride, **numbers))
        assert not advice_on("checkerboard", better, 1, 2, 9)
        size = int(offer[1].split(")")[0])
        assert report_on(better, 1, 2, 9).rows[-1].output_shape == (1, 2, size)
        assert report_on(nn.Sequential(layer), 1, 2, 9).rows[-1].output_shape == (1, 2, size)


def test_a_stride_larger_than_the_kernel_leaves_outputs_that_read_nothing() -> None:
    net = nn.Sequential(nn.ConvTranspose1d(4, 4, 2, stride=3))
    advice = only_advice("checkerboard", net, 1, 4, 8)
    assert "read 1, 1, 0, ... inputs in turn, in the map 0 to 1." in advice.finding
    assert "hold the bias alone" in advice.finding


def test_on_a_map_of_one_pixel_only_the_middle_tap_reads() -> None:
    net = nn.Sequential(nn.Conv2d(8, 16, 3, padding=1, bias=False))
    advice = only_advice("taps-on-padding-only", net, 1, 8, 1, 1)
    # 8 of 9 taps, in each of 8 * 16 kernels.
    assert advice.finding == (
        "Only 1 of the 9 taps of its 3x3 kernel ever meets a pixel of its map of 1x1: "
        "1,024 weights never read anything and 89 % of its MACs multiply zeros."
    )
    assert advice.remedy.endswith("the map is 3x3 or more; or a kernel of 1x1 here.")


def test_on_a_map_of_two_pixels_every_tap_of_three_reads() -> None:
    net = nn.Sequential(nn.Conv2d(8, 16, 3, padding=1, bias=False))
    assert not advice_on("taps-on-padding-only", net, 1, 8, 2, 2)


def test_five_on_two_pixels_has_idle_taps_at_both_ends() -> None:
    net = nn.Sequential(nn.Conv1d(1, 1, 5, padding=2, bias=False))
    advice = only_advice("taps-on-padding-only", net, 1, 1, 2)
    # Output 0 stands on -2 .. 2, output 1 on -1 .. 3: taps 2, 3 and 1, 2 meet pixels.
    assert advice.finding.startswith("Only 3 of the 5 taps of its 5 kernel ever meet a pixel")
    assert "2 weights never read anything" in advice.finding


def test_a_stride_that_steps_over_the_map_leaves_a_tap_on_padding() -> None:
    net = nn.Sequential(nn.Conv1d(1, 1, 3, stride=4, padding=1, bias=False))
    # One window, at -1 .. 1 of 4 pixels.
    assert "Only 2 of the 3 taps" in only_advice("taps-on-padding-only", net, 1, 1, 4).finding
    good = nn.Sequential(nn.Conv1d(1, 1, 3, stride=4, bias=False))
    assert not advice_on("taps-on-padding-only", good, 1, 1, 4)
