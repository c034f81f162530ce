"""Graphs of a few operations, to compile and to compare with their reference."""

from __future__ import annotations

import re

import numpy as np

import striate
from striate.graph import Graph, Node, Operation, TensorType

Call = tuple[Operation, tuple[str | None, ...], tuple[str, ...]]


def make(calls: list[Call], shapes: dict[str, tuple[int, ...]], outputs: tuple[str, ...]) -> Graph:
    """A graph of some operations: (operation, inputs, outputs)."""
    nodes = [Node(f"{op.kind}{i}", op, reads, makes) for i, (op, reads, makes) in enumerate(calls)]
    inputs = {name: TensorType(shape, "float32") for name, shape in shapes.items()}
    return Graph("graph", inputs, tuple(nodes), outputs, {})


def check(graph: Graph, kind: str, steps: int, share: float = 1e-5) -> str:
    """Compile, run at addresses that are not aligned, and compare; gives what `explain` says.

    Args:
        kind, steps: How many steps of a kind there must be, and no islands.
        share: How far off a value may be, by its largest number.
    """
    rng = np.random.default_rng(0)
    arrays = []
    for name, type_ in graph.inputs.items():
        memory = rng.standard_normal(type_.numel + 1).astype(np.float32)
        array = memory[1:].reshape(type_.shape)
        arrays.append(abs(array) + 0.5 if name == "variance" else array)
    plan = striate.compile(graph, threads=2)
    found = plan(*arrays)
    found = found if isinstance(found, tuple) else (found,)
    wanted = graph.run(*(a.astype(float) for a in arrays))
    assert len(found) == len(wanted) == len(graph.outputs)
    for name, ours, exact in zip(graph.outputs, found, wanted, strict=True):
        assert ours.shape == exact.shape
        assert np.abs(ours - exact).max() <= share * np.abs(exact).max(), name
    told = plan.explain()
    assert "island" not in told
    assert len(re.findall(rf" {kind} +[a-z]+ +[0-9]", told)) == steps, told
    return str(told)
