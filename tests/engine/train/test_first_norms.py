"""A first layer's filters' gradient makes that of the norm behind the layer, which is not written.

The tests of kernels (tests/native/test_conv_weight.py) hold it to the bit against both apart.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

import striate


class Shortcut(nn.Module):
    """What the first norm makes is read by two: its gradient is a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 20, 3, bias=False), nn.BatchNorm2d(20)
        self.branch = nn.Conv2d(20, 20, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm(self.conv(x)))
        return y + self.branch(y)


def first(filters: int, *behind: nn.Module, **options: Any) -> list[nn.Module]:
    conv = nn.Conv2d(3, filters, 3, bias=False, **options)
    return [conv, nn.BatchNorm2d(filters), *behind]


NORMED = {
    "nothing behind": first(20),
    "relu": first(20, nn.ReLU()),
    "relu6, stride 2": first(33, nn.ReLU6(), stride=2),
    "silu": first(16, nn.SiLU(), padding=1),
    "a pooling": first(16, nn.ReLU(), nn.MaxPool2d(2)),
    "odd rows, another pooling": first(24, nn.MaxPool2d(3)),
    "a shortcut": [Shortcut()],
    "a volume": [
        nn.Unflatten(2, (4, 5)),
        nn.Conv3d(3, 16, 3, padding=1, bias=False),
        nn.BatchNorm3d(16),
    ],
}


def gradients(net: nn.Module, x: torch.Tensor, call: Any) -> list[torch.Tensor]:
    net.zero_grad()
    y = call(x)
    (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)).sum().backward()
    return [p.grad.clone() for p in net.parameters() if p.grad is not None]


def check_gradients(net: nn.Module, x: torch.Tensor) -> str:
    """Compare with autograd in float64; give what the compiled network tells."""
    real = copy.deepcopy(net).double()
    fast = striate.compile(net, x, train=True, threads=2)
    wanted = gradients(real, x.double(), real)
    for found, w in zip(gradients(net, x, fast), wanted, strict=True):
        assert (found - w).abs().max() <= 1e-5 * w.abs().max()
    return str(fast.explain())


@pytest.mark.parametrize("name", NORMED)
def test_a_first_layers_filters_make_the_norms_gradient(name: str) -> None:
    torch.manual_seed(0)
    told = check_gradients(nn.Sequential(*NORMED[name]).train(), torch.randn(4, 3, 20, 20))
    assert "makes the norm's gradient as it goes" in told


def test_the_norms_gradient_needs_no_memory() -> None:
    """But scratch, of a band of a task: most of a map of 64 channels of 48x48, two images."""
    torch.manual_seed(0)
    net, peaks = nn.Sequential(*first(64, nn.ReLU(), nn.MaxPool2d(2))), []
    for wanted in (False, True):
        x = torch.randn(2, 3, 50, 50, requires_grad=wanted)
        fast = striate.compile(net, x, train=True, threads=1)
        gradients(net, x, fast)
        peaks.append(fast.peak_bytes)
    assert peaks[1] - peaks[0] > 0.7 * (2 * 64 * 48 * 48 * 4)


@pytest.mark.parametrize("way", ["evaluation", "another layer in front", "no norm"])
def test_others_are_written(way: str) -> None:
    torch.manual_seed(0)
    layers = first(20, nn.ReLU())
    if way == "another layer in front":
        layers = [nn.Conv2d(3, 3, 1, bias=False), *layers]
    if way == "no norm":
        del layers[1]
    net = nn.Sequential(*layers).train(way != "evaluation")
    assert "as it goes" not in check_gradients(net, torch.randn(4, 3, 20, 20))


def test_an_input_that_wants_its_gradient_has_it_written() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(*first(20, nn.ReLU())).train()
    real, x = copy.deepcopy(net).double(), torch.randn(4, 3, 20, 20, requires_grad=True)
    fast = striate.compile(net, x, train=True)
    y = x.detach().double().requires_grad_()
    wanted, found = gradients(real, y, real), gradients(net, x, fast)
    assert x.grad is not None
    assert y.grad is not None
    for g, w in zip([*found, x.grad], [*wanted, y.grad], strict=True):
        assert (g - w).abs().max() <= 1e-5 * w.abs().max()
