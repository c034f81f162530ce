"""Sums over whole axes: sums, means and extremes, softmax, running sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .._subject import Floats
from ._terms import Unit, UnitSum, grid

EACH: dict[str, tuple[Callable[[Floats], Floats], str, str]] = {
    "l1": (np.abs, "|x|", ""),
    "l2": (np.square, "x^2", "square root"),
    "sum_square": (np.square, "x^2", ""),
    "log_sum_exp": (np.exp, "exp(x)", "log"),
}
"""What is summed of each number, in words too, and what the sum goes through."""


def reduce(unit: Unit) -> UnitSum | None:
    """The sum, the mean or the largest of whole axes."""
    op, shape = unit.op, unit.operand(0).shape
    gone = op.reduced(len(shape))
    if 0 in gone:
        return None
    rest = iter(unit.index)
    axes: list[Any] = []
    for axis, n in list(enumerate(shape))[1:]:
        if axis not in gone:
            axes.append([next(rest)])
            continue
        if op.keepdim:
            next(rest)
        axes.append(range(n))
    index = grid(*axes)
    if op.function in ("max", "min"):
        return unit.chosen(index, sign=-1 if op.function == "min" else 1)
    if op.function in ("sum", "mean"):
        return unit.sum_of(index, 1 / len(index) if op.function == "mean" else 1.0)
    if op.function not in EACH:
        return None
    each, formula, function = EACH[op.function]
    plain = unit.sum_of(index, formula=formula, function=function)
    return replace(plain, products=each(plain.x))


def softmax(unit: Unit) -> UnitSum | None:
    """How much larger all are than the unit: 1 / sum of exp(x[j] - x[i]), or its logarithm."""
    x = unit.operand(0)
    axis = unit.op.axis % x.ndim
    if axis == 0:
        return None
    index = grid(*(range(n) if k == axis else [i] for k, (i, n) in _axes(unit)))
    own = float(x[unit.full_index])
    plain = unit.sum_of(
        index, own, formula="exp(x - w)", function="minus its log" if unit.op.log else "1 / total"
    )
    with np.errstate(over="ignore"):
        return replace(plain, products=np.exp(plain.x - own))


def cumsum(unit: Unit) -> UnitSum | None:
    """All up to the unit."""
    axis = unit.op.axis % unit.operand(0).ndim
    if axis == 0:
        return None
    return unit.sum_of(grid(*(range(i + 1) if k == axis else [i] for k, (i, _) in _axes(unit))))


def _axes(unit: Unit) -> list[tuple[int, tuple[int, int]]]:
    """Each axis behind the batch: its number, the unit's position, its length."""
    shape = unit.operand(0).shape
    return list(enumerate(zip(unit.full_index, shape, strict=True)))[1:]
