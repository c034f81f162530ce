"""Training on native kernels goes the way that eager torch goes, batch by batch."""

from __future__ import annotations

import copy
import os

import pytest
import torch
from torch import Tensor, nn

import striate
from striate.data import Augment, Subset, load
from striate.engine import TrainStep

Batches = list[tuple[Tensor, Tensor]]


def mnist(steps: int) -> Batches:
    data = load("mnist", data_dir=os.environ["STRIATE_DATA"], input_shape=(1, 32, 32))
    few = Subset(data.train, list(range(32 * steps)))
    made = data.batches(few, 32, shuffle=True, augment=Augment(shift=2), seed=1)
    return [(batch.inputs, batch.labels) for batch in made.epoch(1)]


def blots(steps: int) -> Batches:
    """Noisy pictures of ten patterns, in colour."""
    draw = torch.Generator().manual_seed(3)
    patterns = torch.randn(10, 3, 8, 8, generator=draw)
    given = []
    for _ in range(steps):
        labels = torch.randint(0, 10, (32,), generator=draw)
        clean = nn.functional.interpolate(patterns[labels], scale_factor=2)
        given.append((clean + 0.5 * torch.randn(clean.shape, generator=draw), labels))
    return given


def optimizer(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)


def curve(net: nn.Module, given: Batches) -> list[float]:
    """The losses with torch's loss and optimizer."""
    update, losses = optimizer(net), []
    for x, labels in given:
        loss = nn.functional.cross_entropy(net(x), labels)
        update.zero_grad()
        loss.backward()
        update.step()
        losses.append(loss.item())
    return losses


def fused_curve(net: nn.Module, given: Batches) -> list[float]:
    step = TrainStep(net, given[0][0], optimizer(net))
    return [step.step(x, labels) for x, labels in given]


def check(net: nn.Module, given: Batches, share: float) -> None:
    """All ways give eager torch's losses, which fall."""
    eager, module, fused = (copy.deepcopy(net) for _ in range(3))
    expected = torch.tensor(curve(eager, given))
    compiled = striate.compile(module, given[0][0], train=True)
    torch.testing.assert_close(torch.tensor(curve(compiled, given)), expected, rtol=share, atol=0)
    torch.testing.assert_close(
        torch.tensor(fused_curve(fused, given)), expected, rtol=share, atol=0
    )
    assert expected[-4:].mean() < expected[:4].mean()


@pytest.mark.skipif("STRIATE_DATA" not in os.environ, reason="STRIATE_DATA names no real data")
@pytest.mark.parametrize("steps", [16, pytest.param(50, marks=pytest.mark.slow)])
def test_lenet5_on_mnist(steps: int) -> None:
    torch.manual_seed(0)
    check(striate.zoo.create("lenet5"), mnist(steps), share=2e-4)


@pytest.mark.slow
def test_a_narrow_resnet20() -> None:
    torch.manual_seed(0)
    # Where an activation changes sign by rounding, a net with batch norms goes another way, so that
    # differences grow tenfold in a few steps, in torch as well.
    check(striate.zoo.create("resnet20", num_classes=10, width=0.5), blots(12), share=1e-2)
