"""Gradients of the zoo's networks are those of float64 autograd."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

import striate
from striate import zoo

from ...zoo.test_zoo import small_net

BATCH = 4
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


def check_gradients(name: str, *, training: bool) -> None:
    """Within 1e-4, or of what torch's float32 is off: some norms measure a few numbers alone."""
    torch.manual_seed(0)
    net, shape = small_net(name)
    net = no_dropout(net).train(training)
    copies = copy.deepcopy(net), copy.deepcopy(net).double()
    x = torch.randn(BATCH, *shape)
    fast = striate.compile(net, x.shape, train=True)
    with torch.no_grad():
        draw = torch.randn_like(copies[0].eval()(x))
    copies[0].train(training)
    ours = gradients(fast, x, draw)
    torchs, exact = (gradients(m, x.to(t), draw) for m, t in zip(copies, DTYPES, strict=True))
    for name, right in exact.items():
        mine, other = ours[name], torchs[name]
        assert (mine is None) == (right is None), name
        if mine is not None and right is not None and other is not None:
            largest, rounding = right.abs().max(), (other - right).abs().max()
            error = (mine - right).abs().max()
            assert error <= 1e-4 * largest + 5 * rounding, (name, error / largest)


@pytest.mark.parametrize(("index", "name"), list(enumerate(zoo.list())))
def test_narrow_networks(index: int, name: str) -> None:
    check_gradients(name, training=index % 3 > 0)
