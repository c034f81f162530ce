"""Gradients of convolutions for their filters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from striate import Window
from striate.graph.ops import ConvWeightGradient

from ...native.steps import EPS, Convolution, filters_slack
from ...native.test_batch_norm import pooled
from ..draw import Rng, axes, channels, gap, normal, pick
from ..problem import Array, Operand, Problem


def draw(rng: Rng) -> Problem:
    """A convolution with all its attributes at random, small enough for the slowest target."""
    if rng.random() < 0.05:
        return _problem(rng, _wide(rng))
    while True:
        p = _tiles(rng) if rng.random() < 0.2 else _any(rng)
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


def _tiles(rng: Rng) -> Convolution:
    """3x3 in the plane, for Winograd's algorithm: many channels, or a first layer."""
    depth, plain = int(pick(rng, 1, 1, 2, 3, 3, 4)), bool(rng.random() < 0.4)
    planes = 1 if depth == 1 else int(rng.integers(1, 7))
    rows, columns = int(rng.integers(2, 20)), int(rng.integers(2, 20))
    if rng.random() < 0.1:
        columns = int(rng.integers(20, 150))
    pads = [
        (k // 2,) * 2 if rng.random() < 0.6 else rng.integers(-1, k + 2, 2) for k in (depth, 3, 3)
    ]
    return Convolution(
        batch=int(rng.integers(1, 5)),
        in_channels=int(pick(rng, 2, 3, 3, 4, 9)) if plain else channels(rng),
        out_channels=channels(rng), size=(planes, rows, columns), kernel=(depth, 3, 3),
        before=tuple(int(a) for a, _ in pads), after=tuple(int(b) for _, b in pads),
        bias=bool(rng.random() < 0.5), plain_input=plain,
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


def _of_norm(
    rng: Rng, p: Convolution, g: Array
) -> tuple[Array, Operand, list[Operand | None], dict[str, Any]]:
    """Let gy be a norm's gradient, made of g by any numbers: gy, and what it is made of."""
    shape = g.shape
    x, numbers = normal(rng, *shape), normal(rng, 1, p.out_channels, 5)
    mean, scale, bias, b, c = numbers.astype(float)[0].T.reshape(5, 1, -1, 1, 1, 1)
    way = pick(rng, "alone", "added", "pooled")
    beside: Operand | None = None
    told: dict[str, Any] = {"norm": True, "added": way == "added"}
    v = (x - mean) * scale + bias
    masks = bool(rng.random() < 0.5)
    if masks:
        told |= {"mask": "own", "low": -0.5, "high": float(pick(rng, 0.7, math.inf))}
    near = np.minimum(abs(v - told["low"]), abs(v - told["high"])) < 1e-3 if masks else None
    if way == "pooled":
        window = tuple(int(rng.integers(1, min(n, 4) + 1)) for n in p.out)
        kept, place, spread = pooled(rng, shape[:2], p.out, window)
        g = spread.reshape(shape)
        told |= {"pooled": True, "window": list(window)}
        beside = Operand(place, True, in_bytes=True)
        given = Operand(kept, True, "gy_batch_stride", gap(rng))
        if near is not None:  # what rounding might decide is masked by neither
            x = np.where(near, mean + (0.1 - bias) / scale, x).astype(np.float32)
            v = (x - mean) * scale + bias
    else:
        g = g if near is None else np.where(near, 0, g).astype(np.float32)
        given = Operand(g, True, "gy_batch_stride", gap(rng))
        if way == "added":
            added = (g * normal(rng, *shape)).astype(np.float32)
            beside = Operand(added, True, "added_batch_stride", gap(rng))
            g = g.astype(float) + added
    if masks:
        g = g * ((v > told["low"]) & (v < told["high"]))
    gy = g * scale + (x - mean) * b + c
    norm = Operand(x, True, "norm_batch_stride", gap(rng))
    return gy, given, [norm, Operand(numbers, True), beside], told


def _problem(rng: Rng, p: Convolution) -> Problem:
    draw = np.random.default_rng(int(rng.integers(1 << 30)))
    x = draw.standard_normal((p.batch, p.in_channels, *p.size)).astype(np.float32)
    gy = draw.standard_normal((p.batch, p.out_channels, *p.out)).astype(np.float32)
    windows = tuple(
        Window(k, s, d, (b, a))
        for k, s, d, b, a in zip(p.kernel, p.stride, p.dilation, p.before, p.after, strict=True)
    )
    more: list[Operand | None] = []
    told: dict[str, Any] = {}
    given = Operand(gy, True, "y_batch_stride", gap(rng))
    if p.plain_input and rng.random() < 0.5:
        gy, given, more, told = _of_norm(rng, p, gy)
    gradient = ConvWeightGradient(windows, p.groups)
    (gw,) = gradient.evaluate(x.astype(float), gy.astype(float))
    terms = p.batch * math.prod(p.out)
    bound = 4 * EPS * (terms + 2) * max(1.0, float(np.abs(gy).max()))
    names = ("batch", "in_channels", "out_channels", "groups", "in", "out", "kernel", "stride",
             "dilation", "padding", "plain_input", "bias")  # fmt: skip
    outputs = [Operand(gw.reshape(1, -1))]
    if p.bias:
        outputs.append(Operand(gy.astype(float).sum((0, 2, 3, 4)).reshape(1, -1)))
    return Problem(
        "conv_weight_gradient",
        {name: p.attributes[name] for name in names} | told,
        [Operand(x, not p.plain_input, "x_batch_stride", gap(rng)), given, *more],
        outputs,
        lambda kernel: bound + filters_slack(kernel, x, gy, gw),
    )
