"""Two linear layers in a row, and a pooling that could come first."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from .helpers import advice_on, only_advice


def test_a_pointwise_and_a_three_are_one_three() -> None:
    net = nn.Sequential(nn.Conv2d(16, 32, 1), nn.Conv2d(32, 16, 3, stride=2, padding=1))
    advice = only_advice("linear-pair", net, 1, 16, 32, 32)
    # Before: 32*32*16*32 + 16*16*32*16*9 MACs; 16*32 + 32 + 32*16*9 + 16 = 5168 parameters.
    # After: 16*16*16*16*9 MACs; 16*16*9 + 16 = 2320.
    assert advice.finding == (
        "Nothing stands between it and '1': the two are one 3x3 convolution, stride 2, padding 1 "
        "from 16 to 16 channels, but for the border, where the second pads. Merged they cost "
        "590 k MACs instead of 1.7 M, 2,320 parameters instead of 5,168."
    )
    assert advice.severity == "warning"


def test_an_activation_between_them_makes_them_two() -> None:
    net = nn.Sequential(nn.Conv2d(16, 32, 1), nn.ReLU(), nn.Conv2d(32, 16, 3, stride=2, padding=1))
    assert not advice_on("linear-pair", net, 1, 16, 32, 32)


def test_the_merged_convolution_computes_the_same() -> None:
    net = nn.Sequential(
        nn.Conv2d(2, 8, 3, stride=2, padding=1, bias=False), nn.Conv2d(8, 2, 1, bias=False)
    ).double()
    words = only_advice("linear-pair", net.float(), 1, 2, 9, 9).finding
    assert "one 3x3 convolution, stride 2, padding 1 from 2 to 2 channels." in words
    net = net.double()
    weight = torch.einsum("om,mcuv->ocuv", net[1].weight[:, :, 0, 0], net[0].weight)
    x = torch.randn(1, 2, 9, 9, dtype=torch.float64)
    merged = nn.functional.conv2d(x, weight, stride=2, padding=1)
    torch.testing.assert_close(merged, net(x))


@pytest.mark.parametrize(
    "net",
    [
        nn.Sequential(nn.Conv2d(32, 32, 3, padding=1, groups=32), nn.Conv2d(32, 64, 1)),
        nn.Sequential(nn.Conv2d(32, 8, 1), nn.Conv2d(8, 32, 3, padding=1)),
        nn.Sequential(
            nn.Conv2d(32, 32, (3, 1), padding=(1, 0)), nn.Conv2d(32, 32, (1, 3), padding=(0, 1))
        ),
    ],
    ids=["depthwise separable", "bottleneck", "row and column"],
)
def test_what_is_factored_to_be_cheaper_is_let_be(net: nn.Module) -> None:
    assert not advice_on("linear-pair", net, 1, 32, 16, 16)


def test_two_equal_layers_are_a_hint_that_an_activation_is_missing() -> None:
    net = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1))
    advice = only_advice("linear-pair", net, 1, 8, 16, 16)
    # One 5x5 costs 25 taps where two 3x3 cost 18.
    assert "one 5x5 convolution, padding 2 from 8 to 8 channels" in advice.finding
    assert "410 k MACs instead of 295 k" in advice.finding
    assert advice.severity == "hint"
    assert advice.remedy == "Put an activation behind '0', if it was forgotten."


def test_two_linear_layers_are_one() -> None:
    net = nn.Sequential(nn.Linear(100, 200), nn.Dropout(), nn.Linear(200, 10))
    advice = only_advice("linear-pair", net, 1, 100)
    # 100*200 + 200 + 200*10 + 10 = 22210 parameters, and 100*10 + 10.
    assert advice.finding == (
        "Only the dropout '1' stands between it and '2': the two are one linear layer from 100 "
        "to 10 features. Merged they cost 1 k MACs instead of 22 k, 1,010 parameters instead "
        "of 22,210."
    )
    other = nn.Sequential(nn.Linear(100, 200), nn.Tanh(), nn.Linear(200, 10))
    assert not advice_on("linear-pair", other, 1, 100)


def test_a_linear_bottleneck_is_let_be() -> None:
    net = nn.Sequential(nn.Linear(1000, 10), nn.Linear(10, 1000))
    assert not advice_on("linear-pair", net, 1, 1000)


def test_a_flattened_convolution_and_a_linear_layer_are_one() -> None:
    net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.Flatten(), nn.Linear(16 * 64, 10))
    advice = only_advice("linear-pair", net, 1, 1, 8, 8)
    assert "one linear layer from 64 to 10 features" in advice.finding
    other = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 64, 10)
    )
    assert not advice_on("linear-pair", other, 1, 1, 8, 8)


def test_a_map_that_others_read_too_is_let_be() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(8, 16, 1), nn.Conv2d(16, 8, 1)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            a = self.a(x)
            return self.b(a), a.relu()

    assert not advice_on("linear-pair", Both(), 1, 8, 4, 4)


def test_a_convolution_and_a_mean_are_one_with_a_stride() -> None:
    net = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.AvgPool2d(2))
    advice = only_advice("linear-pair", net, 1, 8, 16, 16)
    # 4x4 taps at a quarter of the places: 16 / 4 where there were 9.
    assert "one 4x4 convolution, stride 2, padding 1 from 8 to 8 channels." in advice.finding
    assert "65.5 k MACs instead of 147 k" in advice.finding


def test_a_mean_behind_a_pointwise_convolution_could_come_first() -> None:
    net = nn.Sequential(nn.Conv2d(32, 64, 1), nn.AvgPool2d(2))
    advice = only_advice("pool-first", net, 1, 32, 16, 16)
    assert "at 16x16 places, and '1' right behind it takes the mean of 4 places" in advice.finding
    assert "costs 131 k MACs instead of 524 k" in advice.why
    first = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(32, 64, 1))
    assert not advice_on("pool-first", first, 1, 32, 16, 16)
    x = torch.randn(1, 32, 16, 16)
    torch.testing.assert_close(net[1](net[0](x)), net[0](net[1](x)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "pool", [nn.AdaptiveAvgPool2d(1), nn.AvgPool2d(16)], ids=["adaptive", "window"]
)
def test_a_global_mean_too(pool: nn.Module) -> None:
    advice = only_advice("pool-first", nn.Sequential(nn.Conv2d(32, 8, 1), pool), 1, 32, 16, 16)
    assert "takes the mean of 256 places each" in advice.finding
    between = nn.Sequential(nn.Conv2d(32, 8, 1), nn.ReLU(), pool)
    assert not advice_on("pool-first", between, 1, 32, 16, 16)


def test_a_maximum_or_a_padded_mean_cannot_change_places() -> None:
    for pool in (nn.MaxPool2d(2), nn.AvgPool2d(3, 2, padding=1)):
        assert not advice_on("pool-first", nn.Sequential(nn.Conv2d(8, 8, 1), pool), 1, 8, 16, 16)
