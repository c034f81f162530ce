"""What a sum is made of, and what a kind of operation is asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...graph import Graph, Node, Operation
from .._subject import Activations, Floats

Integers = NDArray[np.int64]

PRODUCT = "x * w"
"""What each term is, of most sums."""


@dataclass(frozen=True, eq=False)
class UnitSum:
    """A unit's value as a sum of products: total = sum of products + bias; value = f(total).

    Args:
        kind: Of the layer.
        sources: Names of the values that are read: of the input, or of layers' outputs.
        source: For each term the number of its value in `sources`.
        index: Where it lies in that value, channel first, without the batch.
        inside: Whether it lies there at all; if not it is padding, and x is 0.
        offset: Where its weight lies in the kernel; without columns for what has no window.
        x, w, products: What is read, what it is multiplied by, and what goes into the sum.
        bias: What is added, where there is such a thing.
        value: The unit's own value.
        function: What is applied to the total, in words: of activations, of norms, of softmax.
        picks: Whether one term alone counts: the largest, of a maximum.
        formula: What each of `products` is, by its x and w.
    Shape:
        source, inside, x, w, products (T,); index (T, axes); offset (T, axes of the window).
    """

    kind: str
    sources: tuple[str, ...]
    source: Integers
    index: Integers
    inside: NDArray[np.bool_]
    offset: Integers
    x: Floats
    w: Floats
    products: Floats
    bias: float | None
    value: float
    function: str = ""
    picks: bool = False
    formula: str = PRODUCT

    def __len__(self) -> int:
        return len(self.x)

    @property
    def total(self) -> float:
        """The sum of all products and the bias, in double precision."""
        return float(self.products.sum()) + (self.bias or 0.0)

    def largest(self, count: int) -> UnitSum:
        """Keep the terms of the largest magnitude, in the order they stand in."""
        if len(self) <= count:
            return self
        kept = np.sort(np.argsort(-np.abs(self.products), kind="stable")[:count])
        names = ("source", "index", "inside", "offset", "x", "w", "products")
        return replace(self, **{name: getattr(self, name)[kept] for name in names})


@dataclass(frozen=True, eq=False)
class Unit:
    """One unit, and what its layer reads and holds.

    Args:
        run: All values of one input.
        node: The layer.
        index: Where the unit lies in the layer's output, channel first, without the batch.
    """

    run: Activations
    node: Node
    index: tuple[int, ...]

    @property
    def graph(self) -> Graph:
        """The network."""
        return self.run.subject.graph

    @property
    def op(self) -> Any:
        """The operation, with all sizes put in."""
        op: Operation = self.graph.op(self.node)
        return op

    @property
    def value(self) -> float:
        """The unit's own value."""
        return float(self.run[self.node.name][self.index])

    def operand(self, number: int) -> Any:
        """An operand with its batch; None where it is absent."""
        name = self.node.inputs[number] if number < len(self.node.inputs) else None
        if name is None:
            return None
        if name in self.graph.weights:
            return self.graph.weights[name].numpy()
        if name in self.graph.inputs:
            return self.run.input
        return self.run.values.get(name)  # what is no real number is not kept

    def is_fixed(self, number: int) -> bool:
        """Whether an operand is absent, a weight, or another value without a batch."""
        operand = self.operand(number)
        if operand is None or self.node.inputs[number] in self.graph.weights:
            return True
        return bool(operand.ndim <= len(self.index) and operand.shape[:1] != (1,))

    @property
    def full_index(self) -> tuple[int, ...]:
        """Where the unit lies, with its batch in front."""
        return (0, *self.index)

    def at(self, number: int) -> tuple[int, ...]:
        """Where in an operand, with its batch, the unit's number comes from by broadcasting."""
        shape = self.operand(number).shape
        near = self.full_index[len(self.full_index) - len(shape) :]
        return tuple(0 if n == 1 else i for i, n in zip(near, shape, strict=True))

    def read(self, number: int = 0) -> Floats:
        """A map that is read, without its batch."""
        first: Floats = self.operand(number)[0]
        return first

    def sum_of(
        self,
        index: Integers,
        w: Floats | float = 1.0,
        *,
        bias: float | None = None,
        offset: Integers | None = None,
        products: Floats | None = None,
        number: int = 0,
        function: str = "",
        formula: str = PRODUCT,
    ) -> UnitSum:
        """Make the sum of the values at some places of one operand.

        Args:
            index: (T, axes); what lies outside the operand is padding.
            w: The weights.
            bias: What is added.
            offset: Places in the kernel.
            products: What goes into the sum, if not x * w.
            number: Of the operand.
            function: What is applied to the total.
            formula: What each of the products is, if not x * w.
        """
        maps = self.read(number)
        inside = np.asarray(((index >= 0) & (index < np.array(maps.shape))).all(1))
        near = np.clip(index, 0, np.array(maps.shape) - 1)
        x = np.where(inside, maps[tuple(near.T)], 0.0).astype(np.float64)
        weights = np.broadcast_to(np.asarray(w, np.float64), x.shape)
        name = self.node.inputs[number]
        assert name is not None
        return UnitSum(
            self.node.kind, (name,), np.zeros(len(x), np.int64), index, inside,
            np.zeros((len(x), 0), np.int64) if offset is None else offset,
            x, weights, x * weights if products is None else products, bias, self.value,
            function, formula=formula,
        )  # fmt: skip

    def nothing(self, bias: float) -> UnitSum:
        """Make the sum of no terms, for a constant."""
        none, places = np.zeros(0), np.zeros((0, 0), np.int64)
        return UnitSum(
            self.node.kind, (), places.ravel(), places, none.astype(bool), places,
            none, none, none, bias, self.value,
        )  # fmt: skip

    def chosen(self, index: Integers, offset: Integers | None = None, *, sign: int = 1) -> UnitSum:
        """Make the sum of a maximum: the winner counts, the others do not; -1 for a minimum."""
        inside = ((index >= 0) & (index < np.array(self.read().shape))).all(1)
        index, offset = index[inside], None if offset is None else offset[inside]
        x = self.read()[tuple(index.T)].astype(np.float64)
        winner = int(np.isnan(x).argmax() if np.isnan(x).any() else (sign * x).argmax())
        wins = np.arange(len(x)) == winner
        made = self.sum_of(index, wins, offset=offset, products=np.where(wins, x, 0.0))
        return replace(made, picks=True)


def joined(sums: Sequence[UnitSum]) -> UnitSum:
    """Put the terms of several operands into one sum."""
    rank = max(one.index.shape[1] for one in sums)
    parts = [np.full(len(one), number) for number, one in enumerate(sums)]
    places = [np.pad(one.index, ((0, 0), (rank - one.index.shape[1], 0))) for one in sums]
    terms: dict[str, Any] = {
        name: np.concatenate([getattr(one, name) for one in sums])
        for name in ("inside", "offset", "x", "w", "products")
    }
    return replace(
        sums[0],
        sources=tuple(one.sources[0] for one in sums),
        source=np.concatenate(parts),
        index=np.concatenate(places),
        **terms,
    )


def grid(*axes: Sequence[int] | range) -> Integers:
    """All combinations of positions along axes, the last axis first to change.

    Example:
        >>> grid([5], [0, 1], [7, 8]).tolist()
        [[5, 0, 7], [5, 0, 8], [5, 1, 7], [5, 1, 8]]
    """
    meshes = np.meshgrid(*(np.asarray(axis, np.int64) for axis in axes), indexing="ij")
    return np.stack([mesh.ravel() for mesh in meshes], 1)
