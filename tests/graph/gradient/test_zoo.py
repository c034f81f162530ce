"""The gradients of the zoo's networks are those of torch's autograd."""

from __future__ import annotations

import pytest
import torch

from striate import zoo

from ...zoo.test_zoo import small_net
from .agreement import check

QUICK = {"lenet5", "lenet5_1998", "m5", "resnet18"}
"""A few that are quick; the others say the same at length."""
SIZES = {"m5": (1, 2000), "resnet18": (3, 32, 32)}
"""Inputs even smaller than those of the zoo's own tests."""
NAMES = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in zoo.list()]


@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", NAMES)
def test_networks(name: str, train: bool) -> None:
    torch.manual_seed(0)
    net, shape = small_net(name)
    check(net.train(train), torch.randn(2, *SIZES.get(name, shape)))
