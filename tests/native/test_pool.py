"""All pooling kernels, on all targets of this machine, against the operations' definition."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from striate import Window, _core
from striate.graph.ops import AdaptivePool, AvgPool, MaxPool
from striate.graph.ops.pool import MOST_PLACES

from .steps import EPS, Array, block, run_step, unblock

TARGETS = [name for name, _ in _core.targets()]


@dataclass(frozen=True)
class Pooling:
    """A pooling to try kernels on: sizes along (depth, height, width)."""

    size: tuple[int, int, int] = (1, 7, 8)
    windows: tuple[Window, Window, Window] = (Window(1), Window(2, 2), Window(2, 2))
    places: tuple[int, int, int] | None = None  # adaptive: how many along each axis
    channels: int = 17
    batch: int = 1
    count_include_pad: bool = True
    divisor: int | None = None

    def reference(self, x: Array, mode: str) -> Array:
        if self.places is not None:
            operation: Any = AdaptivePool(self.places, "mean" if mode == "avg" else "max")
        elif mode == "max":
            operation = MaxPool(self.windows)
        else:
            operation = AvgPool(self.windows, self.count_include_pad, self.divisor)
        (y,) = operation.evaluate(x.astype(np.float64))
        return np.asarray(y)

    @property
    def window(self) -> int:
        """Pixels of it."""
        return math.prod(w.size for w in self.windows)

    @property
    def has_places(self) -> bool:
        """Whether the winners' places can be written as bytes."""
        return self.places is None and self.window <= MOST_PLACES

    def winners(self, x: Array) -> tuple[Array, Array]:
        """The largest of each window and its place."""
        y, places = MaxPool(self.windows, places=True).evaluate(x)
        return y, places

    def attributes(self, mode: str, out: tuple[int, ...]) -> dict[str, Any]:
        common = {
            "batch": self.batch, "channels": self.channels, "in": list(self.size),
            "out": list(out), "mode": mode,
        }  # fmt: skip
        if self.places is not None:
            return common | {"adaptive": True}
        concrete = [w.on(n) for w, n in zip(self.windows, self.size, strict=True)]
        declared = [w if isinstance(w.padding, int | tuple) else c
                    for w, c in zip(self.windows, concrete, strict=True)]  # fmt: skip
        return common | {
            "kernel": [w.size for w in self.windows],
            "stride": [w.stride for w in self.windows],
            "dilation": [w.dilation for w in self.windows],
            "padding": [c.before for c in concrete],
            "padding_after": [w.after for w in declared],
            "count_include_pad": self.count_include_pad,
            "divisor": self.divisor or 0,
        }

    def run(self, target: str, kernel: str, x: Array, attributes: dict[str, Any]) -> Array:
        lanes = dict(_core.targets())[target]
        blocks = -(-self.channels // lanes)
        shape = (self.batch, blocks, *attributes["out"], lanes)
        (y,) = run_step(target, "pool", kernel, attributes, [block(x, lanes, 3.0)], [shape])
        assert np.isfinite(y).all(), "unused lanes must hold finite numbers"
        return unblock(y, self.channels)


@dataclass(frozen=True)
class Norm:
    """A batch norm whose results are exact in float32: of whole numbers."""

    mean: Array
    variance: Array
    weight: Array | None
    bias: Array | None

    @staticmethod
    def drawn(rng: np.random.Generator, channels: int) -> Norm:
        """Deviations and weights that are powers of two, some negative."""
        whole = lambda: rng.integers(-4, 5, channels).astype(np.float32)  # noqa: E731
        sign = rng.choice([-1.0, 1.0], channels)
        return Norm(
            whole(), 4.0 ** rng.integers(-2, 3, channels).astype(np.float32),
            None if rng.random() < 0.3 else (sign * 2.0 ** whole()).astype(np.float32),
            None if rng.random() < 0.3 else whole(),
        )  # fmt: skip

    @property
    def arrays(self) -> list[Array | None]:
        """As the step reads them."""
        return [self.mean, self.variance, self.weight, self.bias]

    @property
    def attributes(self) -> dict[str, Any]:
        """Of the step."""
        told = {"weight": self.weight is not None, "bias": self.bias is not None}
        return told | {"norm": True, "eps": 0.0}

    def of(self, x: Array) -> Array:
        """(x - mean) / sqrt(variance) * weight + bias."""
        of_channel = lambda a: a.reshape(-1, *(1,) * (x.ndim - 2)).astype(np.float64)  # noqa: E731
        y = (x - of_channel(self.mean)) / np.sqrt(of_channel(self.variance))
        if self.weight is not None:
            y = y * of_channel(self.weight)
        return y if self.bias is None else y + of_channel(self.bias)


def unblock_bytes(places: Array, out: tuple[int, ...], lanes: int, channels: int) -> Array:
    """Bytes that lie as a blocked map does as (N, C, *)."""
    blocks = -(-channels // lanes)
    told = places.view(np.uint8).reshape(-1, blocks, *out, lanes)
    return np.moveaxis(told, -1, 2).reshape(-1, blocks * lanes, *out)[:, :channels]


def _square(*args: Any, **more: Any) -> tuple[Window, Window, Window]:
    return Window(1), Window(*args, **more), Window(*args, **more)


SHAPES = {
    "2x2/2": Pooling(),
    "3x3/2 padded": Pooling(windows=_square(3, 2, 1, 1), size=(1, 13, 14), batch=2),
    "3x3/2 padded, not counted": Pooling(windows=_square(3, 2, 1, 1), count_include_pad=False),
    "3x3 of stride 1": Pooling(windows=_square(3, 1, 1, 1), channels=8),
    "padded behind only": Pooling(windows=_square(3, 2, 1, (0, 1)), channels=1),
    "ceil mode": Pooling(windows=_square(3, 2, ceil_mode=True), size=(1, 8, 10)),
    "ceil mode, padded": Pooling(windows=_square(2, 2, 1, 1, ceil_mode=True), size=(1, 8, 9)),
    "ceil mode, not counted": Pooling(
        windows=_square(3, 2, 1, 1, ceil_mode=True), size=(1, 8, 10), count_include_pad=False
    ),
    "same": Pooling(windows=_square(3, 2, padding="same")),
    "divisor": Pooling(windows=_square(3, 2, 1, 1), divisor=5),
    "dilated": Pooling(windows=_square(3, 1, 2, 1), size=(1, 11, 9)),
    "wide": Pooling(windows=_square(5, 3, 1, 2), size=(1, 17, 19), channels=9),
    "stride beyond the window": Pooling(windows=_square(2, 3), size=(1, 9, 10)),
    "one pixel": Pooling(size=(1, 1, 1), windows=_square(1)),
    "signal": Pooling(size=(1, 1, 37), windows=(Window(1), Window(1), Window(4, 4))),
    "volume": Pooling(size=(5, 6, 7), windows=(Window(2, 2), Window(2, 2), Window(2, 2))),
    "large volume window": Pooling(
        size=(7, 8, 9), windows=(Window(3, 1, 1, 1), Window(3, 2, 1, 1), Window(4, 1))
    ),
    "whole": Pooling(windows=(Window(1), Window(7), Window(8)), channels=33, batch=3),
    "whole, padded": Pooling(windows=(Window(1), Window(9, 9, 1, 1), Window(9, 9, 1, (0, 1)))),
    "many maps": Pooling(channels=600, batch=3, size=(1, 6, 6)),
    "large map": Pooling(size=(1, 70, 130), windows=_square(3, 2, 1, 1), channels=8),
    "adaptive": Pooling(places=(1, 3, 5), size=(1, 7, 13)),
    "adaptive, more places than pixels": Pooling(places=(2, 5, 3), size=(3, 2, 7)),
    "adaptive, whole": Pooling(places=(1, 1, 1), size=(2, 9, 7), channels=8),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("mode", ["max", "avg"])
@pytest.mark.parametrize("name", SHAPES)
def test_every_kernel_that_fits_agrees_with_the_definition(
    name: str, mode: str, target: str
) -> None:
    problem = SHAPES[name]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((problem.batch, problem.channels, *problem.size)).astype(np.float32)
    expected = problem.reference(x, mode)
    attributes = problem.attributes(mode, expected.shape[2:])
    kernels = _core.candidates(target, "pool", attributes)
    assert "rows" in kernels
    assert "whole" in kernels or "whole" not in name
    terms = np.prod(problem.size) if mode == "avg" else 0
    for kernel in kernels:
        y = problem.run(target, kernel, x, attributes)
        assert y.shape == expected.shape
        assert np.abs(y - expected).max() <= 4 * EPS * terms, kernel


def run_places(
    problem: Pooling, target: str, x: Array, *numbers: Array | None, **more: Any
) -> tuple[Array, Array]:
    lanes = dict(_core.targets())[target]
    out = problem.winners(x)[0].shape[2:]
    attributes = problem.attributes("max", out) | {"places": True} | more
    assert _core.candidates(target, "pool", attributes) == ["places"]
    blocks = -(-problem.channels // lanes)
    shape = (problem.batch, blocks, *out, lanes)
    y, places = run_step(
        target, "pool", "places", attributes, [block(x, lanes, 3.0), *numbers],
        [shape, (math.prod(shape) // 4,)],
    )  # fmt: skip
    return unblock(y, problem.channels), unblock_bytes(places, out, lanes, problem.channels)


def drawn_with_equals(problem: Pooling, seed: int = 0) -> Array:
    """Few numbers, zeros of both signs, infinities and a NaN here and there."""
    some = np.array([-2, -1, -0.0, 0, 1, 2, 2, -np.inf, np.nan], np.float32)
    shape = (problem.batch, problem.channels, *problem.size)
    return np.random.default_rng(seed).choice(some, shape, p=[0.12] * 8 + [0.04])


WITH_PLACES = [name for name, problem in SHAPES.items() if problem.has_places]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", WITH_PLACES)
def test_places_are_of_the_first_of_equals_and_the_last_nan(name: str, target: str) -> None:
    x = drawn_with_equals(SHAPES[name])
    y, places = run_places(SHAPES[name], target, x)
    expected, winners = SHAPES[name].winners(x)
    assert np.array_equal(y, expected, equal_nan=True)
    if "ceil mode, padded" not in name:  # where a window may hold no pixel, and no place
        assert np.array_equal(places, winners)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SHAPES)
def test_a_nan_is_the_largest_number_of_its_window(name: str, target: str) -> None:
    problem = SHAPES[name]
    x = drawn_with_equals(problem)
    expected = problem.reference(x, "max")
    attributes = problem.attributes("max", expected.shape[2:])
    for kernel in _core.candidates(target, "pool", attributes):
        lanes = dict(_core.targets())[target]
        shape = (problem.batch, -(-problem.channels // lanes), *expected.shape[2:], lanes)
        (y,) = run_step(target, "pool", kernel, attributes, [block(x, lanes, 3.0)], [shape])
        assert np.array_equal(unblock(y, problem.channels), expected, equal_nan=True), kernel


def test_places_agree_with_torch() -> None:
    """Numbers in the window from torch's flat positions in the map."""
    problem = Pooling(windows=_square(3, 2, 1, 1), size=(1, 13, 14), batch=2)
    x = drawn_with_equals(problem)
    given = torch.from_numpy(x[:, :, 0])
    theirs, flat = torch.nn.functional.max_pool2d(given, 3, 2, 1, return_indices=True)
    y, places = run_places(problem, TARGETS[0], x)
    row, column = np.divmod(places[:, :, 0].astype(int), 3)
    at = np.arange(7)
    position = (row + 2 * at[:, None] - 1) * 14 + column + 2 * at - 1
    assert np.array_equal(y[:, :, 0], theirs.numpy(), equal_nan=True)
    assert np.array_equal(position, flat.numpy())


@pytest.mark.parametrize("target", TARGETS)
def test_activation_follows_with_places(target: str) -> None:
    problem = SHAPES["3x3/2 padded"]
    x = np.random.default_rng(0).standard_normal((2, 17, 1, 13, 14)).astype(np.float32)
    clamp = {"activation": "clamp", "alpha": 0.0, "beta": 0.5}
    y, places = run_places(problem, target, x, **clamp)
    expected, winners = problem.winners(x)
    assert np.array_equal(y, np.clip(expected, 0, 0.5))
    assert np.array_equal(places, winners)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", [name for name in WITH_PLACES if "ceil" not in name])
def test_what_a_norm_makes_is_pooled(name: str, target: str) -> None:
    problem = SHAPES[name]
    for seed in range(3):
        rng = np.random.default_rng(seed)
        shape = (problem.batch, problem.channels, *problem.size)
        x = rng.integers(-8, 9, shape).astype(np.float32)
        norm = Norm.drawn(rng, problem.channels)
        y, places = run_places(problem, target, x, *norm.arrays, **norm.attributes)
        expected, winners = problem.winners(norm.of(x))
        assert np.array_equal(y, expected)
        assert np.array_equal(places, winners)


@pytest.mark.parametrize("target", TARGETS)
def test_activation_follows(target: str) -> None:
    problem = Pooling()
    x = np.random.default_rng(0).standard_normal((1, 17, 1, 7, 8)).astype(np.float32)
    expected = np.clip(problem.reference(x, "avg"), 0.0, 0.25)
    attributes = problem.attributes("avg", expected.shape[2:])
    attributes |= {"activation": "clamp", "alpha": 0.0, "beta": 0.25}
    y = problem.run(target, "rows", x, attributes)
    assert np.abs(y - expected).max() <= 16 * EPS


def test_wrong_arguments_are_refused() -> None:
    attributes = Pooling().attributes("max", (1, 3, 4))
    with pytest.raises(ValueError, match="mode must be max or avg"):
        _core.candidates(TARGETS[0], "pool", attributes | {"mode": "min"})
    for more in ({"mode": "avg"}, {"adaptive": True}, {"kernel": [1, 16, 16]}):
        with pytest.raises(ValueError, match="maximum of windows of up to 255 pixels"):
            _core.candidates(TARGETS[0], "pool", attributes | {"places": True} | more)
    with pytest.raises(ValueError, match="a norm goes with places"):
        _core.candidates(TARGETS[0], "pool", attributes | {"norm": True})
    with pytest.raises(ValueError, match="less than the map's own size"):
        _core.candidates(TARGETS[0], "pool", attributes | {"x_batch_stride": 1})
