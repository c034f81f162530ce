"""Max pooling of 2x2 pixels is part of the convolution in front of it, where that changes nothing.

The tests of kernels (tests/native) hold each kernel that pools against the definition.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import striate

PAIRS = nn.MaxPool2d(2)


def plan_of(*layers: nn.Module, channels: int = 3, size: int = 20, **options: Any) -> Any:
    torch.manual_seed(0)
    net = nn.Sequential(*layers).eval()
    plan = striate.compile(net, (2, channels, size, size), threads=1, **options)
    x = torch.randn(2, channels, size, size)
    with torch.no_grad():
        wanted = net.double()(x.double())
    assert (plan(x) - wanted).abs().max() <= 1e-5 * wanted.abs().max()
    return plan


def steps(plan: Any) -> list[str]:
    return [step.kind for step in plan._recipe.steps if step.kind != "layout"]


@pytest.mark.parametrize(
    "activation",
    [nn.Identity(), nn.ReLU(), nn.ReLU6(), nn.Sigmoid(), nn.Tanh(), nn.LeakyReLU(0.2), nn.ELU()],
    ids=lambda f: type(f).__name__,
)
@pytest.mark.parametrize("size", [20, 21])
def test_an_activation_that_never_falls_goes_with_it(activation: nn.Module, size: int) -> None:
    plan = plan_of(nn.Conv2d(3, 24, 3, padding=1), activation, PAIRS, size=size)
    assert steps(plan) == ["conv"]
    told = plan.explain()
    assert "0+1+2" in told or "0+2" in told
    assert "keeps the largest of 2x2 outputs" in told


def test_an_activation_behind_it_goes_with_it() -> None:
    assert steps(plan_of(nn.Conv2d(3, 24, 3), PAIRS, nn.SiLU())) == ["conv"]


def test_the_map_between_needs_no_memory() -> None:
    """Of 24 channels of 18x18 for 9x9, two images."""
    apart = plan_of(nn.Conv2d(3, 24, 3), nn.MaxPool2d(2, stride=1, padding=0))
    joined = plan_of(nn.Conv2d(3, 24, 3), PAIRS)
    assert joined.peak_bytes < apart.peak_bytes / 3


@pytest.mark.parametrize("precision", ["fast", "exact"])
def test_the_kernel_decides(precision: str) -> None:
    """With Winograd's algorithm the second layer pools; the direct kernel, of `exact`, cannot."""
    plan = plan_of(
        nn.Conv2d(1, 6, 5), nn.ReLU(), PAIRS, nn.Conv2d(6, 40, 5), nn.ReLU(), PAIRS,
        channels=1, size=32, precision=precision,
    )  # fmt: skip
    assert steps(plan) == (["conv", "conv"] if precision == "fast" else ["conv", "conv", "pool"])


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param([nn.SiLU(), PAIRS], id="an activation that falls"),
        pytest.param([nn.LeakyReLU(-0.5), PAIRS], id="one that falls by its slope"),
        pytest.param([nn.ReLU(), PAIRS, nn.Tanh()], id="activations on both sides"),
        pytest.param([nn.MaxPool2d(3)], id="larger windows"),
        pytest.param([nn.MaxPool2d(2, stride=1)], id="windows that overlap"),
        pytest.param([nn.MaxPool2d(2, padding=1)], id="padding"),
        pytest.param([nn.MaxPool2d(2, dilation=2)], id="windows with holes"),
        pytest.param([nn.MaxPool2d((1, 2))], id="windows of one row"),
        pytest.param([nn.MaxPool2d(2, ceil_mode=True)], id="ceil mode, odd"),
        pytest.param([nn.AvgPool2d(2)], id="means"),
    ],
)
def test_others_are_a_step_of_their_own(behind: list[nn.Module]) -> None:
    assert steps(plan_of(nn.Conv2d(3, 24, 3, padding=1), *behind, size=21)) == ["conv", "pool"]


class Branch(nn.Module):
    """The map in front of the pooling is read again, or given."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.first, self.second, self.way = nn.Conv2d(3, 16, 3), nn.Conv2d(16, 8, 1), way

    def forward(self, x: torch.Tensor) -> Any:
        y = torch.relu(self.first(x))
        pooled = torch.max_pool2d(y, 2)
        if self.way == "given":
            return pooled, y
        if self.way == "concatenated":
            return torch.max_pool2d(torch.cat([y, self.second(y)], 1), 2)
        return pooled, self.second(y)


@pytest.mark.parametrize("way", ["read", "given", "concatenated"])
def test_a_map_that_others_read_is_kept(way: str) -> None:
    torch.manual_seed(0)
    net, x = Branch(way).eval(), torch.randn(1, 3, 20, 20)
    plan = striate.compile(net, x)
    with torch.no_grad():
        wanted = net(x)
    found = plan(x)
    pairs = zip(found, wanted, strict=True) if isinstance(wanted, tuple) else [(found, wanted)]
    for y, z in pairs:
        assert (y - z).abs().max() <= 1e-5 * z.abs().max()
    assert "pool" in steps(plan)


def test_a_residual_stays_with_its_convolution() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 16, 3), nn.Conv2d(16, 16, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = torch.relu(self.first(x))
            return torch.max_pool2d(y.exp() + self.second(y), 2)

    assert "pool" in steps(plan_of(Block()))


def test_it_goes_into_its_place_in_a_concatenation() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Conv2d(3, 16, 3), nn.Conv2d(3, 32, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([torch.max_pool2d(c(x), 2) for c in (self.left, self.right)], 1)

    assert steps(plan_of(Pair())) == ["conv", "conv"]


@pytest.mark.parametrize("filters", [6, 12, 24])
def test_a_nan_is_the_largest_of_its_window(filters: int) -> None:
    """The three kernels for first layers, none of which spreads it to other windows."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, filters, 3), nn.ReLU(), PAIRS).eval()
    x = torch.randn(1, 1, 14, 14)
    x[0, 0, 6, 9] = torch.nan
    with torch.no_grad():
        wanted = net(x).numpy()
    plan = striate.compile(net, x, precision="exact")
    assert steps(plan) == ["conv"]
    np.testing.assert_allclose(plan(x).numpy(), wanted, rtol=1e-5, atol=1e-6)


def test_verify_compares_what_is_kept() -> None:
    plan = plan_of(nn.Conv2d(3, 24, 3, padding=1), nn.ReLU(), PAIRS, nn.Conv2d(24, 8, 3))
    errors = plan.verify(torch.randn(2, 3, 20, 20))
    assert errors[0].layer.endswith("2")
    assert all(error.share < 1e-5 for error in errors)


@pytest.mark.parametrize("pool", [PAIRS, nn.AdaptiveAvgPool2d(1)], ids=["pairs", "whole"])
def test_convolutions_that_say_nothing_of_additions_are_left_as_they_are(pool: nn.Module) -> None:
    """Transposed ones, and linear layers on channels: their steps have fewer arguments."""

    class OnChannels(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    assert steps(plan_of(nn.ConvTranspose2d(3, 4, 4, padding=2), pool))[-1] == "pool"
    plan_of(nn.Conv2d(3, 3, 3), OnChannels(), pool)
