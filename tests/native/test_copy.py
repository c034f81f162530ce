"""The step `copy`: permute, slice, concatenate, shuffle, pad; all results are exact."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from striate import _core
from striate.graph.ops import ChannelShuffle, PixelShuffle, PixelUnshuffle

from .steps import Array, aligned, block, run_step, unblock

TARGETS = [name for name, _ in _core.targets()]


def draw(*shape: int) -> Array:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def run(target: str, kernel: str, x: Array, channels: int, size: Any, **attributes: Any) -> Array:
    """Copy a map (N, C, H, W) to one of `channels` and H, W = `size`."""
    lanes = dict(_core.targets())[target]
    n, c, h, w = x.shape
    arguments = {
        "batch": n, "x_channels": c, "y_channels": channels, "in": [1, h, w], **attributes,
    }  # fmt: skip
    assert _core.candidates(target, "copy", arguments) == [kernel]
    given = block(x, lanes, 9.0)
    shape = (n, -(-channels // lanes), *size, lanes)
    (y,) = run_step(target, "copy", kernel, arguments, [given], [shape], threads=2)
    assert np.isfinite(unblock(y, shape[1] * lanes)[:, channels:]).all()
    return unblock(y, channels)


@pytest.mark.parametrize("target", TARGETS)
def test_strided_copies_are_numpys_views(target: str) -> None:
    x4, x2 = draw(3, 5, 7, 11), draw(70, 45)
    flipped = draw(4, 30)
    views = [
        x4.transpose(0, 2, 3, 1), x4.transpose(3, 2, 1, 0), x4.transpose(0, 3, 1, 2), x4[1:, ::2],
        x4[:, :, 2:5, 3:], x2.T, x2[10:, 3:20].T, np.broadcast_to(x2[:, None, :5], (70, 6, 5)),
        flipped[::-1], flipped[:, ::-1], draw(2, 3, 2, 3, 4, 5).transpose(5, 0, 3, 1, 4, 2),
        draw(20000), draw(3, 1)[:, 0], draw(2, 1500, 3).transpose(0, 2, 1), draw(1)[:, None],
        draw(3000, 4).T, draw(2, 40, 50).transpose(2, 0, 1),
    ]  # fmt: skip
    for view in views:
        base = view
        while base.base is not None:
            base = base.base
        y_shape = view.shape
        start = (view.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // 4
        attributes = {
            "sizes": list(y_shape), "x_strides": [s // 4 for s in view.strides], "x_start": start,
            "y_strides": [s // 4 for s in np.empty(y_shape, np.float32).strides],
        }  # fmt: skip
        (y,) = run_step(target, "copy", "strided", attributes, [base], [y_shape], threads=3)
        assert np.array_equal(y, view), (y_shape, view.strides)


@pytest.mark.parametrize("target", TARGETS)
def test_strided_copies_fill_parts_of_y(target: str) -> None:
    x = draw(4, 6)
    program = _core.Program(target, 1, 256, aligned(16), [24], [4 * 10])
    program.add("copy", "strided", {"sizes": [4, 6], "x_strides": [6, 1], "y_strides": [10, 1],
                "y_start": 3}, [(3, 0, 0)], [(4, 0, 0)], [])  # fmt: skip
    y = np.zeros((4, 10), np.float32)
    _core.Context(program).run([x], [y], 0, 1)
    assert np.array_equal(y[:, 3:9], x)
    assert not y[:, :3].any()
    assert not y[:, 9:].any()


@pytest.mark.parametrize("target", TARGETS)
def test_slices_of_channels(target: str) -> None:
    x = draw(2, 37, 3, 5)
    for first, count, step in ((0, 37, 1), (3, 20, 1), (8, 16, 1), (1, 18, 2), (36, 1, 1)):
        y = run(target, "channels", x, count, (3, 5), mode="channels", x_first=first, x_step=step)
        assert np.array_equal(y, x[:, first : first + count * step : step])


@pytest.mark.parametrize("target", TARGETS)
def test_concatenation_of_any_channels(target: str) -> None:
    lanes = dict(_core.targets())[target]
    parts = [draw(2, c, 3, 4) for c in (3, 1, 17, 9)]
    total = sum(part.shape[1] for part in parts)
    sizes = [block(part, lanes, 8.0).size for part in parts]
    starts = np.cumsum([0, *sizes])
    out = 2 * -(-total // lanes) * lanes * 12
    program = _core.Program(target, 2, int(starts[-1]) + out, aligned(16), [], [])
    channel = 0
    for part, start in zip(parts, starts, strict=False):
        attributes = {
            "mode": "channels", "batch": 2, "x_channels": part.shape[1], "y_channels": total,
            "in": [1, 3, 4], "y_first": channel, "count": part.shape[1],
        }  # fmt: skip
        program.add("copy", "channels", attributes, [(1, 0, int(start))],
                    [(1, 0, int(starts[-1]))], [])  # fmt: skip
        channel += part.shape[1]
    context = _core.Context(program)
    context.arena[:] = math.nan
    for part, start, size in zip(parts, starts, sizes, strict=False):
        context.arena[start : start + size] = block(part, lanes, 8.0).ravel()
    context.run([], [], 0, 4)
    y = context.arena[starts[-1] :].reshape(2, -1, 3, 4, lanes)
    assert np.isfinite(y).all()
    assert np.array_equal(unblock(y, total), np.concatenate(parts, 1))


@pytest.mark.parametrize("target", TARGETS)
def test_shuffles(target: str) -> None:
    for c, groups in ((24, 3), (36, 2), (7, 7), (58, 29)):
        x = draw(2, c, 3, 4)
        y = run(target, "channels", x, c, (3, 4), mode="channels", groups=groups)
        assert np.array_equal(y, ChannelShuffle(groups).evaluate(x)[0])
    for c, r in ((3, 2), (9, 2), (2, 3), (1, 4)):
        for blocks_first in (False, True):
            x = draw(2, c * r * r, 3, 5)
            y = run(target, "channels", x, c, (3 * r, 5 * r), mode="shuffle", factor=r,
                    blocks_first=blocks_first)  # fmt: skip
            assert np.array_equal(y, PixelShuffle(r, blocks_first).evaluate(x)[0])
            x = draw(2, c, 3 * r, 5 * r)
            y = run(target, "channels", x, c * r * r, (3, 5), mode="unshuffle", factor=r,
                    blocks_first=blocks_first)  # fmt: skip
            assert np.array_equal(y, PixelUnshuffle(r, blocks_first).evaluate(x)[0])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("border", ["constant", "reflect", "replicate", "circular"])
def test_pads(border: str, target: str) -> None:
    modes: Any = {"replicate": "edge", "circular": "wrap"}
    x = draw(2, 9, 5, 6)
    for top, bottom, left, right in ((1, 2, 3, 0), (0, 0, 2, 4), (4, 4, 5, 5), (0, 1, 0, 0)):
        extra = {"constant_values": math.inf} if border == "constant" else {}
        expected = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)),
                          modes.get(border, border), **extra)  # fmt: skip
        size = expected.shape[2:]
        y = run(target, "pixels", x, 9, size, mode="pixels", out=[1, *size],
                before=[0, top, left], border=border,
                value=math.inf)  # fmt: skip
        assert np.array_equal(y, expected)


@pytest.mark.parametrize("target", TARGETS)
def test_slices_rolled_and_spread_maps(target: str) -> None:
    x = draw(2, 9, 7, 8)
    y = run(target, "pixels", x, 9, (3, 3), mode="pixels", out=[1, 3, 3], before=[0, -1, -2],
            step=[1, 2, 2])  # fmt: skip
    assert np.array_equal(y, x[:, :, 1:7:2, 2:8:2])
    y = run(target, "pixels", x, 9, (2, 20), mode="pixels", out=[1, 2, 20], before=[0, -5, 9],
            step=[1, 1, 3])  # fmt: skip
    padded = np.pad(x, ((0, 0), (0, 0), (0, 0), (9, 60)))
    assert np.array_equal(y, padded[:, :, 5:7, :60:3])
    y = run(target, "pixels", x, 9, (7, 8), mode="pixels", out=[1, 7, 8], before=[0, 3, -2],
            border="circular")  # fmt: skip
    assert np.array_equal(y, np.roll(x, (3, -2), (2, 3)))
    y = run(target, "pixels", x[:, :, :1, :1], 9, (7, 8), mode="pixels", out=[1, 7, 8],
            border="replicate")  # fmt: skip
    assert np.array_equal(y, np.broadcast_to(x[:, :, :1, :1], x.shape))


@pytest.mark.parametrize("target", TARGETS)
def test_maps_with_other_channels(target: str) -> None:
    x = draw(2, 19, 5, 6)
    for before, after in ((4, 4), (16, 0), (3, 5), (0, 40), (-3, 2), (-16, 17), (-2, -9), (40, 0)):
        low, high = max(-before, 0), 19 - max(-after, 0)
        expected = np.pad(x[:, low:high, ::2, ::2], ((0, 0), (max(before, 0), max(after, 0)),
                          (0, 0), (1, 0)), constant_values=math.inf)  # fmt: skip
        y = run(target, "pixels", x, 19 + before + after, (3, 4), mode="pixels", out=[1, 3, 4],
                step=[1, 2, 2], before=[0, 0, 2], x_first=-before, value=math.inf)  # fmt: skip
        assert np.array_equal(y, expected), (before, after)


MAP = {"batch": 1, "x_channels": 8, "y_channels": 8, "in": [1, 4, 4]}


@pytest.mark.parametrize(
    "attributes",
    [
        {"sizes": [4], "x_strides": [-1], "y_strides": [1]},
        {"sizes": [4], "x_strides": [1], "y_strides": [0]},
        {"sizes": [1 << 31] * 3, "x_strides": [1] * 3, "y_strides": [1] * 3},
        {**MAP, "mode": "channels", "x_first": 1},
        {**MAP, "mode": "channels", "y_first": 8, "count": 1},
        {**MAP, "mode": "channels", "groups": 3},
        {**MAP, "mode": "shuffle", "factor": 2},
        {**MAP, "mode": "unshuffle", "factor": 3, "y_channels": 72},
        {**MAP, "mode": "pixels", "out": [1, 1, 1], "border": "edge"},
    ],
)
def test_wrong_arguments_are_refused(attributes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="copy"):
        _core.candidates(TARGETS[0], "copy", attributes)
