"""All kernels of poolings' gradients, on all targets of this machine, against the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import Window, _core
from striate.graph.ops import (
    AdaptiveAvgPoolGradient,
    AdaptiveMaxPoolGradient,
    AvgPoolGradient,
    MaxPoolGradient,
)

from .steps import EPS, Array, block, run_step, unblock
from .test_pool import SHAPES, Pooling

TARGETS = [name for name, _ in _core.targets()]


def drawn(problem: Pooling, seed: int = 0) -> tuple[Array, Array]:
    """Gy and x, of few numbers, so that windows hold equals."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-3, 4, (problem.batch, problem.channels, *problem.size)).astype(np.float32)
    y = problem.reference(x, "max")
    return rng.standard_normal(y.shape).astype(np.float32), x


def reference(problem: Pooling, mode: str, gy: Array, x: Array) -> Array:
    operation: Any
    if mode == "max":
        adaptive, windowed = AdaptiveMaxPoolGradient(problem.size), MaxPoolGradient(problem.windows)
        operation = adaptive if problem.places else windowed
        (gx,) = operation.evaluate(gy.astype(np.float64), x)
        return np.asarray(gx)
    operation = AvgPoolGradient(
        problem.windows, problem.size, problem.count_include_pad, problem.divisor
    )
    if problem.places:
        operation = AdaptiveAvgPoolGradient(problem.size)
    (gx,) = operation.evaluate(gy.astype(np.float64))
    return np.asarray(gx)


def run(
    problem: Pooling, mode: str, target: str, kernel: str, given: tuple[Array, Array],
    threads: int = 1,
) -> Array:  # fmt: skip
    lanes = dict(_core.targets())[target]
    gy, x = given
    attributes = problem.attributes(mode, gy.shape[2:])
    inputs = [block(gy, lanes, 2.0)]
    if kernel == "places":
        attributes["places"] = True
        inputs.append(block_bytes(problem.winners(x)[1], lanes))
    elif mode == "max":
        inputs.append(block(x, lanes, 1.0))
    blocks = -(-problem.channels // lanes)
    (gx,) = run_step(
        target, "pool_gradient", kernel, attributes, [*inputs],
        [(problem.batch, blocks, *problem.size, lanes)], threads=threads,
    )  # fmt: skip
    assert np.isfinite(unblock(gx, blocks * lanes)[:, problem.channels :]).all()
    return unblock(gx, problem.channels)


def block_bytes(places: Array, lanes: int) -> Array:
    """Bytes as they lie in a blocked map, four to a number."""
    told = block(places, lanes, 0.0).astype(np.uint8)
    return told.reshape(-1).view(np.float32)


def kernels_of(problem: Pooling, mode: str, target: str, out: tuple[int, ...]) -> list[str]:
    attributes = problem.attributes(mode, out)
    kernels = _core.candidates(target, "pool_gradient", attributes)
    if mode == "max" and problem.has_places:
        kernels += _core.candidates(target, "pool_gradient", attributes | {"places": True})
    return kernels


def check(problem: Pooling, mode: str, target: str, threads: tuple[int, ...] = ()) -> set[str]:
    """Hold all kernels that fit against the definition; give their names."""
    given = drawn(problem)
    wanted = reference(problem, mode, *given)
    kernels = kernels_of(problem, mode, target, given[0].shape[2:])
    for kernel in kernels:
        found = run(problem, mode, target, kernel, given)
        terms = sum(1 for w in problem.windows for _ in range(w.size)) + 8
        error = np.abs(found - wanted).max()
        assert error <= terms * EPS * max(1, np.abs(wanted).max()), kernel
        for count in threads:
            assert np.array_equal(found, run(problem, mode, target, kernel, given, count))
    return set(kernels)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("mode", ["max", "avg"])
@pytest.mark.parametrize("name", SHAPES)
def test_every_kernel_that_fits_agrees_with_the_definition(
    name: str, mode: str, target: str
) -> None:
    kernels = check(SHAPES[name], mode, target)
    assert ("largest" if mode == "max" else "average") in kernels
    assert ("places" in kernels) == (mode == "max" and SHAPES[name].has_places)
    # A map that is padded is not spread evenly over its pixels' rows.
    assert "whole" in kernels or mode == "max" or "whole" not in name


BANDS = Pooling(
    windows=(Window(1), Window(3, 2, 1, 1), Window(3, 2, 1, 1)), size=(1, 150, 97), channels=3
)
VOLUME = Pooling(
    windows=(Window(3, 1, 1, 1), Window(3, 2, 1, 1), Window(2, 2)), size=(9, 40, 38), channels=3
)


@pytest.mark.parametrize("mode", ["max", "avg"])
@pytest.mark.parametrize("problem", [BANDS, VOLUME], ids=["image", "volume"])
def test_bands_of_large_maps_give_the_same_bits_on_any_threads(problem: Pooling, mode: str) -> None:
    check(problem, mode, TARGETS[0], threads=(2, 3))


@st.composite
def poolings(draw: st.DrawFn) -> Pooling:
    size = tuple(draw(st.integers(1, most)) for most in (3, 9, 12))
    if draw(st.booleans()):
        places = tuple(draw(st.integers(1, 5)) for _ in range(3))
        return Pooling(size, places=places, channels=draw(st.integers(1, 20)))  # type: ignore[arg-type]
    windows = []
    for n in size:
        kernel, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 2))
        before, after = (draw(st.integers(0, kernel // 2)) for _ in range(2))
        if dilation * (kernel - 1) + 1 > n + before + after:
            kernel = dilation = 1
            before = after = 0
        ceil = draw(st.booleans()) and n + before >= kernel
        windows.append(
            Window(kernel, draw(st.integers(1, 4)), dilation, (before, after), ceil_mode=ceil)
        )
    hollow = any(w.dilation > n for w, n in zip(windows, size, strict=True))
    return Pooling(  # a window that may hold no pixel has no mean over its pixels
        size, tuple(windows), channels=draw(st.integers(1, 20)), batch=draw(st.integers(1, 3)),  # type: ignore[arg-type]
        count_include_pad=hollow or draw(st.booleans()), divisor=draw(st.sampled_from([None, 3])),
    )  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(problem=poolings(), mode=st.sampled_from(["max", "avg"]))
def test_any_pooling_agrees_with_the_definition(problem: Pooling, mode: str) -> None:
    check(problem, mode, TARGETS[0], threads=(3,))


@pytest.mark.parametrize("kernel", ["largest", "places"])
@pytest.mark.parametrize("target", TARGETS)
def test_the_last_nan_of_a_window_wins(target: str, kernel: str) -> None:
    problem = Pooling(size=(1, 4, 4), channels=1)
    x = np.arange(16, dtype=np.float32).reshape(1, 1, 1, 4, 4)
    x[0, 0, 0, 0, 1] = x[0, 0, 0, 1, 0] = np.nan
    gy = np.array([1, 2, 3, np.inf], np.float32).reshape(1, 1, 1, 2, 2)
    wanted = np.zeros_like(x)
    wanted[0, 0, 0, [1, 1, 3, 3], [0, 3, 1, 3]] = [1, 2, 3, np.inf]
    assert np.array_equal(run(problem, "max", target, kernel, (gy, x)), wanted)


def test_it_agrees_with_autograd() -> None:
    """Windows that overlap and hang over the edge, of what a relu made: zeros are equals."""
    problem = Pooling(
        windows=(Window(1), Window(3, 2, 1, 1), Window(3, 2, 1, 1)), size=(1, 13, 14), batch=2
    )
    rng = np.random.default_rng(0)
    x = np.maximum(rng.standard_normal((2, 17, 13, 14)), 0).astype(np.float32)
    pools = {
        "max": lambda x: torch.nn.functional.max_pool2d(x, 3, 2, 1),
        "avg": lambda x: torch.nn.functional.avg_pool2d(x, 3, 2, 1),
    }
    for mode, pool in pools.items():
        seen = torch.from_numpy(x).requires_grad_()
        y = pool(seen)
        gy = rng.standard_normal(tuple(y.shape)).astype(np.float32)
        y.backward(torch.from_numpy(gy))
        assert seen.grad is not None
        for kernel in ["largest", "places"] if mode == "max" else ["average"]:
            found = run(problem, mode, TARGETS[0], kernel, (gy[:, :, None], x[:, :, None]))
            assert np.abs(found[:, :, 0] - seen.grad.numpy()).max() <= 8 * EPS * np.abs(gy).max()


def test_an_activation_is_refused() -> None:
    attributes = Pooling().attributes("max", (1, 3, 4)) | {"activation": "exp"}
    with pytest.raises(ValueError, match="a gradient of its own"):
        _core.candidates(TARGETS[0], "pool_gradient", attributes)
