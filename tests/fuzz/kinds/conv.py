"""Convolutions."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from ...native.steps import EPS, Convolution
from ..draw import Rng, axes, channels, draw_activation, gap, pick
from ..problem import Operand, Problem


def draw(rng: Rng) -> Problem:
    """A convolution with all its attributes at random, small enough for the slowest target."""
    if rng.random() < 0.005:
        return _problem(rng, _heavy(rng))
    while True:
        p = _any(rng)
        if all(n >= 1 for n in p.out):
            macs = p.batch * p.out_channels * p.in_channels // p.groups * math.prod(p.kernel)
            work = macs * math.prod(p.out)
            floats = max(math.prod(p.size), math.prod(p.full)) * p.batch
            largest = max(p.in_channels, p.out_channels) + 16
            weights = macs // p.batch
            if work <= 4e6 and floats * largest < 4e5 and weights <= 400_000:
                return _problem(rng, p)


def _any(rng: Rng) -> Convolution:
    kind = pick(rng, "any", "any", "3x3", "3x3", "1x1", "depthwise", "plain", "strided", "grouped",
                "large", "few")  # fmt: skip
    if kind == "strided":
        return _strided(rng)
    taps = {"3x3": 3, "few": 5}
    used = axes(rng, 3) if kind != "few" else [1, 2]
    size, kernel, stride, dilation = [1] * 3, [1] * 3, [1] * 3, [1] * 3
    before, after = [0] * 3, [0] * 3
    for i in used:
        size[i] = int(rng.integers(1, 9 if len(used) == 3 else 40 if len(used) == 2 else 300))
        if kind == "1x1":
            stride[i] = int(pick(rng, 1, 1, 1, 2, 3))
            if rng.random() < 0.1:
                before[i], after[i] = int(rng.integers(-1, 3)), int(rng.integers(-1, 3))
            continue
        kernel[i] = taps.get(kind) or int(pick(rng, 1, 2, 3, 3, 3, 4, 5, 5, 7, 7, 9, 11))
        stride[i] = int(pick(rng, 1, 1, 1, 2, 2, 3, 4, 5)) if kind not in taps else 1
        if len(used) == 1 and rng.random() < 0.1:
            kernel[i] = int(rng.integers(12, 90))
        dilation[i] = int(pick(rng, 1, 1, 1, 1, 1, 2, 2, 3, 6))
        reach = dilation[i] * (kernel[i] - 1)
        if rng.random() < 0.5:
            before[i] = after[i] = reach // 2
        else:
            before[i], after[i] = (int(rng.integers(-1, reach + 3)) for _ in range(2))
    if kind in ("any", "plain", "depthwise", "grouped", "few") and rng.random() < 0.5:
        dilation = [1, 1, 1]
    c, o, groups, plain = channels(rng), channels(rng), 1, False
    if kind == "depthwise":
        o = groups = c
        plain = bool(rng.random() < 0.3)
    elif kind == "grouped":
        groups = int(pick(rng, 2, 3, 4, 8, 32))
        each = int(pick(rng, 1, 2, 3, 4, 5, 8, 16, 24, 32))
        c, o = groups * each, groups * int(pick(rng, each, each, 1, 2, 3, 7, 8, 16))
    elif kind == "plain":
        c, plain = int(pick(rng, 1, 1, 2, 3, 3, 3, 4, 5, 6, 9)), True
        o = int(rng.integers(1, 9)) if rng.random() < 0.4 else o
    elif kind == "few":
        c, o = int(rng.integers(1, 10)), int(rng.integers(1, 18))
    elif kind == "large":
        c, o = int(rng.integers(150, 600)), int(rng.integers(150, 600))
        size = [1 if i not in used else int(rng.integers(1, 6)) for i in range(3)]
    p = Convolution(
        batch=int(pick(rng, 1, 1, 1, 2, 3)), in_channels=c, out_channels=o, groups=groups,
        size=tuple(size), kernel=tuple(kernel), stride=tuple(stride), dilation=tuple(dilation),
        before=tuple(before), after=tuple(after), bias=bool(rng.random() < 0.7),
        residual=bool(rng.random() < 0.3), scale=bool(not plain and rng.random() < 0.2),
        plain_input=plain,
    )  # fmt: skip
    if rng.random() < 0.15 and all(n >= 1 for n in p.out):
        step = [int(pick(rng, 1, 2, 3)) if i in used else 1 for i in range(3)]
        start = [int(rng.integers(0, 3)) if i in used else 0 for i in range(3)]
        full = [
            a + (n - 1) * s + 1 + int(rng.integers(0, 3)) * (i in used)
            for i, (a, n, s) in enumerate(zip(start, p.out, step, strict=True))
        ]
        p = replace(p, places=(tuple(full), tuple(step), tuple(start)))
    elif rng.random() < 0.15 and min(p.out[1:]) >= 2:
        p = replace(p, pool=True, residual=False)
    return p


def _strided(rng: Rng) -> Convolution:
    """A first layer by whose stride Winograd's algorithm cuts a filter into phases, or of 1."""
    kernel, stride = pick(rng, (3, 1), (3, 1), (5, 2), (7, 2), (7, 2), (7, 4), (11, 4))
    depth = int(pick(rng, 1, 1, 1, 2, 3))
    height = int(rng.integers(1, 60))
    width = int(rng.integers(1, 60) if height > 9 else rng.integers(1, 700))
    pads = [(kernel // 2,) * 2 if rng.random() < 0.5 else rng.integers(-2, kernel + 3, 2)
            for _ in range(2)]  # fmt: skip
    (top, bottom), (left, right) = ((int(a), int(b)) for a, b in pads)
    return Convolution(
        batch=int(pick(rng, 1, 1, 2, 3, 8)), in_channels=int(pick(rng, 1, 2, 3, 3, 5)),
        out_channels=channels(rng), size=(depth + int(rng.integers(0, 3)), height, width),
        kernel=(depth, kernel, kernel), stride=(int(rng.integers(1, 3)), stride, stride),
        before=(int(rng.integers(0, depth)), top, left),
        after=(int(rng.integers(0, depth)), bottom, right),
        bias=bool(rng.random() < 0.7), plain_input=True,
    )  # fmt: skip


def _heavy(rng: Rng) -> Convolution:
    """Weights of many megabytes, as the last layers of large networks have: few pixels."""
    c, kernel = int(rng.integers(200, 700)), int(pick(rng, 1, 3, 3, 3, 5))
    o = min(int(rng.integers(200, 700)), 220_000 // c)
    size = [int(rng.integers(1, 12)) for _ in range(2)]
    pad = int(pick(rng, 0, kernel // 2, kernel // 2)) if min(size) >= kernel else kernel // 2
    return Convolution(
        batch=int(pick(rng, 1, 1, 2)), in_channels=c, out_channels=o, size=(1, *size),
        kernel=(1, kernel, kernel), before=(0, pad, pad), after=(0, pad, pad),
        bias=bool(rng.random() < 0.7), residual=bool(rng.random() < 0.3),
    )  # fmt: skip


def _problem(rng: Rng, p: Convolution) -> Problem:
    arrays = p.arrays(int(rng.integers(1 << 30)))
    exact = p.reference(arrays)
    # The last additions, of bias and residual, round by the size of the whole sum.
    bound = p.tolerance(arrays) + 2 * EPS * float(np.abs(exact).max())
    attributes, expected, bound = draw_activation(rng, p.attributes, exact, bound)
    whole = np.full((p.batch, p.out_channels, *p.full), np.nan)
    p.at_places(whole)[...] = expected
    inputs = [
        Operand(arrays["x"], not p.plain_input, "x_batch_stride", gap(rng)),
        Operand(arrays["residual"], True, "residual_batch_stride", gap(rng), -2.0)
        if p.residual
        else None,
        Operand(arrays["scale"], True, unused=5.0) if p.scale else None,
    ]
    problem = Problem(
        "conv", attributes, inputs, [Operand(whole, True, "y_batch_stride", gap(rng))],
        # Winograd's share of the largest output (docs/design.md) is before the activation.
        lambda kernel: bound + p.slack(kernel, arrays, exact, winograd=1.5e-4),
        arrays["weight"], [arrays["bias"] if p.bias else None],
    )  # fmt: skip
    pointwise = max(p.kernel) == 1 and not p.pool
    if pointwise and p.groups <= 4 and not p.plain_input and not p.scale and rng.random() < 0.3:
        _give_plain_weight(rng, problem, p.groups)
    return problem


def _give_plain_weight(rng: Rng, problem: Problem, groups: int) -> None:
    """Have a 1x1 convolution pack its weight itself: in torch's order, or the outputs last."""
    weight = problem.weight
    assert weight is not None
    told: dict[str, Any] = {"plain_weight": True}
    if groups == 1 and rng.random() < 0.5:
        steps = [len(weight) * math.prod(weight.shape[i:]) for i in range(2, weight.ndim + 1)]
        told |= {"filters": [0, 1, *steps], "filters_start": 0}
        weight = np.ascontiguousarray(np.moveaxis(weight, 0, -1))
    problem.attributes = problem.attributes | told
    problem.inputs.append(Operand(weight))
    problem.weight, problem.weights = None, [None, *problem.weights]
