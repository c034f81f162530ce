"""Schedules at their corners, the moving average by hand, decay only where it belongs."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate import nn, zoo
from striate.train import Config
from striate.train._optim import MovingAverage, class_weights, lr_factor, make_optimizer


@given(
    schedule=st.sampled_from(["cosine", "onecycle", "constant"]),
    total=st.integers(1, 500),
    data=st.data(),
)
def test_the_rate_is_positive_and_at_most_one(
    schedule: str, total: int, data: st.DataObject
) -> None:
    warmup = data.draw(st.integers(0, total))
    factors = [lr_factor(schedule, step, total, warmup) for step in range(total)]
    assert all(0 < factor <= 1 + 1e-12 for factor in factors)


def test_corners() -> None:
    assert lr_factor("cosine", 0, 100, 0) == 1
    assert lr_factor("cosine", 50, 100, 0) == pytest.approx(0.5)
    assert lr_factor("onecycle", 0, 100, 0) == pytest.approx(1 / 25)
    assert lr_factor("onecycle", 30, 100, 0) == pytest.approx(1)
    assert lr_factor("constant", 3, 100, 10) == pytest.approx(0.4)


def test_biases_and_norms_do_not_decay() -> None:
    net = zoo.resnet20(width=0.25)
    optimizer = make_optimizer(net, Config.make(weight_decay=0.1))
    by_decay = {g["weight_decay"]: g["params"] for g in optimizer.param_groups}
    assert all(p.dim() > 1 for p in by_decay[0.1])
    assert all(p.dim() == 1 for p in by_decay[0.0])
    assert sum(map(len, by_decay.values())) == len(list(net.parameters()))


def test_frozen_weights_are_left_out() -> None:
    net = zoo.lenet5()
    net.c1.requires_grad_(False)
    optimizer = make_optimizer(net, Config.make())
    assert net.c1.weight not in {p for g in optimizer.param_groups for p in g["params"]}


def test_the_moving_average_by_hand() -> None:
    net = nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(0.0)
    average = MovingAverage(net, decay=0.5)
    net.weight.data.fill_(1.0)
    average.update(net)  # decay min(0.5, 2/11): 0 * 2/11 + 1 * 9/11
    assert average.state["weight"].item() == pytest.approx(9 / 11)


def test_balanced_weights_average_to_one() -> None:
    labels = torch.tensor([0, 0, 0, 1])
    weights = class_weights(Config.make(class_weights="balanced"), labels, 2)
    assert weights.tolist() == pytest.approx([4 / 6, 2.0])
    assert weights[labels].mean().item() == pytest.approx(1)
