"""Networks at random, trained a step, and their gradients compared with torch's in float64."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

import striate

from .nets import TARGETS, Call, RandomNet, Rng, SqueezeExcite, pick

T = TypeVar("T")

SHARE = 1e-4
ROUNDING = 30
"""Times what torch's float32 is off: what may be lost where it loses that much."""
FLOOR = 2e-6
"""Of the largest gradient: some are sums that cancel, as those of biases in front of a norm."""


class SmoothNet(RandomNet):
    """Without corners: where float32 and float64 fall on two sides of one, gradients jump."""

    def activation(self) -> bool:
        layer = pick(
            self.rng, nn.SiLU(), nn.SiLU(), nn.GELU(), nn.GELU("tanh"), nn.Sigmoid(), nn.Tanh(),
            nn.ELU(), nn.CELU(), nn.Mish(), nn.Softplus(), nn.Softsign(), nn.LogSigmoid(),
            nn.Softmax(1), nn.LogSoftmax(1), Call("square", torch.square),
        )  # fmt: skip
        return self.add(layer, self.value())

    def pool(self) -> bool:
        rng, k = self.rng, int(pick(self.rng, 2, 2, 3))
        s, p, ceil = int(pick(rng, 1, 2, 2)), int(pick(rng, 0, k // 2)), bool(rng.random() < 0.3)
        places = [int(rng.integers(1, 5)) for _ in range(self.dims)]
        layer = pick(
            rng, self.of_dims("AvgPool")(k, s, p, ceil_mode=ceil),
            self.of_dims("AvgPool")(k, s, p, count_include_pad=False),
            self.of_dims("AdaptiveAvgPool")(places), self.of_dims("AdaptiveAvgPool")(1),
        )  # fmt: skip
        return self.add(layer, self.value())

    def sum(self) -> bool:
        i = self.value()
        j = int(pick(self.rng, *self.like(i, channels=True)))
        name, f = pick(
            self.rng, ("add", torch.add), ("add", torch.add), ("mul", torch.mul), ("sub", torch.sub)
        )
        return self.add(Call(name, f), i, j)

    def excite(self) -> bool:
        i = self.value()
        net = SqueezeExcite(self.shapes[i][1], self.dims, nn.SiLU(), nn.Sigmoid())
        return self.add(net, i)


class Layer(RandomNet):
    """One layer of any kind: what it reads float32 holds, so that no corner lies in between."""

    counts = (1, 2)

    def finish(self) -> None:
        self.outputs = [1]


@dataclass
class Step:
    """What a training step is asked for.

    Args:
        net: The network, in its mode, with the frozen parts frozen.
        x: Its input, of any batch.
        example: The input's shape it is compiled for.
        of_input: Whether its input's gradient is asked for.
        weights: Of each output's numbers in the loss.
    """

    net: RandomNet
    x: Tensor
    example: tuple[int, ...]
    of_input: bool
    weights: list[Tensor]

    def run(self, model: nn.Module, dtype: torch.dtype = torch.float32) -> dict[str, Tensor | None]:
        """Outputs, gradients and buffers by their names."""
        x = self.x.to(dtype, copy=True).requires_grad_(self.of_input)
        outputs = _several(model(x))
        pairs = zip(outputs, self.weights, strict=True)
        loss = torch.stack([(y * w.to(dtype)).sum() for y, w in pairs]).sum()
        if loss.requires_grad:
            loss.backward()
        return {
            **{f"output {i}": y.detach() for i, y in enumerate(outputs)},
            "gradient of the input": x.grad,
            **{f"gradient of {name}": p.grad for name, p in model.named_parameters()},
            **{name: b.clone() for name, b in model.named_buffers() if b.is_floating_point()},
        }


def make_step(kind: str, seed: int, index: int) -> tuple[Step, Rng]:
    """Step `index` of a network or a layer: the same for the same seed."""
    rng = np.random.default_rng((seed, index, *kind.encode()))
    torch.manual_seed(int(rng.integers(1 << 30)))
    net = SmoothNet(rng) if kind == "train" else Layer(rng)
    net.train(bool(rng.random() < 0.6))
    if rng.random() < 0.4:
        for layer in net.layers:
            layer.requires_grad_(bool(rng.random() < 0.6))
    of_input = bool(rng.random() < 0.5)
    batch = int(pick(rng, net.input_shape[0], 1, 2, 3, 5, 7))
    x = torch.randn(batch, *net.input_shape[1:])
    with torch.no_grad():
        outputs = _several(copy.deepcopy(net).eval()(x))
    weights = [torch.randn_like(y) for y in outputs]
    return Step(net, x, net.input_shape, of_input, weights), rng


def _without_onednn(run: Callable[[], T]) -> T:
    """With AVX-512, its gradient of a Conv3d(1, 8, 7, 2, 3) of 5x6x6 writes behind its memory."""
    enabled = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False
    try:
        return run()
    finally:
        torch.backends.mkldnn.enabled = enabled


def check_train(kind: str, seed: int, index: int, targets: Sequence[str] | None = None) -> int:
    """Take a step by the targets, and compare; give how many that were.

    Args:
        kind: `train`, or `layers`: of a single layer.
        seed, index: Tell the step.
        targets: None is all; of a single layer one of them.
    Raises:
        AssertionError: A number is wrong, or depends on the threads or on what ran before.
    """
    step, rng = make_step(kind, seed, index)
    if targets is None:
        targets = TARGETS if kind == "train" else [str(pick(rng, *TARGETS))]
    try:
        exact = step.run(copy.deepcopy(step.net).double(), torch.float64)
        plain = _without_onednn(lambda: step.run(copy.deepcopy(step.net)))
    except ValueError as error:
        if "more than 1 value per channel" in str(error):  # a batch norm of one number
            return 0
        raise
    if not all(torch.isfinite(v).all() for v in exact.values() if v is not None):
        return 0
    for target in targets:
        threads = int(rng.integers(1, 4))
        try:
            found = _taken(step, target, threads)
            _compare(found, plain, exact)
            if threads > 1:
                one = _taken(step, target, 1)
                assert _same(found, one), "it depends on the threads"
        except Exception as error:
            mode = "train" if step.net.training else "eval"
            frozen = [name for name, p in step.net.named_parameters() if not p.requires_grad]
            text = f"{target}, {threads} threads, {mode}, batch {len(step.x)}, frozen {frozen}"
            raise AssertionError(f"{text}: {error!r}\n{step.net}") from error
    return len(targets)


def _taken(step: Step, target: str, threads: int) -> dict[str, Any]:
    """The step on native kernels; twice: the second adds the same to the gradients."""
    net = copy.deepcopy(step.net)
    fast = striate.compile(net, step.example, train=True, isa=target, threads=threads)
    first = {name: None if v is None else v.clone() for name, v in step.run(fast).items()}
    again = step.run(fast)
    for name, value in first.items():
        if value is not None and name.startswith(("output", "gradient of the input")):
            assert torch.equal(value, again[name]), f"{name}: another call gives other numbers"
        elif value is not None and name.startswith("gradient"):
            assert torch.equal(2 * value, again[name]), f"{name}: it is not added up"
    return first


def _compare(found: dict[str, Any], plain: dict[str, Any], exact: dict[str, Any]) -> None:
    assert found.keys() == exact.keys()
    gradients = [v for name, v in exact.items() if v is not None and name.startswith("gradient")]
    largest = max((float(v.abs().max()) for v in gradients), default=0.0)
    for name, wanted in exact.items():
        y = found[name]
        assert (y is None) == (wanted is None), f"{name}: {'there is none' if y is None else 'why'}"
        if wanted is None:
            continue
        assert y.shape == wanted.shape, f"{name}: {y.shape} for {wanted.shape}"
        rounding = float((plain[name] - wanted).abs().max())
        allowed = max(SHARE * float(wanted.abs().max()), ROUNDING * rounding)
        allowed += FLOOR * largest * name.startswith("gradient")
        off = float((y - wanted).abs().max())
        assert off <= allowed, f"{name}: off by {off:.3g}; {allowed:.3g} is allowed"


def _same(found: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(v is None or torch.equal(v, other[name]) for name, v in found.items())


def _several(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)
