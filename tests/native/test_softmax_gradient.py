"""The step `softmax_gradient` against the definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import _core
from striate.graph.ops import Softmax, SoftmaxGradient

from .steps import EPS, Array, run_step

TARGETS = [name for name, _ in _core.targets()]


def drawn(shape: tuple[int, int, int], log: bool) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    gy, x = (rng.standard_normal(shape) for _ in range(2))
    (y,) = Softmax(1, log).evaluate(x * 3)
    return gy.astype(np.float32), y.astype(np.float32)


def run(target: str, gy: Array, y: Array, log: bool, threads: int = 1) -> Array:
    attributes = dict(zip(("outer", "size", "inner"), gy.shape, strict=True)) | {"log": log}
    (gx,) = run_step(
        target, "softmax_gradient", "lines", attributes, [gy, y], [gy.shape], threads=threads
    )
    return gx


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 70), st.sampled_from([1, 1, 3, 8, 21])),
    log=st.booleans(),
)
def test_it_agrees_with_the_definition(target: str, shape: tuple[int, int, int], log: bool) -> None:
    gy, y = drawn(shape, log)
    (wanted,) = SoftmaxGradient(1, log).evaluate(gy.astype(np.float64), y.astype(np.float64))
    found = run(target, gy, y, log)
    assert np.abs(found - wanted).max() <= 4 * EPS * shape[1] * np.abs(gy).max()
    for threads in (2, 3):
        assert np.array_equal(found, run(target, gy, y, log, threads))


@pytest.mark.parametrize("log", [False, True])
def test_it_agrees_with_autograd(log: bool) -> None:
    rng = np.random.default_rng(1)
    gy, x = (rng.standard_normal((7, 100, 1)).astype(np.float32) for _ in range(2))
    seen = torch.from_numpy(x).double().requires_grad_()
    y = seen.log_softmax(1) if log else seen.softmax(1)
    y.backward(torch.from_numpy(gy).double())
    assert seen.grad is not None
    found = run(TARGETS[0], gy, y.detach().float().numpy(), log)
    assert np.abs(found - seen.grad.numpy()).max() <= 1e-5
