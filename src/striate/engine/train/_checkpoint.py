"""Less memory for more time: maps that the backward pass computes again instead of keeping them.

    kept       z = conv(x)   y = relu(norm(z))            ...   gw = f(gy, y)
    computed   z = conv(x)   y = relu(norm(z))   y freed  ...   y' = relu(norm(z))   gw = f(gy, y')

The nodes that make a map are put into the backward part of the training graph a second time, in
front of the first one that reads it; one lowering serves both. The same steps on the same numbers
give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

from ...errors import OptionError
from ...graph import Graph, Node
from ...graph.gradient import Training

Checkpoint = Literal["auto"] | int | None
"""`auto`, the bytes of the arena, or None for the quickest."""

AUTO_SAVES = 0.1
"""`auto` computes cheap maps again where that makes the arena smaller by this share."""

_CHEAP = frozenset(
    {"activation", "batch_norm", "layer_norm", "group_norm", "instance_norm", "binary", "pad",
     "max_pool", "avg_pool", "resize", "concat"}
)  # fmt: skip

_FUSED = frozenset({"activation", "batch_norm", "batch_moments"})
"""What reads a map as it is made: it is never the one to keep."""

_PARTS = (32, 16, 8, 4, 2)
"""Into how many parts the forward pass is cut where no more than the cuts are kept."""


def check_checkpoint(checkpoint: Checkpoint) -> None:
    """Refuse what is no budget.

    Raises:
        OptionError: It is neither `auto` nor a number of bytes.
    """
    if checkpoint in (None, "auto"):
        return
    if not isinstance(checkpoint, int) or isinstance(checkpoint, bool) or checkpoint < 1:
        raise OptionError(f"checkpoint={checkpoint!r} must be 'auto' or a number of bytes.")


def checkpointed(
    training: Training, checkpoint: Checkpoint, arena_bytes: Callable[[Training], int]
) -> Training:
    """Choose what is computed again.

    A budget takes the quickest of these that fits: all is kept; what costs no products of weights
    is computed again; the whole forward pass is, part by part from maps that are kept.

    Args:
        training: That keeps all.
        checkpoint: The budget.
        arena_bytes: Tells what a training graph allocates.
    Raises:
        OptionError: The budget is less than the least possible.
    """
    if checkpoint is None or training.forward == len(training.graph):
        return training
    kept = arena_bytes(training)
    if checkpoint == "auto":
        cheap = recomputed(training, cheap_values(training))
        return cheap if arena_bytes(cheap) <= (1 - AUTO_SAVES) * kept else training
    least = kept
    if kept <= checkpoint:
        return training
    for values in _choices(training):
        changed = recomputed(training, values)
        found = arena_bytes(changed)
        if found <= checkpoint:
            return changed
        least = min(least, found)
    raise OptionError(
        f"{training.graph.name}: checkpoint={checkpoint:,} bytes are too few: with all that can be "
        f"computed again the passes share {least:,}. Allow that much, or take a smaller batch."
    )


def _choices(training: Training) -> Iterator[set[str]]:
    """What may be computed again, the cheapest first."""
    yield cheap_values(training)
    for parts in _PARTS:
        yield all_but_cuts(training, parts)


def recomputed(training: Training, values: set[str]) -> Training:
    """Let the backward pass compute values again that the forward pass made.

    Args:
        values: Their names; what they are made of is computed again where it is one of them, too.
    """
    graph = training.graph
    ahead, behind = graph.nodes[: training.forward], graph.nodes[training.forward :]
    spared = {v for v in values if _is_only_a_mask(graph, v, ahead)}
    again: dict[str, str] = {}
    nodes = list(ahead)
    for node in behind:
        read = {v for v in node.inputs if v in values and v not in spared}
        needed = _closure(graph, read, values, again)
        for made in ahead if needed else ():
            if needed.isdisjoint(made.outputs):
                continue
            again.update((v, f"{v}:again") for v in made.outputs if v in values)
            nodes.append(_copy(made, again))
        inputs = tuple(again.get(v or "", v) if v in read else v for v in node.inputs)
        nodes.append(replace(node, inputs=inputs))
    return replace(training, graph=replace(graph, nodes=tuple(nodes)))


def _copy(node: Node, again: dict[str, str]) -> Node:
    inputs = tuple(again.get(v or "", v) for v in node.inputs)
    outputs = tuple(f"{v}:again" for v in node.outputs)
    return replace(node, name=f"{node.name}:again", inputs=inputs, outputs=outputs, inplace=False)


def _closure(graph: Graph, read: set[str], values: set[str], again: dict[str, str]) -> set[str]:
    """What has to be made before some values can be read again."""
    needed: set[str] = set()
    left = [*read]
    while left:
        value = left.pop()
        if value in values and value not in again and value not in needed:
            needed.add(value)
            left += [v for v in graph.producers[value].inputs if v is not None]
    return needed


def _is_only_a_mask(graph: Graph, value: str, ahead: tuple[Node, ...]) -> bool:
    """Whether backward only an activation's gradient reads it: a norm's makes it by itself."""
    names = {node.name for node in ahead}
    readers = [node for node in graph.readers.get(value, []) if node.name not in names]
    return bool(readers) and all(node.kind == "activation_gradient" for node in readers)


def cheap_values(training: Training) -> set[str]:
    """Values made, number by number or window by window, of what is kept anyway.

    A chain may have many links, but of a sum of two maps one must be kept: else all residual
    blocks of a network were one chain. What is less than half as large as what it is made of stays.
    """
    graph = training.graph
    behind = graph.nodes[training.forward :]
    back = {v for node in behind for v in node.inputs}
    found: set[str] = set()
    for node in graph.nodes[: training.forward]:
        if node.kind not in _CHEAP or not _may_go(graph, node.outputs[0]):
            continue
        inputs = [v for v in node.inputs if v is not None and v not in graph.inputs]
        fresh = [v for v in inputs if v not in graph.outputs and (v not in back or v in found)]
        size = max((_bytes(graph, v) for v in node.inputs if v), default=0)
        if len(fresh) < 2 and found.issuperset(fresh) and 2 * _bytes(graph, node.outputs[0]) > size:
            found.add(node.outputs[0])
    return found


def all_but_cuts(training: Training, parts: int) -> set[str]:
    """All values but those at which the forward pass can be cut into so many parts.

    A cut is a value that all of the rest is made of.
    """
    graph = training.graph
    ahead = graph.nodes[: training.forward]
    cuts = _cuts(graph, ahead)
    sizes = {v: _bytes(graph, v) for node in ahead for v in node.outputs}
    part, since, kept = sum(sizes.values()) / parts, 0, set()
    for node in ahead:
        since += sum(sizes[v] for v in node.outputs)
        if since >= part and cuts.issuperset(node.outputs[:1]):
            since = 0
            kept.add(node.outputs[0])
    return {v for v in sizes if v not in kept and _may_go(graph, v)}


def _cuts(graph: Graph, ahead: tuple[Node, ...]) -> set[str]:
    last = {v: i for i, node in enumerate(ahead) for v in node.inputs if v is not None}
    live: set[str] = set()
    found: set[str] = set()
    for i, node in enumerate(ahead):
        live.update(v for v in node.outputs if last.get(v, 0) > i)
        live = {v for v in live if last[v] > i}
        readers = {reader.kind for reader in graph.readers.get(node.outputs[0], [])}
        if live == {node.outputs[0]} and not readers & _FUSED:
            found |= live
    return found


def _may_go(graph: Graph, value: str) -> bool:
    type_ = graph.types[value]
    return value not in graph.outputs and type_ is not None and type_.dtype == "float32"


def _bytes(graph: Graph, value: str) -> int:
    type_ = graph.types[value]
    return type_.nbytes if type_ else 0
