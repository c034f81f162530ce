"""The step `norm` against NumPy in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from striate import _core
from striate.graph.ops import GroupNorm, LayerNorm, LocalResponseNorm

from .steps import Array, block, run_step, unblock

TARGETS = [name for name, _ in _core.targets()]
MAPS = [(1, 96, 49), (2, 17, 5), (1, 8, 16), (3, 1, 3), (1, 24, 1), (2, 7, 1500), (1, 40, 2100)]


def draw(*shape: int, mean: float = 0, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(mean, 1, shape).astype(np.float32)


def run(
    target: str, x: Array, attributes: dict[str, Any], w: Array | None, b: Array | None,
    threads: int = 1,
) -> Array:  # fmt: skip
    """Normalise a map by the only kernel that fits."""
    lanes = dict(_core.targets())[target]
    n, c, pixels = x.shape
    attributes = {
        "batch": n, "channels": c, "pixels": pixels, "weight": w is not None,
        "bias": b is not None, **attributes,
    }  # fmt: skip
    (kernel,) = _core.candidates(target, "norm", attributes)
    given = block(x, lanes, 77.0)
    (y,) = run_step(
        target, "norm", kernel, attributes, [given], [given.shape], weights=[w, b], threads=threads
    )
    assert np.isfinite(y).all()
    return unblock(y, c)


def check(y: Array, expected: Array) -> None:
    assert np.abs(y - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("mean", [0.0, 30.0])
@pytest.mark.parametrize("rms", [False, True])
def test_layer_norm_over_channels(rms: bool, mean: float, target: str) -> None:
    for n, c, pixels in MAPS:
        x, w, b = draw(n, c, pixels, mean=mean), draw(c, seed=1), draw(c, seed=2)
        y = run(target, x, {"mode": "layer", "eps": 1e-3, "rms": rms}, w, b)
        real = np.moveaxis(x.astype(float), 1, -1)
        (expected,) = LayerNorm(1, 1e-3, rms).evaluate(real, w, b)
        check(y, np.moveaxis(expected, -1, 1))


@pytest.mark.parametrize("target", TARGETS)
def test_activation_follows(target: str) -> None:
    x = draw(2, 13, 20)
    (expected,) = GroupNorm(1, 1e-5).evaluate(x.astype(float))
    silu = {"activation": "silu"}
    check(run(target, x, {"mode": "group", **silu}, None, None), expected / (1 + np.exp(-expected)))
    (expected,) = LayerNorm(1, 1e-5).evaluate(np.moveaxis(x.astype(float), 1, -1))
    relu = {"activation": "clamp", "alpha": 0, "beta": 1}
    layer = run(target, x, {"mode": "layer", **relu}, None, None)
    check(layer, np.moveaxis(expected.clip(0, 1), -1, 1))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("mean", [0.0, 30.0])
def test_layer_norm_of_rows(mean: float, target: str) -> None:
    for rows, length in [(1, 1), (5, 7), (3, 100), (40, 768), (2, 9001)]:
        x, w, b = draw(rows, length, mean=mean), draw(length, seed=1), draw(length, seed=2)
        for rms in (False, True):
            attributes = {
                "batch": rows, "channels": length, "plain": True, "weight": True, "bias": True,
                "eps": 1e-3, "rms": rms,
            }  # fmt: skip
            (y,) = run_step(target, "norm", "plain", attributes, [x], [x.shape], weights=[w, b])
            (expected,) = LayerNorm(1, 1e-3, rms).evaluate(x.astype(float), w, b)
            check(y, expected)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("mean", [0.0, 30.0])
def test_group_and_instance_norm(mean: float, target: str) -> None:
    for n, c, pixels in MAPS:
        x, w, b = draw(n, c, pixels, mean=mean), draw(c, seed=1), draw(c, seed=2)
        for groups in {1, c, next(g for g in range(c // 3 + 1, 0, -1) if c % g == 0)}:
            if c // groups * pixels == 1:
                continue
            attributes = {"mode": "group", "groups": groups, "eps": 1e-3}
            y = run(target, x, attributes, w, b)
            (expected,) = GroupNorm(groups, 1e-3).evaluate(x.astype(float), w, b)
            check(y, expected)
            assert np.array_equal(y, run(target, x, attributes, w, b, threads=3))


@pytest.mark.parametrize("target", TARGETS)
def test_local_response_norm(target: str) -> None:
    for n, c, pixels in MAPS:
        for size, power in ((5, 0.75), (4, 0.6), (1, 0.5), (23, 0.75)):
            x = draw(n, c, pixels)
            op = LocalResponseNorm(size, 0.1, power, 2.0)
            attributes = {
                "mode": "response", "size": size, "k": 2.0, "scale": 0.1 / size, "power": power,
            }  # fmt: skip
            (expected,) = op.evaluate(x.astype(float))
            check(run(target, x, attributes, None, None), expected)


@pytest.mark.parametrize(
    "attributes",
    [
        {"batch": 1, "channels": 6, "groups": 4},
        {"batch": 1, "channels": 6, "plain": True, "mode": "group"},
        {"batch": 1, "channels": 6, "mode": "batch"},
        {"batch": 1 << 31, "channels": 1 << 31, "pixels": 1 << 31},
    ],
)
def test_wrong_arguments_are_refused(attributes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="norm"):
        _core.candidates(TARGETS[0], "norm", attributes)
