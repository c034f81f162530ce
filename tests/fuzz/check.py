"""Compare what kernels compute with what a problem expects."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate import _core

from .generate import GENERATORS
from .guarded import run
from .problem import Array, Problem

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
    for target in [problem.target] if problem.target else TARGETS:
        lanes = dict(_core.targets())[target]
        kernels = _core.candidates(target, problem.kind, problem.attributes_for(lanes))
        assert kernels, f"no kernel on {target} computes {problem}"
        for kernel in kernels:
            threads, at_end = int(rng.integers(1, 5)), bool(rng.random() < 0.7)
            try:
                found = run(problem, target, kernel, threads, at_end=at_end, turn=index)
                bounds = problem.bounds(kernel)
                for y, operand, bound in zip(found, problem.outputs, bounds, strict=True):
                    if operand is not None:
                        _compare(y, operand.array, bound)
                if threads > 1:
                    again = run(problem, target, kernel, 1, at_end=not at_end)
                    _same(found, again, "it depends on the threads")
                for pair in problem.places_to_share(lanes):
                    again = run(problem, target, kernel, threads, at_end=at_end, in_place=pair)
                    _same(found, again, f"output {pair[0]} may not lie on input {pair[1]}")
            except AssertionError as error:
                raise AssertionError(
                    f"{kernel} on {target}, {threads} threads: {error}\n{problem}"
                ) from None
            runs += 1 + (threads > 1) + len(problem.places_to_share(lanes))
    return runs


def _same(found: list[Array], again: list[Array], text: str) -> None:
    for y, other in zip(found, again, strict=True):
        assert np.array_equal(y, other, equal_nan=True), text


def _compare(found: Array, expected: Array, bound: Any) -> None:
    holes = np.isnan(expected)
    assert np.array_equal(np.isnan(found), holes), "it left out numbers, or wrote others"
    with np.errstate(invalid="ignore"):  # infinite ones are right where they are the same
        error = np.where(holes | (found == expected), 0, np.abs(found - expected))
    excess = error - bound
    if error.size and not (excess <= 0).all():
        worst = np.unravel_index(np.argmax(excess), error.shape)
        allowed = np.broadcast_to(bound, error.shape)[worst]
        at = tuple(map(int, worst))
        raise AssertionError(f"off by {error[worst]:.3g} at {at}; {allowed:.3g} is allowed")
