"""A graph being rewritten: nodes exchanged one by one, with types and readers kept up to date.

All passes keep three promises, which the tests hold them to:

- a value that keeps its name keeps its numbers, so that layers can be compared with the original's;
- a graph's outputs stay, in their order (a copy of an input or of another output has its name);
- new weights are exact: `Weight.source` is float64, or `Scaled`, until `optimize` rounds it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from ...graph import Graph, Node, Operation, Size, TensorType, Weight
from ._change import Change, Result
from ._scaled import Scaled

Array = np.ndarray[Any, Any]

FOLDED = ":folded"
"""What the names of new weights end in, so that they are not taken for the model's own."""


class Editor:
    """Rewrite a graph step by step.

    Args:
        graph: The graph to begin with; it does not change.
        rule: Name of the pass.
    """

    def __init__(self, graph: Graph, rule: str) -> None:
        self._graph = graph
        self._rule = rule
        self._nodes = {node.name: node for node in graph.nodes}
        self._weights = dict(graph.weights)
        self._types = dict(graph.types)
        self._outputs = graph.outputs
        self._changes: list[Change] = []
        self._sized = {n.name: sizes_read(n.op) for n in graph.nodes if n.op.depends_on_sizes}
        self._index: tuple[dict[str, Node], dict[str, list[str]]] | None = None

    # Looking ------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Node]:
        """Visit the nodes in order; ones that are taken out on the way are left out."""
        for name in tuple(self._nodes):
            if name in self._nodes:
                yield self._nodes[name]

    def __reversed__(self) -> Iterator[Node]:
        """Visit the nodes from the last to the first."""
        for name in reversed(tuple(self._nodes)):
            if name in self._nodes:
                yield self._nodes[name]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the values that the graph gives."""
        return self._outputs

    def maker(self, value: str | None) -> Node | None:
        """The node that makes a value; None for inputs and weights."""
        return None if value is None else self._indexed()[0].get(value)

    def readers(self, value: str) -> list[Node]:
        """The nodes that read a value as data, in order."""
        return [self._nodes[name] for name in self._indexed()[1].get(value, ())]

    def measured(self, value: str) -> bool:
        """Whether some size is worked out from this value's shape."""
        return any(value in read for read in self._sized.values())

    def only_reader(self, value: str) -> Node | None:
        """The node that alone reads a value, once; None if there are others or it is an output."""
        readers = self.readers(value)
        if len(readers) != 1 or value in self._outputs or readers[0].inputs.count(value) != 1:
            return None
        return readers[0]

    def type(self, value: str | None) -> TensorType | None:
        """Type of a value; None where it is absent or not known."""
        return None if value is None else self._types[value]

    def op(self, node: Node) -> Operation:
        """The node's operation with all sizes put in."""
        return node.op.bind(self._length) if node.op.depends_on_sizes else node.op

    def is_weight(self, value: str | None) -> bool:
        """Whether a value is known before the graph runs."""
        return value in self._weights

    def numbers(self, value: str | None) -> Array | None:
        """A weight's numbers as float64; None for what is absent or no weight."""
        if value is None or value not in self._weights:
            return None
        return np.asarray(self._weights[value].numpy(), dtype=np.float64)

    def raw(self, value: str) -> Array:
        """A weight's numbers in their own dtype."""
        return np.asarray(self._weights[value].numpy())

    def held(self, value: str) -> Array | Scaled:
        """A weight's numbers as they are held."""
        source = self._weights[value].source
        return source if isinstance(source, Scaled) else self.raw(value)

    # Changing -----------------------------------------------------------------------------------

    def weight(self, name: str, numbers: Array | Scaled, dtype: str = "float32") -> str:
        """Add a weight and give its name.

        Args:
            name: What to call it; an ending sets it apart from the model's own.
            numbers: Kept as they are; the dtype of real ones tells what they are rounded to.
            dtype: Dtype of the weight in the graph.
        """
        base = name.split(FOLDED)[0] + FOLDED
        unique, count = base, 1
        while unique in self._types:
            count += 1
            unique = f"{base}{count}"
        kind = TensorType(tuple(numbers.shape), dtype)
        self._weights[unique] = Weight(unique, kind, numbers, "constant", trainable=False)
        self._types[unique] = kind
        return unique

    def constant(self, name: str, number: float, size: int) -> str:
        """A weight that holds one number `size` times, shared by all who ask for it."""
        wanted = f"{name}:{size}"
        held = self._weights.get(wanted)
        if held is not None and held.type == TensorType((size,)) and (held.numpy() == number).all():
            return wanted
        if wanted in self._types:
            return self.weight(wanted, np.full(size, float(number)))
        kind = TensorType((size,))
        self._weights[wanted] = Weight(
            wanted, kind, np.full(size, float(number)), "constant", trainable=False
        )
        self._types[wanted] = kind
        return wanted

    def fresh(self, name: str) -> str:
        """A name that no value or weight and no node has yet."""
        unique, count = name, 1
        while unique in self._types or unique in self._nodes:
            count += 1
            unique = f"{name}:{count}"
        return unique

    def put(self, old: str, *new: Node) -> None:
        """Put nodes in the place of one; with none, take it out."""
        if len(new) == 1 and new[0].name == old:
            self._nodes[old] = new[0]
        else:
            pairs: list[tuple[str, Node]] = []
            for name, node in self._nodes.items():
                pairs += [(n.name, n) for n in new] if name == old else [(name, node)]
            assert len({name for name, _ in pairs}) == len(pairs), "a node's name is taken"
            self._nodes = dict(pairs)
        self._index = None
        self._sized.pop(old, None)
        for node in new:
            if node.op.depends_on_sizes:
                self._sized[node.name] = sizes_read(node.op)
            if any(value not in self._types for value in node.outputs):
                made = self.op(node).infer(*(self.type(value) for value in node.inputs))
                self._types.update(zip(node.outputs, made, strict=True))

    def take_out(self, *names: str) -> None:
        """Remove nodes."""
        for name in names:
            self.put(name)

    def redirect(self, old: str, new: str, *, only_sizes: bool = False) -> None:
        """Let all who read a value (or work out sizes from it) read another of the same shape."""
        for name in [name for name, read in self._sized.items() if old in read]:
            node = self._nodes[name]
            self._nodes[name] = replace(node, op=_renamed(node.op, old, new))
            self._sized[name] = sizes_read(self._nodes[name].op)
        for node in () if only_sizes else self.readers(old):
            inputs = tuple(new if value == old else value for value in node.inputs)
            self._nodes[node.name] = replace(node, inputs=inputs)
        if not only_sizes:
            self._outputs = tuple(new if value == old else value for value in self._outputs)
        self._index = None

    def skip(self, node: Node, source: str) -> None:
        """Take a node out whose only output is the value `source` again.

        An output of the graph keeps its name where its source has none to keep, too.
        """
        (copy,) = node.outputs
        maker = self.maker(source)
        self.take_out(node.name)
        if copy in self._outputs and maker is not None and source not in self._outputs:
            made = tuple(copy if value == source else value for value in maker.outputs)
            self.put(maker.name, replace(maker, outputs=made))
            self.redirect(source, copy)
        else:
            self.redirect(copy, source)

    def tell(self, gone: Sequence[str], into: str, why: str) -> None:
        """Record what was done."""
        self._changes.append(Change(self._rule, tuple(gone), into, why))

    def result(self) -> Result:
        """The graph as it is now, and what was done to it."""
        if not self._changes:
            return self._graph, []
        graph = replace(
            self._graph,
            nodes=tuple(self._nodes.values()),
            weights=self._weights,
            outputs=self._outputs,
        )
        before = self._graph.types
        for value, kind in graph.types.items():
            assert before.get(value, kind) == kind, f"{self._rule} changed the type of {value}"
        return graph, self._changes

    def _length(self, value: str, axis: int) -> int:
        known = self._types[value]
        assert known is not None
        return known.shape[axis]

    def _indexed(self) -> tuple[dict[str, Node], dict[str, list[str]]]:
        if self._index is None:
            makers: dict[str, Node] = {}
            readers: dict[str, list[str]] = {}
            for node in self._nodes.values():
                for made in node.outputs:
                    makers[made] = node
                for read in dict.fromkeys(node.inputs):
                    if read is not None:
                        readers.setdefault(read, []).append(node.name)
            self._index = makers, readers
        return self._index


def sizes_read(op: Operation) -> set[str]:
    """Names of the values whose shape an operation's arguments are worked out from."""
    found: set[str] = set()

    def note(name: str) -> str:
        found.add(name)
        return name

    for field in fields(op):  # type: ignore[arg-type]
        _map_names(getattr(op, field.name), note)
    return found


def _renamed(op: Operation, old: str, new: str) -> Operation:
    """The same operation with sizes of another value of the same shape."""

    def exchange(name: str) -> str:
        return new if name == old else name

    values = {f.name: getattr(op, f.name) for f in fields(op)}  # type: ignore[arg-type]
    return replace(op, **{k: _map_names(v, exchange) for k, v in values.items()})  # type: ignore[type-var]


def _map_names(field: Any, names: Callable[[str], str]) -> Any:
    if isinstance(field, Size):
        return field.renamed(names)
    if isinstance(field, tuple):
        return tuple(_map_names(part, names) for part in field)
    return field
