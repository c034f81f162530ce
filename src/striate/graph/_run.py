"""Run a graph with the reference operations, and compare it with its source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import GraphError, OptionError
from ._infer import described

if TYPE_CHECKING:
    from ._graph import Graph

TOLERANCE = 1e-4
"""Share of the output's largest magnitude by which a float32 network may differ from float64."""

TOLERANCES = {"float16": 2e-2, "bfloat16": 1e-1}
"""The same for coarser dtypes: some 20 of their roundings."""


def run(graph: Graph, arrays: Sequence[Any], *, dtype: Any, every: bool) -> Any:
    """Compute every node in order, in `dtype`, and free what nobody reads any more."""
    given = [_array(array, dtype) for array in arrays]
    if [a.shape for a in given] != [t.shape for t in graph.inputs.values()]:
        graph = graph.at(*(a.shape for a in given))
    values: dict[str, Any] = dict(zip(graph.inputs, given, strict=True))
    cast = {
        name: _array(graph.weights[name].numpy(), dtype)
        for name in graph.weights
        if name in graph.readers or name in graph.outputs
    }
    reads_left = {value: len(nodes) for value, nodes in graph.readers.items()}
    for node in graph.nodes:
        inputs = [None if v is None else cast[v] if v in cast else values[v] for v in node.inputs]
        try:
            with np.errstate(all="ignore"):
                outputs = graph.op(node).evaluate(*inputs)
        except OptionError as error:
            raise OptionError(error.message, subject=described(node)) from None
        values.update(zip(node.outputs, outputs, strict=False))
        for value in dict.fromkeys(node.inputs):
            if value in reads_left:
                reads_left[value] -= 1
                if not every and reads_left[value] == 0 and value not in graph.outputs:
                    values.pop(value, None)
    if every:
        return values
    return tuple(cast[v] if v in cast else values[v] for v in graph.outputs)


def check(graph: Graph, inputs: Sequence[Any]) -> float:
    """Compare with the source on the same numbers; give the largest relative difference."""
    if graph.source is None:
        raise OptionError(
            f"{graph.name}: this graph was read from a file of its own and has no source to be "
            f"compared with. Capture the network, or load the ONNX file, again."
        )
    if inputs and len(inputs) != len(graph.inputs):
        raise OptionError(
            f"{graph.name}: {len(inputs)} inputs were given for {len(graph.inputs)}: "
            f"{', '.join(graph.inputs)}. Give none to have them drawn."
        )
    arrays = [
        np.asarray(_array(x, "float32"), dtype="float32" if kind.is_float else None)
        for x, kind in zip(inputs or example_inputs(graph), graph.inputs.values(), strict=True)
    ]
    rounding = (TOLERANCES.get(w.type.dtype, TOLERANCE) for w in graph.weights.values())
    tolerance = max(rounding, default=TOLERANCE)
    found = run(graph, arrays, dtype="float64", every=False)
    expected = graph.source(*arrays)
    worst = 0.0
    for name, ours, theirs in zip(graph.outputs, found, expected, strict=True):
        reference = np.asarray(theirs)
        if ours.shape != reference.shape:
            raise GraphError(
                f"{graph.name}: output {name} is {ours.shape} in the graph and {reference.shape} "
                f"in the network. Please report this: the graph is wrong."
            )
        if not np.array_equal(np.isnan(ours), np.isnan(reference)):
            worst = np.inf
        elif reference.size and not np.isnan(reference).all():
            largest = max(float(np.nanmax(np.abs(reference))), 1e-30)
            worst = max(worst, float(np.nanmax(np.abs(ours - reference))) / largest)
    if not worst <= tolerance:
        raise GraphError(
            f"{graph.name}: the graph differs from its network by {worst:.2g} of the largest "
            f"output; rounding explains {tolerance:g}. Please report this: the graph is wrong."
        )
    return worst


def example_inputs(graph: Graph, seed: int = 0) -> list[np.ndarray[Any, Any]]:
    """Draw inputs from a normal distribution; whole numbers are 0."""
    draw = np.random.default_rng(seed)
    return [
        draw.standard_normal(t.shape).astype(np.float32)
        if t.is_float
        else np.zeros(t.shape, t.dtype)
        for t in graph.inputs.values()
    ]


def _array(value: Any, dtype: Any) -> np.ndarray[Any, Any]:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    array = np.asarray(value)
    return array.astype(dtype) if array.dtype.kind == "f" and array.dtype != dtype else array
