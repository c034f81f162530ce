"""Updates of optimizers step by step as torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import striate
from striate import _core

from .steps import EPS, Array

SHAPES: list[tuple[int, ...]] = [(6, 1, 5, 5), (6,), (3, 7), (1,), (9000,), (), (130, 130)]


def drawn(seed: int) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape, dtype=np.float32) for shape in SHAPES]


def close(ours: list[Array], theirs: list[torch.Tensor], slack: float) -> None:
    """Within so many units in the last place of a number of the size of 1, or its own."""
    for a, b in zip(ours, theirs, strict=True):
        exact = b.detach().numpy()
        assert (np.abs(a - exact) <= slack * EPS * np.maximum(1, np.abs(exact))).all()


def train(make: Any, update: Any, steps: int = 10) -> None:
    """Both optimizers side by side; `update` gets parameters, gradients and the step's number."""
    parameters = drawn(0)
    twins = [torch.nn.Parameter(torch.from_numpy(p.copy())) for p in parameters]
    optimizer = make(twins)
    for step in range(1, steps + 1):
        gradients = drawn(step)
        for twin, gradient in zip(twins, gradients, strict=True):
            twin.grad = torch.from_numpy(gradient.copy())
        optimizer.step()
        update(parameters, gradients, step)
        # A rounding of one step stays, and the next adds its own: where torch's products and sums
        # are one instruction, ours may be two (on portable kernels, and in builds with sanitizers).
        close(parameters, twins, 1 + step)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight_decay": 0.01},
        {"momentum": 0.9},
        {"momentum": 0.9, "weight_decay": 5e-4, "nesterov": True},
        {"momentum": 0.8, "dampening": 0.3, "weight_decay": 0.1},
    ],
    ids=str,
)
def test_sgd(options: dict[str, Any], threads: int) -> None:
    momenta = [np.full(shape, np.nan, np.float32) for shape in SHAPES]
    all_options = {"momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False}
    all_options |= options

    def update(parameters: list[Array], gradients: list[Array], step: int) -> None:
        states = [momenta] if options.get("momentum") else []
        given = _core.Parameters(parameters, gradients, states)
        _core.sgd_step(given, 0.05, first=step == 1, **all_options)

    with_threads(threads, lambda: train(lambda p: torch.optim.SGD(p, lr=0.05, **options), update))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight_decay": 0.3, "lr": 0.02},
        {"betas": (0.8, 0.9), "eps": 1e-3},
        {"amsgrad": True, "betas": (0.5, 0.6)},
    ],
    ids=str,
)
def test_adamw(options: dict[str, Any], threads: int) -> None:
    averages, squares, largest = ([np.zeros(s, np.float32) for s in SHAPES] for _ in range(3))
    lr, decay = options.get("lr", 1e-3), options.get("weight_decay", 1e-2)
    beta1, beta2 = options.get("betas", (0.9, 0.999))
    states = [averages, squares, largest] if options.get("amsgrad") else [averages, squares]

    def update(parameters: list[Array], gradients: list[Array], step: int) -> None:
        _core.adamw_step(
            _core.Parameters(parameters, gradients, states), step, lr, beta1, beta2,
            options.get("eps", 1e-8), decay,
        )  # fmt: skip

    with_threads(threads, lambda: train(lambda p: torch.optim.AdamW(p, **options), update))


def with_threads(threads: int, work: Any) -> None:
    before = striate.get_num_threads()
    striate.set_num_threads(threads)
    try:
        work()
    finally:
        striate.set_num_threads(before)


def sgd(parameters: list[Any], gradients: list[Any], momenta: list[Any]) -> None:
    given = _core.Parameters(parameters, gradients, [momenta])
    _core.sgd_step(given, 0.1, 0.9, 0, 0, nesterov=False, first=True)


def test_a_step_by_hand() -> None:
    p, g, m = (np.array(v, np.float32) for v in ([1, 2], [0.5, -1], [7, 7]))
    sgd([p], [g], [m])
    np.testing.assert_allclose(p, [0.95, 2.1], rtol=1e-7)
    assert m.tolist() == [0.5, -1]


def test_arrays_that_do_not_fit_are_refused_and_stay() -> None:
    p, g = np.ones(3, np.float32), np.ones(2, np.float32)
    with pytest.raises(striate.OptionError, match=r"gradients\[0\] holds 2 numbers; 3 are needed"):
        sgd([p], [g], [p])
    with pytest.raises(striate.OptionError, match=r"states\[0\] holds 0 arrays; 1 are needed"):
        sgd([p], [p], [])
    given = _core.Parameters([p], [p], [[p], [p]])
    with pytest.raises(striate.OptionError, match="step counts from 1"):
        _core.adamw_step(given, 0, 0.1, 0.9, 0.9, 0, 0)
    with pytest.raises(striate.OptionError, match="2 states were given; 1 to 1 are needed"):
        _core.sgd_step(given, 0.1, 0.9, 0, 0, nesterov=False, first=True)
    assert (p == 1).all()


@pytest.mark.parametrize(
    "wrong", [np.ones(3), np.ones((3, 3), np.float32).T[:2], np.ones(6, np.float32)[::2]]
)
def test_arrays_that_would_be_copied_are_refused(wrong: Array) -> None:
    with pytest.raises(TypeError):
        sgd([wrong], [np.ones(wrong.shape, np.float32)], [np.ones(wrong.shape, np.float32)])


def test_no_parameters_are_no_work() -> None:
    sgd([], [], [])
