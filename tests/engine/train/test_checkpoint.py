"""Maps that the backward pass computes again: less memory, the same gradients."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import striate
from striate.engine.train._checkpoint import all_but_cuts, cheap_values, recomputed
from striate.errors import OptionError
from striate.graph.gradient import differentiate


class Block(nn.Module):
    """A residual block, with a pooling and a branch that is joined."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + x)


def residual_net() -> nn.Module:
    blocks = [Block(16) for _ in range(4)]
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), *blocks[:2], nn.MaxPool2d(2),
        *blocks[2:], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(16, 5),
    )  # fmt: skip


class Joined(nn.Module):
    """Maps that are joined, as in DenseNet and U-Net, and other functions and norms."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.norm = nn.GroupNorm(4, 16)
        self.second = nn.Conv2d(16, 16, 3, padding=1)
        self.last = nn.Conv2d(32, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.gelu(self.norm(self.first(x)))
        y = nn.functional.max_pool2d(nn.functional.silu(self.second(x)), 2)
        y = nn.functional.interpolate(y, scale_factor=2)
        return self.last(torch.cat([x, y], 1)).sigmoid()


NETS: dict[str, Any] = {"residual": residual_net, "joined": Joined}
SHAPE = (6, 3, 16, 16)  # of which as many fill a vector as must, for images to be its lanes


class Steps:
    """A module compiled once, and its steps with one budget after the other."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.fast = striate.compile(net, SHAPE, threads=1, train=True)

    def __call__(self, checkpoint: Any) -> tuple[int, list[Tensor], list[str]]:
        """Its peak, its gradients, and the kinds of its steps."""
        self.fast._options["checkpoint"] = checkpoint
        self.fast._programs.clear()
        self.net.zero_grad()
        torch.manual_seed(1)
        y = self.fast(torch.randn(SHAPE))
        y.backward(torch.randn_like(y))
        kinds = [step.kind for step in self.fast._latest.recipe.steps]
        grads = [p.grad.clone() for p in self.net.parameters() if p.grad is not None]
        assert len(grads) == len([*self.net.parameters()])
        return self.fast.peak_bytes, grads, kinds


@pytest.mark.parametrize("name", NETS)
def test_less_memory_and_the_same_gradients(name: str) -> None:
    torch.manual_seed(0)
    steps = Steps(NETS[name]().train())
    kept, wanted, _ = steps(None)
    auto, found, _ = steps("auto")
    for (of, _), a, b in zip(steps.net.named_parameters(), found, wanted, strict=True):
        # A bias's sum may be a step of its own then, and adds in another order.
        assert torch.equal(a, b) or (
            of.endswith("bias") and (a - b).abs().max() <= 1e-6 * b.abs().max()
        )
    with pytest.raises(OptionError, match="computed again the passes share") as error:
        steps(1)
    told = re.search(r"share ([\d,]+)\.", str(error.value))
    assert told
    lowest = int(told[1].replace(",", ""))
    assert lowest < 0.9 * kept
    for budget in (lowest, auto):
        peak, found, _ = steps(budget)
        assert peak <= budget
        for a, b in zip(found, wanted, strict=True):
            assert (a - b).abs().max() <= 1e-5 * b.abs().max()


def test_cheap_maps_are_those_that_cost_no_product_of_weights() -> None:
    torch.manual_seed(0)
    net = residual_net().train()
    moved = copy.deepcopy(net)
    kept, _, steps = Steps(net)(None)
    auto, _, others = Steps(moved)("auto")
    assert auto <= 0.9 * kept
    assert steps.count("conv") == others.count("conv")
    assert all(torch.equal(a, b) for a, b in zip(net.buffers(), moved.buffers(), strict=True))


def test_auto_keeps_what_saves_little() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(768, 64), nn.ReLU(), nn.Linear(64, 5))
    steps = Steps(net)
    assert steps("auto")[2] == steps(None)[2]


@pytest.mark.parametrize("parts", [0, 2, 8])
@pytest.mark.parametrize("name", NETS)
def test_the_graph_computes_the_same(name: str, parts: int) -> None:
    """By the NumPy reference, in float64: bit by bit."""
    torch.manual_seed(0)
    graph = striate.capture(NETS[name]().train(), SHAPE)
    training = differentiate(graph, [n for n, w in graph.weights.items() if w.role == "parameter"])
    values = all_but_cuts(training, parts) if parts else cheap_values(training)
    again = recomputed(training, values).graph
    assert len(again) > len(training.graph)
    draw = np.random.default_rng(0)
    arrays = [np.abs(draw.standard_normal(t.shape)) for t in again.inputs.values()]
    for a, b in zip(again.run(*arrays), training.graph.run(*arrays), strict=True):
        assert np.array_equal(a, b)


def test_wrong_budgets_are_refused() -> None:
    net = nn.Conv2d(3, 4, 3)
    for wrong in (0, -1, "little", 1.5, True):
        with pytest.raises(OptionError, match="must be 'auto' or a number of bytes"):
            striate.compile(net, SHAPE, train=True, checkpoint=wrong)  # type: ignore[call-overload]
    with pytest.raises(OptionError, match="checkpoint is about training"):
        striate.compile(net.eval(), SHAPE, checkpoint="auto")  # type: ignore[call-overload]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ["lenet5", *NETS])
def test_inspect_predicts_what_training_allocates(name: str, training: bool) -> None:
    net, shape = (striate.zoo.create(name), (2, 1, 32, 32)) if name == "lenet5" else (
        NETS[name](), SHAPE)  # fmt: skip
    net.train(training)
    predicted = striate.inspect(net, shape).peak_memory_compiled_training
    fast = striate.compile(net, shape, threads=1, train=True)
    program = fast.prepare(shape)
    assert predicted == fast.peak_bytes == program.runner.context().arena.nbytes
