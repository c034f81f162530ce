"""Receptive fields against the input's size, and fields of padding."""

from __future__ import annotations

import torch
from torch import nn

from .helpers import advice_on, only_advice


def _stack(depth: int, *head: nn.Module, stride: int = 1) -> nn.Sequential:
    layers: list[nn.Module] = []
    for k in range(depth):
        layers += [nn.Conv2d(4, 4, 3, stride if k == 0 else 1, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, *head)


def test_a_mean_over_views_smaller_than_the_input_is_a_vote() -> None:
    net = _stack(4, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    advice = only_advice("field-smaller-than-input", net, 1, 4, 32, 32)
    # Four 3x3 layers see 1 + 4*2 = 9 pixels; (32 - 9) / 2 = 11.5, so 12 more are needed.
    assert advice.layer == "7"
    assert "sees 9x9 of the input of 32x32 (28 % along an axis)" in advice.finding
    assert advice.finding.endswith("the result is a vote of local views, taken by '8'.")
    assert "adds 2 pixels, so 12 layers more would see the whole input" in advice.remedy


def test_a_field_as_large_as_the_input_is_none() -> None:
    net = _stack(4, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    assert not advice_on("field-smaller-than-input", net, 1, 4, 9, 9)


def test_a_head_that_joins_all_places_needs_no_large_field() -> None:
    net = _stack(4, nn.Flatten(), nn.Linear(4 * 32 * 32, 2))
    assert not advice_on("field-smaller-than-input", net, 1, 4, 32, 32)


def test_a_map_as_result_is_told_from_neighbourhoods() -> None:
    advice = only_advice("field-smaller-than-input", _stack(3), 1, 4, 32, 32)
    assert advice.finding.endswith("each output is told from its own neighbourhood.")


def test_a_field_many_times_the_input_is_far_larger() -> None:
    net = _stack(20)
    advice = only_advice("field-far-larger-than-input", net, 1, 4, 8, 8)
    # 20 layers of 3x3 see 41 pixels, 5.12 times 8; the fourth sees 9 and more than all of them.
    assert advice.layer == "38"
    assert advice.finding.startswith("Its field is 41x41, 5.12 times the input of 8x8, and ")
    assert "From '6' on a unit can see the whole input" in advice.finding
    assert "Use an input of 21x21 or more" in advice.remedy
    # 16 of the 20 convolutions lie behind: 148 parameters each.
    assert "the maps behind hold 2,368 parameters" in advice.finding
    assert "(80 %)" in advice.finding


def test_four_times_the_input_is_not() -> None:
    assert not advice_on("field-far-larger-than-input", _stack(20), 1, 4, 11, 11)


class _Shortcut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.deep = _stack(20)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.deep(x) + x


def test_shortcuts_may_have_twice_as_much() -> None:
    assert not advice_on("field-far-larger-than-input", _Shortcut(), 1, 4, 8, 8)
    assert advice_on("field-far-larger-than-input", _Shortcut(), 1, 4, 5, 5)


def test_three_on_two_pixels_stands_mostly_on_padding() -> None:
    net = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1))
    advice = only_advice("mostly-padding", net, 1, 4, 2, 2)
    # Along an axis two windows of 3 read 2 pixels each: 4 of 6, and 16 of 36 in the plane.
    assert advice.finding == (
        "3x3, padding 1 on its map of 2x2: 20 of the 36 pixels under its windows are padding "
        "(56 %)."
    )


def test_three_on_three_pixels_does_not() -> None:
    net = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1))
    assert not advice_on("mostly-padding", net, 1, 4, 3, 3)  # 49 of 81 are pixels


def test_more_padding_than_the_kernel_needs_is_told() -> None:
    net = nn.Sequential(nn.Conv2d(4, 4, 1, padding=8), nn.ReLU(), nn.Conv2d(4, 4, 3))
    first = advice_on("mostly-padding", net, 1, 4, 8, 8)
    assert "512 of the 576 pixels" in first[0].finding  # 8*8 of 24*24 windows meet a pixel
    good = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3))
    assert not advice_on("mostly-padding", good, 1, 4, 8, 8)
