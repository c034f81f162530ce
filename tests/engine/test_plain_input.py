"""What a network is given is read as it is where the first kernels can, and else reordered once."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import striate


def steps(net: nn.Module, shape: tuple[int, ...]) -> list[str]:
    """The kinds of a plan's steps, whose result is as in float64."""
    torch.manual_seed(0)
    plan: Any = striate.compile(net.eval(), shape, threads=2)
    x = torch.randn(shape)
    with torch.no_grad():
        wanted = net.double()(x.double())
    assert (plan(x) - wanted).abs().max() <= 1e-5 * wanted.abs().max()
    return [step.kind for step in plan._recipe.steps]


@pytest.mark.parametrize(
    "first",
    [
        nn.Conv2d(3, 40, 3),
        nn.Conv2d(40, 40, 3, padding=1, groups=40),
        nn.Conv2d(40, 40, 7, stride=2, padding=3, groups=40),
        nn.Conv2d(40, 40, (3, 5), dilation=2, groups=40),
    ],
    ids=["few channels", "depthwise", "depthwise 7x7/2", "depthwise, dilated"],
)
def test_read_as_it_is(first: nn.Conv2d) -> None:
    net = nn.Sequential(first, nn.ReLU())
    assert steps(net, (2, first.in_channels, 50, 44)) == ["conv", "layout"]


@pytest.mark.parametrize(
    ("first", "sizes"),
    [
        (nn.Conv2d(16, 16, (200, 3), groups=16), (210, 30)),
        (nn.Conv1d(16, 16, 9, groups=16), (300,)),
        (nn.Conv3d(16, 16, 3, groups=16), (5, 9, 9)),
        (nn.Conv2d(16, 32, 3, groups=16), (20, 20)),
        (nn.Conv2d(16, 16, 3), (20, 20)),
    ],
    ids=["window past the caches", "signal", "volume", "two filters a channel", "many channels"],
)
def test_reordered_first(first: nn.Module, sizes: tuple[int, ...]) -> None:
    assert steps(nn.Sequential(first, nn.ReLU()), (1, 16, *sizes)) == ["layout", "conv", "layout"]


def test_a_reordered_map_is_not_read_again() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Conv2d(16, 16, 1), nn.Conv2d(16, 16, 3, 1, 1, groups=16)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.one(x)) + torch.relu(self.other(x))

    assert steps(Net(), (1, 16, 20, 20)).count("layout") == 2
