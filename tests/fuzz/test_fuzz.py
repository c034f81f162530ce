"""A short part of `make fuzz`: random problems for every kernel, on memory with guards."""

from __future__ import annotations

import numpy as np
import pytest

from striate import _core

from .check import TARGETS, check, make
from .generate import GENERATORS
from .guarded import run
from .nets import check_net
from .plans import check_plans
from .train import check_train
from .train_step import check_train_step

COUNTS = {"conv": 24}
"""How many of each kind; 8 where nothing is told."""


@pytest.mark.parametrize("kind", GENERATORS)
def test_every_kernel_agrees_on_random_problems(kind: str) -> None:
    for index in range(COUNTS.get(kind, 8)):
        check(kind, 7, index)


@pytest.mark.parametrize("index", range(12))
def test_plans_of_random_networks_agree_with_torch(index: int) -> None:
    target = TARGETS[index % len(TARGETS)]
    check_net("nets", 7, index, targets=[target], precisions=[("fast", "exact")[index % 2]])


@pytest.mark.parametrize("index", range(3))
def test_training_steps_of_random_networks_agree_with_torch(index: int) -> None:
    check_train("train", 7, index, targets=[TARGETS[index % len(TARGETS)]])


@pytest.mark.parametrize("index", range(6))
def test_training_steps_of_random_layers_agree_with_torch(index: int) -> None:
    check_train("layers", 7, index)


@pytest.mark.parametrize("index", range(4))
def test_classifiers_trained_by_train_step_agree_with_torch(index: int) -> None:
    assert check_train_step("train_step", 7, index) > 1


@pytest.mark.parametrize("index", range(3))
def test_damaged_plans_give_an_error_or_a_run(index: int) -> None:
    check_plans("plans", 7, index)


def test_all_kinds_of_steps_are_drawn() -> None:
    assert set(GENERATORS) == set(_core.step_kinds())


def test_a_wrong_expectation_is_found() -> None:
    problem, _ = make("layout", 0, 0)
    (wanted,) = problem.outputs
    assert wanted is not None
    wanted.array = wanted.array.copy()
    wanted.array[0, 0, 0] += 1e-3
    (y,) = run(problem, "portable8", "blocked", 1)
    assert not np.array_equal(y, wanted.array)
