"""Sums of a number or two: norms, activations, arithmetic, numbers that only move."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from ._terms import PRODUCT, Integers, Unit, UnitSum, grid, joined


def rbf(unit: Unit) -> UnitSum:
    """Each feature's squared distance from the prototype's, taken off."""
    prototype = unit.operand(1)[unit.index[0]].astype(np.float64)
    index = grid(range(len(prototype)), *([i] for i in unit.index[1:]))
    x = unit.read()[tuple(index.T)].astype(np.float64)
    return unit.sum_of(index, prototype, products=-np.square(x - prototype), formula="-(x - w)^2")


def batch_norm(unit: Unit) -> UnitSum | None:
    """The value, scaled and shifted by the channel's running statistics."""
    mean, var = unit.operand(3), unit.operand(4)
    if unit.op.training or mean is None or var is None:
        return None
    c = unit.index[0]
    return _scaled(unit, float(mean[c]), float(var[c]), c)


def layer_norm(unit: Unit) -> UnitSum:
    """The value, scaled and shifted by the statistics of its last axes."""
    axes = unit.op.axes
    front = unit.index[: len(unit.index) - axes]
    values = unit.read()[front].astype(np.float64)
    mean = 0.0 if unit.op.rms else float(values.mean())
    return _scaled(unit, mean, float(np.square(values - mean).mean()), unit.index[len(front) :])


def group_norm(unit: Unit) -> UnitSum:
    """The value, scaled and shifted by the statistics of its group of channels."""
    maps, c = unit.read(), unit.index[0]
    each = len(maps) // (unit.op.groups or len(maps))
    values = maps[c // each * each : (c // each + 1) * each].astype(np.float64)
    return _scaled(unit, float(values.mean()), float(values.var()), c)


def _scaled(unit: Unit, mean: float, var: float, at: Any) -> UnitSum:
    weight, bias = unit.operand(1), unit.operand(2)
    scale = float(1.0 if weight is None else weight[at]) / math.sqrt(var + unit.op.eps)
    shift = (0.0 if bias is None else float(bias[at])) - mean * scale
    return unit.sum_of(_here(unit), scale, bias=shift)


def activation(unit: Unit) -> UnitSum:
    """What goes in; the function is applied to it."""
    return unit.sum_of(_here(unit), function=unit.op.function)


def prelu(unit: Unit) -> UnitSum:
    """What goes in, times the slope where it is negative."""
    slopes = unit.operand(1).ravel()
    slope = slopes[unit.index[0] if len(slopes) > 1 else 0]
    return unit.sum_of(_here(unit), 1.0 if unit.read()[unit.index] > 0 else slope)


def local_response_norm(unit: Unit) -> UnitSum:
    """The value, scaled down by its neighbours along the channels."""
    op, (c, *place) = unit.op, unit.index
    near = op.window.input_interval(c, len(unit.read()))
    seen: Any = (slice(near.start, near.stop), *place)
    values = unit.read()[seen].astype(np.float64)
    scale = op.k + op.alpha / op.size * np.square(values).sum()
    return unit.sum_of(_here(unit), float(scale**-op.beta))


def binary(unit: Unit) -> UnitSum | None:
    """Two values, or a value and a number or a weight: added, subtracted, multiplied, ..."""
    op = unit.op
    moving = [k for k in range(len(unit.node.inputs)) if not unit.is_fixed(k)]
    if not moving:
        return None
    if len(moving) == 2 and op.function in ("add", "sub"):
        signs = (1.0, op.alpha) if op.function == "add" else (1.0, -op.alpha)
        signs = (-signs[1], -1.0) if op.reverse and op.function == "sub" else signs
        return joined([_place(unit, k, w) for k, w in enumerate(signs)])
    return _with_one(unit, moving[0])


def _with_one(unit: Unit, read: int) -> UnitSum:
    """What is read with one other number: of another value, of a weight, of the operation."""
    op, function = unit.op, unit.op.function
    other = float(op.number if op.number is not None else unit.operand(1 - read)[unit.at(1 - read)])
    scale, other = (op.alpha, other) if read else (1.0, other * op.alpha)
    leads = (read == 0) != op.reverse  # x stands in front of the other
    if function == "add":
        return _place(unit, read, scale, bias=other)
    if function == "sub":
        sign = 1.0 if leads else -1.0
        return _place(unit, read, sign * scale, bias=-sign * other)
    if function == "mul":
        return _place(unit, read, other)
    if function == "div" and leads:
        return _place(unit, read, float(np.divide(1.0, other)))
    pair = "x, w" if leads else "w, x"
    made = _place(unit, read, other, formula=f"{function}({pair})")
    return replace(made, products=np.array([unit.value], np.float64))


def where(unit: Unit) -> UnitSum:
    """The one of two values that was chosen, or the number that was."""
    for number in (1, 2):
        if not unit.is_fixed(number) and unit.operand(number)[unit.at(number)] == unit.value:
            return _place(unit, number, 1.0)
    return unit.nothing(unit.value)


def _place(
    unit: Unit, number: int, w: float, *, bias: float | None = None, formula: str = PRODUCT
) -> UnitSum:
    """The value of an operand that stands at the unit's place, by broadcasting."""
    index = np.array([unit.at(number)[1:]], np.int64)
    return unit.sum_of(index, w, bias=bias, number=number, formula=formula)


def moved(unit: Unit) -> UnitSum | None:
    """One number of an operand, or a constant that was put beside them.

    Where it comes from is found by moving positions in the place of values.
    """
    op = replace(unit.op, value=0.0) if unit.node.kind == "pad" else unit.op
    start, positions, shapes = 1, [], []
    for number, name in enumerate(unit.node.inputs):
        given = unit.operand(number)
        if name is None or given is None:
            return None
        if unit.node.kind == "gather" and number:
            positions.append(given.astype(np.int64))
            continue
        positions.append(np.arange(start, start + given.size).reshape(given.shape))
        shapes.append((number, start, given.shape))
        start += given.size
    found = int(op.evaluate(*positions)[0][(0, *unit.index)])
    if not found:
        return unit.nothing(unit.value)
    number, first, shape = next(s for s in reversed(shapes) if s[1] <= found)
    batch, *place = np.unravel_index(found - first, shape)
    if batch:  # of a weight, which has no batch
        return unit.nothing(unit.value)
    return unit.sum_of(np.array([place], np.int64), number=number)


def _here(unit: Unit) -> Integers:
    return np.array([unit.index], np.int64)
