"""Compare what kernels compute with what a problem expects."""

from __future__ import annotations

import numpy as np

from striate import _core

from .generate import GENERATORS
from .guarded import run
from .problem import Problem

TARGETS = [name for name, _ in _core.targets()]


def make(kind: str, seed: int, index: int) -> tuple[Problem, np.random.Generator]:
    """Problem `index` of a kind: the same for the same seed; and what else is drawn for it."""
    rng = np.random.default_rng((seed, index, *kind.encode()))
    return GENERATORS[kind](rng), rng


def check(kind: str, seed: int, index: int) -> int:
    """Run a problem by every kernel that fits on every target; give how many runs that were.

    Raises:
        AssertionError: One of them is wrong; the text says which.
    """
    problem, rng = make(kind, seed, index)
    runs = 0
    for target in TARGETS:
        lanes = dict(_core.targets())[target]
        kernels = _core.candidates(target, problem.kind, problem.attributes_for(lanes))
        assert kernels, f"no kernel on {target} computes {problem}"
        for kernel in kernels:
            threads, at_end = int(rng.integers(1, 5)), bool(rng.random() < 0.7)
            try:
                found = run(problem, target, kernel, threads, at_end=at_end, turn=index)
                for y, operand in zip(found, problem.outputs, strict=True):
                    _compare(y, operand.array, problem.bound(kernel))
                if threads > 1:
                    again = run(problem, target, kernel, 1, at_end=not at_end)
                    for y, one in zip(found, again, strict=True):
                        assert np.array_equal(y, one, equal_nan=True), "it depends on the threads"
            except AssertionError as error:
                raise AssertionError(
                    f"{kernel} on {target}, {threads} threads: {error}\n{problem}"
                ) from None
            runs += 1 + (threads > 1)
    return runs


def _compare(found: np.ndarray, expected: np.ndarray, bound: float) -> None:
    holes = np.isnan(expected)
    assert np.array_equal(np.isnan(found), holes), "it left out numbers, or wrote others"
    with np.errstate(invalid="ignore"):  # infinite ones are right where they are the same
        error = np.where(holes | (found == expected), 0, np.abs(found - expected)).max(initial=0)
    assert error <= bound, f"off by {error:.3g}; {bound:.3g} is allowed"
