"""A fused training step gives torch's numbers, and leaves torch's state."""

from __future__ import annotations

import copy
import re
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import striate
from striate.engine import TrainStep
from striate.errors import GraphError, OptionError, ShapeError

SHAPE = (6, 3, 8, 8)


def small_net(dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Dropout(dropout), nn.Conv2d(8, 5, 4),
    )  # fmt: skip


def batch(seed: int, count: int = 6) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(count, *SHAPE[1:], generator=draw)
    return x, torch.randint(0, 5, (count,), generator=draw)


def sgd(net: nn.Module, **options: Any) -> torch.optim.SGD:
    return torch.optim.SGD(net.parameters(), **{"lr": 0.1, "momentum": 0.9, **options})


def adamw(net: nn.Module, **options: Any) -> torch.optim.AdamW:
    # A large eps: else rounding decides on the sign where a gradient is nearly 0.
    return torch.optim.AdamW(net.parameters(), **{"lr": 0.01, "eps": 1e-3, **options})


class Eager:
    """The same in torch, in float64."""

    def __init__(self, net: nn.Module, make: Any, smoothing: float = 0.0) -> None:
        self.net = copy.deepcopy(net).double()
        self.optimizer = make(self.net)
        self.smoothing = smoothing

    def step(self, x: Tensor, labels: Tensor) -> float:
        logits = self.net(x.double()).flatten(1)
        loss = F.cross_entropy(logits, labels, label_smoothing=self.smoothing)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


def assert_same(ours: nn.Module, theirs: nn.Module) -> None:
    for (key, a), b in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        torch.testing.assert_close(a.double(), b.double(), rtol=1e-4, atol=2e-5, msg=key)


OPTIMIZERS = [
    lambda net: sgd(net, momentum=0.0),
    lambda net: sgd(net, nesterov=True, weight_decay=1e-2),
    lambda net: sgd(net, dampening=0.5),
    adamw,
    lambda net: adamw(net, amsgrad=True, betas=(0.8, 0.9), weight_decay=0.1),
    lambda net: torch.optim.SGD(
        [{"params": net[0].parameters(), "weight_decay": 0.1}, {"params": net[5].parameters()}],
        lr=0.1, momentum=0.5,
    ),
]  # fmt: skip
NAMES = ["plain", "nesterov", "dampening", "adamw", "amsgrad", "groups"]


@pytest.mark.parametrize("make", OPTIMIZERS, ids=NAMES)
def test_each_step_is_torchs(make: Any) -> None:
    net = small_net()
    eager = Eager(net, make, smoothing=0.1)
    ours = TrainStep(net, SHAPE, make(net), label_smoothing=0.1, threads=1)
    for number, count in enumerate((6, 6, 4, 6, 1, 6)):  # a batch of one has a batch norm as well
        for optimizer in (ours.optimizer, eager.optimizer):  # as a schedule does
            optimizer.param_groups[0]["lr"] = 0.01 * (number + 1)
        x, labels = batch(number, count)
        assert ours.step(x, labels) == pytest.approx(eager.step(x, labels), rel=1e-4)
        assert_same(net, eager.net)


@pytest.mark.parametrize("make", [sgd, adamw])
def test_the_optimizers_state_is_torchs(make: Any) -> None:
    net = small_net()
    ours = TrainStep(net, SHAPE, make(net), threads=1)
    for number in range(3):
        ours.step(*batch(number))
    other = copy.deepcopy(net)  # goes on with torch alone, from the state saved
    optimizer = make(other)
    optimizer.load_state_dict(copy.deepcopy(ours.optimizer.state_dict()))
    for number in range(3, 5):
        x, labels = batch(number)
        optimizer.zero_grad()
        loss = F.cross_entropy(other(x).flatten(1), labels)
        loss.backward()
        optimizer.step()
        assert ours.step(x, labels) == pytest.approx(loss.item(), rel=1e-5)
    assert_same(net, other)


@pytest.mark.parametrize("make", [sgd, adamw])
def test_it_goes_on_from_torchs_state(make: Any) -> None:
    net = small_net()
    eager = Eager(net, make)
    for number in range(3):
        eager.step(*batch(number))
    net.load_state_dict(eager.net.state_dict())
    ours = TrainStep(net, SHAPE, make(net), threads=1)
    ours.step(*batch(9))  # what is put back now takes the place of its state
    net.load_state_dict(eager.net.state_dict())
    ours.optimizer.load_state_dict(copy.deepcopy(eager.optimizer.state_dict()))
    for number in range(3, 5):
        x, labels = batch(number)
        assert ours.step(x, labels) == pytest.approx(eager.step(x, labels), rel=1e-4)
    assert_same(net, eager.net)


def test_batches_of_all_sizes_share_the_memory_of_gradients() -> None:
    net = small_net()
    ours = TrainStep(net, SHAPE, sgd(net), threads=1)
    large, small = ours.prepare(SHAPE), ours.prepare((2, *SHAPE[1:]))
    assert large is not small
    for weight in net.parameters():
        assert large.gradients[weight] is small.gradients[weight]


def test_dropout_draws_as_torch_does() -> None:
    net = small_net(dropout=0.5)
    other = copy.deepcopy(net)
    ours, optimizer = TrainStep(net, SHAPE, sgd(net), threads=1), sgd(other)
    x, labels = batch(0)
    torch.manual_seed(5)
    value = ours.step(x, labels)
    torch.manual_seed(5)
    loss = F.cross_entropy(other(x).flatten(1), labels)
    loss.backward()
    optimizer.step()
    assert value == pytest.approx(loss.item(), rel=1e-5)
    assert_same(net, other)


def test_frozen_parameters_and_those_of_others_stay() -> None:
    net = small_net()
    net[0].weight.requires_grad_(False)
    before = copy.deepcopy(net.state_dict())
    ours = TrainStep(net, SHAPE, torch.optim.SGD(net[:2].parameters(), lr=0.1), threads=1)
    ours.step(*batch(0))
    changed = {k for k, v in net.state_dict().items() if not torch.equal(v, before[k])}
    assert {"1.weight", "1.bias"} <= changed
    assert not changed & {"0.weight", "5.weight", "5.bias"}
    net[0].weight.requires_grad_(True)
    ours.step(*batch(0))
    assert not torch.equal(net[0].weight, before["0.weight"])


def test_evaluation_mode_keeps_the_statistics() -> None:
    net = small_net().eval()
    eager = Eager(net, sgd)
    ours = TrainStep(net, SHAPE, sgd(net), threads=1)
    for number in range(2):
        x, labels = batch(number)
        assert ours.step(x, labels) == pytest.approx(eager.step(x, labels), rel=1e-5)
    assert_same(net, eager.net)
    assert net[1].num_batches_tracked == 0


def test_weights_that_move_are_followed() -> None:
    net = small_net()
    eager = Eager(net, sgd)
    ours = TrainStep(net, SHAPE, sgd(net), threads=1)
    for number in range(3):
        net[5].weight.data = net[5].weight.data.clone()
        x, labels = batch(number)
        assert ours.step(x, labels) == pytest.approx(eager.step(x, labels), rel=1e-4)
    assert_same(net, eager.net)


def test_layers_without_a_kernel_run_as_well() -> None:
    net = nn.Sequential(nn.LocalResponseNorm(3), nn.Flatten(), nn.Linear(192, 5))
    eager = Eager(net, sgd)
    ours = TrainStep(net, SHAPE, sgd(net), threads=1)
    for number in range(3):
        x, labels = batch(number)
        assert ours.step(x, labels) == pytest.approx(eager.step(x, labels), rel=1e-4)
    assert_same(net, eager.net)


def test_a_graph_of_old_weights_is_refused_by_autograd() -> None:
    net = small_net()
    ours = TrainStep(net, SHAPE, sgd(net), threads=1)
    x, _ = batch(0)
    loss = net(x.requires_grad_()).sum()
    ours.step(*batch(1))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_schedulers_take_it_for_a_step() -> None:
    net = small_net()
    optimizer = sgd(net)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    TrainStep(net, SHAPE, optimizer, threads=1).step(*batch(0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedule.step()
    assert optimizer.param_groups[0]["lr"] == 0.05


def test_a_compiled_model_is_taken_as_it_is() -> None:
    net = small_net()
    module = striate.compile(net, SHAPE, train=True, threads=1)
    ours = TrainStep(module, SHAPE, sgd(net))
    assert ours.module is module
    assert ours.step(*batch(0)) > 0
    assert ours.logits.shape == (6, 5)
    assert "grad.5.weight" in ours.explain()


class TestErrors:
    def test_labels(self) -> None:
        net = small_net()
        ours = TrainStep(net, SHAPE, sgd(net), threads=1)
        before = copy.deepcopy(net.state_dict())
        x, labels = batch(0)
        labels[2] = 5
        with pytest.raises(OptionError, match=r"labels\[2\] is 5; with 5 classes"):
            ours.step(x, labels)
        with pytest.raises(OptionError, match=r"the labels are torch\.float32; they must be whole"):
            ours.step(x, labels.float())
        with pytest.raises(ShapeError, match=r"needs 6 labels, one or more; \(5,\) were given"):
            ours.step(x, labels[:5])
        with pytest.raises(ShapeError, match=r"needs 0 labels, one or more"):
            ours.step(x[:0], labels[:0])
        assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())

    def test_inputs(self) -> None:
        net = small_net()
        ours = TrainStep(net, SHAPE, sgd(net), threads=1)
        x, labels = batch(0)
        with pytest.raises(OptionError, match=r"the input is torch.float64 on cpu"):
            ours.step(x.double(), labels)
        with pytest.raises(ShapeError):
            ours.step(x[:, :2], labels)

    def test_a_loss_that_is_no_number_changes_nothing(self) -> None:
        net = small_net()
        ours = TrainStep(net, SHAPE, sgd(net), threads=1)
        before = copy.deepcopy(net.state_dict())
        x, labels = batch(0)
        assert ours.step(x * torch.inf, labels) != 0
        assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda p: torch.optim.RMSprop(p), "the optimizer is RMSprop; torch.optim.SGD and"),
            (lambda p: torch.optim.Adam(p), "the optimizer is Adam;"),
            (lambda p: torch.optim.SGD(p, lr=1, maximize=True), "SGD with maximize=True is not"),
            (lambda p: torch.optim.SGD([torch.zeros(1)], lr=1), "holds no parameter of Sequential"),
        ],
        ids=["rmsprop", "adam", "maximize", "others"],
    )
    def test_optimizers(self, make: Any, message: str) -> None:
        net = small_net()
        with pytest.raises(OptionError, match=message):
            TrainStep(net, SHAPE, make(net.parameters()), threads=1)

    def test_hooks_and_memory_formats(self) -> None:
        net = small_net()
        net[0].weight.register_hook(lambda gradient: 2 * gradient)
        with pytest.raises(OptionError, match=r"0\.weight has a hook on its gradient"):
            TrainStep(net, SHAPE, sgd(net), threads=1)
        net = small_net().to(memory_format=torch.channels_last)
        with pytest.raises(OptionError, match=r"0\.weight is not contiguous"):
            TrainStep(net, SHAPE, sgd(net), threads=1)

    def test_networks(self) -> None:
        net = nn.Conv2d(3, 5, 3)
        with pytest.raises(GraphError, match=r"a classifier gives \(N, K\) logits"):
            TrainStep(net, SHAPE, sgd(net), threads=1)

    def test_options(self) -> None:
        net = small_net()
        with pytest.raises(OptionError, match="label_smoothing=2 must be from 0 to 1"):
            TrainStep(net, SHAPE, sgd(net), label_smoothing=2)
        module = striate.compile(net, SHAPE, train=True, threads=1)
        with pytest.raises(OptionError, match="compiled already: leave threads out"):
            TrainStep(module, SHAPE, sgd(net), threads=1)


def test_less_memory_and_the_same_steps() -> None:
    def trained(checkpoint: Any) -> tuple[int, dict[str, Tensor]]:
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.SiLU(),
            nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.SiLU(),
            nn.Conv2d(16, 5, 8),
        )  # fmt: skip
        ours = TrainStep(net, SHAPE, sgd(net), threads=1, checkpoint=checkpoint)
        for number in range(3):
            ours.step(*batch(number))
        return ours.peak_bytes, net.state_dict()

    kept, wanted = trained(None)
    with pytest.raises(OptionError, match="1 bytes are too few") as refused:
        trained(1)
    told = re.search(r"share ([\d,]+)\. Allow that much", str(refused.value))
    assert told is not None
    for checkpoint in ("auto", int(told[1].replace(",", ""))):
        peak, found = trained(checkpoint)
        assert peak <= (0.9 * kept if checkpoint == "auto" else checkpoint)
        for key, tensor in found.items():
            torch.testing.assert_close(tensor, wanted[key], rtol=1e-5, atol=1e-6, msg=key)
