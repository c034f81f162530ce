"""Networks the tests share: the zoo on torch's meta device, where weights take no memory."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from striate import inspect, zoo
from striate.inspection import Report


@cache
def zoo_report(name: str) -> Report:
    """The report of a network of the zoo, at its published input."""
    with torch.device("meta"):
        net = zoo.create(name).eval()
    return inspect(net, zoo.info(name).input_shape)


def last_sliding(report: Report):  # type: ignore[no-untyped-def]
    """The last row whose units' fields slide over the input."""
    return [row for row in report.rows if row.jump and row.jump[0] is not None][-1]


class Branches(nn.Module):
    """Two branches that meet: a 3x3 convolution beside two of them, and a concatenation."""

    def __init__(self) -> None:
        super().__init__()
        self.short = nn.Conv2d(1, 2, 3, padding=1)
        self.long = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Join the branches."""
        return torch.cat([self.short(x), self.long(x)], 1)
