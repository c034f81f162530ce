"""Channel counts and vector lanes."""

from __future__ import annotations

import pytest
from torch import nn

from .helpers import advice_on, only_advice


def _net(channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, 10, 3, padding=1)
    )


def test_twenty_channels_use_twenty_of_thirty_two_lanes() -> None:
    advice = only_advice("vector-width", _net(20), 1, 3, 16, 16)
    assert advice.layer == "0"
    # 3*20 of 3*20 + 20*10 MACs a place and tap: 23 %. 20 / 32 = 62.5 %, 20 / 24 = 83 %.
    assert advice.finding.startswith(
        "Its 20 output channels use 20 of 32 lanes with AVX-512 (62 %), 83 % with AVX2. "
        "The layer is 23 % of the network's MACs"
    )
    assert advice.remedy == "Use 16 or 32 channels: 32 take about the same time."


@pytest.mark.parametrize("channels", [8, 16, 24, 32, 47, 60])
def test_full_lanes_are_let_be(channels: int) -> None:
    assert not advice_on("vector-width", _net(channels), 1, 3, 16, 16)


def test_the_number_of_results_is_the_tasks_own() -> None:
    net = nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 36, 10))
    assert not advice_on("vector-width", net, 1, 3, 8, 8)


def test_a_layer_that_costs_little_is_let_be() -> None:
    net = nn.Sequential(nn.Conv2d(3, 20, 1), nn.ReLU(), nn.Conv2d(20, 256, 7, padding=3))
    assert not advice_on("vector-width", net, 1, 3, 16, 16)


def test_the_dearest_layer_is_told_first() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 20, 3), nn.ReLU(), nn.Conv2d(20, 36, 3), nn.ReLU(), nn.Conv2d(36, 8, 3)
    )
    advice = only_advice("vector-width", net, 1, 3, 16, 16)
    assert (advice.layer, advice.others) == ("2", ("0",))
