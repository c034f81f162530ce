"""Memory: which maps are alive while a network runs, and what training keeps for backward."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..graph import Graph, Node, Saved
from ..graph.ops import BatchNorm, Dropout

OPTIMIZER_STATES = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2}
"""Numbers an optimizer keeps for each trainable parameter."""


@dataclass(frozen=True)
class Memory:
    """Bytes over the time of one pass; a view shares the memory of what it views.

    Args:
        alive: While each node runs: its inputs, its outputs, and the maps that later nodes read.
        saved: What each node adds to what is kept for backward.
        unknown: Nodes about which this is not known, so that the totals are at least this.
    """

    alive: dict[str, int] = field(default_factory=dict)
    saved: dict[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    inputs: int = 0
    """Bytes of the inputs."""

    @property
    def peak(self) -> int:
        """Bytes of maps alive at the worst moment at test time."""
        return max(self.alive.values(), default=self.inputs)

    @property
    def peak_node(self) -> str:
        """The node that runs at that moment."""
        return max(self.alive, key=lambda name: self.alive[name], default="")

    @property
    def saved_total(self) -> int:
        """Bytes kept for backward when the forward pass has ended."""
        return sum(self.saved.values())


def measure_memory(graph: Graph) -> Memory:
    """Follow every map from its making to its last reader."""
    base = {v: root for v, root in storages(graph).items() if root not in graph.weights}
    last_use = {base[value]: -1 for value in graph.inputs}
    for position, node in enumerate(graph.nodes):
        for value in (*node.inputs, *node.outputs):
            if value in base:
                last_use[base[value]] = position
    for value in graph.outputs:
        if value in base:
            last_use[base[value]] = len(graph.nodes)
    sizes = {root: _bytes(graph, root) for root in last_use}
    ends: dict[int, list[str]] = {}
    for root, position in last_use.items():
        ends.setdefault(position, []).append(root)
    now = sum(sizes[root] for root in {base[value] for value in graph.inputs})
    given = now
    alive: dict[str, int] = {}
    unknown: list[str] = []
    for position, node in enumerate(graph.nodes):
        now += sum(sizes[value] for value in node.outputs if base.get(value) == value)
        alive[node.name] = now + _scratch(graph, node)
        now -= sum(sizes[root] for root in ends.get(position, ()))
        if None in graph.output_types(node):
            unknown.append(node.name)
    saved, unsaved = _saved(graph)
    return Memory(alive, saved, tuple(dict.fromkeys((*unknown, *unsaved))), given)


def storages(graph: Graph, *, training: bool = False) -> dict[str, str]:
    """The value in whose memory each value lies: its own, or what it is a view of.

    While training, dropout makes maps of its own.
    """
    base = {value: value for value in graph.inputs}
    for node in graph.nodes:
        first = node.inputs[0] if node.inputs else None
        drops = training and node.kind == "dropout"
        shared = node.inplace or (graph.op(node).view and not drops)
        for value in node.outputs:
            base[value] = value
            if shared and first is not None:  # a view of a weight lies in the weight's memory
                base[value] = base.get(first, first)
    return base


def needs_gradient(graph: Graph) -> set[str]:
    """Values and weights through which a gradient flows back to a trainable weight."""
    found = {name for name, weight in graph.weights.items() if weight.trainable}
    for node in graph.nodes:
        if any(value in found for value in node.inputs):
            for value in node.outputs:
                kind = graph.types[value]
                if kind is None or kind.is_float:
                    found.add(value)
    return found


def _saved(graph: Graph) -> tuple[dict[str, int], list[str]]:
    base = storages(graph, training=True)
    sizes = {root: _bytes(graph, root) for root in base.values()}
    flows = needs_gradient(graph)
    kept: set[str] = set()
    saved: dict[str, int] = {}
    unknown: list[str] = []
    for node in graph.nodes:
        saved[node.name] = 0
        if not any(value in flows for value in node.outputs):
            continue
        tells = _tells(graph, node)
        if tells is None:
            unknown.append(node.name)
            continue
        values = [node.inputs[k] for k in tells.inputs if k < len(node.inputs)]
        if node.kind == "binary" and len(values) == 2:
            # Each factor is kept for the gradient of the other one.
            first, second = node.inputs[:2]
            values = [v for v, other in ((first, second), (second, first)) if other in flows]
        values += [node.outputs[k] for k in tells.outputs]
        if node.inplace and _keeps_a_copy(node, tells):
            kind = graph.types[node.outputs[0]]
            saved[node.name] += kind.nbytes if kind else 0
            values = values[1:]
        for value in values:
            if value in base and base[value] not in kept and base[value] not in graph.weights:
                kept.add(base[value])
                saved[node.name] += sizes[base[value]]
        saved[node.name] += tells.extra_bytes
    return saved, unknown


def _tells(graph: Graph, node: Node) -> Saved | None:
    outputs = graph.output_types(node)
    if None in outputs:
        return None
    op = graph.op(node)
    if isinstance(op, Dropout | BatchNorm):
        op = replace(op, training=True)
    return op.saved(graph.input_types(node), outputs)  # type: ignore[arg-type]


def _keeps_a_copy(node: Node, tells: Saved) -> bool:
    """Whether torch copies the input of an in-place operation, which overwrites what it keeps."""
    computed_from_output = getattr(node.op, "function", "") in ("leaky_relu", "elu")
    return 0 in tells.inputs and not computed_from_output


def _scratch(graph: Graph, node: Node) -> int:
    outputs = graph.output_types(node)
    if None in outputs:
        return 0
    return graph.op(node).scratch_bytes(graph.input_types(node), outputs)  # type: ignore[arg-type]


def _bytes(graph: Graph, value: str) -> int:
    kind = graph.types[value]
    return 0 if kind is None else kind.nbytes
