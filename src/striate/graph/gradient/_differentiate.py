"""Make one graph of the forward pass and of the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...errors import GraphError, OptionError
from .. import ops
from .._backward import Backward
from .._graph import Graph, Node
from .._infer import described
from .._operation import Operation
from .._types import TensorType
from ._forward import Forward, Passed
from ._training import Training


def differentiate(graph: Graph, wanted: Sequence[str], of: Sequence[str] | None = None) -> Training:
    """Add the backward pass to a network, as nodes.

    The nodes of the forward pass come first. Then each is followed back, the last one first, and
    its `Operation.gradient` adds what computes the gradients of its inputs; the weights' before
    the data's, so that a map that only they need is freed early. What nothing wanted depends on is
    not followed. A value that is read several times adds its gradients up.

    Args:
        graph: Captured in the mode, training or eval, that it is to run in, and worked out for the
            input's shape.
        wanted: Names of inputs and weights whose gradient is asked for.
        of: The outputs that are followed back; None is all.
    Raises:
        OptionError: A name that is no input or weight of real numbers.
        GraphError: A gradient has to pass an operation for which it is not known, or an operation
            does not even tell sizes; it names the node.
    Example:
        >>> import striate
        >>> from striate.graph.gradient import differentiate
        >>> linear = striate.capture(torch.nn.Linear(3, 2), (1, 3))
        >>> [node.kind for node in differentiate(linear, ["weight"]).graph]
        ['linear', 'permute', 'matmul']
    """
    for name in wanted:
        given = graph.types.get(name) if name in graph.inputs or name in graph.weights else None
        if given is None or not given.is_float:
            raise OptionError(
                f"{name!r} is no input or weight of {graph.name} that has a gradient. It must be "
                f"one of real numbers: {', '.join([*graph.inputs, *graph.weights])}."
            )
    for node in graph:
        if None in graph.output_types(node):
            raise GraphError(
                f"{described(node)}: the sizes of what {graph.op(node).describe()} gives are not "
                f"known, so no gradient can be made behind it. Train with torch alone."
            )
    return _Differentiation(graph, wanted).training(graph.outputs if of is None else of)


class _Differentiation:
    """A training graph being made."""

    def __init__(self, graph: Graph, wanted: Sequence[str]) -> None:
        self.graph, self.wanted = graph, wanted
        self.taken = {*graph.types, *(node.name for node in graph.nodes)}
        self.forward = Forward(graph, self.fresh)
        self.types: dict[str, TensorType] = {v: t for v, t in graph.types.items() if t}
        self.types.update(self.forward.masks)
        self.nodes: list[Node] = []
        for passed in self.forward.passed:
            self.nodes.append(passed.node)
            self._learn(passed.node)
        self.count = len(self.nodes)
        self.live = _live(self.forward.passed, wanted, self.types)
        self.totals: dict[str, str] = {}
        """The gradient of each value, as far as its readers have been followed back."""

    def fresh(self, name: str) -> str:
        """A name that no value and no node has yet."""
        unique, count = name, 1
        while unique in self.taken:
            count += 1
            unique = f"{name}:{count}"
        self.taken.add(unique)
        return unique

    def training(self, of: Sequence[str]) -> Training:
        """Follow all nodes back, and put the graph together."""
        given: dict[str, TensorType] = {}
        output_gradients = [
            self._given(output, given) if output in of else None for output in self.graph.outputs
        ]
        for passed in reversed(self.forward.passed):
            self._follow(passed)
        gradients = self._own_values([self.totals.get(name) for name in self.wanted], set(given))
        moments = [m for norm in self.forward.moments for m in (norm.mean, norm.variance)]
        outputs = (*self.graph.outputs, *moments, *(g for g in gradients if g is not None))
        nodes = _needed(self.nodes, outputs, self.count)
        read = {value for node in nodes for value in node.inputs} | {*outputs}
        weights = {name: w.type for name, w in self.graph.weights.items() if name in read}
        inputs = {**self.graph.inputs, **weights, **self.forward.masks, **given}
        whole = Graph(self.graph.name, inputs, nodes, outputs, {}, self.graph.training)
        return Training(
            whole,
            self.count,
            tuple(weights),
            tuple(output_gradients),
            tuple(gradients),
            tuple(self.forward.mask_list),
            tuple(self.forward.moments),
        )

    def _given(self, output: str, given: dict[str, TensorType]) -> str | None:
        """Make an input for the gradient of an output, if anything wanted depends on it."""
        if output not in self.live:
            return None
        name = self.fresh(f"grad.{output}")
        given[name] = self.types[name] = self.types[output]
        self._add(output, name)
        return name

    def _add(self, value: str, gradient: str) -> None:
        """Add to the gradient of a value."""
        if (known := self.totals.get(value)) is not None:
            name = self.fresh(f"grad.{value}.sum")
            maker = self.graph.producers.get(value)
            self._emit(Node(name, ops.Binary("add"), (known, gradient), (name,), *_module(maker)))
            gradient = name
        self.totals[value] = gradient

    def _follow(self, passed: Passed) -> None:
        """Add the gradients of what a node read, if any is wanted and it made anything of use."""
        node = passed.node
        known = tuple(self.totals.get(value) for value in node.outputs)
        numbers = [k for k, value in enumerate(node.inputs) if value in self.live]
        if not numbers or not any(known):
            return
        back = Backward(node.inputs, node.outputs, known, self.types, self._emitter(node))
        for number in reversed(numbers):
            value = node.inputs[number]
            assert value is not None
            back.part = _slot(passed.op, number)
            try:
                gradient = passed.op.gradient(back, number)
            except GraphError as error:
                raise GraphError(
                    f"{described(node)}: {error} Freeze what is in front of it, or train with "
                    f"torch alone."
                ) from None
            if gradient is not None:
                self._add(value, gradient)

    def _emitter(self, node: Node) -> Callable[..., tuple[str, ...]]:
        def emit(op: Operation, inputs: tuple[str | None, ...], part: str) -> tuple[str, ...]:
            made = op.infer(*(None if v is None else self.types[v] for v in inputs))
            several = len(made) > 1
            name = self.fresh(f"grad.{node.name}" if several else f"grad.{node.name}.{part}")
            outputs = tuple(f"{name}.{k}" for k in range(len(made))) if several else (name,)
            self._emit(Node(name, op, inputs, outputs, *_module(node)))
            return outputs

        return emit

    def _emit(self, node: Node) -> None:
        self.nodes.append(node)
        self._learn(node)

    def _learn(self, node: Node) -> None:
        """Find the types of what a node makes, unless they are known."""
        read = [None if v is None else self.types[v] for v in node.inputs]
        if any(value not in self.types for value in node.outputs):
            self.types.update(zip(node.outputs, node.op.infer(*read), strict=True))

    def _own_values(self, gradients: Sequence[str | None], given: set[str]) -> list[str | None]:
        """Copy a gradient that is an input too, or the gradient of another value as well."""
        own: list[str | None] = []
        for value, gradient in zip(self.wanted, gradients, strict=True):
            if gradient is not None and (gradient in given or gradient in own):
                name = self.fresh(f"grad.{value}.copy")
                self._emit(Node(name, ops.Activation("identity"), (gradient,), (name,)))
                gradient = name
            own.append(gradient)
        return own


def _live(
    passed: Sequence[Passed], wanted: Sequence[str], types: dict[str, TensorType]
) -> set[str]:
    """All values of real numbers that depend on what is wanted."""
    live = set(wanted)
    for node in (p.node for p in passed):
        if live.intersection(v for v in node.inputs if v is not None):
            live.update(v for v in node.outputs if types[v].is_float)
    return live


def _needed(nodes: Sequence[Node], outputs: Sequence[str], count: int) -> tuple[Node, ...]:
    """Leave out what no gradient needs; the forward pass stays whole."""
    wanted = set(outputs)
    kept = []
    for number, node in reversed([*enumerate(nodes)]):
        if number < count or wanted.intersection(node.outputs):
            wanted.update(value for value in node.inputs if value is not None)
            kept.append(node)
    return tuple(reversed(kept))


def _slot(op: Operation, number: int) -> str:
    return op.slots[min(number, len(op.slots) - 1)]


def _module(node: Node | None) -> tuple[str, str]:
    return (node.path, node.module) if node else ("", "")
