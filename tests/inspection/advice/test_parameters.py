"""Parameters without a use or a gradient, and layers that hold most of them."""

from __future__ import annotations

import torch
from torch import nn

from .helpers import advice_on, only_advice


class _Spare(nn.Module):
    def __init__(self, call: bool) -> None:
        super().__init__()
        self.used = nn.Conv2d(3, 4, 3)
        self.spare = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        self.call = call

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.used(x)
        return self.spare(y) if self.call else y


def test_a_module_that_is_not_called_has_unused_parameters() -> None:
    advice = only_advice("unused-parameters", _Spare(call=False), 1, 3, 8, 8)
    # 4*4 + 4 of the convolution, 4 + 4 of the norm; 3*4*9 + 4 = 112 are used.
    assert advice.layer == "spare"
    assert advice.finding == (
        "No operation reads its 28 parameters ('spare.0.weight', 'spare.0.bias', 'spare.1.weight', "
        "...): 20 % of the network's."
    )
    assert not advice_on("unused-parameters", _Spare(call=True), 1, 3, 8, 8)


class _Rounded(nn.Module):
    def __init__(self, hard: bool) -> None:
        super().__init__()
        self.before, self.behind, self.hard = nn.Linear(8, 6), nn.Linear(6, 2), hard

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.before(x)
        return self.behind(torch.sign(y) if self.hard else torch.tanh(y))


def test_behind_a_sign_nothing_is_learned() -> None:
    advice = only_advice("no-gradient", _Rounded(hard=True), 1, 8)
    assert advice.layer == "before"
    assert advice.finding == (
        "Its 54 parameters get no gradient: the way to the output leads over 'sign' (sign)."
    )
    assert not advice_on("no-gradient", _Rounded(hard=False), 1, 8)


class _Straight(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.behind = nn.Linear(8, 6), nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.before(x)
        return self.behind(torch.sign(y) + y)


def test_a_second_way_teaches() -> None:
    assert not advice_on("no-gradient", _Straight(), 1, 8)


def _classifier(*head: nn.Module) -> nn.Module:
    body = [nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*body, *head)


def test_a_linear_layer_behind_a_flattened_map_holds_most() -> None:
    net = _classifier(nn.Flatten(), nn.Linear(32 * 64, 10))
    advice = only_advice("one-layer-holds-most", net, 1, 3, 16, 16)
    # 2048*10 + 10 of 20490 + 896; with pooling 32*10 + 10.
    assert advice.finding.startswith(
        "It holds 20,490 of the network's 21,386 parameters (96 %) and "
    )
    assert "each of the 8x8 places of a map of 32 channels" in advice.finding
    assert advice.remedy.endswith("the layer needs 330 parameters then, and the network 1.23 k.")


def test_behind_a_global_pooling_it_does_not() -> None:
    net = _classifier(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
    assert not advice_on("one-layer-holds-most", net, 1, 3, 16, 16)


def test_a_convolution_as_large_as_its_map_is_such_a_layer() -> None:
    advice = only_advice("one-layer-holds-most", _classifier(nn.Conv2d(32, 10, 8)), 1, 3, 16, 16)
    assert "20,490 of the network's 21,386 parameters" in advice.finding


def test_a_network_without_convolutions_is_let_be() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10))
    assert not advice_on("one-layer-holds-most", net, 1, 1, 28, 28)


class _Answer(nn.Module):
    def __init__(self, scores: bool) -> None:
        super().__init__()
        self.body, self.scores = nn.Linear(8, 6), scores

    def forward(self, x: torch.Tensor) -> object:
        y = self.body(x)
        return (y, y.argmax(1)) if self.scores else y.argmax(1)


def test_a_network_that_gives_classes_alone_is_not_meant_for_training() -> None:
    assert not advice_on("no-gradient", _Answer(scores=False), 1, 8)
    assert not advice_on("no-gradient", _Answer(scores=True), 1, 8)


def test_a_pooling_that_gives_positions_too_lets_the_gradient_pass() -> None:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.pool = nn.Conv2d(1, 2, 3), nn.MaxPool2d(2, return_indices=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y, where = self.pool(self.conv(x))
            return y * where

    assert not advice_on("no-gradient", Positions(), 1, 1, 10, 10)
