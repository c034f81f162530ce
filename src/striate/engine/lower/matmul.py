"""Products of what is computed: matrices, any contraction of two arrays, attention."""

from __future__ import annotations

import math

import numpy as np

from ...graph import Node
from ...graph.ops import Attention, Einsum, MatMul
from .._fuse import Group
from .._values import Map, Storage
from ._lowering import Lowering, NotNative, lowers
from ._product import multiply
from ._view import view
from .conv_weight import channels_last, lower_linear_weight, multiply_rows
from .elementwise import broadcast_strides
from .linear import on_channels
from .reduce import along


@lowers("matmul")
def lower_matmul(low: Lowering, group: Group) -> None:
    """Y[..., i, j] = sum over k of a[..., i, k] * b[..., k, j]."""
    op = low.graph.op(group.node)
    assert isinstance(op, MatMul)
    if group.turned:
        _lower_turned(low, group, group.turned)
        return
    first, second = group.node.inputs[:2]
    if _lower_on_channels(low, group, first or "", second or ""):
        return
    a, b = _operand(low, first), _operand(low, second)
    rows = a.shape if len(a.shape) > 1 else (1, *a.shape)
    columns = b.shape if len(b.shape) > 1 else (*b.shape, 1)
    multiply(low, group, a, b, rows, columns, low.make_plain(group.output))


def _lower_on_channels(low: Lowering, group: Group, value: str, matrix: str) -> bool:
    """A matrix times the channels of a blocked map: a 1x1 convolution."""
    x = low.blocked_maps.get(value)
    if x is None or not channels_last(x) or len(low.shape(matrix)) != 2:
        return False
    low.check_floats(value, matrix, filled=True)
    weight = low.filters(matrix)
    if isinstance(weight, Map):  # packed from where it lies, an output a column
        on_channels(low, group, x, weight, None, columns=True)
    else:
        on_channels(low, group, x, np.ascontiguousarray(weight.T), None)
    return True


def _lower_turned(low: Lowering, group: Group, permute: Node) -> None:
    """A linear layer's gradient for its weight, gy^T x: of blocked maps as a convolution's."""
    if lower_linear_weight(low, group):
        return
    gy, x = _operand(low, permute.inputs[0]), _operand(low, group.node.inputs[1])
    multiply_rows(low, group, x, gy)


def _operand(low: Lowering, name: str | None) -> Map:
    assert name is not None
    low.check_floats(name, filled=True)
    return low.plain(name)


@lowers("einsum")
def lower_einsum(low: Lowering, group: Group) -> None:
    """Letters of all three are the batch, of both operands the depth; others rows or columns."""
    op = low.graph.op(group.node)
    assert isinstance(op, Einsum)
    first, second, result = op.letters
    a, b = (_operand(low, name) for name in group.node.inputs[:2])
    batch = [c for c in result if c in first and c in second]
    depth = [c for c in first if c in second and c not in result]
    rows = [c for c in result if c in first and c not in second]
    columns = [c for c in result if c in second and c not in first]
    if {*first} - {*batch, *depth, *rows} or {*second} - {*batch, *depth, *columns}:
        raise NotNative("it sums over a letter of one operand")
    sizes = dict(zip(first, a.shape, strict=True)) | dict(zip(second, b.shape, strict=True))
    count = lambda letters: math.prod(sizes[c] for c in letters)  # noqa: E731
    left = _ordered(low, group, a, first, [*batch, *rows, *depth])
    right = _ordered(low, group, b, second, [*batch, *columns, *depth])
    order = [*batch, *rows, *columns]
    y = low.make_plain(group.output)
    made = y
    if "".join(order) != result:
        made = Map(Storage(f"{group.output}:product", y.floats), tuple(sizes[c] for c in order))
    multiply(
        low, group, left, right, (count(batch), count(rows), count(depth)),
        (count(batch), count(columns), count(depth)), made, transposed=True,
    )  # fmt: skip
    if made is not y:
        low.copy(view(made).permuted(tuple(order.index(c) for c in result)), view(y), group)


def _ordered(low: Lowering, group: Group, x: Map, letters: str, order: list[str]) -> Map:
    """The array with its axes in another order."""
    axes = tuple(letters.index(c) for c in order)
    if axes == tuple(range(len(axes))):
        return x
    shape = tuple(x.shape[axis] for axis in axes)
    found = Map(Storage(f"{x.storage.name}:ordered", x.floats), shape)
    low.copy(view(x).permuted(axes), view(found), group)
    return found


@lowers("attention")
def lower_attention(low: Lowering, group: Group) -> None:
    """The products of queries and keys, the mask, softmax, and the sum of values."""
    op = low.graph.op(group.node)
    assert isinstance(op, Attention)
    query, key, value = (_operand(low, name) for name in group.node.inputs[:3])
    mask = _mask(low, group, op, query.shape[-2], key.shape[-2])
    front = np.broadcast_shapes(query.shape[:-2], key.shape[:-2])
    shape = (*front, query.shape[-2], key.shape[-2])
    scale = 1 / math.sqrt(query.shape[-1]) if op.scale is None else op.scale
    scores = Map(Storage(f"{group.output}:scores", math.prod(shape)), shape)
    multiply(low, group, query, key, query.shape, key.shape, scores, transposed=True, scale=scale)
    for added in mask:
        attributes = {
            "sizes": list(shape),
            "a_strides": broadcast_strides(shape, shape),
            "b_strides": broadcast_strides(added.shape, shape),
            "op": "add",
        }
        masked = Map(Storage(f"{group.output}:masked", scores.floats), shape)
        low.emit(group, "elementwise", attributes, [scores, added], [masked])
        scores = masked
    shares = Map(Storage(f"{group.output}:shares", scores.floats), shape)
    low.emit(group, "reduce", along(shape, len(shape) - 1, "softmax"), [scores], [shares])
    y = low.make_plain(group.output)
    multiply(low, group, shares, value, shape, value.shape, y)
    for step in low.steps[-2 - len(mask) :]:
        step.macs = 0  # told once, with the first product


@lowers("rbf")
def lower_rbf(low: Lowering, group: Group) -> None:
    """Y[n, o] = -sum over j of (x[n, j] - prototypes[o, j])^2: no product, which would cancel."""
    x, prototypes = (_operand(low, name) for name in group.node.inputs[:2])
    if len(x.shape) != 2:
        raise NotNative("its input has places")
    shape = (x.shape[0], *prototypes.shape)
    apart = Map(Storage(f"{group.output}:differences", math.prod(shape)), shape)
    distances = Map(Storage(f"{group.output}:distances", math.prod(shape[:2])), shape[:2])
    attributes = {
        "sizes": list(shape),
        "a_strides": broadcast_strides((shape[0], 1, shape[2]), shape),
        "b_strides": broadcast_strides(shape[1:], shape),
        "op": "sub",
    }
    low.emit(group, "elementwise", attributes, [x, prototypes], [apart])
    low.emit(group, "reduce", along(shape, 2, "sum_square"), [apart], [distances])
    y = low.make_plain(group.output)
    negative = {"pixels": distances.floats, "plain": True, "activation": "negative"}
    low.emit(group, "elementwise", negative, [distances], [y])
    for step in low.steps[-2:]:
        step.macs = 0  # told once


def _mask(low: Lowering, group: Group, op: Attention, queries: int, keys: int) -> list[Map]:
    """What is added to the scores: minus infinity where a query does not see a key."""
    added = []
    if op.causal:
        seen = np.tri(queries, keys) > 0
        added.append(low.constant(np.where(seen, 0, -np.inf).astype(np.float32)))
    name = (*group.node.inputs, None)[3] if len(group.node.inputs) > 3 else None
    if name is None:
        return added
    if name in low.graph.weights:
        array = low.graph.weights[name].numpy()
        if array.dtype == bool:
            array = np.where(array, 0, -np.inf)
        added.append(low.constant(np.ascontiguousarray(array, np.float32)))
    else:
        added.append(_operand(low, name))
    return added
