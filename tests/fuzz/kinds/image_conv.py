"""Convolutions with images as lanes, their gradients for inputs and for filters."""

from __future__ import annotations

import math
from typing import Any

from striate import Window, _core
from striate.graph.ops import Conv, ConvTranspose, ConvWeightGradient

from ...native.steps import EPS, Array, Convolution
from ...native.test_image_conv import spread, squares, weight_bound
from ..draw import Rng, draw_activation, normal, pick
from ..problem import ImageLanes, Operand, Problem


def draw(rng: Rng) -> Problem:
    """A convolution, or one that is turned around."""
    p = _any(rng)
    x, gy, weight = _arrays(rng, p)
    windows, attributes = _windows(p), _attributes(p)
    terms = math.prod(p.kernel) * max(p.in_channels, p.out_channels)
    if rng.random() < 0.5:
        (y,) = ConvTranspose(windows, (0, 0)).evaluate(gy.astype(float), weight.astype(float))
        attributes |= {
            "in_channels": p.out_channels, "out_channels": p.in_channels, "in": list(p.out[1:]),
            "out": list(p.size[1:]), "turned": True, "bias": False,
            "padding": [k - 1 - b for k, b in zip(p.kernel[1:], p.before[1:], strict=True)],
        }  # fmt: skip
        inputs: list[Operand | None] = [ImageLanes(gy), _numbers(weight)]
    else:
        bias = normal(rng, p.out_channels) if p.bias else None
        (y,) = Conv(windows).evaluate(x.astype(float), weight.astype(float), bias)
        inputs = [ImageLanes(x), _numbers(weight), None if bias is None else _numbers(bias)]
    bound = 8 * EPS * (terms + 2)
    if rng.random() < 0.4 and _pools(attributes):
        attributes["pool"] = True
        y = squares(y).max(-1)
    attributes, y, bound = draw_activation(rng, attributes, y, bound)
    return Problem("image_conv", attributes, inputs, [ImageLanes(y)], lambda _: bound)


def _pools(attributes: dict[str, Any]) -> bool:
    """Whether there are outputs to pool, and all targets have a kernel that does."""
    pooled = attributes | {"pool": True}
    return min(attributes["out"]) > 1 and all(
        _core.candidates(target, "image_conv", pooled) for target, _ in _core.targets()
    )


def draw_weight(rng: Rng) -> Problem:
    """The gradient for filters, perhaps with that for the bias."""
    p = _any(rng)
    x, gy, _ = _arrays(rng, p)
    attributes, given = _attributes(p), [ImageLanes(gy)]
    if min(p.out[1:]) > 1 and rng.random() < 0.3:
        attributes["pool"] = True
        kept, place = squares(gy).max(-1), squares(gy).argmax(-1)
        given = [ImageLanes(kept), ImageLanes(place, in_bytes=True)]
        gy = spread(kept, place, gy.shape)
    (gw,) = ConvWeightGradient(_windows(p)).evaluate(x.astype(float), gy.astype(float))
    outputs: list[Operand | None] = [_numbers(gw)]
    if p.bias:
        outputs.append(_numbers(gy.astype(float).sum((0, 2, 3))))
    terms = p.batch * math.prod(p.out)
    return Problem(
        "image_conv_weight_gradient", attributes, [ImageLanes(x), *given], outputs,
        lambda kernel: weight_bound(kernel, terms),
    )  # fmt: skip


def _any(rng: Rng) -> Convolution:
    kernel = [int(pick(rng, 1, 2, 3, 3, 5, 5, 7, 13)) for _ in range(2)]
    before = [int(rng.integers(-1, k)) for k in kernel]
    after = [int(rng.integers(-1, k)) for k in kernel]
    least = [max(1, k - b - a) for k, b, a in zip(kernel, before, after, strict=True)]
    size = [n + int(rng.integers(0, 14)) for n in least]
    return Convolution(
        batch=int(rng.integers(1, 40)), in_channels=int(rng.integers(1, 13)),
        out_channels=int(rng.integers(1, 18)), size=(1, size[0], size[1]),
        kernel=(1, kernel[0], kernel[1]), before=(0, before[0], before[1]),
        after=(0, after[0], after[1]), bias=bool(rng.random() < 0.6),
    )  # fmt: skip


def _arrays(rng: Rng, p: Convolution) -> tuple[Array, Array, Array]:
    x = normal(rng, p.batch, p.in_channels, *p.size[1:])
    gy = normal(rng, p.batch, p.out_channels, *p.out[1:])
    return x, gy, normal(rng, p.out_channels, p.in_channels, *p.kernel[1:])


def _windows(p: Convolution) -> tuple[Window, ...]:
    sides = zip(p.kernel[1:], p.before[1:], p.after[1:], strict=True)
    return tuple(Window(k, padding=(b, a)) for k, b, a in sides)


def _attributes(p: Convolution) -> dict[str, Any]:
    return {
        "batch": p.batch, "in_channels": p.in_channels, "out_channels": p.out_channels,
        "in": list(p.size[1:]), "out": list(p.out[1:]), "kernel": list(p.kernel[1:]),
        "padding": list(p.before[1:]), "bias": p.bias,
    }  # fmt: skip


def _numbers(array: Array) -> Operand:
    return Operand(array.reshape(1, -1))
