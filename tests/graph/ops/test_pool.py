"""Pooling: hand-worked numbers, torch's, and who reads what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from striate import Window
from striate.errors import ShapeError
from striate.graph import WHOLE, Along, Connections, TensorType
from striate.graph.ops import AdaptivePool, AvgPool, LpPool, MaxPool

from . import checks
from .checks import Array, drawn, signed

MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVG = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
LP = {1: F.lp_pool1d, 2: F.lp_pool2d, 3: F.lp_pool3d}
ADAPTIVE_MAX: dict[int, Any] = {
    1: F.adaptive_max_pool1d,
    2: F.adaptive_max_pool2d,
    3: F.adaptive_max_pool3d,
}
ADAPTIVE_AVG: dict[int, Any] = {
    1: F.adaptive_avg_pool1d,
    2: F.adaptive_avg_pool2d,
    3: F.adaptive_avg_pool3d,
}


def test_largest_and_mean_by_hand() -> None:
    x = np.array([[[1.0, 5, 2, 2, 8]]])
    y, where = MaxPool((Window(3, stride=2),), indices=True).evaluate(x)
    assert y.tolist() == [[[5, 8]]]
    assert where.tolist() == [[[1, 4]]]
    (mean,) = AvgPool((Window(3, stride=2, padding=1),)).evaluate(x)
    assert mean.tolist() == [[[2, 3, 10 / 3]]]  # (0 + 1 + 5)/3, (5 + 2 + 2)/3, (2 + 8 + 0)/3
    (mean,) = AvgPool((Window(3, stride=2, padding=1),), count_include_pad=False).evaluate(x)
    assert mean.tolist() == [[[3, 3, 5]]]  # (1 + 5)/2, ..., (2 + 8)/2


def test_adaptive_places_by_hand() -> None:
    x = np.array([[[1.0, 2, 4, 8, 16]]])
    # 5 pixels into 3 places: 0..1, 1..3, 3..4
    (y,) = AdaptivePool((3,)).evaluate(x)
    assert y.tolist() == [[[1.5, 14 / 3, 12]]]


@pytest.mark.parametrize(("n", "m", "window"), [(6, 3, "2, stride=2"), (7, 7, "1"), (7, 1, None)])
def test_adaptive_windows_by_hand(n: int, m: int, window: str | None) -> None:
    op, x = AdaptivePool((m,)), TensorType((1, 1, n))
    (reach,) = op.reach((x,), op.infer(x))
    assert str(reach[2].window if isinstance(reach[2], Along) else None) == (
        f"Window({window})" if window else "None"
    )


def test_unusual_numbers() -> None:
    x = np.array([[[-np.inf, -np.inf, 1, np.nan, 0, 3]]])
    op = MaxPool((Window(2, stride=2),), indices=True)
    checks.agree(op, lambda x: F.max_pool1d(x, 2, return_indices=True), x)
    whole = np.array([[[-5, -3, -9]]])
    assert MaxPool((Window(3, padding=1),)).evaluate(whole)[0].tolist() == [[[-3, -3, -3]]]


@st.composite
def poolings(draw: Any) -> tuple[int, tuple[Window, ...], Array]:
    axes = draw(st.sampled_from([1, 2, 2, 3]))
    ceil = draw(st.booleans())
    windows = []
    for _ in range(axes):
        size = draw(st.integers(1, 3))
        window = (size, draw(st.integers(1, 3)), 1, draw(st.integers(0, size // 2)), ceil)
        windows.append(Window(*window))
    sizes = checks.per_axis(draw, axes, checks.sizes)
    return axes, tuple(windows), signed(draw(st.sampled_from([1, 2, 0])), 2, *sizes)


def arguments(windows: tuple[Window, ...]) -> dict[str, Any]:
    return {
        "kernel_size": [w.size for w in windows],
        "stride": [int(w.stride) for w in windows],
        "padding": [int(w.before) for w in windows],
        "ceil_mode": windows[0].ceil_mode,
    }


def fits(windows: tuple[Window, ...], x: Array) -> bool:
    return all(w.output_size(n) for w, n in zip(windows, x.shape[2:], strict=True))


def longer(windows: tuple[Window, ...], x: Array) -> bool:
    """torch's avg_pool3d refuses a map smaller than its window, whatever the padding."""
    return all(n >= w.size for w, n in zip(windows, x.shape[2:], strict=True))


def reads_all(window: Window, n: int) -> bool:
    """Whether each output reads a real pixel."""
    reads = (window.on(n).taps(i) for i in range(window.output_size(n)))
    return all(any(0 <= p < n for p in places) for places in reads)


@settings(max_examples=40)
@given(poolings(), st.booleans(), st.integers(1, 2))
def test_largest_are_torchs(drawn: Any, indices: bool, dilation: int) -> None:
    axes, windows, x = drawn
    windows = tuple(Window(w.size, w.stride, dilation, w.before, w.ceil_mode) for w in windows)
    op = MaxPool(windows, indices)
    told = {**arguments(windows), "dilation": dilation, "return_indices": indices}
    assume(fits(windows, x) or not indices)
    # Of a window that reads nothing but padding torch tells a place outside of the map.
    assume(not indices or all(reads_all(w, n) for w, n in zip(windows, x.shape[2:], strict=True)))
    if fits(windows, x):
        checks.agree(op, lambda x: MAX[axes](x, **told), x)
    else:
        checks.both_refuse(op, lambda x: MAX[axes](x, **told), x)


@settings(max_examples=40)
@given(poolings(), st.booleans(), st.none() | st.integers(1, 5))
def test_means_are_torchs(drawn: Any, include: bool, divisor: int | None) -> None:
    axes, windows, x = drawn
    assume(axes < 3 or longer(windows, x))
    divisor = None if axes == 1 else divisor
    op = AvgPool(windows, include, divisor)
    told = {**arguments(windows), "count_include_pad": include}
    if divisor:
        told["divisor_override"] = divisor
    check = checks.agree if fits(windows, x) else checks.both_refuse
    check(op, lambda x: AVG[axes](x, **told), x)


@settings(max_examples=25)
@given(poolings(), st.sampled_from([1.0, 2.0, 3.0, 2.5]))
def test_norms_are_torchs(drawn: Any, p: float) -> None:
    axes, windows, x = drawn
    windows = tuple(Window(w.size, w.stride, ceil_mode=w.ceil_mode) for w in windows)
    assume(fits(windows, x) and (axes < 3 or longer(windows, x)))
    told = {k: v for k, v in arguments(windows).items() if k != "padding"}
    if axes == 1:
        told |= {"kernel_size": windows[0].size, "stride": int(windows[0].stride)}
    checks.agree(LpPool(windows, p, absolute=False), lambda x: LP[axes](x, p, **told), x)
    positive = np.abs(x)
    if not windows[0].ceil_mode:
        checks.agree(LpPool(windows, p), lambda x: LP[axes](x, p, **told), positive)


def test_onnx_norms_take_magnitudes_by_hand() -> None:
    x = np.array([[[-3.0, 4, 0, 5]]])
    (y,) = LpPool((Window(2, stride=3, ceil_mode=True),)).evaluate(x)
    assert y.tolist() == [[[5, 5]]]


@settings(max_examples=30)
@given(st.data())
def test_adaptive_ones_are_torchs(data: st.DataObject) -> None:
    axes = data.draw(st.sampled_from([1, 2, 3]))
    sizes = checks.per_axis(data.draw, axes, checks.sizes)
    places = data.draw(st.lists(st.none() | st.integers(1, 9), min_size=axes, max_size=axes))
    x = signed(data.draw(st.sampled_from([1, 2])), 3, *sizes)
    size = tuple(n if m is None else m for n, m in zip(sizes, places, strict=True))
    checks.agree(AdaptivePool(tuple(places)), lambda x: ADAPTIVE_AVG[axes](x, size), x)
    checks.agree(
        AdaptivePool(tuple(places), "max", indices=True),
        lambda x: ADAPTIVE_MAX[axes](x, size, return_indices=True),
        x,
    )


@pytest.mark.parametrize("n", [1, 2, 5, 6, 7, 13])
@pytest.mark.parametrize("m", [1, 2, 3, 5, 7, 12])
def test_adaptive_places_read_what_the_reach_says(n: int, m: int) -> None:
    op = AdaptivePool((m, None))
    checks.check_reach(op, drawn(1, 2, n, 2), tight=False)
    _, connections = checks.costs(op, drawn(1, 2, n, 2))
    assert connections == Connections(checks.real_connections(op, drawn(1, 2, n, 2)))
    if n % m == 0:
        checks.check_reach(op, drawn(1, 2, n, 2))


WINDOWS = [
    Window(2, stride=2),
    Window(3, stride=2, padding=1),
    Window(3, stride=2, ceil_mode=True),
    Window(2, stride=3, ceil_mode=True, padding=1),
    Window(3, stride=2, padding="same"),
    Window(3, stride=1, padding=(0, 2)),
    Window(1, stride=3),
]


@pytest.mark.parametrize("kind", [MaxPool, AvgPool, LpPool])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("n", [4, 7])
def test_places_read_what_the_reach_says(kind: Any, window: Window, n: int) -> None:
    op = kind((window,))
    checks.check_reach(op, drawn(2, 2, n))
    if kind is not MaxPool:
        _, connections = checks.costs(op, drawn(2, 2, n))
        assert connections
        assert connections.real == checks.real_connections(op, drawn(2, 2, n))


def test_one_place_reads_all() -> None:
    op, x = AdaptivePool((1, 1)), TensorType((1, 8, 7, 7))
    assert op.reach((x,), op.infer(x)) == ((Along(0), Along(1), WHOLE, WHOLE),)


def test_torch_keeps_the_input_and_the_positions() -> None:
    x = torch.randn(2, 4, 6, 5)
    window = (Window(2, stride=2),) * 2
    checks.check_saved(MaxPool(window), lambda x: F.max_pool2d(x, 2), x)
    checks.check_saved(AvgPool(window), lambda x: F.avg_pool2d(x, 2), x)
    checks.check_saved(LpPool(window), lambda x: F.lp_pool2d(x, 2.0, 2), x)
    checks.check_saved(AdaptivePool((3, 2)), lambda x: F.adaptive_avg_pool2d(x, (3, 2)), x)
    checks.check_saved(AdaptivePool((1, 1)), lambda x: F.adaptive_avg_pool2d(x, 1), x)
    checks.check_saved(AdaptivePool((1, 2)), lambda x: F.adaptive_avg_pool2d(x, (1, 2)), x)
    checks.check_saved(AdaptivePool((3, 2), "max"), lambda x: F.adaptive_max_pool2d(x, (3, 2)), x)
    signal, volume = torch.randn(2, 4, 6), torch.randn(2, 4, 6, 5, 4)
    checks.check_saved(MaxPool(window[:1]), lambda x: F.max_pool1d(x, 2), signal)
    checks.check_saved(LpPool(window[:1]), lambda x: F.lp_pool1d(x, 2.0, 2), signal)
    checks.check_saved(MaxPool(window[:1] * 3), lambda x: F.max_pool3d(x, 2), volume)
    checks.check_saved(AdaptivePool((1,) * 3), lambda x: F.adaptive_avg_pool3d(x, 1), volume)


def test_what_a_run_needs_besides_by_hand() -> None:
    x = TensorType((1, 2, 6))
    op, told = MaxPool((Window(2, stride=2),)), MaxPool((Window(2, stride=2),), indices=True)
    assert op.scratch_bytes((x,), op.infer(x)) == 8 * 2 * 3  # positions that nobody asked for
    assert told.scratch_bytes((x,), told.infer(x)) == 0
    uneven = AvgPool((Window(2, padding=(0, 1)),))
    assert uneven.scratch_bytes((x,), uneven.infer(x)) == 4 * 2 * 7


@pytest.mark.parametrize(
    ("op", "shape", "words"),
    [
        (MaxPool((Window(2, stride=2),) * 2), (1, 512, 1, 1), "2x2 does not fit a map of 1x1"),
        (AvgPool((Window(7),) * 2), (1, 512, 7, 5), "reaches over 7 of 5 pixels. It needs 7"),
        (AdaptivePool((2, 2)), (1, 3, 0, 4), "one pixel and one place or more"),
        (AdaptivePool((0, 2)), (1, 3, 4, 4), "one pixel and one place or more"),
        (AdaptivePool((2, 2)), (3, 4, 4), "3 axes; it needs 4"),
    ],
)
def test_misfits_are_told(op: Any, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        op.infer(TensorType(shape))


def test_words() -> None:
    assert MaxPool((Window(3, stride=2, padding=1, ceil_mode=True),) * 2).describe() == (
        "3x3, stride 2, padding 1, ceil mode"
    )
    assert AdaptivePool((None, 7)).describe() == "mean into allx7"
