"""The step `activation_gradient`: every function, on both layouts, against the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import _core
from striate.engine._activations import native_activation
from striate.graph.ops import Activation, ActivationGradient
from striate.graph.ops.activation_gradient import OF_INPUT, OF_OUTPUT

from .steps import EPS, Array, block, run_step, unblock

TARGETS = [name for name, _ in _core.targets()]
CASES: dict[str, tuple[str, tuple[float, ...] | None]] = {
    name: (name, None) for name in (*OF_OUTPUT, *OF_INPUT)
}
CASES |= {
    "gelu_tanh": ("gelu", (1,)),
    "selu": ("elu", (1.6732632, 1.0507010, 1)),
    "celu": ("elu", (0.5, 1, 2)),
    "softplus of 2": ("softplus", (2.0, 5.0)),
    "clip below 1": ("clip", (-1.0, 1.0)),
}


def operations(name: str) -> tuple[Activation, ActivationGradient, dict[str, Any]]:
    function, numbers = CASES[name]
    forward = Activation(function, numbers)
    native = native_activation(forward)
    assert native is not None
    return forward, ActivationGradient(function, numbers), native


def drawn(name: str, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Gy, and x or y, as numbers the function is smooth at, and its corners."""
    rng = np.random.default_rng(0)
    gy, x = (rng.standard_normal(shape).astype(np.float32) for _ in range(2))
    x *= 3
    x.flat[::7] = rng.integers(-4, 7, x.flat[::7].shape)
    if name in ("log", "sqrt", "rsqrt", "reciprocal"):
        x = np.abs(x) + np.float32(0.25)
    forward, gradient, _ = operations(name)
    if gradient.of_output:
        (x,) = forward.evaluate(x.astype(np.float64))
    return gy, x.astype(np.float32)


def run(
    target: str, native: dict[str, Any], gy: Array, x: Array, added: Array | None = None,
    *, plain: bool = False, threads: int = 1,
) -> Array:  # fmt: skip
    lanes = dict(_core.targets())[target]
    n, c, *sizes = gy.shape
    attributes = {
        "batch": n, "channels": c, "pixels": int(np.prod(sizes)), "plain": plain,
        "added": added is not None, **native,
    }  # fmt: skip
    laid = [a if plain or a is None else block(a, lanes, 2.0) for a in (gy, x, added)]
    (gx,) = run_step(
        target, "activation_gradient", "flat", attributes, [*laid], [laid[0].shape],
        threads=threads,
    )  # fmt: skip
    if plain:
        return gx
    whole = unblock(gx, -(-c // lanes) * lanes)
    assert (whole[:, c:] == 0).all()
    return whole[:, :c]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", CASES)
def test_it_agrees_with_the_definition(name: str, target: str) -> None:
    _, gradient, native = operations(name)
    for shape in [(2, 9, 5, 7), (3, 8, 1), (1, 1, 3), (1, 17, 1100)]:
        gy, x = drawn(name, shape)
        (wanted,) = gradient.evaluate(gy.astype(np.float64), x.astype(np.float64))
        for plain in (False, True):
            found = run(target, native, gy, x, plain=plain)
            # Slopes are of the size of 1, or as large as the largest number that comes out.
            assert (np.abs(found - wanted) <= 8 * EPS * (np.abs(gy) + np.abs(wanted))).all()


@pytest.mark.parametrize("target", TARGETS)
def test_a_second_gradient_is_added_first(target: str) -> None:
    for name in ("relu", "gelu"):
        _, gradient, native = operations(name)
        gy, x = drawn(name, (2, 9, 450))
        added = gy[::-1].copy()
        (wanted,) = gradient.evaluate(gy + added, x)
        found = run(target, native, gy, x, added)
        assert np.abs(found - wanted).max() <= 8 * EPS * np.abs(wanted).max()
        assert np.array_equal(found, run(target, native, gy, x, added, plain=True))


TORCH: dict[str, Any] = {
    "relu": torch.nn.functional.relu,
    "clip": torch.nn.functional.relu6,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "gelu": torch.nn.functional.gelu,
    "gelu_tanh": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
    "silu": torch.nn.functional.silu,
    "mish": torch.nn.functional.mish,
    "elu": torch.nn.functional.elu,
    "selu": torch.nn.functional.selu,
    "hardswish": torch.nn.functional.hardswish,
    "hardsigmoid": torch.nn.functional.hardsigmoid,
    "softplus": torch.nn.functional.softplus,
    "softsign": torch.nn.functional.softsign,
    "log_sigmoid": torch.nn.functional.logsigmoid,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


@pytest.mark.parametrize("name", TORCH)
def test_it_agrees_with_autograd(name: str) -> None:
    forward, gradient, native = operations(name)
    rng = np.random.default_rng(1)
    gy, x = (rng.standard_normal((2, 9, 31)).astype(np.float32) * 2 for _ in range(2))
    seen = torch.from_numpy(x).double().requires_grad_()
    TORCH[name](seen).backward(torch.from_numpy(gy).double())
    assert seen.grad is not None
    given = x
    if gradient.of_output:
        (given,) = forward.evaluate(x.astype(np.float64))
    found = run(TARGETS[0], native, gy, given.astype(np.float32))
    assert np.abs(found - seen.grad.numpy()).max() <= 8 * EPS * np.abs(gy).max()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["relu", "clip", "leaky_relu", "threshold", "hardsigmoid"])
def test_infinities_and_nan_pass_as_in_torch(name: str, target: str) -> None:
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 6.0], np.float32)
    # Of clip's NaN torch's loops over vectors say 0, its loops over what is left of them gy.
    at = special[1:] if name == "clip" else special
    gy, x = (a.reshape(1, 1, -1).copy() for a in np.meshgrid(special, at))
    _, gradient, native = operations(name)
    seen = torch.from_numpy(x.copy()).requires_grad_()
    functions = {"threshold": lambda x: torch.nn.functional.threshold(x, 0, 0)}
    y = {**TORCH, **functions}[name](seen)
    y.backward(torch.from_numpy(gy))
    assert seen.grad is not None
    given = y.detach().numpy() if gradient.of_output else x
    found = run(target, native, gy, given, plain=True)
    np.testing.assert_array_equal(found, seen.grad.numpy())


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu", "mish", "erf"])
def test_far_from_zero_slopes_reach_their_limits(name: str, target: str) -> None:
    x = np.array([20, 1e4, 1e30, np.inf], np.float32).reshape(1, 1, -1)
    _, _, native = operations(name)
    one = np.ones_like(x)
    assert np.abs(run(target, native, one, -x, plain=True)).max() < 1e-7
    assert (run(target, native, one, -x, plain=True)[..., 1:] == 0).all()
    assert (run(target, native, one, x, plain=True) == (0 if name == "erf" else 1)).all()
    assert np.isnan(run(target, native, one, x * np.float32("nan"), plain=True)).all()


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(CASES)),
    shape=st.tuples(*(st.integers(1, most) for most in (3, 20, 9, 90))),
)
def test_threads_and_layouts_give_the_same_bits(name: str, shape: tuple[int, ...]) -> None:
    _, gradient, native = operations(name)
    gy, x = drawn(name, shape)
    (wanted,) = gradient.evaluate(gy.astype(np.float64), x.astype(np.float64))
    found = [run(TARGETS[0], native, gy, x, threads=threads) for threads in (1, 2, 3)]
    found.append(run(TARGETS[0], native, gy, x, plain=True))
    assert all(np.array_equal(found[0], other) for other in found)
    assert (np.abs(found[0] - wanted) <= 8 * EPS * (np.abs(gy) + np.abs(wanted))).all()


def test_functions_without_a_slope_are_refused() -> None:
    for name in ("none", "floor", "sign"):
        with pytest.raises(ValueError, match="one that has a slope"):
            _core.candidates(TARGETS[0], "activation_gradient", {"pixels": 3, "activation": name})
