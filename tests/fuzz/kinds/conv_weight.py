"""Gradients of convolutions for their filters."""

from __future__ import annotations

import math

import numpy as np

from striate import Window
from striate.graph.ops import ConvWeightGradient

from ...native.steps import EPS, Convolution, digits_error
from ..draw import Rng, axes, channels, gap, pick
from ..problem import Operand, Problem


def draw(rng: Rng) -> Problem:
    """A convolution with all its attributes at random, small enough for the slowest target."""
    if rng.random() < 0.05:
        return _problem(rng, _wide(rng))
    while True:
        p = _any(rng)
        if all(n >= 1 for n in p.out):
            weights = p.out_channels * p.in_channels // p.groups * math.prod(p.kernel)
            floats = p.batch * max(math.prod(p.size), math.prod(p.out))
            largest = max(p.in_channels, p.out_channels) + 16
            work = weights * p.batch * math.prod(p.out)
            if work <= 2e6 and floats * largest < 4e5 and weights <= 400_000:
                return _problem(rng, p)


def _any(rng: Rng) -> Convolution:
    kind = pick(rng, "any", "any", "1x1", "depthwise", "plain", "grouped", "fours", "small")
    used = axes(rng, 3)
    size, kernel, stride, dilation = [1] * 3, [1] * 3, [1] * 3, [1] * 3
    before, after = [0] * 3, [0] * 3
    for i in used:
        largest = 9 if len(used) == 3 or kind == "small" else 30 if len(used) == 2 else 500
        size[i] = int(rng.integers(1, largest))
        stride[i] = int(pick(rng, 1, 1, 1, 2, 3))
        if kind == "1x1":
            continue
        kernel[i] = int(pick(rng, 1, 2, 3, 3, 3, 4, 5, 7, 9))
        dilation[i] = int(pick(rng, 1, 1, 1, 2, 3))
        reach = dilation[i] * (kernel[i] - 1)
        if rng.random() < 0.5:
            before[i] = after[i] = reach // 2
        else:
            before[i], after[i] = (int(rng.integers(-1, reach + 3)) for _ in range(2))
    c, o, groups = channels(rng), channels(rng), 1
    if kind == "depthwise":
        o = groups = c
    elif kind == "fours":
        groups = int(rng.integers(2, 12))
        c = o = 4 * groups
    elif kind == "grouped":
        groups = int(pick(rng, 2, 3, 4, 8, 32))
        c, o = (groups * int(pick(rng, 1, 2, 3, 5, 8, 16)) for _ in range(2))
    elif kind == "plain":
        c = int(pick(rng, 1, 1, 2, 3, 3, 3, 4, 9))
    return Convolution(
        batch=int(rng.integers(1, 40 if kind == "small" else 4)), in_channels=c, out_channels=o,
        groups=groups, size=tuple(size), kernel=tuple(kernel), stride=tuple(stride),
        dilation=tuple(dilation), before=tuple(before), after=tuple(after),
        bias=bool(rng.random() < 0.5), plain_input=kind == "plain",
    )  # fmt: skip


def _wide(rng: Rng) -> Convolution:
    """A pointwise layer of as many channels and pixels as tiles are for (`int8x6`)."""
    few, many = int(rng.integers(90, 200)), int(rng.integers(120, 330))
    c, o = pick(rng, (few, many), (many, few))
    rows, columns = (int(rng.integers(1, 19)) for _ in range(2))
    return Convolution(
        batch=int(rng.integers(1, 7)), in_channels=c, out_channels=o, size=(1, rows, columns),
        kernel=(1, 1, 1), bias=bool(rng.random() < 0.5),
    )  # fmt: skip


def _problem(rng: Rng, p: Convolution) -> Problem:
    draw = np.random.default_rng(int(rng.integers(1 << 30)))
    x = draw.standard_normal((p.batch, p.in_channels, *p.size)).astype(np.float32)
    gy = draw.standard_normal((p.batch, p.out_channels, *p.out)).astype(np.float32)
    windows = tuple(
        Window(k, s, d, (b, a))
        for k, s, d, b, a in zip(p.kernel, p.stride, p.dilation, p.before, p.after, strict=True)
    )
    gradient = ConvWeightGradient(windows, p.groups)
    (gw,) = gradient.evaluate(x.astype(float), gy.astype(float))
    terms = p.batch * math.prod(p.out)
    bound = 4 * EPS * (terms + 2)
    names = ("batch", "in_channels", "out_channels", "groups", "in", "out", "kernel", "stride",
             "dilation", "padding", "plain_input", "bias")  # fmt: skip
    outputs = [Operand(gw.reshape(1, -1))]
    if p.bias:
        outputs.append(Operand(gy.astype(float).sum((0, 2, 3, 4)).reshape(1, -1)))
    return Problem(
        "conv_weight_gradient",
        {name: p.attributes[name] for name in names},
        [
            Operand(x, not p.plain_input, "x_batch_stride", gap(rng)),
            Operand(gy, True, "y_batch_stride", gap(rng)),
        ],
        outputs,
        lambda kernel: bound + (digits_error(terms, x, gy) if kernel == "int8x6" else 0.0),
    )
