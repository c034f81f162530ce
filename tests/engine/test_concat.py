"""Concatenations of concatenations: of channels that do, or don't, fill whole blocks."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

import striate


class Joined(nn.Module):
    """A convolution of two joined parts beside a third, joined along the channels at last."""

    def __init__(self, channels: tuple[int, int, int], axis: int) -> None:
        super().__init__()
        a, b, c = channels
        self.axis = axis
        self.parts = nn.ModuleList(nn.Conv2d(3, n, 1) for n in channels)
        self.last = nn.Conv2d((a + b if axis == 1 else a) + c, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        one, two, three = (part(x) for part in self.parts)
        inner = torch.cat([one, two], self.axis)
        if self.axis != 1:
            three = torch.cat([three, three], self.axis)
        return self.last(torch.cat([inner, three], 1))


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("isa", ["portable8", "portable16"])
@pytest.mark.parametrize(
    ("channels", "axis"),
    [
        ((8, 8, 8), 1), ((4, 4, 8), 1), ((5, 11, 7), 1), ((16, 16, 3), 1), ((3, 5, 16), 1),
        ((16, 16, 16), 2), ((16, 16, 5), 3),
    ],
)  # fmt: skip
def test_parts_lie_where_they_are_read(
    channels: tuple[int, int, int],
    axis: int,
    isa: str,
    train: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STRIATE_ISA", isa)
    torch.manual_seed(0)
    net = Joined(channels, axis)
    x = torch.randn(2, 3, 6, 7)
    options = {"train": True} if train else {}
    found = striate.compile(net, tuple(x.shape), threads=1, **options)(x)
    wanted = copy.deepcopy(net).double()(x.double())
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=1e-5)
