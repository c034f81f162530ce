"""All kernels of the gradient for filters, on all targets, against the definition in float64."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import Window, _core
from striate.graph.ops import ConvWeightGradient

from .steps import EPS, Array, Convolution, block, filters_slack, run_step
from .test_batch_norm import Norm, pooled

TARGETS = [name for name, _ in _core.targets()]
KIND = "conv_weight_gradient"


def attributes_of(p: Convolution) -> dict[str, Any]:
    """Of the convolution, those that its gradient has."""
    names = ("batch", "in_channels", "out_channels", "groups", "in", "out", "kernel", "stride",
             "dilation", "padding", "plain_input", "bias")  # fmt: skip
    return {name: p.attributes[name] for name in names}


def draw(p: Convolution, seed: int = 0) -> tuple[Array, Array]:
    """Make up x and gy."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((p.batch, p.in_channels, *p.size)).astype(np.float32)
    gy = rng.standard_normal((p.batch, p.out_channels, *p.out)).astype(np.float32)
    return x, gy


def reference(p: Convolution, x: Array, gy: Array) -> Array:
    """The definition, in float64."""
    windows = tuple(
        Window(k, s, d, (b, a))
        for k, s, d, b, a in zip(p.kernel, p.stride, p.dilation, p.before, p.after, strict=True)
    )
    (gw,) = ConvWeightGradient(windows, p.groups).evaluate(
        x.astype(np.float64), gy.astype(np.float64)
    )
    return gw


def run(
    target: str, kernel: str, p: Convolution, x: Array, gy: Array, threads: int = 1
) -> tuple[Array, Array | None]:
    """The gradients for filters and bias; unused lanes are NaN, which must not matter."""
    lanes = dict(_core.targets())[target]
    given_x = x if p.plain_input else block(x, lanes, math.nan)
    shapes = [(p.out_channels, p.in_channels // p.groups, *p.kernel)]
    if p.bias:
        shapes.append((p.out_channels,))
    gw, *gb = run_step(
        target, KIND, kernel, attributes_of(p), [given_x, block(gy, lanes, math.nan)], shapes,
        threads=threads,
    )  # fmt: skip
    return gw, gb[0] if gb else None


def check(p: Convolution, target: str, at_least: tuple[str, ...] = ("reference",)) -> None:
    """Compare every kernel that fits."""
    x, gy = draw(p)
    exact = reference(p, x, gy)
    kernels = _core.candidates(target, KIND, attributes_of(p))
    assert set(at_least) <= set(kernels)
    bound = 4 * EPS * (p.batch * math.prod(p.out) + 2)
    for kernel in kernels:
        gw, gb = run(target, kernel, p, x, gy)
        slack = filters_slack(kernel, x, gy, exact)
        np.testing.assert_allclose(gw, exact, rtol=0, atol=bound + slack, err_msg=kernel)
        if gb is not None:
            sums = gy.astype(np.float64).sum((0, 2, 3, 4))
            np.testing.assert_allclose(gb, sums, rtol=0, atol=bound, err_msg=kernel)


def _depthwise(
    channels: int, size: tuple[int, int, int], kernel: int, *, stride: int = 1, dilation: int = 1,
    batch: int = 1,
) -> Convolution:  # fmt: skip
    """Along height and width, padded to keep the size at stride 1."""
    padding = dilation * (kernel - 1) // 2
    return Convolution(
        batch=batch, in_channels=channels, out_channels=channels, groups=channels, size=size,
        kernel=(1, kernel, kernel), stride=(1, stride, stride), dilation=(1, dilation, dilation),
        before=(0, padding, padding), after=(0, padding, padding),
    )  # fmt: skip


def _plain_volume(
    channels: int, out_channels: int, size: tuple[int, int, int], **others: Any
) -> Convolution:
    """3x3x3 that keeps the size."""
    return Convolution(
        in_channels=channels, out_channels=out_channels, size=size, kernel=(3, 3, 3),
        before=(1, 1, 1), after=(1, 1, 1), plain_input=True, **others,
    )  # fmt: skip


SAME: dict[str, Any] = {"before": (0, 1, 1), "after": (0, 1, 1)}
SHAPES = {
    "3x3": Convolution(**SAME),
    "3x3, odd channels": Convolution(in_channels=13, out_channels=29, batch=3, **SAME),
    "3x3, few channels": Convolution(in_channels=3, out_channels=5, batch=2, **SAME),
    "3x3, many channels": Convolution(
        in_channels=264, out_channels=136, size=(1, 4, 5), bias=False, **SAME
    ),
    "3x3, tiles over the edges": Convolution(
        in_channels=37, out_channels=43, size=(1, 9, 13), batch=3, **SAME
    ),
    "3x3, without padding": Convolution(
        in_channels=32, out_channels=80, size=(1, 8, 11), batch=2, bias=False
    ),
    "3x3, padded on one side": Convolution(
        in_channels=16, out_channels=64, size=(1, 9, 8), before=(0, 2, 0), after=(0, 0, 2)
    ),
    "3x3, many tiles": Convolution(
        in_channels=49, out_channels=22, size=(1, 30, 31), batch=7, **SAME
    ),
    "3x3x3, a last plane of padding alone": Convolution(
        in_channels=33,
        out_channels=20,
        size=(9, 8, 14),
        kernel=(3, 3, 3),
        batch=2,
        before=(0, 1, 1),
        after=(3, 1, 1),
    ),
    "2x3x3, planes of padding": Convolution(
        in_channels=16,
        out_channels=40,
        size=(5, 8, 10),
        kernel=(2, 3, 3),
        batch=2,
        before=(1, 0, 0),
        after=(1, 0, 0),
    ),
    "4x3x3, planes cut off": Convolution(
        in_channels=24,
        out_channels=16,
        size=(9, 7, 8),
        kernel=(4, 3, 3),
        before=(-2, 1, 1),
        after=(-1, 1, 1),
    ),
    "3x3, many images of few pixels": Convolution(
        in_channels=17, out_channels=24, size=(1, 2, 2), batch=37, **SAME
    ),
    "many images, all of them beside their padding": Convolution(
        in_channels=3,
        out_channels=24,
        size=(1, 3, 4),
        batch=23,
        kernel=(1, 2, 2),
        before=(-1, 0, 0),
        after=(1, 0, 0),
    ),
    "stride 2, many images of few pixels": Convolution(
        in_channels=24,
        out_channels=40,
        groups=2,
        size=(1, 7, 6),
        stride=(1, 2, 2),
        batch=33,
        **SAME,
    ),
    "1x1, many images of few pixels": Convolution(
        in_channels=20, out_channels=28, size=(1, 3, 3), kernel=(1, 1, 1), batch=50
    ),
    "signal, many images": Convolution(size=(1, 1, 9), kernel=(1, 1, 3), batch=19),
    "stride 2": Convolution(stride=(1, 2, 2), size=(1, 15, 14), batch=2, **SAME),
    "dilation 3": Convolution(
        dilation=(1, 3, 3), size=(1, 15, 11), before=(0, 3, 3), after=(0, 3, 3)
    ),
    "more padding than window": Convolution(before=(0, 4, 0), after=(0, 0, 5)),
    "window beyond the map": Convolution(size=(1, 2, 1), before=(0, 3, 3), after=(0, 3, 3)),
    "cropped": Convolution(before=(0, -1, -2), after=(0, 0, -1)),
    "long rows": Convolution(size=(1, 3, 431), in_channels=9, out_channels=8, **SAME),
    "signal": Convolution(size=(1, 1, 997), kernel=(1, 1, 9), stride=(1, 1, 2), batch=2),
    "volume": Convolution(
        size=(5, 6, 7), kernel=(3, 3, 3), before=(1, 1, 1), after=(1, 1, 1), stride=(2, 1, 1)
    ),
    "1x1, many outputs": Convolution(
        in_channels=72, out_channels=264, size=(1, 23, 29), kernel=(1, 1, 1), batch=2
    ),
    "1x1, few pixels": Convolution(
        in_channels=160, out_channels=72, size=(1, 5, 5), kernel=(1, 1, 1), batch=3
    ),
    "1x1, x in the lanes, the last not full": Convolution(
        in_channels=150, out_channels=72, size=(1, 5, 5), kernel=(1, 1, 1), batch=3
    ),
    "1x1, x in the lanes, few outputs": Convolution(
        in_channels=96, out_channels=20, size=(1, 7, 5), kernel=(1, 1, 1), batch=11
    ),
    "1x1, x in the lanes, images side by side": Convolution(
        in_channels=160, out_channels=72, size=(1, 2, 2), kernel=(1, 1, 1), batch=60
    ),
    "1x1, x in the lanes, past the caches": Convolution(
        in_channels=512, out_channels=320, size=(1, 3, 3), kernel=(1, 1, 1), batch=2
    ),
    "1x1, more than a task's channels": Convolution(
        in_channels=520, out_channels=300, size=(1, 6, 7), kernel=(1, 1, 1), batch=1
    ),
    "1x1": Convolution(in_channels=40, out_channels=56, size=(1, 10, 13), kernel=(1, 1, 1)),
    "1x1, large": Convolution(
        in_channels=264, out_channels=72, size=(1, 23, 29), kernel=(1, 1, 1), batch=2
    ),
    "1x1, stride 2": Convolution(
        in_channels=32, out_channels=24, size=(1, 11, 12), kernel=(1, 1, 1), stride=(1, 2, 2)
    ),
    "1x1, one pixel": Convolution(
        in_channels=32, out_channels=24, size=(1, 1, 1), kernel=(1, 1, 1), batch=70
    ),
    "groups of whole vectors": Convolution(in_channels=96, out_channels=64, groups=2, **SAME),
    "groups of 4": Convolution(in_channels=32, out_channels=32, groups=8, batch=2, **SAME),
    "groups of 4, volume": Convolution(
        in_channels=20,
        out_channels=20,
        groups=5,
        size=(5, 6, 17),
        kernel=(3, 3, 3),
        stride=(2, 1, 1),
        before=(1, 1, 1),
        after=(1, 1, 1),
    ),
    "groups of 4, 5x5": Convolution(
        in_channels=12, out_channels=12, groups=3, size=(1, 9, 31), kernel=(1, 5, 5), batch=2
    ),
    "groups of 4 to 8": Convolution(in_channels=20, out_channels=40, groups=5, **SAME),
    "groups of 5 to 3": Convolution(in_channels=35, out_channels=21, groups=7, batch=2, **SAME),
    "depthwise": Convolution(in_channels=17, out_channels=17, groups=17, batch=3, **SAME),
    "depthwise, maps beyond L2": _depthwise(24, (1, 75, 75), 3, batch=4),
    "depthwise stride 2, maps beyond L2": _depthwise(24, (1, 75, 75), 3, stride=2, batch=5),
    "depthwise, stride 2": _depthwise(9, (1, 14, 15), 3, stride=2),
    "depthwise 5x5": _depthwise(24, (1, 19, 23), 5, batch=2),
    "depthwise 7x7 on a smaller map": _depthwise(8, (1, 3, 2), 7, batch=5),
    "depthwise 7x7, stride 2": _depthwise(130, (1, 9, 8), 7, stride=2),
    "depthwise 9x9": _depthwise(3, (1, 14, 31), 9),
    "depthwise, dilated": _depthwise(8, (1, 15, 27), 3, dilation=3),
    "depthwise, long rows": _depthwise(8, (1, 3, 431), 3),
    "depthwise volume": Convolution(
        in_channels=9,
        out_channels=9,
        groups=9,
        size=(5, 6, 7),
        kernel=(3, 3, 3),
        before=(1, 1, 1),
        after=(1, 1, 1),
        stride=(2, 1, 1),
        batch=2,
    ),
    "depthwise signal": Convolution(
        in_channels=5, out_channels=5, groups=5, size=(1, 1, 67), kernel=(1, 1, 31)
    ),
    "lenet": Convolution(
        in_channels=6, out_channels=16, size=(1, 14, 14), kernel=(1, 5, 5), batch=9
    ),
    "plain": Convolution(in_channels=3, out_channels=16, plain_input=True, batch=2, **SAME),
    "plain, 3x3x3": _plain_volume(3, 16, (5, 12, 15), batch=3),
    "plain, 3x3x3, two groups of tiles": _plain_volume(4, 57, (3, 12, 70), bias=False),
    "plain, 3x3x3, planes of padding": _plain_volume(3, 33, (4, 16, 21)).but(
        before=(2, 0, 2), after=(1, 2, 0)
    ),
    "plain, 3x3x3, planes cut off": _plain_volume(3, 9, (7, 8, 32)).but(
        before=(-1, 1, 1), after=(-2, 1, 1)
    ),
    "plain, nine channels": Convolution(
        in_channels=9, out_channels=20, size=(1, 13, 16), plain_input=True, batch=2, **SAME
    ),
    "plain 7x7, stride 2": Convolution(
        in_channels=3,
        out_channels=40,
        plain_input=True,
        size=(1, 27, 31),
        kernel=(1, 7, 7),
        stride=(1, 2, 2),
        before=(0, 3, 3),
        after=(0, 3, 3),
    ),
    "plain 5x5 of one channel": Convolution(
        in_channels=1,
        out_channels=6,
        plain_input=True,
        size=(1, 32, 32),
        kernel=(1, 5, 5),
        batch=5,
    ),
    "plain signal": Convolution(
        in_channels=1,
        out_channels=20,
        size=(1, 1, 3000),
        kernel=(1, 1, 80),
        stride=(1, 1, 4),
        plain_input=True,
        batch=2,
    ),
    "plain volume": Convolution(
        in_channels=2,
        out_channels=9,
        plain_input=True,
        size=(5, 9, 10),
        kernel=(3, 3, 3),
        before=(1, 1, 1),
        after=(1, 1, 1),
        dilation=(1, 1, 2),
        stride=(2, 1, 1),
    ),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SHAPES)
def test_every_kernel_that_fits_agrees_with_the_definition(name: str, target: str) -> None:
    check(SHAPES[name], target)


def test_kernels_take_the_layers_they_are_for() -> None:
    wide = Convolution(in_channels=32, out_channels=32, size=(1, 16, 16), **SAME)
    expected = {
        "winograd": wide,
        "depthwise": wide.but(groups=32),
        "groups_of_4": wide.but(groups=8),
        "first": wide.but(in_channels=3, plain_input=True),
        "first_winograd": _plain_volume(3, 16, (4, 16, 16)),
        "direct": wide.but(stride=(1, 2, 2)),
    }
    for name, p in expected.items():
        assert _core.candidates(TARGETS[0], KIND, attributes_of(p))[0] == name


FIRST = {name: p for name, p in SHAPES.items() if p.plain_input} | {
    "plain, long rows": Convolution(
        in_channels=1, out_channels=35, size=(1, 2, 431), plain_input=True, bias=False, **SAME
    ),
    "plain, many filters": Convolution(
        in_channels=3, out_channels=130, size=(1, 21, 22), plain_input=True, batch=2, **SAME
    ),
}


@pytest.mark.parametrize("way", ["none", "own", "added", "pooled"])
@pytest.mark.parametrize("name", FIRST)
@pytest.mark.parametrize("target", TARGETS)
def test_the_gradient_of_a_norm_is_made_as_it_goes(target: str, name: str, way: str) -> None:
    """To the bit as if it had been written."""
    p, lanes = FIRST[name], dict(_core.targets())[target]
    pixels, mask = math.prod(p.out), "none" if way == "none" else "own"
    norm = Norm((p.batch, p.out_channels, pixels), mask=mask, high=0.7, added=way == "added")
    given: dict[str, Any] = {"mask": mask, "low": norm.low, "high": norm.high, "added": norm.added}
    beside = norm.arrays["added"]
    if way == "pooled":
        window = tuple(min(n, 2) for n in p.out)
        gy, place, _ = pooled(np.random.default_rng(1), norm.shape[:2], p.out, window)
        norm.arrays.update(gy=gy, places=place.astype(np.float32))
        given |= {"pooled": True, "window": list(window)}
        beside = block(place, lanes, 0).astype(np.uint8).view(np.float32)
    elif beside is not None:
        beside = block(beside, lanes, 3.0)
    x, _ = draw(p)
    sizes = {"in": list(p.out)}
    gx, *_ = norm.run(target, "gradient", **given, **sizes)
    gx = gx.reshape(p.batch, p.out_channels, *p.out)
    alone = replace(norm, input=False)
    alone.arrays.update(norm.arrays)
    numbers, *_ = alone.run(target, "gradient", **given, **sizes, numbers=True)
    told = attributes_of(p) | given | {"norm": True}
    kernels = _core.candidates(target, KIND, told)
    tiles = "3x3x3" in name or p.in_channels == 9
    assert kernels == (["first_winograd", "first"] if tiles else ["first"])
    shapes = [(p.out_channels, p.in_channels, *p.kernel)] + [(p.out_channels,)] * p.bias
    inputs = [
        x, block(norm.arrays["gy"], lanes, 5.0), block(norm.arrays["x"], lanes, -7.0), numbers,
        beside,
    ]  # fmt: skip
    for kernel in kernels:
        found = run_step(target, KIND, kernel, told, inputs, shapes, threads=2)
        for one, other in zip(found, run(target, kernel, p, x, gx), strict=False):
            assert np.array_equal(one, other)


@pytest.mark.parametrize("target", TARGETS)
def test_a_gradient_worked_by_hand(target: str) -> None:
    # Two filters of one row of two taps on the row 1 2 3: places 0 and 1.
    p = Convolution(in_channels=1, out_channels=2, size=(1, 1, 3), kernel=(1, 1, 2))
    x = np.array([1, 2, 3], np.float32).reshape(1, 1, 1, 1, 3)
    gy = np.array([[10, 1], [0, -1]], np.float32).reshape(1, 2, 1, 1, 2)
    for kernel in _core.candidates(target, KIND, attributes_of(p)):
        gw, gb = run(target, kernel, p, x, gy)
        # Tap 0 meets 1 and 2, tap 1 meets 2 and 3.
        assert gw.ravel().tolist() == [10 * 1 + 1 * 2, 10 * 2 + 1 * 3, -2, -3]
        assert gb is not None
        assert gb.tolist() == [11, -1]


@pytest.mark.parametrize("name", SHAPES)
def test_threads_change_no_bit(name: str) -> None:
    p, target = SHAPES[name], TARGETS[0]
    x, gy = draw(p)
    for kernel in _core.candidates(target, KIND, attributes_of(p)):
        expected, _ = run(target, kernel, p, x, gy)
        for threads in (2, 3):
            found, _ = run(target, kernel, p, x, gy, threads)
            assert np.array_equal(found, expected), (kernel, threads)


def test_it_is_what_autograd_computes() -> None:
    p = Convolution(
        in_channels=12, out_channels=8, groups=2, stride=(1, 2, 1), dilation=(1, 1, 2),
        size=(3, 9, 11), kernel=(2, 3, 3), before=(0, 1, 2), after=(0, 1, 2), batch=2,
    )  # fmt: skip
    x, gy = draw(p)
    weight = torch.zeros(8, 6, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    y = torch.nn.functional.conv3d(
        torch.from_numpy(x).double(), weight, None, p.stride, p.before, p.dilation, p.groups
    )
    y.backward(torch.from_numpy(gy).double())
    assert weight.grad is not None
    for target in TARGETS:
        for kernel in _core.candidates(target, KIND, attributes_of(p)):
            gw, _ = run(target, kernel, p, x, gy)
            np.testing.assert_allclose(gw, weight.grad.numpy(), rtol=0, atol=1e-4)


def test_long_sums_keep_their_precision() -> None:
    # All of one sign, so that the sum grows and rounding with it: 128 x 32 x 32 places.
    p = Convolution(
        batch=128, in_channels=8, out_channels=8, size=(1, 32, 32), kernel=(1, 1, 1), bias=True
    )
    x, gy = (np.abs(array) for array in draw(p))
    exact = reference(p, x, gy)
    gw, gb = run(TARGETS[0], _core.candidates(TARGETS[0], KIND, attributes_of(p))[0], p, x, gy)
    assert np.abs(gw - exact).max() < 1e-6 * exact.max()
    sums = gy.astype(np.float64).sum((0, 2, 3, 4))
    assert gb is not None
    assert np.abs(gb - sums).max() < 1e-6 * sums.max()


@st.composite
def convolutions(draw_from: st.DrawFn) -> Convolution:
    """Small ones, with all attributes at random."""
    pick = lambda low, high: draw_from(st.integers(low, high))  # noqa: E731
    axes = pick(1, 3)
    used = lambda values, fill: tuple([fill] * (3 - axes) + [values() for _ in range(axes)])  # noqa: E731
    kernel = used(lambda: pick(1, 4), 1)
    dilation = used(lambda: pick(1, 3), 1)
    before, after = (used(lambda: pick(0, 3), 0) for _ in range(2))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    least = [max(1, r - b - a) for r, b, a in zip(reach, before, after, strict=True)]
    size = tuple(n + (pick(0, 7) if i >= 3 - axes else 0) for i, n in enumerate(least))
    kind = draw_from(st.sampled_from(["dense", "plain", "depthwise", "grouped", "fours"]))
    groups = {"depthwise": pick(1, 20), "grouped": pick(2, 9), "fours": pick(2, 9)}.get(kind, 1)
    channels = 1 if kind == "depthwise" else pick(1, 20 if groups == 1 else 9)
    outputs = 1 if kind == "depthwise" else pick(1, 30 if groups == 1 else 9)
    if kind == "fours":
        channels = outputs = 4
    return Convolution(
        batch=pick(1, 5), in_channels=groups * channels, out_channels=groups * outputs,
        groups=groups, size=size, kernel=kernel, stride=used(lambda: pick(1, 3), 1),
        dilation=dilation, before=before, after=after, bias=draw_from(st.booleans()),
        plain_input=kind == "plain",
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(convolutions())
def test_any_convolution(p: Convolution) -> None:
    for target in TARGETS:
        check(p, target)


def test_wrong_arguments_are_refused() -> None:
    p = Convolution(batch=2, **SAME)
    given = attributes_of(p)
    with pytest.raises(ValueError, match="x_batch_stride is less"):
        _core.candidates(TARGETS[0], KIND, given | {"x_batch_stride": 8})
    with pytest.raises(ValueError, match="groups must divide"):
        _core.candidates(TARGETS[0], KIND, given | {"groups": 3})
