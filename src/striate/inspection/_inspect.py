"""The way in: a model, a graph, a file or a name, and the shape of its input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..graph import Graph
from ._fields_of import axis_fields
from ._memory import measure_memory, needs_gradient
from ._report import Report, check_optimizer
from ._row import make_rows


def inspect(
    model: Any,
    input_shape: Sequence[int] | Sequence[Sequence[int]] | None = None,
    *,
    optimizer: str = "momentum",
) -> Report:
    """Report on a network: sizes, parameters, multiply-adds, memory, receptive fields, advice.

    Args:
        model: A torch module, a `Graph`, the path of an ONNX or graph file, or the name of a
            network in the zoo.
        input_shape: The shape of the input, or a list of shapes if there are several. The batch may
            be left out where the network tells how many axes it takes. Not needed for a graph, for
            files that tell it, and for the zoo.
        optimizer: Whose state training memory counts: `sgd`, `momentum`, `adam` or `adamw`.
    Returns:
        The report. Counts are of the whole batch.
    Raises:
        ShapeError: The input does not fit: the message tells which layer, and what would fit.
        GraphError: The network cannot be captured.
    Example:
        >>> import striate
        >>> report = striate.inspect(striate.zoo.create("lenet5"), (1, 32, 32))
        >>> report.params, report.macs, report["c3"].receptive_field
        (61706, 416520, (14, 14))
    """
    from ._resolve import resolve

    check_optimizer(optimizer)
    return report_on(resolve(model, input_shape), optimizer)


def report_on(graph: Graph, optimizer: str = "momentum") -> Report:
    """Report on a graph at the shapes it is worked out for."""
    memory = measure_memory(graph)
    seen, over = axis_fields(graph)
    rows = make_rows(graph, memory, needs_gradient(graph), seen, over)
    read = {value for node in graph.nodes for value in node.inputs}
    unused = {
        name: weight.type.numel
        for name, weight in graph.weights.items()
        if weight.role == "parameter" and name not in read
    }
    return Report(graph, rows, memory, optimizer, unused)
