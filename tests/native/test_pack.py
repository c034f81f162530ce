"""Packing weights where they lie: turned around, every other tap, by several threads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from striate import _core

from .steps import aligned, run_step

TARGETS = [name for name, _ in _core.targets()]
# Groups, outputs and channels of a group, taps; whether the input is plain.
SHAPES = {
    "3x3": (1, 41, 20, (1, 3, 3), False),
    "many": (1, 64, 272, (1, 3, 3), False),
    "1x1": (1, 40, 37, (1, 1, 1), False),
    "5x5": (1, 16, 6, (1, 5, 5), False),
    "3D": (1, 17, 9, (3, 3, 3), False),
    "signal": (1, 24, 16, (1, 1, 9), False),
    "first": (1, 33, 3, (2, 3, 5), True),
    "first pairs": (1, 6, 1, (1, 5, 5), True),
    "depthwise": (19, 1, 1, (1, 3, 3), False),
    "groups": (8, 4, 4, (1, 3, 3), False),
    "wide groups": (2, 24, 20, (1, 3, 3), False),
}


def _attributes(name: str) -> dict[str, Any]:
    groups, outputs, channels, taps, plain = SHAPES[name]
    return {
        "in_channels": groups * channels,
        "out_channels": groups * outputs,
        "groups": groups,
        "batch": 1,
        "in": [4, 6, 12] if taps[0] > 1 else [1, 6, 12] if taps[1] > 1 else [1, 1, 12],
        "out": [4, 6, 12] if taps[0] > 1 else [1, 6, 12] if taps[1] > 1 else [1, 1, 12],
        "kernel": list(taps),
        "stride": [1, 1, 1],
        "dilation": [1, 1, 1],
        "padding": [size // 2 for size in taps],
        "plain_input": plain,
    }


def _strides(array: np.ndarray[Any, Any]) -> list[int]:
    return [stride // 4 for stride in array.strides]


def _lying(name: str, apart: int) -> tuple[Any, Any, int]:
    """Weights of a transposed convolution: all, as they are read, and where that begins."""
    groups, outputs, channels, taps, _ = SHAPES[name]
    whole = [size * apart for size in taps]
    draw = np.random.default_rng(len(name) + apart)
    held = draw.standard_normal((groups, channels, outputs, *whole)).astype(np.float32)
    read = held.transpose(0, 2, 1, 3, 4, 5)[..., ::-apart, ::-apart, ::-apart]
    start = (read.__array_interface__["data"][0] - held.__array_interface__["data"][0]) // 4
    return held, read, start


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SHAPES)
def test_every_kernel_reads_weights_where_they_lie(name: str, target: str) -> None:
    attributes = _attributes(name)
    for kernel in _core.candidates(target, "conv", attributes):
        floats = _core.needs(target, "conv", kernel, attributes, 1).weight_floats
        for apart, threads in ((1, 1), (1, 3), (2, 1)):
            held, read, start = _lying(name, apart)
            expected = aligned(floats)
            _core.pack(target, "conv", kernel, attributes, np.ascontiguousarray(read), expected)
            packing = {
                **attributes, "packs": "conv", "packs_for": kernel,
                "filters": _strides(read), "filters_start": start,
            }  # fmt: skip
            (packed,) = run_step(
                target, "pack", "pack", packing, [held[..., :]], [(floats,)], threads=threads
            )
            # As words: digits of numbers may look like NaN.
            assert np.array_equal(packed.view(np.int32), expected.view(np.int32)), kernel


@pytest.mark.parametrize(("kernel", "channels"), [("matvec", 0), ("product", 0), ("product", 7)])
def test_linear_weights_are_packed_by_panels(kernel: str, channels: int) -> None:
    target = TARGETS[0]
    attributes = {"batch": 1, "in_features": 35, "out_features": 41}
    if channels:
        attributes |= {"channels": channels, "pixels": 35 // channels}
    weight = np.random.default_rng(0).standard_normal((35, 41)).astype(np.float32)
    floats = _core.needs(target, "linear", kernel, attributes, 1).weight_floats
    expected = aligned(floats)
    _core.pack(target, "linear", kernel, attributes, np.ascontiguousarray(weight.T), expected)
    packing = {
        **attributes, "packs": "linear", "packs_for": kernel,
        "filters": [0, 1, 41, 0, 0, 0], "filters_start": 0,
    }  # fmt: skip
    (packed,) = run_step(target, "pack", "pack", packing, [weight], [(floats,)], threads=2)
    assert np.array_equal(packed, expected)
    assert {*weight.ravel(), 0.0} == {*packed}


@pytest.mark.parametrize(
    ("filters", "start", "floats"),
    [([0, 1, 40, 0, 0, 0], 0, 40 * 37), ([0, 1, 40, 0, 0, 0], 9, 40 * 37 + 9),
     ([0, -1, 40, 0, 0, 0], 39, 40 * 37)],
)  # fmt: skip
def test_the_step_tells_what_it_reads(filters: list[int], start: int, floats: int) -> None:
    packing = {
        **_attributes("1x1"), "packs": "conv", "packs_for": "direct",
        "filters": filters, "filters_start": start,
    }  # fmt: skip
    assert _core.extents(TARGETS[0], "pack", "pack", packing)[0] == [floats]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("images", "height", "width"), [(31, 3, 4), (2, 8, 16)])
@pytest.mark.parametrize(("groups", "turned"), [(1, False), (1, True), (2, False)])
def test_a_convolution_that_packs_its_weights_gives_the_same_bits(
    groups: int, turned: bool, images: int, height: int, width: int, target: str
) -> None:
    """Several images a block, the last one fewer; parts of one; several tasks for the weights."""
    lanes, channels, outputs = dict(_core.targets())[target], 300 * groups, 520 * groups
    pixels = height * width
    attributes = {
        "in_channels": channels, "out_channels": outputs, "groups": groups, "batch": images,
        "in": [1, height, width], "out": [1, height, width], "kernel": [1, 1, 1],
        "stride": [1, 1, 1], "dilation": [1, 1, 1], "padding": [0, 0, 0],
    }  # fmt: skip
    draw = np.random.default_rng(groups)
    x = draw.standard_normal((images, -(-channels // lanes), pixels, lanes)).astype(np.float32)
    weight = draw.standard_normal((outputs, channels // groups)).astype(np.float32)
    shape = (images, -(-outputs // lanes), pixels, lanes)
    (expected,) = run_step(target, "conv", "direct", attributes, [x], [shape], weight=weight)
    plain = {**attributes, "plain_weight": True}
    if turned:
        plain |= {"filters": [0, 1, outputs, 0, 0, 0], "filters_start": 0}
    given = [x, None, None, np.ascontiguousarray(weight.T) if turned else weight]
    for threads in (1, 3):
        (y,) = run_step(
            target, "conv", "direct", plain, given, [shape], weights=[None], threads=threads
        )
        assert np.array_equal(y, expected)


def test_weights_in_front_of_the_first_are_refused() -> None:
    packing = {
        **_attributes("1x1"), "packs": "conv", "packs_for": "direct",
        "filters": [0, -1, 40, 0, 0, 0], "filters_start": 38,
    }  # fmt: skip
    with pytest.raises(ValueError, match="in front of the weights"):
        _core.extents(TARGETS[0], "pack", "pack", packing)
    too_far = packing | {"filters": [0, 2**31, 2**31, 0, 0, 0]}
    assert _core.extents(TARGETS[0], "pack", "pack", too_far)[0][0] > math.prod((39, 2**31))
