"""Pixels that a stride leaves unread: the last ones, and those between the windows."""

from __future__ import annotations

import pytest
from torch import nn

from .helpers import advice_on, only_advice, report_on


def test_three_with_stride_three_drops_the_last_row_and_column_of_seven() -> None:
    advice = only_advice("pixels-dropped", nn.Sequential(nn.Conv2d(1, 4, 3, stride=3)), 1, 1, 7, 7)
    # Windows at 0 .. 2 and 3 .. 5 read 6x6 = 36 of 49 pixels: 13 are left, 27 %.
    assert advice.finding == (
        "3x3, stride 3 never reads the last row and the last column of its map of 7x7: "
        "13 of 49 pixels (27 %)."
    )
    assert advice.remedy == ("Use padding=1 (output 3), stride=2 (output 3) or a map of 6 or 9.")
    assert (advice.layer, advice.severity) == ("0", "warning")


@pytest.mark.parametrize(
    ("layer", "n"),
    [
        (nn.Conv2d(1, 4, 3, stride=3), 6),
        (nn.Conv2d(1, 4, 3, stride=3), 9),
        (nn.Conv2d(1, 4, 3, stride=3, padding=1), 7),
        (nn.Conv2d(1, 4, 3, stride=2), 7),
        (nn.MaxPool2d(2, ceil_mode=True), 7),
        (nn.Conv2d(1, 4, 7, stride=2, padding=3), 224),  # one pixel of padding is left over
    ],
)
def test_what_is_offered_drops_nothing(layer: nn.Module, n: int) -> None:
    assert not advice_on("pixels-dropped", nn.Sequential(layer), 1, 1, n, n)


def test_a_pooling_is_offered_ceil_mode() -> None:
    advice = only_advice("pixels-dropped", nn.Sequential(nn.MaxPool2d(2)), 1, 1, 7, 7)
    assert advice.remedy.startswith("Use ceil_mode=True (output 4), ")


def test_one_pixel_of_a_long_signal_is_a_hint() -> None:
    advice = only_advice("pixels-dropped", nn.Sequential(nn.Conv1d(1, 4, 4, stride=4)), 1, 1, 125)
    assert advice.finding.startswith("4, stride 4 never reads the last place of its map of 125: 1 ")
    assert advice.severity == "hint"


def test_each_axis_is_told_in_its_own_words() -> None:
    net = nn.Sequential(nn.MaxPool3d(2))
    advice = only_advice("pixels-dropped", net, 1, 1, 5, 8, 9)
    assert "the last plane and the last column of its map of 5x8x9: 104 of 360" in advice.finding


def test_a_pointwise_convolution_with_stride_two_reads_a_quarter() -> None:
    net = nn.Sequential(nn.Conv2d(8, 16, 1, stride=2))
    advice = only_advice("pixels-between", net, 1, 8, 56, 56)
    # 28x28 = 784 of 56x56 = 3136.
    assert "1x1, stride 2 reads 784 of the 3,136 pixels of its map of 56x56: 1 in 4." in (
        advice.finding
    )
    assert "average pooling of 2x2 with stride 2" in advice.remedy
    assert not advice_on("pixels-dropped", net, 1, 8, 56, 56)


def test_average_pooling_in_front_reads_all() -> None:
    net = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(8, 16, 1))
    assert not advice_on("pixels-between", net, 1, 8, 56, 56)
    assert report_on(net, 1, 8, 56, 56).macs == 28 * 28 * 8 * 16


def test_a_window_smaller_than_its_stride_leaves_gaps() -> None:
    advice = only_advice("pixels-between", nn.Sequential(nn.Conv1d(1, 4, 3, stride=5)), 1, 1, 53)
    assert advice.finding.startswith("3, stride 5 reads 33 of the 53 pixels")
    assert advice.remedy == "Use a window of 5 or more in place of 3, or a stride of 3 or less."
    assert not advice_on("pixels-between", nn.Sequential(nn.Conv1d(1, 4, 5, stride=5)), 1, 1, 55)


def test_a_stride_that_shares_a_factor_with_the_dilation_reads_one_phase() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, dilation=2, padding=2))
    advice = only_advice("pixels-between", net, 1, 1, 16, 16)
    assert "reads 64 of the 256 pixels" in advice.finding
    assert "shares no factor" in advice.remedy
    good = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, dilation=3, padding=3))
    assert not advice_on("pixels-between", good, 1, 1, 16, 16)


def test_one_window_on_a_small_map_leaves_gaps_and_drops_nothing() -> None:
    net = nn.Sequential(nn.Conv2d(8, 16, 1, stride=2))
    assert advice_on("pixels-between", net, 1, 8, 2, 2)
    assert not advice_on("pixels-dropped", net, 1, 8, 2, 2)


def test_many_layers_of_one_pattern_are_one_advice() -> None:
    net = nn.Sequential(*(nn.Conv2d(4, 4, 1, stride=2) for _ in range(5)))
    advice = only_advice("pixels-between", net, 1, 4, 64, 64)
    assert advice.finding.endswith("Likewise in 4 more: '1', '2', '3', ....")
    assert advice.others == ("1", "2", "3", "4")
