"""Which convolutions are computed with images as lanes: those of so few channels that blocks stay
empty, in chains that begin at the network's input.

    input -> conv 1->6, relu, pool -> conv 6->16, relu, pool -> flatten, linear

LeNet-5 with blocks of eight channels would do a quarter of its work, and of its gradients' work,
for nobody. A map with images as lanes is a blocked one whose blocks are of images
(csrc/image_conv/shape.hpp): what treats all lanes alike need not know.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...graph import Graph, Node
from ...graph.ops import Conv
from ...window import Window

_MOST_CHANNELS = 16
"""Beyond, Winograd's algorithm and products of matrices on blocks are quicker."""

_LEAST_USED = 0.75
"""Share of the lanes that images must fill: as much as 6 channels fill of 8."""

_KEEPS = frozenset({"activation", "max_pool", "avg_pool", "adaptive_pool"})
"""What computes on maps with images as lanes."""

_LEAVES = frozenset({"flatten", "reshape", "linear"})
"""What reads plain arrays anyway."""


def image_convs(graph: Graph, lanes: int) -> frozenset[str]:
    """Names of the convolutions.

    Args:
        graph: Of a step of training, forward and backward.
        lanes: Of a vector.
    """
    found = {node.name: node for node in graph.nodes if _is_narrow(graph, node, lanes)}
    while True:
        wrong = [
            name
            for name, node in found.items()
            if not _begins(graph, node, found) or not _ends(graph, node.outputs[0], found)
        ]
        if not wrong:
            return frozenset(found)
        for name in wrong:
            del found[name]


def computes_images(op: Conv, rank: int) -> bool:
    """Whether there is a kernel for it."""
    plain = all(w.stride == w.dilation == 1 for w in op.windows)
    return rank == 4 and len(op.windows) == 2 and op.groups == 1 and op.table is None and plain


def _is_narrow(graph: Graph, node: Node, lanes: int) -> bool:
    op = graph.op(node)
    if not isinstance(op, Conv):
        return False
    x, y = graph.types[node.inputs[0] or ""], graph.types[node.outputs[0]]
    if not x or not y or x.dtype != "float32" or not computes_images(op, x.rank):
        return False
    channels = sorted((x.shape[1], y.shape[1]))
    if x.numel == 0 or channels[0] >= lanes or channels[1] > _MOST_CHANNELS:
        return False
    batch = x.shape[0]
    used = batch / (-(-batch // lanes) * lanes)
    return used >= _LEAST_USED and not _covers(op.windows, x.shape[2:])


def _covers(windows: tuple[Window, ...], sizes: tuple[int, ...]) -> bool:
    return all(w.size == n for w, n in zip(windows, sizes, strict=True))


def _begins(graph: Graph, node: Node, found: dict[str, Node]) -> bool:
    """Whether its input is the network's, or made with images as lanes."""
    made: Node | None = node
    while made is node or (made is not None and made.kind in _KEEPS):
        value = made.inputs[0] or ""
        if value in graph.inputs:
            return True
        made = graph.producers.get(value)
    return made is not None and made.name in found


def _ends(graph: Graph, value: str, found: dict[str, Node]) -> bool:
    """Whether all that reads its output computes with images as lanes, or on plain arrays."""
    return value not in graph.outputs and all(
        reader.name in found
        or reader.kind in _LEAVES
        or (reader.kind.endswith("_gradient") and not reader.kind.endswith("norm_gradient"))
        or reader.kind == "reduce"
        or _reads_all(graph, reader)
        or (reader.kind in _KEEPS and _ends(graph, reader.outputs[0], found))
        for reader in _readers(graph, value)
    )


def _readers(graph: Graph, value: str) -> Iterator[Node]:
    yield from graph.readers.get(value, ())


def _reads_all(graph: Graph, reader: Node) -> bool:
    """Whether it is a convolution whose filter is as large as the map: a linear layer."""
    op, x = graph.op(reader), graph.types[reader.inputs[0] or ""]
    return isinstance(op, Conv) and x is not None and _covers(op.windows, x.shape[2:])
