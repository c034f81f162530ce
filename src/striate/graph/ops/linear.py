"""Matrix products: fully connected layers, products of two maps, attention."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...errors import ShapeError
from .. import ops
from .._backward import Backward
from .._operation import Array, Connections, Operation, Saved, Type, register
from .._reach import WHOLE, Along, Reach
from .._types import TensorType
from ._axes import accumulated, broadcast_reach, broadcast_shapes


@register
@dataclass(frozen=True)
class Linear(Operation):
    """y[..., o] = b[o] + sum over i of w[o,i] * x[..., i]"""

    kind = "linear"
    slots = ("x", "weight", "bias")

    def infer(self, x: TensorType, weight: TensorType, bias: Type = None) -> tuple[TensorType]:
        if x.rank < 1 or x.shape[-1] != weight.shape[1]:
            given = x.shape[-1] if x.rank else "no"
            raise ShapeError(
                f"input {x} has {given} features; the layer was built for {weight.shape[1]}.",
                subject=self.kind,
            )
        return (x.with_shape(*x.shape[:-1], weight.shape[0]),)

    def evaluate(self, x: Array, weight: Array, bias: Array | None = None) -> tuple[Array]:
        y = x @ weight.T
        return (y if bias is None else y + bias,)

    def gradient(self, back: Backward, number: int) -> str | None:
        if number == 0:
            return back.add(ops.MatMul(), back.gy, back.inputs[1])
        rows = back.rows(back.gy)
        if number == 1:
            return back.add(ops.MatMul(), back.turn(rows), back.rows(back.read(0)))
        return back.sum(rows, (0,))

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x = inputs[0]
        assert x
        return ((*(Along(axis) for axis in range(x.rank - 1)), WHOLE),)

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> int:
        """Rows * in_features * out_features."""
        x = inputs[0]
        assert x
        return outputs[0].numel * x.shape[-1]

    def connections(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Connections:
        bias = len(inputs) > 2 and inputs[2] is not None
        return Connections(self.macs(inputs, outputs) + (outputs[0].numel if bias else 0))

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        return Saved(inputs=(0, 1))

    def describe(self) -> str:
        return ""


@register
@dataclass(frozen=True)
class MatMul(Operation):
    """y[..., i, j] = sum over k of a[..., i, k] * b[..., k, j], with broadcasting in front."""

    kind = "matmul"
    slots = ("a", "b")

    def infer(self, a: TensorType, b: TensorType) -> tuple[TensorType]:
        left, right = _matrices(a.shape, b.shape)
        if not a.rank or not b.rank or left[-1] != right[-2]:
            raise ShapeError(f"{a} times {b}: the inner sizes must be equal.", subject=self.kind)
        front = broadcast_shapes(self.kind, left[:-2], right[:-2])
        rows = left[-2:-1] if a.rank > 1 else ()
        columns = right[-1:] if b.rank > 1 else ()
        return (a.with_shape(*front, *rows, *columns),)

    def evaluate(self, a: Array, b: Array) -> tuple[Array]:
        return (np.asarray(a @ b),)

    def gradient(self, back: Backward, number: int) -> str | None:
        a, b, gy = back.read(0), back.read(1), back.gy
        left, right = _matrices(back.shape(a), back.shape(b))
        front = back.shape(back.outputs[0])[: max(len(left), len(right)) - 2]
        gy = back.reshape(gy, (*front, left[-2], right[-1]))
        if number == 0:
            whole = back.add(ops.MatMul(), gy, back.turn(back.reshape(b, right)))
        elif len(right) == 2:  # one matrix for all rows of a
            whole = back.add(ops.MatMul(), back.turn(back.rows(a)), back.rows(gy))
        else:
            whole = back.add(ops.MatMul(), back.turn(back.reshape(a, left)), gy)
        if (back.shape(a), back.shape(b))[number] != (left, right)[number]:  # a vector's own axis
            whole = back.sum(whole, tuple(range(len(back.shape(whole)) - 2)))
            return back.reshape(whole, back.shape(back.read(number)))
        return back.fit(whole, number)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        a, b = inputs
        assert a
        assert b
        y = outputs[0]
        rows, columns = a.rank > 1, b.rank > 1
        front = y.shape[: y.rank - rows - columns]
        left = broadcast_reach(a.shape[:-2], front)
        right = broadcast_reach(b.shape[:-2], front)
        return (
            (*left, *[Along(len(front))] * rows, WHOLE),
            (*right, WHOLE, *[Along(y.rank - 1)] * columns),
        )

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> int:
        """m*n*k for each pair of matrices."""
        a = inputs[0]
        assert a
        return outputs[0].numel * a.shape[-1]

    def connections(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Connections:
        return Connections(self.macs(inputs, outputs))

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        """Both operands; where torch repeats or turns one to fit the other's batch, its copy."""
        a, b = inputs[:2]
        assert a
        assert b
        batch, left, right = (math.prod(x.shape[:-2]) for x in (outputs[0], a, b))
        if right == 1 or left == right == batch:
            return Saved(inputs=(0, 1))
        if left == 1:  # y.T = b.T @ a.T, as one product over all rows of b.T
            return Saved(inputs=(0,), extra_bytes=b.nbytes)
        whole = tuple(k for k, matrices in enumerate((left, right)) if matrices == batch)
        copied = sum(
            x.with_shape(batch, *x.shape[-2:]).nbytes
            for x, matrices in ((a, left), (b, right))
            if matrices != batch
        )
        return Saved(whole, extra_bytes=copied)


def _matrices(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return (1, *a) if len(a) == 1 else a, (*b, 1) if len(b) == 1 else b


@register
@dataclass(frozen=True)
class Einsum(Operation):
    """Sum products of two values over the letters that the result does not have.

    Args:
        equation: `bhi,bhj->bhij`: one letter for each axis, each operand's letters once.
    """

    equation: str

    kind = "einsum"
    slots = ("a", "b")

    @property
    def letters(self) -> tuple[str, str, str]:
        """The letters of both operands and of the result."""
        operands, _, result = self.equation.replace(" ", "").partition("->")
        a, _, b = operands.partition(",")
        return a, b, result

    def _lengths(self, a: TensorType, b: TensorType) -> dict[str, int]:
        lengths: dict[str, int] = {}
        for letters, x in zip(self.letters, (a, b), strict=False):
            if len(letters) != x.rank:
                raise ShapeError(
                    f"{self.equation} has {len(letters)} letters for {x}.", subject=self.kind
                )
            for letter, n in zip(letters, x.shape, strict=True):
                if lengths.setdefault(letter, n) != n:
                    raise ShapeError(
                        f"{self.equation} of {a} and {b}: {letter} is {lengths[letter]} in one and "
                        f"{n} in the other.",
                        subject=self.kind,
                    )
        return lengths

    def infer(self, a: TensorType, b: TensorType) -> tuple[TensorType]:
        lengths = self._lengths(a, b)
        return (a.with_shape(*(lengths[letter] for letter in self.letters[2])),)

    def evaluate(self, a: Array, b: Array) -> tuple[Array]:
        return (np.einsum(self.equation, a, b),)

    def gradient(self, back: Backward, number: int) -> str | None:
        own, other, result = (
            self.letters if number == 0 else (*self.letters[1::-1], self.letters[2])
        )
        kept = "".join(letter for letter in own if letter in other + result)
        partner = back.inputs[1 - number]
        known = back.add(Einsum(f"{result},{other}->{kept}"), back.gy, partner)
        if kept == own:
            return known
        # What is summed over alone counts the same at each of its places.
        shape = back.shape(back.read(number))
        ones = tuple(n if c in kept else 1 for c, n in zip(own, shape, strict=True))
        return back.add(ops.Expand(shape), back.reshape(known, ones))

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        a, b, result = self.letters
        return tuple(
            tuple(Along(result.index(c)) if c in result else WHOLE for c in letters)
            for letters in (a, b)
        )

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> int:
        """The product of the lengths of all letters."""
        a, b = inputs
        assert a
        assert b
        return math.prod(self._lengths(a, b).values())

    def connections(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Connections:
        return Connections(self.macs(inputs, outputs))

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        return Saved(inputs=(0, 1))


@register
@dataclass(frozen=True)
class Attention(Operation):
    """y = softmax(q @ k.T * scale + mask) @ v over the last two axes (tokens, features).

    Args:
        scale: Factor on the products; None is 1 / sqrt(features).
        causal: Let a token see only those before it and itself.

    Source: Vaswani et al. 2017, equation 1.
    """

    scale: float | None = None
    causal: bool = False

    kind = "attention"
    slots = ("query", "key", "value", "mask")

    def infer(
        self, query: TensorType, key: TensorType, value: TensorType, mask: Type = None
    ) -> tuple[TensorType]:
        types = (query, key, value)
        if min(t.rank for t in types) < 2 or (
            query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]
        ):
            raise ShapeError(
                f"query {query}, key {key} and value {value}: each needs two axes or more, query "
                f"and key equal features, key and value equally many tokens.",
                subject=self.kind,
            )
        front = broadcast_shapes(self.kind, *(t.shape[:-2] for t in types))
        if mask is not None:
            scores = (*front, query.shape[-2], key.shape[-2])
            if broadcast_shapes(self.kind, scores, mask.shape) != scores:
                raise ShapeError(f"mask {mask} is larger than {scores}.", subject=self.kind)
        return (query.with_shape(*front, query.shape[-2], value.shape[-1]),)

    def evaluate(
        self, query: Array, key: Array, value: Array, mask: Array | None = None
    ) -> tuple[Array]:
        scale = self.scale if self.scale is not None else 1 / math.sqrt(query.shape[-1])
        scores = query @ np.swapaxes(key, -1, -2) * scale
        if self.causal:
            scores = np.where(np.tri(*scores.shape[-2:]) > 0, scores, -np.inf)
        if mask is not None:
            scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        return (scores / scores.sum(-1, keepdims=True) @ value,)

    def gradient(self, back: Backward, number: int) -> str | None:
        query, key, value = back.read(0), back.read(1), back.read(2)
        scale = self.scale if self.scale is not None else 1 / math.sqrt(back.shape(query)[-1])
        weights = back.add(ops.Softmax(-1), self._scores(back, scale))
        if number == 2:
            return back.fit(back.add(ops.MatMul(), back.turn(weights), back.gy), number)
        products = back.add(ops.MatMul(), back.gy, back.turn(value))
        scores = back.add(ops.SoftmaxGradient(-1), products, weights)
        if number == 3:
            return back.fit(scores, number)
        scaled = back.binary("mul", scores, scale)
        if number == 0:
            return back.fit(back.add(ops.MatMul(), scaled, key), number)
        return back.fit(back.add(ops.MatMul(), back.turn(scaled), query), number)

    def _scores(self, back: Backward, scale: float) -> str:
        """Compute the products of queries and keys again, masked."""
        query, key, mask = back.read(0), back.read(1), back.input(3)
        scores = back.binary("mul", back.add(ops.MatMul(), query, back.turn(key)), scale)
        if self.causal:
            tokens, seen = back.shape(scores)[-2:]
            now = back.add(ops.Fill((tokens,), 0, "int64", 1))
            then = back.add(ops.Fill((seen,), 0, "int64", 1))
            later = back.binary("less", back.reshape(now, (tokens, 1)), then)
            scores = back.add(ops.Where(a=-math.inf), later, None, scores)
        if mask is None:
            return scores
        if back.types[mask].dtype == "bool":
            return back.add(ops.Where(b=-math.inf), mask, scores)
        return back.binary("add", scores, mask)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        *front, rows, _ = outputs[0].shape
        query, key, value, mask = (*inputs, None)[:4]
        assert query
        assert key
        assert value
        batches = [broadcast_reach(t.shape[:-2], tuple(front)) for t in (query, key, value)]
        tokens, features = Along(len(front)), Along(len(front) + 1)
        reach: list[Reach] = [
            (*batches[0], tokens, WHOLE),
            (*batches[1], WHOLE, WHOLE),
            (*batches[2], WHOLE, features),
        ]
        if mask is not None:
            reach.append((*broadcast_reach(mask.shape[:-1], (*front, rows)), WHOLE))
        return tuple(reach)

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> int:
        """The two products: tokens * tokens * features each."""
        query, key = inputs[:2]
        assert query
        assert key
        pairs = math.prod(outputs[0].shape[:-1]) * key.shape[-2]
        return pairs * (query.shape[-1] + outputs[0].shape[-1])

    def connections(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Connections:
        return Connections(self.macs(inputs, outputs))

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        query, key, value, mask = (*inputs, None)[:4]
        assert query
        assert key
        assert value
        y = outputs[0]
        rows = math.prod(y.shape[:-1])
        fronts = {t.shape[:-2] for t in (query, key, value)}
        if y.rank == 4 and len(fronts) == 1 and query.shape[-1] == value.shape[-1]:
            # The flash kernel keeps one logarithm for each query, and a mask as real numbers.
            extra = accumulated(y).with_shape(rows).nbytes
            if mask is None or mask.is_float:
                return Saved((0, 1, 2) if mask is None else (0, 1, 2, 3), (0,), extra)
            return Saved((0, 1, 2), (0,), extra + y.with_shape(*mask.shape).nbytes)
        # Else query and key, each scaled and repeated for the batch, and the softmax.
        real, batch = accumulated(y), y.shape[:-2]
        copies = [real.with_shape(rows, query.shape[-1]), real.with_shape(rows, key.shape[-2])]
        copies.append(real.with_shape(*batch, *key.shape[-2:]))
        own = real == y and math.prod(value.shape[:-2]) == math.prod(batch)
        if not own:
            copies.append(real.with_shape(*batch, *value.shape[-2:]))
        return Saved((2,) if own else (), extra_bytes=sum(t.nbytes for t in copies))
