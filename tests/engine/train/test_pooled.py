"""Batch norms in front of max poolings: where these normalise what they read, and gradients."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

import striate

KINDS = ("moments", "normalise", "pool", "pool_gradient", "gradient")


def trained(*layers: nn.Module, size: int = 13) -> tuple[Any, list[str]]:
    """Check one step against float64 autograd; give the steps' kinds, and the modes of norms."""
    torch.manual_seed(0)
    net = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(3))
    x = torch.randn(5, 3, size, size)
    net(x)
    with torch.no_grad():
        for norm in (m for m in net if isinstance(m, nn.BatchNorm2d) and m.affine):
            norm.weight.uniform_(-1, 1)  # some fall: the largest number was the smallest
            norm.bias.uniform_(-1, 1)
    exact = copy.deepcopy(net).double()
    fast = striate.compile(net, tuple(x.shape), train=True, threads=1)
    y, wanted = fast(x), exact(x.double())
    gy = torch.randn_like(y)
    y.backward(gy)
    wanted.backward(gy.double())
    torch.testing.assert_close(y.double(), wanted, rtol=0, atol=1e-5)
    for p, q in zip(net.parameters(), exact.parameters(), strict=True):
        assert p.grad is not None
        assert q.grad is not None
        bound = 1e-5 * max(1.0, float(q.grad.abs().max()))
        torch.testing.assert_close(p.grad.double(), q.grad, rtol=0, atol=bound)
    for found, expected in zip(net.buffers(), exact.buffers(), strict=True):
        torch.testing.assert_close(found.double(), expected.double(), rtol=1e-5, atol=1e-6)
    steps = fast._last().recipe.steps
    kinds = [s.attributes["mode"] if s.kind == "batch_norm" else s.kind for s in steps]
    return fast, [kind for kind in kinds if kind in KINDS]


@pytest.mark.parametrize("pool", [nn.MaxPool2d(2), nn.MaxPool2d(3, 2, padding=1), nn.MaxPool2d(4)])
@pytest.mark.parametrize("act", [nn.Identity(), nn.ReLU(inplace=True)])
@pytest.mark.parametrize("affine", [True, False])
def test_the_pooling_normalises_what_it_reads(
    pool: nn.Module, act: nn.Module, affine: bool
) -> None:
    norm = nn.BatchNorm2d(20, affine=affine)
    fast, kinds = trained(nn.Conv2d(3, 20, 3, padding=1), norm, act, pool)
    overlap = pool.stride != pool.kernel_size  # several windows may give to a pixel
    assert kinds == ["moments", "pool", *["pool_gradient"] * overlap, "gradient"]
    told = " ".join(fast.explain().split())
    assert "normalises what it reads" in told
    assert ("of the largest number of each window" in told) == (not overlap)


@pytest.mark.parametrize(
    "behind", [(nn.AvgPool2d(2),), (nn.Sigmoid(), nn.MaxPool2d(2)), (nn.Conv2d(20, 20, 1),)]
)
def test_others_read_a_map(behind: tuple[nn.Module, ...]) -> None:
    _, kinds = trained(nn.Conv2d(3, 20, 3, padding=1), nn.BatchNorm2d(20), *behind)
    assert {"moments", "normalise", "gradient"} <= {*kinds}
