"""Branches that meet with the same centres, and with different ones."""

from __future__ import annotations

import torch
from torch import nn

from .helpers import advice_on, only_advice


class _Two(nn.Module):
    def __init__(self, a: nn.Module, b: nn.Module, join: str = "add") -> None:
        super().__init__()
        self.a, self.b, self.join = a, b, join

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = self.a(x), self.b(x)
        return a + b if self.join == "add" else torch.cat([a, b], 1)


def _conv(kernel_size: int, **options: int) -> nn.Module:
    return nn.Conv2d(4, 4, kernel_size, **options)


def test_an_odd_convolution_beside_an_even_pooling_is_half_a_pixel_off() -> None:
    net = _Two(_conv(3, stride=2, padding=1), nn.MaxPool2d(2), "cat")
    advice = only_advice("misaligned-branches", net, 1, 4, 16, 16)
    # Convolution 0 covers -1 .. 1, the pooling 0 .. 1: centres 0 and 0.5, a quarter of the jump 2.
    assert advice.finding == (
        "The branches that meet here are not aligned: the centre of the first unit's field is "
        "that of 'a' at 0 and that of 'b' at 0.5, 0.5 input pixels apart (0.25 of a unit)."
    )
    assert advice.severity == "warning"


def test_two_odd_branches_or_two_even_ones_are_aligned() -> None:
    odd = _Two(_conv(3, stride=2, padding=1), nn.MaxPool2d(1, 2), "cat")
    even = _Two(_conv(4, stride=2, padding=1), nn.MaxPool2d(2), "cat")
    assert not advice_on("misaligned-branches", odd, 1, 4, 16, 16)
    assert not advice_on("misaligned-branches", even, 1, 4, 16, 16)


def test_it_is_told_where_it_happens_and_not_again_behind() -> None:
    net = nn.Sequential(
        _Two(_conv(3, stride=2, padding=1), nn.MaxPool2d(2)), nn.ReLU(), _Two(nn.ReLU(), _conv(1))
    )
    advice = only_advice("misaligned-branches", net, 1, 4, 16, 16)
    assert advice.layer == "0.add"


def test_the_input_itself_can_be_a_branch() -> None:
    net = _Two(nn.Identity(), nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), _conv(2)))
    advice = only_advice("misaligned-branches", net, 1, 4, 16, 16)
    assert "0.5 input pixels apart" in advice.finding
