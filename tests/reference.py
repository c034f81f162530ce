"""Slow, obvious float64 references: loops over outputs and taps, one multiply-add a line."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

EPS = {torch.float32: 2.0**-23, torch.float64: 2.0**-52}


def same_padding(n: int, size: int, stride: int, dilation: int) -> tuple[int, int]:
    """TensorFlow's SAME rule, as its documentation words it."""
    if n % stride == 0:
        total = max(dilation * (size - 1) + 1 - stride, 0)
    else:
        total = max(dilation * (size - 1) + 1 - n % stride, 0)
    return total // 2, total - total // 2


def places(n: int, size: int, stride: int, dilation: int, before: int, after: int) -> list[int]:
    """First positions of all windows that lie in -before .. n + after - 1, found by walking."""
    found, first = [], -before
    while first + dilation * (size - 1) < n + after:
        found.append(first)
        first += stride
    return found


def correlate(
    x: Tensor,
    w: Tensor,
    stride: tuple[int, ...],
    padding: list[tuple[int, int]],
    dilation: tuple[int, ...],
    groups: int,
) -> Tensor:
    """Cross-correlation of one (C, *sizes) image, one output number at a time."""
    x, w = x.double(), w.double()
    axes = [
        places(n, k, s, d, b, a)
        for n, k, s, d, (b, a) in zip(
            x.shape[1:], w.shape[2:], stride, dilation, padding, strict=True
        )
    ]
    out = torch.zeros(w.shape[0], *map(len, axes), dtype=torch.float64)
    per_group = w.shape[0] // groups
    for o in range(w.shape[0]):
        channels = range(o // per_group * w.shape[1], (o // per_group + 1) * w.shape[1])
        for where in itertools.product(*(range(len(a)) for a in axes)):
            total = 0.0
            for local, c in enumerate(channels):
                for tap in itertools.product(*map(range, w.shape[2:])):
                    position = [
                        a[i] + t * d for a, i, t, d in zip(axes, where, tap, dilation, strict=True)
                    ]
                    if all(0 <= p < n for p, n in zip(position, x.shape[1:], strict=True)):
                        total += float(w[(o, local, *tap)]) * float(x[(c, *position)])
            out[(o, *where)] = total
    return out


def tolerance(x: Tensor, w: Tensor) -> float:
    """4 * eps * K * rms(x) * rms(w), for K terms summed."""
    terms = math.prod(w.shape[1:])
    rms = [t.double().square().mean().sqrt().item() for t in (x, w)]
    return 4 * EPS[x.dtype] * terms * rms[0] * rms[1] + 1e-300
