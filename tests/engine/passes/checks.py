"""A small builder of graphs, and the promise that all passes keep: the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from striate import Window
from striate.engine.passes import Change, optimize
from striate.graph import Graph, Node, Operation, TensorType, Weight, ops
from striate.graph._run import example_inputs

Pass = Callable[[Graph], tuple[Graph, list[Change]]]


class Net:
    """Build a graph node by node; every method gives the name of the value it makes."""

    def __init__(self, *shape: int, seed: int = 0, **inputs: tuple[int, ...]) -> None:
        self.inputs = {"x": shape, **inputs} if shape else inputs
        self.nodes: list[Node] = []
        self.weights: dict[str, Weight] = {}
        self.draw = np.random.default_rng(seed)

    def weight(self, name: str, *shape: int, low: float | None = None) -> str:
        if low is not None:
            numbers = self.draw.uniform(low, low + 1.5, shape)
        else:
            numbers = self.draw.standard_normal(shape)
        return self.held(name, numbers.astype(np.float32))

    def held(self, name: str, numbers: Any) -> str:
        array = np.asarray(numbers)
        self.weights[name] = Weight(name, TensorType(array.shape, str(array.dtype)), array)
        return name

    def add(self, op: Operation, *inputs: str | None, name: str = "", outputs: int = 1) -> str:
        name = name or f"{op.kind}{len(self.nodes)}"
        made = (name, *(f"{name}.{k}" for k in range(1, outputs)))
        self.nodes.append(Node(name, op, inputs, made, name))
        return name

    def conv(
        self, x: str, i: int, o: int, k: int = 3, *, name: str = "", bias: bool = True,
        groups: int = 1, axes: int = 2, table: Any = None, **window: Any,
    ) -> str:  # fmt: skip
        name = name or f"conv{len(self.nodes)}"
        front = (sum(map(len, table)),) if table else (o, i // groups)
        w = self.weight(f"{name}.weight", *front, *(k,) * axes)
        b = self.weight(f"{name}.bias", o) if bias else None
        op = ops.Conv((Window(k, **window),) * axes, groups, table)
        return self.add(op, x, w, b, name=name)

    def up(self, x: str, i: int, o: int, k: int = 2, *, groups: int = 1, stride: int = 2) -> str:
        name = f"up{len(self.nodes)}"
        w = self.weight(f"{name}.weight", i, o // groups, k, k)
        op = ops.ConvTranspose((Window(k, stride=stride),) * 2, (0, 0), groups)
        return self.add(op, x, w, self.weight(f"{name}.bias", o), name=name)

    def linear(self, x: str, i: int, o: int, *, bias: bool = True, name: str = "") -> str:
        name = name or f"linear{len(self.nodes)}"
        w = self.weight(f"{name}.weight", o, i)
        b = self.weight(f"{name}.bias", o) if bias else None
        return self.add(ops.Linear(), x, w, b, name=name)

    def bn(self, x: str, c: int, *, name: str = "", shift: bool = True) -> str:
        name = name or f"bn{len(self.nodes)}"
        parts = [self.weight(f"{name}.weight", c, low=0.5)]
        if shift:
            parts += [self.weight(f"{name}.bias", c), self.weight(f"{name}.mean", c)]
        else:
            parts += [self.held(f"{name}.{k}", np.zeros(c, np.float32)) for k in ("bias", "mean")]
        return self.add(
            ops.BatchNorm(), x, *parts, self.weight(f"{name}.var", c, low=0.5), name=name
        )

    def relu(self, x: str) -> str:
        return self.add(ops.Activation("relu"), x)

    def two(self, function: str, a: str, b: str, **options: Any) -> str:
        return self.add(ops.Binary(function, **options), a, b)

    def number(self, function: str, a: str, number: float, **options: Any) -> str:
        return self.add(ops.Binary(function, number, **options), a)

    def graph(self, *outputs: str) -> Graph:
        inputs = {name: TensorType(shape) for name, shape in self.inputs.items()}
        return Graph("Net", inputs, tuple(self.nodes), outputs, self.weights)


def largest_difference(before: Graph, after: Graph, inputs: Sequence[Any] | None = None) -> float:
    """Run both in float64 and compare outputs, and all values that kept their names."""
    given = example_inputs(before, seed=3) if inputs is None else inputs
    old, new = before.run(*given, every=True), after.run(*given, every=True)
    pairs = [(old[name], new[name]) for name in new if name in old]
    pairs += [(old[a], new[b]) for a, b in zip(before.outputs, after.outputs, strict=True)]
    worst = 0.0
    for expected, found in pairs:
        assert expected.shape == found.shape
        real = np.isfinite(expected)
        assert np.array_equal(expected[~real], found[~real], equal_nan=True)
        if real.any() and expected.dtype.kind == "f":
            difference = np.abs(expected[real] - found[real]).max()
            worst = max(worst, difference / max(np.abs(expected[real]).max(), 1e-30))
        else:
            assert np.array_equal(expected[real], found[real])
    return worst


def same(before: Graph, one: Pass, inputs: Sequence[Any] | None = None) -> Graph:
    """Apply one pass, which is exact, and its result to itself, which changes nothing more."""
    after, changes = one(before)
    assert largest_difference(before, after, inputs) < 1e-10
    assert (after is before or changes == []) == (changes == [])
    names = [node.name for node in after]
    assert len(set(names)) == len(names)
    return after


def unchanged(before: Graph, one: Pass) -> None:
    """The pass must leave the graph alone."""
    after, changes = one(before)
    assert changes == []
    assert after.nodes == before.nodes


def optimized(before: Graph, **options: Any) -> Graph:
    """Apply all passes; weights are rounded once, to float32."""
    after, _ = optimize(before, **options)
    assert largest_difference(before, after) < 2e-6
    for weight in after.weights.values():
        assert str(weight.numpy().dtype) == weight.type.dtype
    return after


def kinds(graph: Graph) -> list[str]:
    return [node.kind for node in graph]
