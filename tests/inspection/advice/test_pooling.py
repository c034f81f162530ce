"""Poolings without an effect, and poolings that copy."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from .helpers import advice_on, only_advice

WITHOUT = [
    (nn.MaxPool2d(1), (8, 8), "Its window is 1x1 with stride 1"),
    (nn.AvgPool2d(1), (8, 8), "Its window is 1x1 with stride 1"),
    (nn.AdaptiveAvgPool2d(7), (7, 7), "It pools a map of 7x7 into 7x7 places"),
    (nn.AdaptiveAvgPool2d(1), (1, 1), "It pools a map of 1x1 into 1x1 places"),
    (nn.MaxPool2d(3, 1, padding=1), (1, 1), "Its map is 1x1"),
]


@pytest.mark.parametrize(("pool", "size", "reason"), WITHOUT)
def test_its_output_is_its_input(pool: nn.Module, size: tuple[int, int], reason: str) -> None:
    advice = only_advice("pooling-without-effect", nn.Sequential(pool), 1, 4, *size)
    assert advice.finding == f"{reason}, so its output is its input."
    x = torch.randn(1, 4, *size)
    assert torch.equal(pool(x), x)


@pytest.mark.parametrize(
    ("pool", "size"),
    [
        (nn.MaxPool2d(2), (8, 8)),
        (nn.MaxPool2d(1, 2), (8, 8)),
        (nn.AdaptiveAvgPool2d(7), (8, 8)),
        (nn.AdaptiveAvgPool2d(1), (1, 2)),
        (nn.AvgPool2d(3, 1, padding=1), (1, 1)),  # it divides the pixel by 9
        (nn.AvgPool2d(1, divisor_override=2), (8, 8)),
    ],
)
def test_these_change_something(pool: nn.Module, size: tuple[int, int]) -> None:
    assert not advice_on("pooling-without-effect", nn.Sequential(pool), 1, 4, *size)


class _Mean(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))


def test_a_mean_over_one_place_is_none() -> None:
    advice = only_advice("pooling-without-effect", _Mean(), 1, 4, 1, 1)
    assert advice.finding == "It reduces a map of 1x1, so its output is its input."
    assert not advice_on("pooling-without-effect", _Mean(), 1, 4, 2, 2)


def test_seven_places_of_one_pixel_are_copies() -> None:
    advice = only_advice("pooling-that-copies", nn.Sequential(nn.AdaptiveAvgPool2d(7)), 1, 4, 1, 1)
    assert advice.finding == (
        "It makes 7x7 places of a map of 1x1: each of its numbers stands there 49 times on the "
        "mean."
    )
    assert not advice_on("pooling-that-copies", nn.Sequential(nn.AdaptiveAvgPool2d(7)), 1, 4, 7, 7)
