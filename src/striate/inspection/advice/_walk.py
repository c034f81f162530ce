"""Ways through a graph that several rules take."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ...graph import Graph, Node, Operation, TensorType
from ...graph.ops.conv import Conv, ConvTranspose
from ...window import Window

Axis = tuple[Window, int]
"""A window whose padding is worked out, and the length of the axis it slides along."""


def sliding(graph: Graph) -> Iterator[tuple[Node, tuple[Axis, ...]]]:
    """Yield the nodes that slide whole windows over a map, with the windows and the map's sizes."""
    for node in graph.nodes:
        axes = axes_of(graph, node)
        if axes:
            yield node, axes


def axes_of(graph: Graph, node: Node) -> tuple[Axis, ...]:
    """The windows of a convolution or a pooling, each on its axis; nothing for other nodes."""
    op = graph.op(node)
    windows = getattr(op, "windows", None)
    if not windows or isinstance(op, ConvTranspose):
        return ()
    sizes = map_size(graph, first_input(node))
    if sizes is None or len(sizes) != len(windows):
        return ()
    return tuple((window.on(n), n) for window, n in zip(windows, sizes, strict=True))


def first_input(node: Node) -> str:
    """The first value a node reads; nothing if it reads none."""
    return (node.inputs[0] if node.inputs else None) or ""


def type_of(graph: Graph, value: str) -> TensorType | None:
    """The type of a value; None where it is not known, or there is no value."""
    return graph.types.get(value)


def map_size(graph: Graph, value: str) -> tuple[int, ...] | None:
    """Sizes of a value's axes behind the channels; None where they are not known."""
    kind = type_of(graph, value)
    return kind.shape[2:] if kind is not None and kind.rank >= 3 else None


def weight_shape(graph: Graph, node: Node) -> tuple[int, ...] | None:
    """Shape of a convolution's or a linear layer's weight, where that is a weight of the graph."""
    weight = graph.weights.get(node.inputs[1] or "") if len(node.inputs) > 1 else None
    return weight.type.shape if weight is not None else None


def has_bias(node: Node) -> bool:
    """Whether a convolution or a linear layer adds a bias."""
    return len(node.inputs) > 2 and node.inputs[2] is not None


def data_inputs(graph: Graph, node: Node) -> list[str]:
    """The values a node reads that are no weights."""
    return [v for v in node.inputs if v is not None and v not in graph.weights]


def only_reader(graph: Graph, node: Node) -> Node | None:
    """The one node that reads what a node makes; None if there are several, or it is an output."""
    if len(node.outputs) != 1 or node.outputs[0] in graph.outputs:
        return None
    readers = graph.readers.get(node.outputs[0], [])
    return readers[0] if len(readers) == 1 else None


def next_after(graph: Graph, node: Node, passed: Collection[str]) -> tuple[Node | None, list[Node]]:
    """Follow the only readers over nodes of the kinds `passed`.

    Returns:
        The first node of another kind, and those passed on the way.
    """
    way: list[Node] = []
    reader = only_reader(graph, node)
    while reader is not None and (reader.kind in passed or is_identity(graph.op(reader))):
        way.append(reader)
        reader = only_reader(graph, reader)
    return reader, way


def is_identity(op: Operation) -> bool:
    """Whether an operation hands its input on as it is."""
    return op.kind == "activation" and getattr(op, "function", "") in ("identity", "detach")


def is_depthwise(graph: Graph, node: Node) -> bool:
    """Whether a convolution filters each channel on its own."""
    op, shape = graph.op(node), weight_shape(graph, node)
    return isinstance(op, Conv) and op.groups > 1 and bool(shape) and shape[1] == 1  # type: ignore[index]


def shown_window(axes: tuple[Axis, ...]) -> str:
    """Write the size of the windows as `3x3`."""
    return "x".join(str(window.size) for window, _ in axes)
