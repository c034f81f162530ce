"""Sums without a window: linear layers, norms, activations, arithmetic, numbers that only move."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from ._terms import Integers, Unit, UnitSum, grid, joined


def linear(unit: Unit) -> UnitSum:
    """Every feature."""
    *front, o = unit.index
    weight, bias = unit.operand(1), unit.operand(2)
    index = grid(*([i] for i in front), range(weight.shape[1]))
    return unit.sum_of(index, weight[o], bias=None if bias is None else float(bias[o]))


def rbf(unit: Unit) -> UnitSum:
    """Each feature's squared distance from the prototype's, taken off."""
    prototype = unit.operand(1)[unit.index[0]].astype(np.float64)
    index = grid(range(len(prototype)), *([i] for i in unit.index[1:]))
    x = unit.read()[tuple(index.T)].astype(np.float64)
    return unit.sum_of(index, prototype, products=-np.square(x - prototype))


def reduce(unit: Unit) -> UnitSum | None:
    """The sum, the mean or the largest of whole axes."""
    op, shape = unit.op, unit.operand(0).shape
    gone = op.reduced(len(shape))
    if 0 in gone or op.function not in ("sum", "mean", "max"):
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
    if op.function == "max":
        return unit.chosen(index)
    return unit.sum_of(index, 1 / len(index) if op.function == "mean" else 1.0)


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


def binary(unit: Unit) -> UnitSum | None:
    """Two values or a value and a number: added, subtracted, multiplied, divided."""
    op = unit.op
    two = len(unit.node.inputs) > 1 and unit.node.inputs[1] is not None
    if two and op.function in ("add", "sub") and not op.reverse:
        second = op.alpha if op.function == "add" else -op.alpha
        return joined([_place(unit, 0, 1.0), _place(unit, 1, second)])
    if two and op.function in ("mul", "div") and not op.reverse:
        other = float(_place(unit, 1, 1.0).x[0])
        return _place(unit, 0, other if op.function == "mul" else np.divide(1.0, other))
    if two or op.number is None:
        return None
    number = op.number * op.alpha
    if op.function == "add":
        return unit.sum_of(_here(unit), bias=number)
    if op.function == "sub":
        sign = -1.0 if op.reverse else 1.0
        return unit.sum_of(_here(unit), sign, bias=-sign * number)
    if op.function == "mul" or (op.function == "div" and not op.reverse):
        return unit.sum_of(_here(unit), number if op.function == "mul" else 1 / number)
    return None


def _place(unit: Unit, number: int, w: float) -> UnitSum:
    """The value of an operand that stands at the unit's place, by broadcasting."""
    shape = unit.operand(number).shape[1:]
    near = unit.index[len(unit.index) - len(shape) :]
    at = [[0 if n == 1 else i] for i, n in zip(near, shape, strict=True)]
    index = grid(*at) if at else np.zeros((1, 0), np.int64)
    return unit.sum_of(index, w, number=number)


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
        return replace(unit.sum_of(_here(unit)[:0]), bias=unit.value)
    number, first, shape = next(s for s in reversed(shapes) if s[1] <= found)
    place = np.unravel_index(found - first, shape)[1:]
    return unit.sum_of(np.array([place], np.int64), number=number)


def _here(unit: Unit) -> Integers:
    return np.array([unit.index], np.int64)
