"""The step `batch_norm` against NumPy and torch in float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import _core
from striate.graph.ops import BatchMoments, BatchNorm, BatchNormGradient

from .steps import Array, block, run_step, unblock

TARGETS = [name for name, _ in _core.targets()]
# batch, channels, pixels
MAPS = [
    (1, 1, 2), (3, 8, 1), (2, 17, 5), (5, 3, 49), (1, 24, 2100), (130, 9, 33), (3, 16, 4100),
    (70, 200, 33),
]  # fmt: skip
NO_END = float("inf")


def draw(*shape: int, mean: float = 0, deviation: float = 1, seed: Sequence[int] = (0,)) -> Array:
    return np.random.default_rng(seed).normal(mean, deviation, shape).astype(np.float32)


def check(found: Array, expected: Array, share: float = 1e-5, of: Array | None = None) -> None:
    """Whether all numbers are as wanted, to a share of the largest (of what they were made of)."""
    assert found.shape == expected.shape
    assert np.isfinite(found).all()
    largest = np.abs(expected if of is None else of).max()
    assert np.abs(found - expected).max() <= share * largest + 1e-9


@dataclass(frozen=True)
class Norm:
    """A batch norm to try the kernels on."""

    shape: tuple[int, int, int]
    weight: bool = True
    bias: bool = True
    residual: bool = False
    training: bool = True
    mask: str = "none"
    input: bool = True
    added: bool = False
    low: float = 0.0
    high: float = NO_END
    eps: float = 1e-3
    mean: float = 0.0
    deviation: float = 1.0
    seed: int = 0

    @cached_property
    def arrays(self) -> dict[str, Array | None]:
        """What the steps read; gy is 0 where rounding might decide what the mask is."""
        n, c, pixels = self.shape
        x = draw(n, c, pixels, mean=self.mean, deviation=self.deviation, seed=(self.seed, 0))
        drawn: dict[str, Array | None] = {
            "x": x,
            "residual": draw(n, c, pixels, seed=(self.seed, 2)) if self.residual else None,
            "weight": draw(c, seed=(self.seed, 3)) if self.weight else None,
            "bias": draw(c, seed=(self.seed, 4)) if self.bias else None,
            "mean": draw(c, mean=self.mean, deviation=self.deviation, seed=(self.seed, 5)),
            "variance": (abs(draw(c, seed=(self.seed, 6))) + 0.5) * np.float32(self.deviation) ** 2,
        }
        if self.training:
            mean, variance = BatchMoments().evaluate(x.astype(float))
            drawn |= {"mean": mean.astype(np.float32), "variance": variance.astype(np.float32)}
        y = self._output(drawn)
        near = np.minimum(abs(y - self.low), abs(y - self.high)) < 1e-3
        gy = np.where(near & (self.mask != "none"), 0, draw(n, c, pixels, seed=(self.seed, 1)))
        y = y.clip(self.low, self.high).astype(np.float32) if self.mask == "output" else None
        added = (
            (gy * draw(n, c, pixels, seed=(self.seed, 7))).astype(np.float32)
            if self.added
            else None
        )
        return {**drawn, "gy": gy.astype(np.float32), "y": y, "added": added}

    def _output(self, arrays: dict[str, Array | None]) -> Array:
        a = {k: None if v is None else v.astype(float) for k, v in arrays.items()}
        op = BatchNorm(self.eps)
        (y,) = op.evaluate(a["x"], a["weight"], a["bias"], a["mean"], a["variance"])  # type: ignore[arg-type]
        return y if a["residual"] is None else y + a["residual"]

    def output(self) -> Array:
        """The norm's output in float64, with the residual and without an activation."""
        return self._output(self.arrays)

    def expected_gradients(self) -> list[Array]:
        a = {k: None if v is None else v.astype(float) for k, v in self.arrays.items()}
        g, x, mean, variance = a["gy"], a["x"], a["mean"], a["variance"]
        assert g is not None
        assert x is not None
        assert mean is not None
        assert variance is not None
        if a["added"] is not None:
            g = g + a["added"]
        if self.mask != "none":
            y = self.output()
            g = g * ((y > self.low) & (y < self.high))
        op = BatchNormGradient(self.eps, self.training)
        return [*op.evaluate(g, x, a["weight"], mean, variance), g]

    def run(self, target: str, mode: str, threads: int = 1, **more: Any) -> list[Array]:
        """Run a step; unused lanes of maps hold a number that must not matter."""
        lanes = dict(_core.targets())[target]
        n, c, pixels = self.shape
        attributes = {
            "mode": mode, "batch": n, "channels": c, "pixels": pixels, "eps": self.eps,
            "weight": self.weight, "bias": self.bias, "residual": self.residual,
            "added": self.added, "training": self.training, "input": self.input,
            "mask": self.mask, "low": self.low, "high": self.high, **more,
        }  # fmt: skip
        blocks = -(-c // lanes)
        like_map, vector, none = (n, blocks, pixels, lanes), (c,), (0,)
        numbers = (blocks, 5, lanes)
        reads = {
            "moments": ["x"],
            "normalise": ["x", "mean", "variance", "weight", "bias", "residual"],
            "gradient": ["gy", "x", "mean", "variance", "weight", "bias", "y", "added"],
        }[mode]
        makes = {
            "moments": [vector, vector],
            "normalise": [like_map],
            "gradient": [
                numbers if more.get("numbers") else like_map if self.input else none,
                vector, vector,
                like_map if self.residual else none,
            ],
        }[mode]  # fmt: skip
        inputs = [self.arrays[name] for name in reads]
        given = [None if a is None else a if a.ndim == 1 else block(a, lanes, 77.0) for a in inputs]
        if "places" in self.arrays:  # of what was pooled
            places = block(self.arrays["places"], lanes, 0)
            given[7] = places.astype(np.uint8).view(np.float32)
        (kernel,) = _core.candidates(target, "batch_norm", attributes)
        found = run_step(target, "batch_norm", kernel, attributes, given, makes, threads=threads)
        assert all(np.isfinite(y).all() for y in found), "unused lanes must hold finite numbers"
        return [unblock(y, c) if y.ndim == 4 else y for y in found]

    def check_gradients(self, target: str, share: float = 1e-5) -> None:
        gx, gw, gb, gr = self.run(target, "gradient")
        wanted = self.expected_gradients()
        for found, sums in ((gw, wanted[1]), (gb, wanted[2])):
            check(found, sums, share, np.maximum(np.abs(sums).max(), np.abs(self.arrays["gy"])))
        if self.input:  # which may be 0 where all that it is made of is not
            spread = np.sqrt(self.arrays["variance"].min() + self.eps)
            check(gx, wanted[0], share, np.maximum(wanted[0].max(), self.arrays["gy"] / spread))
        if self.residual:
            check(gr, wanted[3], 1e-7)


def check_moments(
    norm: Norm, mean: Array, variance: Array, share: float = 1e-6, of_mean: float = 1e-7
) -> None:
    x = norm.arrays["x"]
    assert x is not None
    expected = BatchMoments().evaluate(x.astype(float))
    check(mean, expected[0], of_mean, x)
    check(variance, expected[1], share)


@pytest.mark.parametrize("target", TARGETS)
def test_moments_are_those_of_the_batch(target: str) -> None:
    for shape in MAPS:
        norm = Norm(shape)
        mean, variance = norm.run(target, "moments")
        check_moments(norm, mean, variance)


def test_moments_by_hand() -> None:
    lanes = dict(_core.targets())[TARGETS[0]]
    x = np.array([[[1.0, 3]], [[5, 7]]])  # mean 4, variance (9 + 1 + 1 + 9) / 4
    mean, variance = run_step(
        TARGETS[0], "batch_norm", "moments",
        {"mode": "moments", "batch": 2, "channels": 1, "pixels": 2}, [block(x, lanes, 9.0)],
        [(1,), (1,)],
    )  # fmt: skip
    assert (mean.tolist(), variance.tolist()) == ([4], [5])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("outlier", [False, True])
def test_a_large_mean_costs_no_digits(outlier: bool, target: str) -> None:
    for shape in [(64, 9, 100), (2, 8, 9000), (300, 3, 1)]:
        norm = Norm(shape, mean=1e3, deviation=1e-1, eps=1e-5)
        x = norm.arrays["x"]
        assert x is not None
        if outlier:
            x[0, :, 0] = 0.0  # the number that all others would be shifted by
        check_moments(norm, *norm.run(target, "moments"), 1e-4, 1e-6 if outlier else 1e-7)
        if outlier:
            continue
        (y,) = norm.run(target, "normalise")
        check(y, norm.output(), 1e-6)
        norm.check_gradients(target, 1e-4)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
def test_norm(scaled: bool, residual: bool, target: str) -> None:
    for shape in MAPS:
        norm = Norm(shape, weight=scaled, bias=scaled, residual=residual)
        (y,) = norm.run(target, "normalise")
        expected = norm.output()
        check(y, expected)
        (y,) = norm.run(target, "normalise", activation="clamp", alpha=0, beta=1)
        check(y, expected.clip(0, 1))
        (y,) = norm.run(target, "normalise", activation="silu")
        check(y, expected / (1 + np.exp(-expected)))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("mask", ["none", "own", "output"])
def test_gradients(mask: str, residual: bool, training: bool, target: str) -> None:
    for i, shape in enumerate(MAPS):
        high = NO_END if i % 2 else 0.7
        residual &= mask != "own"
        Norm(shape, mask=mask, residual=residual, training=training, high=high).check_gradients(
            target
        )
    Norm((2, 19, 77), mask=mask, residual=residual, added=True).check_gradients(target)
    Norm((2, 5, 9), mask=mask, weight=False, bias=False, training=training).check_gradients(target)
    Norm((2, 5, 9), mask=mask, input=False, training=training).check_gradients(target)


@settings(max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 40), st.integers(1, 300)),
    mask=st.sampled_from(["none", "own", "output"]),
    flags=st.tuples(*[st.booleans()] * 5),
    mean=st.floats(-100, 100),
    target=st.sampled_from(TARGETS),
)
def test_any_shape(
    shape: tuple[int, int, int], mask: str, flags: tuple[bool, ...], mean: float, target: str
) -> None:
    weight, bias, residual, training, whole = flags
    norm = Norm(shape, weight, bias, residual and mask != "own", training, mask, whole, mean=mean)
    check_moments(norm, *norm.run(target, "moments"), share=1e-5)
    check(norm.run(target, "normalise")[0], norm.output())
    norm.check_gradients(target, 1e-4)


@pytest.mark.parametrize("shape", [(70, 19, 300), (70, 200, 12)])
@pytest.mark.parametrize("target", TARGETS)
def test_any_number_of_threads_makes_the_same_bits(
    target: str, shape: tuple[int, int, int]
) -> None:
    norm = Norm(shape, residual=True, mask="output")
    for mode in ("moments", "normalise", "gradient"):
        one = norm.run(target, mode)
        for threads in (2, 3):
            for a, b in zip(one, norm.run(target, mode, threads), strict=True):
                assert np.array_equal(a, b)


@pytest.mark.parametrize("target", TARGETS)
def test_long_sums_stay_exact(target: str) -> None:
    norm = Norm((128, 8, 1024), mask="own")
    _, gw, gb, _ = norm.run(target, "gradient")
    _, wanted_gw, wanted_gb, _ = norm.expected_gradients()
    check(gw, wanted_gw, 1e-6)
    check(gb, wanted_gb, 1e-6)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("training", [False, True])
def test_torch_gives_the_same(training: bool, target: str) -> None:
    norm = Norm((4, 10, 12), mask="output", residual=True, training=training)
    a = {k: torch.from_numpy(v).double() for k, v in norm.arrays.items() if v is not None}
    x, weight, bias, residual = (
        a[name].requires_grad_() for name in ("x", "weight", "bias", "residual")
    )
    mean, variance = a["mean"], a["variance"]
    y = torch.nn.functional.batch_norm(
        x, mean.clone(), variance.clone(), weight, bias, training, 0.0, norm.eps
    )
    (y + residual).relu().backward(a["gy"])
    found = norm.run(target, "gradient")
    for ours, tensor in zip(found, (x, weight, bias, residual), strict=True):
        assert tensor.grad is not None
        check(ours, tensor.grad.numpy())


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_odd_numbers_stay_in_their_channel(odd: float, target: str) -> None:
    lanes = dict(_core.targets())[target]
    x = draw(2, 3, 40)
    x[1, 1, 7] = odd
    attributes = {"mode": "moments", "batch": 2, "channels": 3, "pixels": 40}
    mean, variance = run_step(
        target, "batch_norm", "moments", attributes, [block(x, lanes)], [(3,), (3,)]
    )
    assert np.isfinite(mean).tolist() == np.isfinite(variance).tolist() == [True, False, True]


def pooled(
    rng: np.random.Generator,
    shape: tuple[int, int],
    sizes: tuple[int, ...],
    window: tuple[int, ...],
) -> tuple[Array, Array, Array]:
    """What a max pooling of windows side by side may give back: gy, places, and gy spread out."""
    out = tuple(n // k for n, k in zip(sizes, window, strict=True))
    kept = rng.standard_normal((*shape, *out)).astype(np.float32)
    place = rng.integers(0, np.prod(window), kept.shape)
    spread = np.zeros((*shape, *sizes), np.float32)
    for number, at in enumerate(np.ndindex(*window)):
        there = tuple(slice(first, n * k, k) for first, n, k in zip(at, out, window, strict=True))
        spread[(..., *there)] = np.where(place == number, kept, 0)
    flat = lambda a: a.reshape(*shape, -1)  # noqa: E731
    return flat(kept), flat(place), flat(spread)


@pytest.mark.parametrize(
    ("sizes", "window"),
    [
        ((1, 6, 8), (1, 2, 2)), ((1, 7, 9), (1, 2, 2)), ((5, 4, 7), (2, 2, 2)),
        ((1, 1, 2101), (1, 1, 4)), ((3, 50, 31), (1, 3, 2)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mask", ["none", "own"])
@pytest.mark.parametrize("target", TARGETS)
def test_the_gradient_of_what_was_pooled(
    target: str, mask: str, sizes: tuple[int, ...], window: tuple[int, ...]
) -> None:
    """To the bit as if it were spread out."""
    pixels = int(np.prod(sizes))
    kept, place, spread = pooled(np.random.default_rng(0), (3, 19), sizes, window)
    for settings_ in ({}, {"training": False}, {"input": False}, {"weight": False}):
        norm = Norm((3, 19, pixels), mask=mask, high=0.7, **settings_)
        norm.arrays["gy"] = spread
        wanted = norm.run(target, "gradient")
        norm.arrays.update(gy=kept, places=place.astype(np.float32))
        given = {"pooled": True, "in": list(sizes), "window": list(window)}
        for found, expected in zip(
            norm.run(target, "gradient", threads=2, **given), wanted, strict=True
        ):
            assert np.array_equal(found, expected)


@pytest.mark.parametrize("mask", ["none", "own"])
@pytest.mark.parametrize("target", TARGETS)
def test_numbers_make_the_gradient_for_the_input(target: str, mask: str) -> None:
    """In place of it: mean, scale, bias, b, c, with gx = g * scale + (x - mean) * b + c."""
    for shape, settings_ in (
        (MAPS[2], {}),
        (MAPS[5], {"weight": False}),
        (MAPS[6], {"added": True}),
        (MAPS[7], {}),
    ):
        norm = Norm(shape, mask=mask, high=0.7, **settings_)
        gx, *vectors = norm.run(target, "gradient")
        alone = replace(norm, input=False)
        numbers, *others = alone.run(target, "gradient", threads=2, numbers=True)
        for found, expected in zip(others, vectors, strict=True):
            assert np.array_equal(found, expected)
        rows = np.moveaxis(numbers, 1, 0).reshape(5, -1)[:, : shape[1], None].astype(float)
        mean, scale, bias, b, c = rows
        x, g = norm.arrays["x"], norm.arrays["gy"]
        g = g if norm.arrays["added"] is None else g + norm.arrays["added"]
        if mask == "own":
            v = (x - mean) * scale + bias
            g = np.where((v > 0) & (v < 0.7), g, 0)
        check(g * scale + (x - mean) * b + c, gx, 1e-5, np.abs(scale).max() * np.abs(g))


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "gradient", "numbers": True, "training": True, "input": True},
        {"mode": "gradient", "numbers": True, "training": False},
        {"mode": "layer"},
        {"batch": 0},
        {"mask": "input"},
        {"gy_batch_stride": 8},
        {"mode": "gradient", "pooled": True, "in": [1, 1, 5], "window": [1, 1, 2]},
        {"mode": "gradient", "pooled": True, "in": [1, 1, 4], "window": [1, 2, 2]},
        {"mode": "gradient", "pooled": True, "in": [1, 2, 2], "window": [1, 2, 2], "added": True},
        {"batch": 1 << 31, "channels": 1 << 31, "pixels": 1 << 31},
    ],
)
def test_wrong_arguments_are_refused(wrong: dict[str, Any]) -> None:
    attributes = {"batch": 2, "channels": 20, "pixels": 4, **wrong}
    with pytest.raises(ValueError, match="batch_norm"):
        _core.candidates(TARGETS[0], "batch_norm", attributes)
