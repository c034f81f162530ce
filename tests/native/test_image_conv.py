"""Convolutions with images as lanes, and their gradients for filters, against float64."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import Window, _core
from striate.graph.ops import Conv, ConvTranspose, ConvWeightGradient

from .steps import EPS, Array, image_lanes, run_step, unlane

TARGETS = dict(_core.targets())


@dataclass(frozen=True)
class Shape:
    """A convolution along height and width."""

    batch: int
    in_channels: int
    out_channels: int
    size: tuple[int, int]
    kernel: tuple[int, int]
    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)
    bias: bool = True

    @property
    def windows(self) -> tuple[Window, ...]:
        """Along both axes."""
        sides = zip(self.kernel, self.before, self.after, strict=True)
        return tuple(Window(k, padding=(b, a)) for k, b, a in sides)

    @property
    def out(self) -> tuple[int, ...]:
        """Places of the window."""
        return tuple(int(w.output_size(n)) for w, n in zip(self.windows, self.size, strict=True))

    @property
    def attributes(self) -> dict[str, Any]:
        """Of both steps."""
        return {
            "batch": self.batch, "in_channels": self.in_channels,
            "out_channels": self.out_channels, "in": list(self.size), "out": list(self.out),
            "kernel": list(self.kernel), "padding": list(self.before), "bias": self.bias,
        }  # fmt: skip

    def draw(self) -> tuple[Array, Array, Array, Array]:
        """Make up x, gy, weight and bias."""
        rng = np.random.default_rng(0)
        shapes: list[tuple[int, ...]] = [
            (self.batch, self.in_channels, *self.size), (self.batch, self.out_channels, *self.out),
            (self.out_channels, self.in_channels, *self.kernel), (self.out_channels,),
        ]  # fmt: skip
        x, gy, weight, bias = (rng.standard_normal(s).astype(np.float32) for s in shapes)
        return x, gy, weight, bias


def check(s: Shape, target: str, threads: int = 1) -> None:
    """Compare the forward pass and both gradients with their definitions."""
    lanes = TARGETS[target]
    x, gy, weight, bias = s.draw()
    real = [a.astype(np.float64) for a in (x, gy, weight)]
    blocks = -(-s.batch // lanes)
    y_shape = (blocks, s.out_channels, *s.out, lanes)
    x_shape = (blocks, s.in_channels, *s.size, lanes)

    (exact,) = Conv(s.windows).evaluate(real[0], real[2], bias if s.bias else None)
    terms = s.in_channels * math.prod(s.kernel)
    for kernel in _core.candidates(target, "image_conv", s.attributes):
        (found,) = run_step(
            target, "image_conv", kernel, s.attributes,
            [image_lanes(x, lanes), weight, bias if s.bias else None], [y_shape], threads=threads,
        )  # fmt: skip
        y = unlane(found, s.batch)
        np.testing.assert_allclose(y, exact, rtol=0, atol=8 * EPS * (terms + 2))

    back = s.attributes | {
        "in_channels": s.out_channels, "out_channels": s.in_channels, "in": list(s.out),
        "out": list(s.size), "turned": True, "bias": False,
        "padding": [k - 1 - b for k, b in zip(s.kernel, s.before, strict=True)],
    }  # fmt: skip
    (exact,) = ConvTranspose(s.windows, (0, 0)).evaluate(real[1], real[2])
    terms = s.out_channels * math.prod(s.kernel)
    for kernel in _core.candidates(target, "image_conv", back):
        (found,) = run_step(
            target, "image_conv", kernel, back, [image_lanes(gy, lanes), weight], [x_shape],
            threads=threads,
        )  # fmt: skip
        gx = unlane(found, s.batch)
        np.testing.assert_allclose(gx, exact, rtol=0, atol=8 * EPS * (terms + 2))

    shapes = [weight.shape, (s.out_channels,)][: 2 if s.bias else 1]
    (exact,) = ConvWeightGradient(s.windows).evaluate(*real[:2])
    for kernel in _core.candidates(target, "image_conv_weight_gradient", s.attributes):
        gw, *gb = run_step(
            target, "image_conv_weight_gradient", kernel, s.attributes,
            [image_lanes(x, lanes), image_lanes(gy, lanes)], shapes, threads=threads,
        )  # fmt: skip
        bound = weight_bound(kernel, s.batch * math.prod(s.out))
        np.testing.assert_allclose(gw, exact, rtol=0, atol=bound)
        if gb:
            np.testing.assert_allclose(gb[0], real[1].sum((0, 2, 3)), rtol=0, atol=bound)


def check_pooled(s: Shape, target: str, threads: int = 1) -> None:
    """Compare what is pooled with what is not; gradients of what was kept with the definition."""
    lanes, pool = TARGETS[target], {"pool": True}
    x, gy, weight, bias = s.draw()
    half = [n // 2 for n in s.out]
    given = [image_lanes(x, lanes), weight, bias if s.bias else None]

    def run(kernel: str, more: dict[str, Any], *shapes: tuple[int, ...]) -> list[Array]:
        whole = [(-(-s.batch // lanes), s.out_channels, *shape) for shape in shapes]
        return run_step(
            target, "image_conv", kernel, s.attributes | more, given, whole, threads=threads
        )

    for kernel in _core.candidates(target, "image_conv", s.attributes | pool):
        (whole,) = run(kernel, {}, (*s.out, lanes))
        (kept,) = run(kernel, pool, (*half, lanes))
        y, places = run(kernel, pool | {"places": True}, (*half, lanes), (*half, lanes // 4))
        four = squares(unlane(whole, s.batch))
        assert np.array_equal(unlane(kept, s.batch), four.max(-1))
        assert np.array_equal(unlane(y, s.batch), four.max(-1))
        told = places.view(np.uint8).reshape(y.shape)
        assert np.array_equal(unlane(told, s.batch), four.argmax(-1))

    kept, place = squares(gy).max(-1), squares(gy).argmax(-1)
    whole = spread(kept, place, gy.shape)
    (exact,) = ConvWeightGradient(s.windows).evaluate(x.astype(np.float64), whole)
    bytes_ = image_lanes(place, lanes, 0).astype(np.uint8).view(np.float32)
    for kernel in _core.candidates(target, "image_conv_weight_gradient", s.attributes | pool):
        gw, *gb = run_step(
            target, "image_conv_weight_gradient", kernel, s.attributes | pool,
            [given[0], image_lanes(kept, lanes), bytes_],
            [weight.shape, bias.shape][: 2 if s.bias else 1], threads=threads,
        )  # fmt: skip
        bound = weight_bound(kernel, s.batch * math.prod(s.out))
        np.testing.assert_allclose(gw, exact, rtol=0, atol=bound)
        if gb:
            np.testing.assert_allclose(gb[0], whole.sum((0, 2, 3)), rtol=0, atol=bound)


def squares(y: Array) -> Array:
    """The numbers of each 2x2 pixels, 2 apart, as a last axis: an odd row or column is left out."""
    n, c, height, width = y.shape
    even = y[:, :, : height // 2 * 2, : width // 2 * 2]
    apart = even.reshape(n, c, height // 2, 2, width // 2, 2).transpose(0, 1, 2, 4, 3, 5)
    return apart.reshape(n, c, height // 2, width // 2, 4)


def spread(kept: Array, place: Array, shape: tuple[int, ...]) -> Array:
    """Where each number was of its 2x2 pixels; 0 elsewhere."""
    whole = np.zeros(shape)
    for k in range(4):
        rows, columns = slice(k // 2, shape[2] // 2 * 2, 2), slice(k % 2, shape[3] // 2 * 2, 2)
        whole[:, :, rows, columns] = np.where(place == k, kept, 0)
    return whole


def weight_bound(kernel: str, terms: int) -> float:
    """What a weight's gradient may be off by: what Winograd's transforms round weighs with few."""
    return (12 if kernel == "winograd" else 4) * EPS * (terms + 2)


SHAPES = {
    "LeNet-5's first": Shape(9, 1, 6, (32, 32), (5, 5)),
    "LeNet-5's second": Shape(8, 6, 16, (14, 14), (5, 5)),
    "3x3, padded": Shape(11, 3, 5, (7, 9), (3, 3), (1, 1), (1, 1)),
    "one image": Shape(1, 2, 3, (4, 5), (3, 2)),
    "a window wider than the map": Shape(3, 2, 5, (2, 3), (5, 7), (2, 3), (2, 3), bias=False),
    "a row of taps in parts": Shape(17, 2, 4, (3, 30), (1, 13), (0, 6), (0, 6)),
    "rows in bands": Shape(5, 1, 3, (40, 21), (2, 3), (0, 1), (0, 0)),
    "padded on one side": Shape(8, 4, 7, (5, 5), (3, 3), (2, 0), (0, 2)),
    "pixels that nobody reads": Shape(8, 2, 3, (6, 6), (2, 2), (-1, -2), (0, -1)),
    "pointwise": Shape(33, 5, 9, (3, 4), (1, 1)),
    "3x3 of many channels": Shape(19, 9, 15, (6, 13), (3, 3), (1, 1), (1, 1)),
    "5x5, padded beyond its taps": Shape(4, 7, 12, (9, 17), (5, 5), (6, 5), (0, 7)),
    "5x5, cut off": Shape(35, 6, 10, (12, 17), (5, 5), (-2, -1), (1, -3), bias=False),
    "2x3, many tiles": Shape(3, 12, 13, (3, 45), (2, 3), (0, 1), (0, 1)),
}


@pytest.mark.parametrize("name", [*SHAPES][1:2] + [*SHAPES][-4:])
@pytest.mark.parametrize("target", TARGETS)
def test_winograds_algorithm_is_tried(target: str, name: str) -> None:
    for kind in ("image_conv", "image_conv_weight_gradient"):
        assert "winograd" in _core.candidates(target, kind, SHAPES[name].attributes)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("target", TARGETS)
def test_numbers_are_those_of_the_definition(target: str, name: str) -> None:
    check(SHAPES[name], target)


@pytest.mark.parametrize("name", [name for name, s in SHAPES.items() if min(s.out) > 1])
@pytest.mark.parametrize("target", TARGETS)
def test_the_largest_of_2x2_outputs_are_kept(target: str, name: str) -> None:
    check_pooled(SHAPES[name], target)


def test_sums_by_hand() -> None:
    # One image of 2x2, a 1x2 filter (2, 3) and bias 1: [[1*2 + 2*3 + 1], [4*2 + 5*3 + 1]].
    lanes = TARGETS[target := next(iter(TARGETS))]
    s = Shape(1, 1, 1, (2, 2), (1, 2))
    x, weight = np.float32([[[[1, 2], [4, 5]]]]), np.float32([[[[2, 3]]]])
    (y,) = run_step(
        target, "image_conv", "rows", s.attributes,
        [image_lanes(x, lanes), weight, np.float32([1])],
        [(1, 1, 2, 1, lanes)],
    )  # fmt: skip
    assert unlane(y, 1).ravel().tolist() == [9, 24]


@pytest.mark.parametrize(
    ("activation", "f"),
    [
        ({"activation": "clamp", "alpha": 0.0, "beta": math.inf}, lambda y: np.maximum(y, 0)),
        ({"activation": "tanh", "alpha": 1.0, "beta": 1.0}, np.tanh),
    ],
)
def test_activations_are_applied(activation: dict[str, Any], f: Any) -> None:
    s = Shape(9, 8, 9, (5, 11), (3, 3))
    x, _, weight, bias = s.draw()
    (exact,) = Conv(s.windows).evaluate(*(a.astype(np.float64) for a in (x, weight, bias)))
    for target, lanes in TARGETS.items():
        for kernel in _core.candidates(target, "image_conv", s.attributes):
            (y,) = run_step(
                target, "image_conv", kernel, s.attributes | activation,
                [image_lanes(x, lanes, 0), weight, bias],
                [(-(-9 // lanes), s.out_channels, *s.out, lanes)],
            )  # fmt: skip
            found = unlane(y, 9)
            np.testing.assert_allclose(found, f(exact), rtol=0, atol=8 * EPS * (8 * 9 + 2))


def test_threads_do_not_change_a_bit() -> None:
    s = SHAPES["LeNet-5's second"]
    x, gy, weight, bias = s.draw()
    for target, lanes in TARGETS.items():
        shape = (-(-s.batch // lanes), s.out_channels, *s.out, lanes)
        maps, shapes = (image_lanes(x, lanes), image_lanes(gy, lanes)), [weight.shape, bias.shape]
        for names in (("rows", "taps"), ("winograd", "winograd")):
            runs = [
                [
                    *run_step(target, "image_conv", names[0], s.attributes,
                              [maps[0], weight, bias], [shape], threads=threads),
                    *run_step(target, "image_conv_weight_gradient", names[1], s.attributes,
                              [*maps], shapes, threads=threads),
                ]
                for threads in (1, 3)
            ]  # fmt: skip
            for one, three in zip(*runs, strict=True):
                assert np.array_equal(one, three, equal_nan=True)


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Small ones."""
    pick = lambda low, high: draw(st.integers(low, high))  # noqa: E731
    kernel, before, after = ((pick(1, 7), pick(1, 7)), (pick(0, 3), pick(0, 3)), (pick(-1, 3), 0))
    least = [max(1, k - b - a) for k, b, a in zip(kernel, before, after, strict=True)]
    size = (least[0] + pick(0, 9), least[1] + pick(0, 9))
    return Shape(
        pick(1, 20), pick(1, 9), pick(1, 16), size, kernel, before, after, draw(st.booleans())
    )


@settings(max_examples=40, deadline=None)
@given(shapes())
def test_any_shape(s: Shape) -> None:
    for target in TARGETS:
        check(s, target, threads=2)
        if min(s.out) > 1:
            check_pooled(s, target, threads=2)


def test_wrong_arguments_are_refused() -> None:
    given = SHAPES["pointwise"].attributes
    for kind in ("image_conv", "image_conv_weight_gradient"):
        with pytest.raises(ValueError, match="batch"):
            _core.candidates("portable8", kind, given | {"batch": 0})
        with pytest.raises(ValueError, match="in"):
            _core.candidates("portable8", kind, given | {"in": [1, 2, 3]})
        with pytest.raises(ValueError, match="pool needs 2x2"):
            _core.candidates("portable8", kind, given | {"out": [1, 9], "pool": True})
    with pytest.raises(ValueError, match="places are those"):
        _core.candidates("portable8", "image_conv", given | {"places": True})
