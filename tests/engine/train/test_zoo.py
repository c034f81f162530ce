"""Gradients of the zoo's networks are those of float64 autograd."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import striate
from striate import zoo

from ...zoo.test_zoo import small_net

QUICK = ("c3d_small", "lenet5", "lenet5_1998", "m5", "mobilenet_v2", "resnet20", "unet")
NETS = [
    pytest.param(i, name, id=name, marks=[] if name in QUICK else pytest.mark.slow)
    for i, name in enumerate(zoo.list())
]
BATCH = 4
POOLS: dict[type[nn.Module], Any] = {
    nn.MaxPool1d: striate.nn.AvgPool1d,
    nn.MaxPool2d: striate.nn.AvgPool2d,
    nn.MaxPool3d: striate.nn.AvgPool3d,
}
CORNERS: dict[type[nn.Module], nn.Module] = {
    nn.ReLU: nn.SiLU(), nn.ReLU6: nn.SiLU(), nn.Hardswish: nn.SiLU(), nn.Hardsigmoid: nn.Sigmoid(),
}  # fmt: skip
DTYPES = (torch.float32, torch.float64)


def no_dropout(net: nn.Module) -> nn.Module:
    """Without what is random: torch draws other numbers in float64."""
    for module in net.modules():
        if hasattr(module, "p"):
            module.p = 0.0
    return net


def gradients(net: nn.Module, x: Tensor, draw: Tensor) -> dict[str, Tensor | None]:
    x = x.clone().requires_grad_()
    net(x).backward(draw.to(x.dtype))
    return {"input": x.grad, **{name: p.grad for name, p in net.named_parameters()}}


def smooth(net: nn.Module) -> nn.Module:
    """Without corners: where float32 and float64 fall on two sides of one, gradients jump."""
    for parent in [*net.modules()]:
        for name, child in parent.named_children():
            if type(child) in CORNERS:
                setattr(parent, name, CORNERS[type(child)])
            for largest, mean in POOLS.items():
                if isinstance(child, largest):
                    setattr(parent, name, mean(child.kernel_size, child.stride, child.padding))
    return net


def compared(net: nn.Module, shape: tuple[int, ...]) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Each gradient of ours, of torch in float32, and in float64."""
    copies = copy.deepcopy(net), copy.deepcopy(net).double()
    x = torch.randn(BATCH, *shape)
    fast = striate.compile(net, x.shape, train=True)
    with torch.no_grad():
        draw = torch.randn_like(copy.deepcopy(net).eval()(x))
    ours = gradients(fast, x, draw)
    torchs, exact = (gradients(m, x.to(t), draw) for m, t in zip(copies, DTYPES, strict=True))
    assert [g is None for g in ours.values()] == [g is None for g in exact.values()]
    found = zip(ours.values(), torchs.values(), exact.values(), strict=True)
    return [(a, b, c) for a, b, c in found if a is not None and b is not None and c is not None]


@pytest.mark.parametrize(("index", "name"), NETS)
def test_narrow_smooth_networks(index: int, name: str) -> None:
    """Within 1e-4, or of what torch's float32 is off: some norms measure a few numbers alone."""
    torch.manual_seed(0)
    net, shape = small_net(name)
    for ours, torchs, exact in compared(no_dropout(smooth(net)).train(index % 2 == 0), shape):
        rounding = (torchs - exact).abs().max()
        assert (ours - exact).abs().max() <= 1e-4 * exact.abs().max() + 5 * rounding


@pytest.mark.parametrize(("index", "name"), NETS)
def test_narrow_networks(index: int, name: str) -> None:
    """As a whole: single numbers jump where a unit is at a corner."""
    torch.manual_seed(0)
    net, shape = small_net(name)
    for ours, torchs, exact in compared(no_dropout(net).train(index % 2 == 1), shape):
        rounding = (torchs - exact).norm()
        assert (ours - exact).norm() <= 0.05 * exact.norm() + 5 * rounding
