"""Activations that change nothing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from .helpers import advice_on, only_advice

RULE = "activation-without-effect"


def test_a_relu_behind_a_pooled_relu_changes_nothing() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.ReLU())
    advice = only_advice(RULE, net, 1, 3, 16, 16)
    assert advice.layer == "3"
    assert (
        advice.finding
        == "relu changes nothing: what it reads from '2' lies in 0 and above already."
    )


@pytest.mark.parametrize(
    "layers",
    [
        (nn.ReLU6(), nn.ReLU()),
        (nn.Sigmoid(), nn.ReLU()),
        (nn.Softmax(1), nn.LeakyReLU()),
        (nn.ReLU(), nn.ELU()),
        (nn.ReLU(), nn.PReLU()),
        (nn.Hardtanh(0, 1), nn.ReLU6()),
        (nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.ReLU()),
    ],
)
def test_what_it_would_change_cannot_come(layers: tuple[nn.Module, ...]) -> None:
    assert only_advice(RULE, nn.Sequential(nn.Linear(8, 8), *layers), 1, 8).layer == str(
        len(layers)
    )


@pytest.mark.parametrize(
    "layers",
    [
        (nn.ReLU(), nn.Linear(8, 8), nn.ReLU()),
        (nn.ReLU(), nn.ReLU6()),
        (nn.Tanh(), nn.ReLU()),
        (nn.LeakyReLU(), nn.ReLU()),
        (nn.ReLU(), nn.SELU()),  # it scales
        (nn.ReLU(), nn.BatchNorm1d(8), nn.ReLU()),
        (nn.ReLU(), nn.Sigmoid()),
        (nn.LogSoftmax(1), nn.ReLU()),
    ],
)
def test_what_it_would_change_can_come(layers: tuple[nn.Module, ...]) -> None:
    assert not advice_on(RULE, nn.Sequential(nn.Linear(8, 8), *layers), 1, 8)


class _Token(nn.Module):
    def __init__(self, learned: bool) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 4)) if learned else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.relu()
        other = x * x if self.token is None else self.token
        return torch.cat([x, other], 1).relu()


def test_a_learned_part_may_be_negative() -> None:
    assert not advice_on(RULE, _Token(learned=True), 1, 8)
    assert advice_on(RULE, _Token(learned=False), 1, 8)
