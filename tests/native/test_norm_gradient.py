"""The step `norm_gradient` against NumPy and torch in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import _core
from striate.graph.ops import GroupNormGradient, LayerNormGradient

from .steps import Array, block, run_step, unblock

TARGETS = [name for name, _ in _core.targets()]
MAPS = [(1, 96, 49), (2, 17, 5), (1, 8, 16), (3, 2, 3), (5, 24, 1), (2, 7, 1500), (1, 40, 2100)]


def draw(*shape: int, mean: float = 0, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(mean, 1, shape).astype(np.float32)


def operands(shape: tuple[int, ...], channels: int, mean: float = 0) -> tuple[Array, ...]:
    return draw(*shape, seed=1), draw(*shape, mean=mean), draw(channels, seed=2)


def run(
    target: str, attributes: dict[str, Any], gy: Array, x: Array, w: Array | None,
    threads: int = 1,
) -> list[Array]:  # fmt: skip
    """Gradients by the only kernel that fits: of rows, or of maps (batch, channels, pixels)."""
    lanes = dict(_core.targets())[target]
    plain = x.ndim == 2
    attributes = {
        "batch": x.shape[0], "channels": x.shape[1], "plain": plain, "weight": w is not None,
        "input": True, **({} if plain else {"pixels": x.shape[2]}), **attributes,
    }  # fmt: skip
    (kernel,) = _core.candidates(target, "norm_gradient", attributes)
    # Unused lanes hold numbers that must not matter.
    inputs = [gy, x] if plain else [block(gy, lanes, -55.0), block(x, lanes, 77.0)]
    shapes = [inputs[0].shape if attributes["input"] else (0,), x.shape[1:2], x.shape[1:2]]
    found = run_step(
        target, "norm_gradient", kernel, attributes, [*inputs, w], shapes, threads=threads
    )
    assert all(np.isfinite(y).all() for y in found)
    return [unblock(y, x.shape[1]) if y.ndim == 4 else y for y in found]


def check(found: list[Array], expected: tuple[Array, ...], share: float = 1e-5) -> None:
    """Whether all are as wanted, to a share of the largest of each kind."""
    for ours, wanted in zip(found, expected, strict=True):
        if ours.size:
            assert ours.shape == wanted.shape
            assert np.abs(ours - wanted).max() <= share * max(1, np.abs(wanted).max())


def over_channels(
    op: LayerNormGradient, gy: Array, x: Array, w: Array | None
) -> tuple[Array, ...]:  # fmt: skip
    """Of maps (batch, channels, pixels), in float64."""
    last = [np.moveaxis(a.astype(float), 1, -1) for a in (gy, x)]
    gx, gw, gb = op.evaluate(*last, w)
    return np.moveaxis(gx, -1, 1), gw, gb


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("mean", [0.0, 30.0])
@pytest.mark.parametrize("rms", [False, True])
def test_layer_norm_over_channels(rms: bool, mean: float, target: str) -> None:
    for shape in [*MAPS, (2, 768, 60)]:
        gy, x, w = operands(shape, shape[1], mean)
        attributes = {"mode": "layer", "eps": 1e-2, "rms": rms}
        for weight in (w, None):
            expected = over_channels(LayerNormGradient(1, 1e-2, rms), gy, x, weight)
            check(run(target, attributes, gy, x, weight), expected, 1e-4 if mean else 1e-5)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("mean", [0.0, 30.0])
def test_layer_norm_of_rows(mean: float, target: str) -> None:
    for shape in [(1, 2), (5, 7), (3, 100), (400, 96), (2, 9001)]:
        gy, x, w = operands(shape, shape[1], mean)
        for rms in (False, True):
            attributes = {"eps": 1e-2, "rms": rms}
            op = LayerNormGradient(1, 1e-2, rms)
            for weight in (w, None):
                expected = op.evaluate(gy.astype(float), x.astype(float), weight)
                check(run(target, attributes, gy, x, weight), expected, 1e-4 if mean else 1e-5)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("mean", [0.0, 30.0])
def test_group_and_instance_norm(mean: float, target: str) -> None:
    for shape in MAPS:
        gy, x, w = operands(shape, shape[1], mean)
        c = shape[1]
        for groups in {1, c, next(g for g in range(c // 3 + 1, 0, -1) if c % g == 0)}:
            attributes = {"mode": "group", "groups": groups, "eps": 1e-2}
            op = GroupNormGradient(groups, 1e-2)
            for weight in (w, None):
                expected = op.evaluate(gy.astype(float), x.astype(float), weight)
                check(run(target, attributes, gy, x, weight), expected, 1e-4 if mean else 1e-5)


@settings(max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 40), st.integers(1, 60)),
    mode=st.sampled_from(["layer", "plain", "group"]),
    scaled=st.booleans(),
    whole=st.booleans(),
    target=st.sampled_from(TARGETS),
)
def test_any_shape(
    shape: tuple[int, int, int], mode: str, scaled: bool, whole: bool, target: str
) -> None:
    shape = shape[:2] if mode == "plain" else shape
    gy, x, w = operands(shape, shape[1])
    weight = w if scaled else None
    if mode == "group":
        expected = GroupNormGradient(1, 0.1).evaluate(gy.astype(float), x.astype(float), weight)
    elif mode == "layer":
        expected = over_channels(LayerNormGradient(1, 0.1), gy, x, weight)
    else:
        expected = LayerNormGradient(1, 0.1).evaluate(gy.astype(float), x.astype(float), weight)
    attributes = {"mode": "group" if mode == "group" else "layer", "eps": 0.1, "input": whole}
    check(run(target, attributes, gy, x, weight), expected)


@pytest.mark.parametrize("target", TARGETS)
def test_any_number_of_threads_makes_the_same_bits(target: str) -> None:
    gy, x, w = operands((5, 24, 1300), 24)
    rows = [a.reshape(-1, 24) for a in (gy, x)]
    for attributes, maps in (
        ({"mode": "layer"}, [gy, x]), ({"mode": "group", "groups": 6}, [gy, x]), ({}, rows),
    ):  # fmt: skip
        one = run(target, attributes, *maps, w)
        for threads in (2, 3):
            for a, b in zip(one, run(target, attributes, *maps, w, threads), strict=True):
                assert np.array_equal(a, b)


@pytest.mark.parametrize("target", TARGETS)
def test_torch_gives_the_same(target: str) -> None:
    gy, x, w = operands((3, 12, 20), 12)
    real = [torch.from_numpy(a).double().requires_grad_() for a in (x, w, np.zeros_like(w))]
    F = torch.nn.functional
    y = F.group_norm(real[0], 4, *real[1:], 1e-3)
    expected = torch.autograd.grad(y, real, torch.from_numpy(gy).double())
    found = run(target, {"mode": "group", "groups": 4, "eps": 1e-3}, gy, x, w)
    check(found, tuple(t.numpy() for t in expected))
    y = F.layer_norm(real[0].movedim(1, -1), (12,), *real[1:], 1e-3).movedim(-1, 1)
    expected = torch.autograd.grad(y, real, torch.from_numpy(gy).double())
    check(run(target, {"eps": 1e-3}, gy, x, w), tuple(t.numpy() for t in expected))


@pytest.mark.parametrize(
    "wrong",
    [
        {"groups": 4},
        {"plain": True, "mode": "group"},
        {"mode": "batch"},
        {"batch": 1 << 31, "channels": 1 << 31, "pixels": 1 << 31},
    ],
)
def test_wrong_arguments_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="norm_gradient"):
        _core.candidates(TARGETS[0], "norm_gradient", {"batch": 1, "channels": 6, **wrong})
