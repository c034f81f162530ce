"""Networks at random, compiled and compared with torch in float64."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import striate
from striate import _core
from striate.graph import capture

Rng = np.random.Generator
TARGETS = [name for name, _ in _core.targets()]
SHARE = {"fast": 1e-4, "exact": 5e-6}


def pick(rng: Rng, *options: Any) -> Any:
    return options[rng.integers(len(options))]


class Call(nn.Module):
    """A function as a layer."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        super().__init__()
        self.name, self.function = name, function

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(*inputs)

    def extra_repr(self) -> str:
        return self.name


class SqueezeExcite(nn.Module):
    """Factors for the channels from their means."""

    def __init__(self, channels: int, dims: int, middle: nn.Module, gate: nn.Module) -> None:
        super().__init__()
        conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
        self.down, self.up = conv(channels, 5, 1), conv(5, channels, 1)
        self.middle, self.gate = middle, gate
        self.axes = tuple(range(2, 2 + dims))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.up(self.middle(self.down(x.mean(self.axes, keepdim=True)))))


class LayerNormOfPixels(nn.Module):
    """The channels become last, for a norm and a linear layer."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.norm, self.linear = nn.LayerNorm(channels), nn.Linear(channels, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.norm(x.movedim(1, -1))).movedim(-1, 1)


class RandomNet(nn.Module):
    """Layers that read any of the maps before them; parts are shared, several maps are outputs."""

    counts = (3, 13)
    """From how many layers to below how many."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.rng, self.dims = rng, int(pick(rng, 1, 2, 2, 2, 2, 3))
        size = {1: 40, 2: 18, 3: 7}[self.dims]
        channels = int(pick(rng, 1, 3, 3, 4, 8, 9, 16))
        sizes = [int(n) for n in rng.integers(max(size // 2, 4), size + 1, self.dims)]
        self.input_shape = (int(rng.integers(1, 4)), channels, *sizes)
        self.layers = nn.ModuleList()
        self.reads: list[tuple[int, ...]] = []
        self.shapes: list[tuple[int, ...]] = [self.input_shape]  # of each value
        for _ in range(int(rng.integers(*self.counts))):
            self.grow()
        self.finish()
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.running_mean.normal_(0, 0.5)
                module.running_var.uniform_(0.5, 2)
            if isinstance(module, nn.modules.batchnorm._NormBase | nn.GroupNorm | nn.LayerNorm):
                with torch.no_grad():
                    if module.weight is not None:
                        module.weight.uniform_(0.5, 1.5)
                        module.bias.normal_(0, 0.5)

    def forward(self, x: Tensor) -> Any:
        values = [x]
        for layer, reads in zip(self.layers, self.reads, strict=True):
            values.append(layer(*(values[i] for i in reads)))
        results = tuple(values[i] for i in self.outputs)
        return results[0] if len(results) == 1 else results

    # --- growing ----------------------------------------------------------------------------------

    def add(self, layer: nn.Module, *reads: int) -> bool:
        """Append a layer, if what it reads suits it and what it gives is not too large."""
        with torch.no_grad(), contextlib.suppress(RuntimeError, ValueError):
            layer.eval()
            y = layer(*(torch.zeros(self.shapes[i]) for i in reads))
            if 0 < y.numel() <= 60_000 and y.shape[1] <= 80:
                self.layers.append(layer)
                self.reads.append(reads)
                self.shapes.append(tuple(y.shape))
                return True
        return False

    def value(self) -> int:
        """One of the maps, mostly the latest."""
        count = len(self.shapes)
        return count - 1 if self.rng.random() < 0.6 else int(self.rng.integers(count))

    def like(self, i: int, *, channels: bool) -> list[int]:
        """Maps of the sizes of map i."""
        first = 1 if channels else 2
        return [j for j, s in enumerate(self.shapes) if s[first:] == self.shapes[i][first:]]

    def grow(self) -> None:
        """Append one layer of some kind."""
        kinds = [
            self.conv, self.conv, self.conv, self.conv, self.norm, self.norm, self.activation,
            self.activation, self.pool, self.sum, self.sum, self.concatenate, self.part,
            self.excite, self.shared, self.resize, self.pad, self.channels_last, self.shuffle,
            self.constant, self.transposed, self.pooled, self.pooled, self.pooled,
        ]  # fmt: skip
        while not pick(self.rng, *kinds)():
            pass

    def of_dims(self, name: str) -> Any:
        return getattr(nn, f"{name}{self.dims}d")

    def conv(self) -> bool:
        rng, i = self.rng, self.value()
        c, groups = self.shapes[i][1], 1
        o = int(pick(rng, 1, 4, 7, 8, 8, 16, 16, 17, 24, 32, 40, c, c))
        if rng.random() < 0.25:
            groups = int(pick(rng, *(g for g in range(1, c + 1) if c % g == 0), c, c))
            o = c * int(pick(rng, 1, 1, 1, 2)) if groups > 1 else o
        kernel = [int(pick(rng, 1, 3, 3, 3, 5, 7, 2)) for _ in range(self.dims)]
        if rng.random() < 0.7:
            kernel = [kernel[0]] * self.dims
        dilation = int(pick(rng, 1, 1, 1, 1, 2))
        padding = [dilation * (k - 1) // 2 for k in kernel] if rng.random() < 0.8 else 0
        return self.add(
            self.of_dims("Conv")(
                c, o, kernel, int(pick(rng, 1, 1, 1, 2)), padding, dilation, groups,
                bool(rng.random() < 0.6),
            ),
            i,
        )  # fmt: skip

    def pooled(self) -> bool:
        """A convolution whose outputs are pooled in pairs, mostly behind an activation."""
        if self.dims == 1 or not self.conv():
            return False
        if self.rng.random() < 0.7:
            f = pick(self.rng, nn.ReLU(), nn.ReLU6(), nn.Tanh(), nn.LeakyReLU(0.1), nn.SiLU())
            self.add(f, len(self.shapes) - 1)
        pair = (1, 2, 2) if self.dims == 3 else 2
        return self.add(self.of_dims("MaxPool")(pair), len(self.shapes) - 1)

    def transposed(self) -> bool:
        i, k = self.value(), int(pick(self.rng, 2, 3, 4))
        c, o = self.shapes[i][1], int(pick(self.rng, 3, 8, 12))
        stride = int(pick(self.rng, 1, 2, 2))
        return self.add(self.of_dims("ConvTranspose")(c, o, k, stride, k // 2), i)

    def norm(self) -> bool:
        rng, i = self.rng, self.value()
        c = self.shapes[i][1]
        groups = int(pick(rng, *(g for g in range(1, c + 1) if c % g == 0)))
        layer: Any = pick(
            rng, self.of_dims("BatchNorm")(c), self.of_dims("BatchNorm")(c),
            self.of_dims("BatchNorm")(c, affine=False), self.of_dims("BatchNorm")(c),
            self.of_dims("InstanceNorm")(c), nn.GroupNorm(groups, c), nn.LocalResponseNorm(3),
        )  # fmt: skip
        if isinstance(layer, nn.GroupNorm | nn.modules.instancenorm._InstanceNorm) and (
            math.prod(self.shapes[i][2:]) < 4
        ):
            return False  # a norm of nothing but rounding errors
        return self.add(layer, i)

    def activation(self) -> bool:
        layer = pick(
            self.rng, nn.ReLU(), nn.ReLU(), nn.ReLU6(), nn.SiLU(), nn.GELU(), nn.Hardswish(),
            nn.Sigmoid(), nn.Tanh(), nn.LeakyReLU(0.1), nn.ELU(), nn.Mish(), nn.Softplus(),
            nn.Softmax(1), nn.PReLU(), nn.Hardsigmoid(), Call("abs", torch.abs),
        )  # fmt: skip
        return self.add(layer, self.value())

    def pool(self) -> bool:
        rng, i = self.rng, self.value()
        k = int(pick(rng, 2, 2, 3))
        s, p = int(pick(rng, 1, 2, 2)), int(pick(rng, 0, k // 2))
        ceil = bool(rng.random() < 0.3)
        places = [int(rng.integers(1, 5)) for _ in range(self.dims)]
        layer = pick(
            rng, self.of_dims("MaxPool")(k, s, p, ceil_mode=ceil),
            self.of_dims("AvgPool")(k, s, p, ceil_mode=ceil, count_include_pad=rng.random() < 0.5),
            self.of_dims("AdaptiveAvgPool")(places), self.of_dims("MaxPool")(3, 1, 1),
        )  # fmt: skip
        return self.add(layer, i)

    def sum(self) -> bool:
        i = self.value()
        j = int(pick(self.rng, *self.like(i, channels=True)))
        name, f = pick(
            self.rng, ("add", torch.add), ("add", torch.add), ("add", torch.add),
            ("mul", torch.mul), ("sub", torch.sub), ("max", torch.maximum),
        )  # fmt: skip
        return self.add(Call(name, f), i, j)

    def concatenate(self) -> bool:
        i = self.value()
        others = self.like(i, channels=False)
        reads = [i, *(int(pick(self.rng, *others)) for _ in range(self.rng.integers(1, 3)))]
        return self.add(Call("cat", lambda *x: torch.cat(x, 1)), *reads)

    def part(self) -> bool:
        i = self.value()
        c = self.shapes[i][1]
        first = int(self.rng.integers(0, c)) // 4 * int(pick(self.rng, 1, 4))
        count = int(self.rng.integers(1, c + 1))
        if first >= c:
            return False
        return self.add(
            Call(f"[{first}:{first + count}]", lambda x: x[:, first : first + count]), i
        )

    def excite(self) -> bool:
        i = self.value()
        gate = pick(self.rng, nn.Sigmoid(), nn.Hardsigmoid())
        return self.add(SqueezeExcite(self.shapes[i][1], self.dims, nn.ReLU(), gate), i)

    def shared(self) -> bool:
        """One of the layers again, on another map."""
        if not len(self.layers):
            return False
        index = int(self.rng.integers(len(self.layers)))
        reads = [int(pick(self.rng, *self.like(j, channels=True))) for j in self.reads[index]]
        return self.add(self.layers[index], *reads)

    def resize(self) -> bool:
        linear = ("linear", "bilinear", "trilinear")[self.dims - 1]
        mode = pick(self.rng, "nearest", linear)
        factor = float(pick(self.rng, 2, 2, 0.5, 1.5))
        return self.add(nn.Upsample(scale_factor=factor, mode=mode), self.value())

    def pad(self) -> bool:
        pads = [int(n) for n in self.rng.integers(0, 3, 2 * self.dims)]
        mode, value = pick(
            self.rng, ("constant", 0.0), ("constant", 0.0), ("reflect", None), ("replicate", None),
            ("constant", 1.5),
        )  # fmt: skip
        return self.add(
            Call(f"pad {pads} {mode}", lambda x: F.pad(x, pads, mode, value)), self.value()
        )

    def channels_last(self) -> bool:
        i = self.value()
        c = self.shapes[i][1]
        if c < 4:
            return False
        return self.add(LayerNormOfPixels(c, int(pick(self.rng, 6, 8, 20, c))), i)

    def shuffle(self) -> bool:
        layer = pick(self.rng, nn.PixelShuffle(2), nn.PixelUnshuffle(2), nn.ChannelShuffle(2))
        return self.dims == 2 and self.add(layer, self.value())  # of pictures, as torch has them

    def constant(self) -> bool:
        number = float(self.rng.uniform(0.5, 2))
        name, f = pick(
            self.rng, ("scale", lambda x: x * number), ("shift", lambda x: x + number),
            ("from", lambda x: number - x), ("by", lambda x: x / number),
        )  # fmt: skip
        return self.add(Call(f"{name} {number:.3}", f), self.value())

    def finish(self) -> None:
        """A head or two, or the maps themselves."""
        rng, last = self.rng, len(self.shapes) - 1
        c = self.shapes[last][1]
        if rng.random() < 0.4:
            self.add(Call("mean", lambda x: x.mean(tuple(range(2, x.dim())))), last)
            self.add(nn.Linear(c, int(rng.integers(1, 30))), len(self.shapes) - 1)
        elif rng.random() < 0.4:
            self.add(nn.Flatten(), last)
            if len(self.shapes[-1]) == 2:
                self.add(nn.Linear(self.shapes[-1][1], int(rng.integers(1, 30))),
                         len(self.shapes) - 1)  # fmt: skip
        self.outputs = [len(self.shapes) - 1]
        if rng.random() < 0.3:
            self.outputs.append(int(rng.integers(1, len(self.shapes))))

    def __str__(self) -> str:
        lines = [f"input {self.input_shape}"]
        for i, (layer, reads) in enumerate(zip(self.layers, self.reads, strict=True), 1):
            text = " ".join(str(layer).split())
            lines.append(f"  {i}: {text} of {list(reads)} -> {self.shapes[i]}")
        return "\n".join([*lines, f"  outputs {self.outputs}"])


def make_net(seed: int, index: int) -> tuple[RandomNet, Tensor, np.random.Generator]:
    """Network `index`: the same for the same seed."""
    rng = np.random.default_rng((seed, index))
    torch.manual_seed(int(rng.integers(1 << 30)))
    net = RandomNet(rng).eval()
    return net, torch.randn(net.input_shape), rng


def check_net(
    _: str,
    seed: int,
    index: int,
    targets: Sequence[str] = TARGETS,
    precisions: Sequence[str] = tuple(SHARE),
) -> int:
    """Compile a network for every target, and compare; give how many plans that were.

    Raises:
        AssertionError: A plan is wrong.
    """
    net, x, rng = make_net(seed, index)
    with torch.no_grad():
        plain = _several(net(x))
        wanted = _several(net.double()(x.double()))
    net.float()
    if not all(torch.isfinite(y).all() for y in wanted):
        return 0
    # What float32 can do at all: a norm of a nearly constant map magnifies all errors before it.
    errors = [float((a - b).abs().max()) for a, b in zip(plain, wanted, strict=True)]
    graph, plans = capture(net, x), 0
    for target in targets:
        for precision in precisions:
            threads = int(rng.integers(1, 4))
            try:
                plan = striate.compile(graph, threads=threads, isa=target, precision=precision)
                found = _several(plan(x.numpy()))
                for y, exact, error in zip(found, wanted, errors, strict=True):
                    largest = float(exact.abs().max())
                    assert y.shape == tuple(exact.shape), f"{y.shape} for {tuple(exact.shape)}"
                    off = np.abs(y - exact.numpy()).max()
                    allowed = max(SHARE[precision] * largest, 30 * error)
                    assert off <= allowed, f"off by {off:.3g} of {largest:.3g}"
                _same_when_saved(plan, x, found)
            except Exception as error:
                text = f"{target}, {precision}, {threads} threads: {error!r}\n{net}"
                raise AssertionError(text) from error
            plans += 1
    return plans


def _same_when_saved(plan: Any, x: Tensor, found: tuple[Any, ...]) -> None:
    """Saved, loaded and on one thread it gives the same numbers."""
    with tempfile.TemporaryDirectory() as folder:
        plan.save(Path(folder) / "net.striate")
        loaded = striate.runtime.load(Path(folder) / "net.striate", threads=1)
        for y, again in zip(found, _several(loaded(x.numpy())), strict=True):
            assert np.array_equal(y, again), "saved and loaded it gives other numbers"


def _several(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)
