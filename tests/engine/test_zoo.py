"""Plans of the zoo's networks are as exact as `striate.compile` promises."""

from __future__ import annotations

import pytest
import torch

from striate import zoo

from ..zoo.test_zoo import small_net
from .agreement import TARGETS, check_plans, settle

LONGER = {"resnet101", "resnet32", "resnet56", "vgg13", "vgg19"}
"""Nets with more of the layers that another has."""

NETS = [
    pytest.param(i, name, id=name, marks=[pytest.mark.slow] if name in LONGER else [])
    for i, name in enumerate(zoo.list())
]


@pytest.mark.parametrize(("index", "name"), NETS)
def test_narrow_networks(index: int, name: str) -> None:
    torch.manual_seed(0)
    net, shape = small_net(name)
    check_plans(net, torch.randn(1, *shape), targets=[TARGETS[index % len(TARGETS)]])


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.list())
def test_whole_networks(name: str) -> None:
    torch.manual_seed(0)
    check_plans(zoo.create(name), torch.randn(1, *zoo.info(name).input_shape))


def test_a_deep_network_with_statistics_of_what_it_meets() -> None:
    """Errors grow from norm to norm, also torch's: 3e-5."""
    torch.manual_seed(0)
    net, x = zoo.create("resnet50"), torch.randn(8, 3, 128, 128)
    settle(net, x)
    check_plans(net, x[:1], targets=TARGETS[:1], slack=10, settled=True)
