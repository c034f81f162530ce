"""Biases that a norm undoes, and statistics of few numbers."""

from __future__ import annotations

import pytest
from torch import nn

from .helpers import advice_on, only_advice


def test_a_bias_before_a_batch_norm_is_undone() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 32, 3), nn.BatchNorm2d(32)
    )
    advice = only_advice("bias-before-norm", net, 1, 3, 16, 16)
    assert advice.finding == (
        "Its 64 biases are subtracted again by the batch_norm '1' behind it. Likewise in 1 "
        "more: '3'. Together 96 parameters."
    )


@pytest.mark.parametrize(
    "net",
    [
        nn.Sequential(nn.Conv2d(4, 8, 3, bias=False), nn.BatchNorm2d(8)),
        nn.Sequential(nn.Conv2d(4, 8, 3), nn.ReLU(), nn.BatchNorm2d(8)),
        nn.Sequential(nn.Conv2d(4, 8, 3), nn.GroupNorm(2, 8)),
        nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 8, 3)),
    ],
    ids=["no bias", "activation between", "groups of four channels", "norm first"],
)
def test_a_bias_that_is_needed_is_let_be(net: nn.Module) -> None:
    assert not advice_on("bias-before-norm", net, 1, 4, 16, 16)


@pytest.mark.parametrize(
    "net",
    [
        nn.Sequential(nn.Conv2d(4, 8, 3), nn.MaxPool2d(2), nn.BatchNorm2d(8)),
        nn.Sequential(nn.ConvTranspose2d(4, 8, 2, 2), nn.BatchNorm2d(8)),
        nn.Sequential(nn.Conv2d(4, 8, 3), nn.InstanceNorm2d(8)),
        nn.Sequential(nn.Flatten(), nn.Linear(4 * 256, 8), nn.BatchNorm1d(8)),
    ],
    ids=["a pooling between", "transposed", "instance norm", "linear"],
)
def test_poolings_keep_it_and_other_norms_undo_it_too(net: nn.Module) -> None:
    assert "8 biases" in only_advice("bias-before-norm", net, 1, 4, 16, 16).finding


def test_one_value_a_channel_stops_training() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 8, bias=False), nn.BatchNorm2d(4))
    advice = only_advice("batch-norm-of-few", net, 1, 3, 8, 8)
    assert advice.finding == "Batch size 1 and a map of 1x1 leave one value a channel."
    assert advice.severity == "hint"
    assert "Expected more than 1 value per channel" in advice.why


def test_two_images_or_two_pixels_do_not() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 8, bias=False), nn.BatchNorm2d(4))
    assert not advice_on("batch-norm-of-few", net, 2, 3, 8, 8)
    assert not advice_on("batch-norm-of-few", net, 1, 3, 8, 9)


def test_a_batch_of_one_in_training_has_noisy_statistics() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 5, bias=False), nn.BatchNorm2d(4))
    advice = only_advice("batch-norm-of-few", net, 1, 3, 7, 7, training=True)
    # 9 values: their mean is off by 1 / sqrt(9).
    assert advice.finding == (
        "Batch size 1 and a map of 3x3 leave 9 values a channel: their mean is off by 0.33 "
        "standard deviations."
    )
    assert not advice_on("batch-norm-of-few", net, 1, 3, 8, 8, training=True)  # 16 values
    assert not advice_on("batch-norm-of-few", net, 8, 3, 7, 7, training=True)
    assert not advice_on("batch-norm-of-few", net, 1, 3, 7, 7)


def test_the_channels_of_a_norm_must_be_the_features_of_the_layer() -> None:
    net = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6))
    assert advice_on("bias-before-norm", net, 4, 6)
    assert not advice_on("bias-before-norm", net, 4, 6, 6)  # the norm's channels are axis 1


def test_vectors_at_test_time_are_let_be_and_stop_training() -> None:
    net = nn.Sequential(nn.Linear(6, 6, bias=False), nn.BatchNorm1d(6))
    assert not advice_on("batch-norm-of-few", net, 1, 6)
    advice = only_advice("batch-norm-of-few", net, 1, 6, training=True)
    assert advice.finding == "Batch size 1 and a vector leave one value a channel."
    assert advice.severity == "warning"
