"""Sums over features: linear layers, products of matrices, attention."""

from __future__ import annotations

import math

import numpy as np

from .._subject import Floats
from ._terms import Integers, Unit, UnitSum, grid


def linear(unit: Unit) -> UnitSum:
    """Every feature."""
    *front, o = unit.index
    weight, bias = unit.operand(1), unit.operand(2)
    index = grid(*([i] for i in front), range(weight.shape[1]))
    return unit.sum_of(index, weight[o], bias=None if bias is None else float(bias[o]))


def matmul(unit: Unit) -> UnitSum | None:
    """A row times a column."""
    a, b = unit.operand(0), unit.operand(1)
    front, column = _split(unit.full_index, min(b.ndim - 1, 1))
    front, row = _split(front, min(a.ndim - 1, 1))
    inner = range(a.shape[-1])
    return _contraction(
        unit,
        grid(*_broadcast(front, a.shape[:-2]), *([i] for i in row), inner),
        grid(*_broadcast(front, b.shape[:-2]), inner, *([j] for j in column)),
    )


def einsum(unit: Unit) -> UnitSum | None:
    """All combinations of the letters that the result does not have."""
    *read, result = unit.op.letters
    fixed = dict(zip(result, unit.full_index, strict=True))
    lengths = {
        letter: n
        for k, letters in enumerate(read)
        for letter, n in zip(letters, unit.operand(k).shape, strict=True)
    }
    order = list(lengths)
    at = grid(*([fixed[c]] if c in fixed else range(lengths[c]) for c in order))
    first, second = (at[:, [order.index(c) for c in letters]] for letters in read)
    return _contraction(unit, first, second)


def attention(unit: Unit) -> UnitSum:
    """Each token's value times the share of the attention that it gets."""
    value, (*front, _, feature) = unit.operand(2), unit.full_index
    tokens = range(value.shape[-2])
    at = grid(*_broadcast(tuple(front), value.shape[:-2]), tokens, [feature])
    return unit.sum_of(at[:, 1:], _attended(unit), number=2)


def _attended(unit: Unit) -> Floats:
    """The softmax of one token's scores, (tokens,)."""
    *rest, token, _ = unit.full_index
    front = tuple(rest)
    query, key = (
        unit.operand(k).astype(np.float64)[tuple(i[0] for i in _broadcast(front, shape[:-2]))]
        for k, shape in ((0, unit.operand(0).shape), (1, unit.operand(1).shape))
    )
    scale = unit.op.scale if unit.op.scale is not None else 1 / math.sqrt(query.shape[-1])
    scores = key @ query[token] * scale
    if unit.op.causal:
        scores[token + 1 :] = -np.inf
    mask = unit.operand(3)
    if mask is not None:
        shape = (*(1,) * (len(front) + 2 - mask.ndim), *mask.shape)
        at = tuple(i[0] for i in _broadcast((*front, token), shape[:-1]))
        row = mask.reshape(shape)[at]
        scores = np.where(row, scores, -np.inf) if mask.dtype == bool else scores + row
    powers = np.exp(scores - scores.max())
    shares: Floats = powers / powers.sum()
    return shares


def _contraction(unit: Unit, first: Integers, second: Integers) -> UnitSum | None:
    """The sum of products of two operands; what is read is the one that is no weight.

    Shape:
        first, second (T, axes), where the factors lie in their operands, with the batch.
    """
    factors = (first, second)
    moving = [k for k in (0, 1) if not unit.is_fixed(k)]
    if not moving:
        return None
    read = moving[0]
    w = unit.operand(1 - read)[tuple(factors[1 - read].T)]
    return unit.sum_of(factors[read][:, 1:], w, number=read)


def _split(index: tuple[int, ...], last: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The last few positions apart from those in front."""
    cut = len(index) - last
    return index[:cut], index[cut:]


def _broadcast(index: tuple[int, ...], shape: tuple[int, ...]) -> list[list[int]]:
    """Where an operand of `shape` lies under a position: axes of length 1 are read again."""
    near = index[len(index) - len(shape) :]
    return [[0 if n == 1 else i] for i, n in zip(near, shape, strict=True)]
