"""Classifiers at random, trained by TrainStep, each step compared with torch's in float64."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate.engine import TrainStep

from .nets import TARGETS, Rng, pick
from .train import FLOOR, ROUNDING, SHARE, SmoothNet

EPS = 3e-7
"""Of a number: what float32 loses by adding to it."""


class Classifier(SmoothNet):
    """A network with a head; half of them are chains of few channels, as LeNet-5 is one."""

    counts = (2, 9)

    def __init__(self, rng: Rng) -> None:
        self.narrow = bool(rng.random() < 0.5)
        super().__init__(rng)

    def value(self) -> int:
        return len(self.shapes) - 1 if self.narrow else super().value()

    def grow(self) -> None:
        if not self.narrow:
            super().grow()
            return
        while not pick(self.rng, self.conv, self.conv, self.activation, self.pool)():
            pass

    def conv(self) -> bool:
        if not self.narrow:
            return super().conv()
        c, o = self.shapes[-1][1], int(pick(self.rng, 1, 3, 4, 6, 10, 16))
        k = int(pick(self.rng, 1, 3, 3, 5))
        padding = int(pick(self.rng, 0, k // 2))
        return self.add(self.of_dims("Conv")(c, o, k, padding=padding), self.value())

    def finish(self) -> None:
        classes, last = int(self.rng.integers(2, 30)), len(self.shapes) - 1
        c, *sizes = self.shapes[-1][1:]
        flat = nn.Sequential(nn.Flatten(), nn.Linear(c * math.prod(sizes), classes))
        means = nn.Sequential(
            self.of_dims("AdaptiveAvgPool")(1), self.of_dims("Conv")(c, classes, 1)
        )
        self.add(pick(self.rng, flat, means), last)
        self.outputs = [len(self.shapes) - 1]


@dataclass
class Run:
    """Some training steps.

    Args:
        net: The network, in its mode, with the frozen parts frozen.
        kind: The optimizer's.
        groups: Options of the optimizer, for a group of parameters each, and the groups' names.
        smoothing: Of the labels.
        batches: Inputs and labels.
        rates: What each step multiplies the learning rates by, as schedules do.
    """

    net: Classifier
    kind: type[torch.optim.Optimizer]
    groups: list[tuple[dict[str, Any], list[str]]]
    smoothing: float
    batches: list[tuple[Tensor, Tensor]]
    rates: list[float]

    def optimizer(self, net: nn.Module) -> torch.optim.Optimizer:
        named = dict(net.named_parameters())
        groups = [{**o, "params": [named[name] for name in names]} for o, names in self.groups]
        return self.kind(groups)

    def __str__(self) -> str:
        mode = "train" if self.net.training else "eval"
        sizes = [len(x) for x, _ in self.batches]
        frozen = [name for name, p in self.net.named_parameters() if not p.requires_grad]
        return (
            f"{self.kind.__name__} {self.groups}, smoothing {self.smoothing}, batches {sizes}, "
            f"rates {self.rates}, {mode}, frozen {frozen}\n{self.net}"
        )


def make_run(seed: int, index: int) -> tuple[Run, Rng]:
    """Run `index`: the same for the same seed."""
    rng = np.random.default_rng((seed, index, *b"train_step"))
    torch.manual_seed(int(rng.integers(1 << 30)))
    net = Classifier(rng).train(bool(rng.random() < 0.8))
    if rng.random() < 0.3:
        for layer in net.layers[:-1]:
            layer.requires_grad_(bool(rng.random() < 0.6))
    kind = pick(rng, torch.optim.SGD, torch.optim.SGD, torch.optim.AdamW)
    names = [name for name, _ in net.named_parameters()]
    cut = int(pick(rng, 0, 0, rng.integers(len(names))))
    parts = [part for part in (names[:cut], names[cut:]) if part]
    groups = [(_options(rng, kind), part) for part in parts]
    with torch.no_grad():
        classes = copy.deepcopy(net).eval()(torch.zeros(net.input_shape)).shape[1]
    sizes = [int(pick(rng, 1, 2, 3, 6, 8, 8, 13, 16)) for _ in range(2)]
    counts = [int(pick(rng, *sizes)) for _ in range(int(rng.integers(2, 6)))]
    batches = [
        (torch.randn(n, *net.input_shape[1:]), torch.randint(0, classes, (n,))) for n in counts
    ]
    rates = [float(pick(rng, 1, 1, 0.5, 1.5)) for _ in counts]
    return Run(net, kind, groups, float(pick(rng, 0, 0, 0.1, 0.3)), batches, rates), rng


def _options(rng: Rng, kind: type[torch.optim.Optimizer]) -> dict[str, Any]:
    common = {"lr": float(pick(rng, 0.1, 0.03, 1e-3)), "weight_decay": float(pick(rng, 0, 0.1))}
    if kind is torch.optim.SGD:
        momentum = float(pick(rng, 0, 0.9, 0.9))
        nesterov = bool(momentum and rng.random() < 0.5)
        dampening = 0.0 if nesterov else float(pick(rng, 0, 0, 0.5))
        return {**common, "momentum": momentum, "nesterov": nesterov, "dampening": dampening}
    # A large eps: else rounding decides on the sign where a gradient is nearly 0.
    betas = pick(rng, (0.9, 0.999), (0.8, 0.9))
    return {**common, "eps": 1e-2, "betas": betas, "amsgrad": bool(rng.random() < 0.3)}


def check_train_step(_: str, seed: int, index: int, targets: Sequence[str] | None = None) -> int:
    """Train by one of the targets, and compare each step; give how many steps that were.

    Args:
        seed, index: Tell the run.
        targets: None is all, of which one is drawn.
    Raises:
        AssertionError: A number is wrong, or depends on the threads.
    """
    run, rng = make_run(seed, index)
    target, threads = str(pick(rng, *(targets or TARGETS))), int(rng.integers(1, 4))
    try:
        taken, state = _trained(run, target, threads, compare=True)
        if threads > 1:
            _, other = _trained(run, target, 1, compare=False)
            assert _same(state, other), "it depends on the threads"
    except Exception as error:
        raise AssertionError(f"{target}, {threads} threads: {error!r}\n{run}") from error
    return taken


def _trained(
    run: Run, target: str, threads: int, *, compare: bool
) -> tuple[int, list[dict[str, Any]]]:
    """Train; give the number of steps and the state in the end."""
    net = copy.deepcopy(run.net)
    optimizer, taken = run.optimizer(net), 0
    options = {"isa": target, "threads": threads, "label_smoothing": run.smoothing}
    ours = TrainStep(net, run.net.input_shape, optimizer, **options)
    for (x, labels), rate in zip(run.batches, run.rates, strict=True):
        for group in optimizer.param_groups:
            group["lr"] *= rate
        theirs = Eager(run, net, optimizer)
        if not theirs.step(x, labels):
            break
        loss = ours.step(x, labels)
        if compare:
            theirs.compare(loss, ours.logits, net, optimizer)
        taken += 1
    return taken, [net.state_dict(), optimizer.state_dict()["state"]]


class Eager:
    """A step of torch in float64, from the same state: so errors of one step do not grow in the
    next, and what a step leaves behind is compared as well as what it gives."""

    def __init__(self, run: Run, net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.run, self.plain = run, copy.deepcopy(net)
        self.net = copy.deepcopy(net).double()
        self.optimizer = run.optimizer(self.net)
        self.optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))

    def step(self, x: Tensor, labels: Tensor) -> bool:
        """Whether torch can take the step in float32 as well, so that numbers can be compared."""
        try:
            plain = self._backward(self.plain, x, labels)
            exact = self._backward(self.net, x.double(), labels)
        except ValueError as error:
            if "more than 1 value per channel" in str(error):  # a batch norm of one number
                return False
            raise
        self.optimizer.step()
        self.results = exact
        self.rounding = [_largest(a - b) for a, b in zip(plain, exact, strict=True)]
        values = [*self.net.state_dict().values(), *exact]
        return all(np.isfinite(self.rounding)) and all(v.isfinite().all() for v in values)

    def _backward(self, net: nn.Module, x: Tensor, labels: Tensor) -> list[Tensor]:
        """Loss and logits."""
        logits = net(x).flatten(1)
        loss = F.cross_entropy(logits, labels, label_smoothing=self.run.smoothing)
        loss.backward()
        return [loss.detach(), logits.detach()]

    def compare(
        self, loss: float, logits: Tensor, net: nn.Module, optimizer: torch.optim.Optimizer
    ) -> None:
        """Compare all that a step changes.

        Raises:
            AssertionError: A number is wrong.
        """
        results = {"loss": torch.tensor(loss), "logits": logits}.items()
        for (name, y), exact, off in zip(results, self.results, self.rounding, strict=True):
            _near(name, y, exact, max(SHARE * _largest(exact), ROUNDING * off) + EPS)
        plain = dict(self.plain.named_buffers())
        for (name, b), exact in zip(net.named_buffers(), self.net.buffers(), strict=True):
            rounding = _largest(plain[name].double() - exact.double())
            _near(name, b, exact, max(SHARE * _largest(exact), ROUNDING * rounding))
        self._compare_parameters(net, optimizer)

    def _compare_parameters(self, net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        gradients = [p.grad for p in self.net.parameters() if p.grad is not None]
        floor = FLOOR * max(map(_largest, gradients), default=0.0)
        gains = {p: _gain(g) for g in optimizer.param_groups for p in g["params"]}
        plain = dict(self.plain.named_parameters())
        for (name, p), exact in zip(net.named_parameters(), self.net.parameters(), strict=True):
            if exact.grad is None:
                assert torch.equal(p.double(), exact), f"{name} is changed"
                assert not optimizer.state.get(p), f"{name} has state"
                continue
            g = _largest(exact.grad)
            off = max(SHARE * g, ROUNDING * _largest(plain[name].grad - exact.grad)) + floor
            _near(name, p, exact, gains[p] * off + EPS * _largest(exact))
            state, wanted = optimizer.state[p], self.optimizer.state[exact]
            assert state.keys() == wanted.keys(), f"{name}: {[*state]} for {[*wanted]}"
            for key, value in wanted.items():
                if value is None:
                    assert state[key] is None, f"{key} of {name} is there"
                    continue
                often = (2 * g + off) * off if key.endswith("_sq") else off
                _near(f"{key} of {name}", state[key], value, often + EPS * _largest(value))


def _gain(group: dict[str, Any]) -> float:
    """By what an error of a gradient is multiplied at most on its way to the parameter."""
    lr = float(group["lr"])
    return 2 * lr / group["eps"] if "eps" in group else 2 * lr


def _largest(x: Tensor) -> float:
    return float(x.detach().abs().max())


def _near(name: str, y: Tensor, exact: Tensor, allowed: float) -> None:
    assert y.shape == exact.shape, f"{name}: {tuple(y.shape)} for {tuple(exact.shape)}"
    off = _largest(y.double() - exact.double())
    assert off <= allowed, f"{name}: off by {off:.3g}; {allowed:.3g} is allowed"


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(v, other[k]) for k, v in one.items())
    return bool(one == other) if not isinstance(one, list) else all(map(_same, one, other))
