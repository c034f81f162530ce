"""Parameters that nothing uses, that nothing teaches, or that one layer has most of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from ....graph import Graph, Node
from ..._report import Report
from .._advice import Finding, rule
from .._walk import first_input, has_bias, map_size, type_of, weight_shape
from .._words import by, listed, percent, plural, short

MOST = 0.5


@rule("unused-parameters")
def unused_parameters(report: Report) -> Iterator[Finding]:
    """Modules that are defined, and never called on the way to an output."""
    used = _modules(name for name in report.graph.readers if name in report.graph.weights)
    owners: dict[str, list[str]] = {}
    for name in report.unused:
        owners.setdefault(_owner(name, used), []).append(name)
    for owner, names in owners.items():
        amount = sum(report.unused[name] for name in names)
        mode = "" if report.graph.training else " Heads that run in training only look like this."
        yield Finding(
            owner,
            f"No operation reads its {plural(amount, 'parameter')} ({listed(names)}): "
            f"{percent(amount / max(report.params, 1))} of the network's.",
            "They are saved, loaded and sent between devices, get no gradient, and make "
            "DistributedDataParallel fail unless it is told to look for them." + mode,
            "Call the module in forward, or delete it.",
            "warning",
            pattern="unused",
            amount=amount,
            unit="parameter",
        )


@rule("no-gradient")
def no_gradient(report: Report) -> Iterator[Finding]:
    """Every way from a layer to the outputs leads over a step that has no gradient."""
    reached = _taught(report.graph)
    for row in report.rows:
        node = report.graph[row.name]
        learned = [v for v in node.inputs if v in report.graph.weights]
        if not row.trainable_params or any(name in reached for name in learned):
            continue
        blocks = _first_block(report.graph, node)
        if blocks is None:
            continue
        yield Finding(
            row.name,
            f"Its {plural(row.trainable_params, 'parameter')} get no gradient: the way to the "
            f"output leads over {blocks.name!r} ({report.graph.op(blocks).describe()}).",
            "The gradient of a comparison, a rounding or a position is 0 or does not exist, so "
            "these parameters stay as they were drawn.",
            f"Train through a smooth stand-in for {blocks.name!r}, or freeze the layers before it.",
            "warning",
            pattern=blocks.name,
            amount=row.trainable_params,
            unit="parameter",
        )


@rule("one-layer-holds-most")
def one_layer_holds_most(report: Report) -> Iterator[Finding]:
    """One layer has a weight for each place of a map, and most of the parameters with them.

    Source: Lin, Chen and Yan 2013, arXiv:1312.4400, section 3.2 (global average pooling).
    """
    for row in report.rows:
        if row.params <= MOST * report.params or report.params == 0:
            continue
        node = report.graph[row.name]
        shape, found = weight_shape(report.graph, node), _places(report.graph, node)
        if shape is None or found is None:
            continue
        channels, sizes = found
        outputs = shape[0]
        small = channels * outputs + outputs * has_bias(node)
        whole = report.params - row.params + small
        cost = (row.macs or 0) / max(report.macs, 1)
        yield Finding(
            row.name,
            f"It holds {row.params:,} of the network's {plural(report.params, 'parameter')} "
            f"({percent(row.params / report.params)}) and {percent(cost)} of the "
            f"MACs: each of the {by(sizes)} places of a map of {channels} channels has "
            f"weights of its own.",
            "Such a layer is most of the file and of the optimizer's memory, overfits first, and "
            "ties the network to one input size.",
            f"Take the mean over the places first (global average pooling): the layer needs "
            f"{plural(small, 'parameter')} then, and the network {short(whole)}.",
        )


def _modules(names: Iterable[str]) -> set[str]:
    """The paths of all modules that weights belong to, inner and outer ones."""
    return {path for name in names for path in _paths(name)}


def _paths(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts))]


def _owner(name: str, used: set[str]) -> str:
    """The outermost module in which nothing is used, or the parameter itself."""
    return next((path for path in _paths(name) if path not in used), name)


_FLAT = frozenset({"sign", "floor", "ceil", "round", "not"})
_COMPARISONS = frozenset(
    {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "and", "or", "xor"}
)


def _has_gradient(graph: Graph, node: Node) -> bool:
    """Whether a gradient passes a node."""
    function = getattr(graph.op(node), "function", "")
    if node.kind == "activation":
        return function not in _FLAT
    if node.kind == "binary":
        return function not in _COMPARISONS
    if node.kind == "arg_reduce":
        return False
    return any(kind is None or kind.is_float for kind in graph.output_types(node))


def _taught(graph: Graph) -> set[str]:
    """Values from which a gradient can come back."""
    kinds = {name: graph.types[name] for name in graph.outputs}
    smooth = {name for name, kind in kinds.items() if kind is None or kind.is_float}
    reached = smooth or set(graph.weights)  # classes alone: it is not meant for training
    for node in reversed(graph.nodes):
        if any(value in reached for value in node.outputs) and _has_gradient(graph, node):
            reached.update(v for v in node.inputs if v is not None)
    return reached


def _first_block(graph: Graph, node: Node) -> Node | None:
    """The first node on the way to the outputs that lets no gradient pass."""
    frontier = list(node.outputs)
    seen: set[str] = set()
    while frontier:
        value = frontier.pop(0)
        for reader in graph.readers.get(value, []):
            if not _has_gradient(graph, reader):
                return reader
            if reader.name not in seen:
                seen.add(reader.name)
                frontier.extend(reader.outputs)
    return None


def _places(graph: Graph, node: Node) -> tuple[int, tuple[int, ...]] | None:
    """Channels and sizes of the map that a layer takes whole, each place with its own weights."""
    if node.kind == "conv":
        sizes, made = map_size(graph, first_input(node)), map_size(graph, node.outputs[0])
        shape = weight_shape(graph, node)
        if not sizes or shape is None or math.prod(sizes) == 1 or math.prod(made or (2,)) > 1:
            return None
        return (shape[1], sizes) if shape[2:] == sizes else None  # a table's has one axis fewer
    if node.kind != "linear":
        return None
    value = first_input(node)
    while (producer := graph.producers.get(value)) is not None:
        if producer.kind in ("flatten", "reshape"):
            kind = type_of(graph, first_input(producer))
            convolved = first_input(producer) in graph.producers
            if kind is None or kind.rank < 3 or math.prod(kind.shape[2:]) == 1 or not convolved:
                return None
            shape = weight_shape(graph, node)
            flat = shape is not None and shape[1] == math.prod(kind.shape[1:])
            return (kind.shape[1], kind.shape[2:]) if flat else None
        if producer.kind not in ("dropout", "activation", "batch_norm"):
            return None
        value = first_input(producer)
    return None
