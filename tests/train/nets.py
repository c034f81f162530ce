"""Small nets for the training tests: quick, with dropout and batch norm where those matter."""

from __future__ import annotations

import torch

from striate import nn


def with_dropout_and_norm() -> torch.nn.Module:
    """Have everything that a checkpoint must remember: buffers and random numbers."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, stride=2, padding="same", bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Flatten(),
        nn.Linear(6 * 4 * 4, 10),
    )


def with_norm() -> torch.nn.Module:
    """Need the statistics of the whole batch."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 8, 3, stride=2),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8 * 3 * 3, 10),
    )


def with_wide_maps() -> torch.nn.Module:
    """Spend most of a step's memory on maps that are cheap to compute again."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        torch.nn.SiLU(),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        torch.nn.SiLU(),
        nn.Conv2d(16, 10, 8),
        nn.Flatten(),
    )


def of_three_classes() -> torch.nn.Module:
    """Give too few logits for the digits."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


def that_is_no_net() -> int:
    """Give something else."""
    return 3


class Branching(torch.nn.Module):
    """Decide by the numbers, which no graph can hold."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.linear(x.flatten(1))
        return y if y.sum() > 0 else 2 * y


def that_branches() -> torch.nn.Module:
    """Give a net that cannot be captured."""
    return Branching()


class Product(torch.nn.Module):
    """Multiplies channels by one another."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Take the channels' product."""
        return x.prod(1, keepdim=True)


def with_a_rare_layer() -> torch.nn.Module:
    """Spend most of the time on an operation whose gradient has no kernel."""
    return nn.Sequential(
        nn.Conv2d(1, 2, 1),
        Product(),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
