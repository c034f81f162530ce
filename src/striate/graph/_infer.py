"""Work the types of all values out, from the inputs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ShapeError
from ._operation import Operation
from ._types import TensorType

if TYPE_CHECKING:
    from ._graph import Graph, Node


class FitError(ShapeError):
    """An input that a network cannot take: it names the layer, and the sizes that led there.

    Args:
        message: What does not fit.
        subject: The layer.
        node: Name of the node, in the graph.
    """

    def __init__(self, message: str, *, subject: str = "", node: str = "") -> None:
        super().__init__(message, subject=subject)
        self.node = node


def infer_types(graph: Graph) -> tuple[dict[str, TensorType | None], dict[str, Operation]]:
    """Find the type of every value, and put the sizes into the operations.

    Raises:
        FitError: An operation refuses its inputs.
    """
    types: dict[str, TensorType | None] = dict(graph.inputs)
    types.update((name, weight.type) for name, weight in graph.weights.items())
    bound: dict[str, Operation] = {}

    def length(value: str, axis: int) -> int:
        known = types[value]
        if known is None:
            raise ShapeError(f"the size of {value} is not known.")
        return known.shape[axis]

    for node in graph.nodes:
        inputs = [None if value is None else types[value] for value in node.inputs]
        unknown = any(
            value is not None and given is None
            for value, given in zip(node.inputs, inputs, strict=True)
        )
        op = node.op
        try:
            if op.depends_on_sizes:
                op = op.bind(length)
            outputs: tuple[TensorType | None, ...] = (None,) * len(node.outputs)
            if not unknown or op.kind == "opaque":
                outputs = op.infer(*inputs)
        except ShapeError as error:
            raise FitError(
                f"{error.message}{_history(graph, node, types)}",
                subject=described(node),
                node=node.name,
            ) from None
        bound[node.name] = op
        types.update(zip(node.outputs, outputs, strict=False))
    return types, bound


def described(node: Node) -> str:
    """Name a node by its module's class and path, as the layers of `striate.nn` do."""
    what = node.module if node.path and node.name.split(":")[0] == node.path else node.kind
    return f"{what} '{node.name}'"


def _history(graph: Graph, node: Node, types: dict[str, TensorType | None]) -> str:
    """Tell the chain of sizes that led to a node: `input 1x3x30x30 > conv1 15x15 > ...`."""
    chain: list[str] = []
    made = {value: n for n in graph.nodes for value in n.outputs}
    value = next((v for v in node.inputs if v is not None and v not in graph.weights), None)
    last: tuple[int, ...] | None = None
    while value is not None:
        known = types[value]
        shape = known.shape[1:] if known else None
        if shape != last:
            size = "x".join(map(str, shape)) if shape is not None else "?"
            chain.append(f"{value} {size}")
        else:
            chain[-1] = f"{value} {'x'.join(map(str, shape or ()))}"
        last = shape
        maker = made.get(value)
        if maker is None:
            break
        value = next((v for v in maker.inputs if v is not None and v not in graph.weights), None)
    chain.reverse()
    if len(chain) > 9:
        chain = [*chain[:2], "...", *chain[-6:]]
    return f" The sizes that led here: {' > '.join(chain)}." if chain else ""
