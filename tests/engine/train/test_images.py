"""Steps of training with images as lanes: where they are chosen, and gradients through them."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import striate
from striate import zoo
from striate.engine.lower._images import image_convs
from striate.graph import capture
from striate.graph.gradient import differentiate


def _net(**layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(layers))


def _lenet(pool: nn.Module, act: nn.Module, padding: int = 0) -> nn.Sequential:
    """Two narrow convolutions on 12x12, a linear layer."""
    side = ((12 - 2 + 2 * padding) // 2 - 2 + 2 * padding) // 2
    return _net(
        c1=nn.Conv2d(1, 5, 3, padding=padding), a1=act, p1=pool, c2=nn.Conv2d(5, 9, 3,
        padding=padding), a2=act, p2=pool, flat=nn.Flatten(), f=nn.Linear(9 * side * side, 4),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def _kinds(fast: Any) -> list[str]:
    return [step.kind for step in fast._last().recipe.steps]


def _compile(net: nn.Module, *shape: int, threads: int = 1) -> Any:
    return striate.compile(net, shape, train=True, threads=threads)


def _check(fast: Any, *shape: int, for_input: bool = True) -> list[Tensor]:
    """Compare outputs and all gradients with float64 autograd; give what was found."""
    net = fast.model
    net.zero_grad()
    exact = copy.deepcopy(net).double()
    x = torch.randn(shape, requires_grad=for_input)
    x64 = x.detach().double().requires_grad_(for_input)
    y, y64 = fast(x), exact(x64)
    gy = torch.randn_like(y)
    y.backward(gy)
    y64.backward(gy.double())
    pairs = [(y, y64), *([(x.grad, x64.grad)] if for_input else [])]
    pairs += [(p.grad, q.grad) for p, q in zip(net.parameters(), exact.parameters(), strict=True)]
    given = []
    for found, expected in pairs:
        assert found is not None
        assert expected is not None
        bound = 1e-5 * float(expected.detach().abs().max())
        torch.testing.assert_close(found.detach().double(), expected.detach(), rtol=0, atol=bound)
        given.append(found.detach())
    return given


@pytest.mark.parametrize(
    ("pool", "act", "padding"),
    [
        (nn.MaxPool2d(2), nn.ReLU(), 0),
        (nn.AvgPool2d(2), nn.Tanh(), 1),
        (nn.MaxPool2d(3, 2, padding=1), nn.SiLU(), 2),
        (nn.Identity(), nn.Sigmoid(), 0),
    ],
)
def test_gradients_are_those_of_autograd(pool: nn.Module, act: nn.Module, padding: int) -> None:
    net = _lenet(pool, act, padding)
    net.f = nn.LazyLinear(4)
    net(torch.zeros(1, 1, 12, 12))
    fast = _compile(net, 8, 1, 12, 12)
    for batch in (8, 13, 32):
        _check(fast, batch, 1, 12, 12)
        kinds = _kinds(fast)
        lanes = fast._last().recipe.lanes
        fills = batch / (-(-batch // lanes) * lanes) >= 0.75
        assert kinds.count("image_conv") == (4 if fills else 0)
        assert kinds.count("image_conv_weight_gradient") == (2 if fills else 0)
        assert "island" not in kinds


def test_lenet_in_every_mode_and_any_batch() -> None:
    fast = _compile(zoo.lenet5(), 8, 1, 32, 32)
    for batch in (1, 16, 33):
        _check(fast.train(batch != 16), batch, 1, 32, 32)


def test_pooling_and_its_gradient_are_parts_of_the_convolutions() -> None:
    fast = _compile(zoo.lenet5(), 16, 1, 32, 32)
    _check(fast, 16, 1, 32, 32, for_input=False)
    kinds = _kinds(fast)
    assert "pool" not in kinds
    assert kinds.count("pool_gradient") == 1  # of the second, which is read twice
    told = " ".join(fast.explain().split())
    assert "keeps the largest of 2x2 outputs" in told
    assert "of the largest of 2x2 outputs" in told

    _check(fast, 16, 1, 32, 32)
    assert _kinds(fast).count("pool_gradient") == 2


def test_threads_do_not_change_a_bit() -> None:
    found = []
    for threads in (1, 2):
        torch.manual_seed(0)
        fast = _compile(_lenet(nn.MaxPool2d(2), nn.ReLU()), 24, 1, 12, 12, threads=threads)
        torch.manual_seed(0)
        found.append(_check(fast, 24, 1, 12, 12))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


class _Branches(nn.Module):
    """A narrow convolution whose output is also added to a wide one's."""

    def __init__(self) -> None:
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.c1(x)
        return torch.cat([y + self.c2(y), y], 1)


def _chosen(net: nn.Module, *shape: int, lanes: int = 8) -> set[str]:
    graph = capture(net, shape)
    wanted = tuple(name for name, p in net.named_parameters() if p.requires_grad)
    return {*image_convs(differentiate(graph.at(shape), wanted).graph, lanes)}


def test_narrow_chains_are_chosen() -> None:
    net = zoo.lenet5()
    assert _chosen(net, 16, 1, 32, 32) == {"c1", "c3"}
    assert _chosen(net, 16, 1, 32, 32, lanes=16) == {"c1", "c3"}
    assert _chosen(net, 12, 1, 32, 32) == {"c1", "c3"}  # 12 of 16 lanes
    assert not _chosen(net, 11, 1, 32, 32)
    assert not _chosen(net, 4, 1, 32, 32)


def test_others_are_left_in_blocks_of_channels() -> None:
    assert not _chosen(zoo.resnet20(), 8, 3, 32, 32)  # a batch norm behind it
    assert not _chosen(_Branches(), 8, 1, 8, 8)
    wide = _net(a=nn.Conv2d(1, 8, 3), r=nn.ReLU(), b=nn.Conv2d(8, 16, 3), f=nn.Flatten())
    assert not _chosen(wide, 8, 1, 8, 8)  # blocks of 8 are full
    strided = _net(a=nn.Conv2d(1, 6, 3, stride=2), f=nn.Flatten())
    assert not _chosen(strided, 8, 1, 8, 8)


def test_a_network_that_reads_its_input_twice() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.c, self.wide = nn.Conv2d(2, 3, 3), nn.Conv2d(2, 32, 3)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([self.c(x).flatten(1), self.wide(x).relu().flatten(1)], 1)

    fast = _compile(Twice(), 16, 2, 7, 7)
    _check(fast, 16, 2, 7, 7)
    assert {"image_conv", "conv"} <= set(_kinds(fast))
