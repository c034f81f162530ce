"""Views, slices, shuffles, pads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from striate.graph.ops import ChannelShuffle, PixelShuffle, PixelUnshuffle

from ..draw import Rng, channels, gap, normal, pick
from ..problem import Array, Operand, Problem


def draw(rng: Rng) -> Problem:
    """Views of arrays; slices, shuffles and pads of maps. Exact."""
    return pick(rng, _strided, _strided, _channels, _groups, _shuffle, _pixels, _pixels)(rng)


def _of_maps(rng: Rng, x: Array, y: Array, **attributes: Any) -> Problem:
    common = {
        "batch": len(x), "x_channels": x.shape[1], "y_channels": y.shape[1], "in": x.shape[2:],
    }  # fmt: skip
    return Problem(
        "copy", common | attributes, [Operand(x, True, "x_batch_stride", gap(rng), 9.0)],
        [Operand(y, True, "y_batch_stride", gap(rng))], lambda _: 0.0,
    )  # fmt: skip


def _map(rng: Rng, channels: int) -> Array:
    depth = int(pick(rng, 1, 1, 1, 3))
    return normal(rng, int(pick(rng, 1, 2, 3)), channels, depth, *rng.integers(1, 20, 2))


def _channels(rng: Rng) -> Problem:
    """Some channels, perhaps to the middle of a map whose other channels stay."""
    x, step = _map(rng, channels(rng)), int(pick(rng, 1, 1, 2, 3))
    first = int(rng.integers(0, x.shape[1]))
    count = int(rng.integers(1, (x.shape[1] - first - 1) // step + 2))
    before, after = (int(pick(rng, 0, 0, 1, 5, 16, 23)) for _ in range(2))
    y = np.full((len(x), before + count + after, *x.shape[2:]), np.nan, np.float32)
    y[:, before : before + count] = x[:, first : first + count * step : step]
    return _of_maps(
        rng, x, y, mode="channels", x_first=first, x_step=step, y_first=before, count=count
    )


def _groups(rng: Rng) -> Problem:
    groups = int(rng.integers(1, 9))
    x = _map(rng, groups * int(rng.integers(1, 12)))
    return _of_maps(rng, x, ChannelShuffle(groups).evaluate(x)[0], mode="channels", groups=groups)


def _shuffle(rng: Rng) -> Problem:
    """Between channels and pixels, both ways."""
    r, c, blocks_first = int(pick(rng, 2, 3, 4)), int(rng.integers(1, 12)), rng.random() < 0.5
    apart = rng.random() < 0.5
    x = _map(rng, c * r * r if apart else c)[:, :, 0]
    if not apart:
        x = x.repeat(r, 2).repeat(r, 3) + normal(rng, r * x.shape[3])
    op = PixelShuffle(r, bool(blocks_first)) if apart else PixelUnshuffle(r, bool(blocks_first))
    (y,) = op.evaluate(x)
    return _of_maps(
        rng, x[:, :, None], y[:, :, None], mode="shuffle" if apart else "unshuffle", factor=r,
        blocks_first=bool(blocks_first),
    )  # fmt: skip


def _pixels(rng: Rng) -> Problem:
    """Pads, slices with steps, both at once; the channels may be others, too."""
    x = _map(rng, channels(rng))
    border = str(pick(rng, "constant", "reflect", "replicate", "circular"))
    value = float(pick(rng, 0, 2.5, -math.inf))
    c = x.shape[1]
    x_first, y_channels = (
        (0, c) if rng.random() < 0.7 else (int(rng.integers(-9, c)), int(rng.integers(1, c + 20)))
    )
    y, holes = x, np.zeros(x.shape, bool)
    told: dict[str, list[int]] = {"before": [], "step": [], "out": []}
    for axis in (2, 3, 4):
        n, step = x.shape[axis], int(pick(rng, 1, 1, 1, 2, 3))
        before = int(rng.integers(-n + 1, n + 3)) if n > 1 else 0
        out = int(rng.integers(1, n + 9)) if n > 1 or rng.random() < 0.3 else 1
        places = _line(n, border)[_FAR - before :][: out * step : step]
        y, holes = y.take(places, axis), holes.take(places, axis)
        holes |= (places < 0).reshape(-1, *[1] * (4 - axis))
        for name, number in (("before", before), ("step", step), ("out", len(places))):
            told[name].append(number)
    lanes = np.arange(y_channels) + x_first
    absent = (lanes < 0) | (lanes >= c)
    y = np.where(holes, value, y)[:, np.where(absent, 0, lanes)]
    y[:, absent] = value
    return _of_maps(rng, x, y, mode="pixels", x_first=x_first, border=border, value=value, **told)


_FAR = 200


def _line(n: int, border: str) -> Array:
    """The pixels that lie from -_FAR on along an axis of n; -1 is the constant."""
    pixels, pad = np.arange(n), (_FAR, _FAR)
    if border == "constant":
        return np.pad(pixels, pad, constant_values=-1)
    modes: Any = {"replicate": "edge", "circular": "wrap", "reflect": "reflect"}
    return np.pad(pixels, pad, modes[border])


def _strided(rng: Rng) -> Problem:
    """A view: transposed, sliced, turned round; perhaps into the middle of an array."""
    sizes = [int(rng.integers(1, pick(rng, 3, 9, 40))) for _ in range(rng.integers(1, 7))]
    while math.prod(sizes) > 50000:
        sizes.pop()
    base = normal(rng, *sizes)
    view = base.transpose(rng.permutation(len(sizes)))
    for axis, n in enumerate(view.shape):
        first, step = int(rng.integers(0, n)) if rng.random() < 0.3 else 0, int(pick(rng, 1, 1, 2))
        index: list[Any] = [slice(None)] * view.ndim
        index[axis] = slice(first, None, step)
        if rng.random() < 0.2:
            index[axis] = slice(None, None, -1)
        view = view[tuple(index)]
    start = (view.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // 4
    # It reads no further than the last number of the view.
    last = start + sum(
        (n - 1) * max(s // 4, 0) for n, s in zip(view.shape, view.strides, strict=True)
    )
    y = np.full([n + int(pick(rng, 0, 0, 0, 2)) for n in view.shape], np.nan, np.float32)
    at = [int(rng.integers(0, m - n + 1)) for m, n in zip(y.shape, view.shape, strict=True)]
    y[tuple(slice(i, i + n) for i, n in zip(at, view.shape, strict=True))] = view
    y_strides = [s // 4 for s in y.strides]
    attributes = {
        "sizes": list(view.shape), "x_strides": [s // 4 for s in view.strides], "x_start": start,
        "y_strides": y_strides, "y_start": sum(map(math.prod, zip(at, y_strides, strict=True))),
    }  # fmt: skip
    y_last = np.flatnonzero(~np.isnan(y))[-1]
    return Problem(
        "copy", attributes, [Operand(base.reshape(1, -1)[:, : last + 1])],
        [Operand(y.reshape(1, -1)[:, : y_last + 1])], lambda _: 0.0,
    )  # fmt: skip
