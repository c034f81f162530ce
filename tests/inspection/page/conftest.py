from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn

import striate
from striate.inspection import Report

HOSTILE = ("</script><img src=x onerror=alert(1)>", "\"' & {{x}} $name", "__proto__", "<!--")


class Odd(nn.Module):
    """An operation that the graph does not know."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.linalg.inv(x)


@pytest.fixture(scope="session")
def lenet() -> Report:
    return striate.inspect(striate.zoo.create("lenet5").eval(), (1, 32, 32))


@pytest.fixture(scope="session")
def resnet() -> Report:
    return striate.inspect("resnet18")


@pytest.fixture(scope="session")
def hostile() -> Report:
    """A network whose layers' names try to break out, and of which not everything is known."""
    layers = [nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3)]
    named = OrderedDict(zip(HOSTILE, layers, strict=True))
    named["odd"] = Odd()
    named["head"] = nn.Conv2d(8, 4, 1)
    return striate.inspect(nn.Sequential(named).eval(), (1, 3, 16, 16))
