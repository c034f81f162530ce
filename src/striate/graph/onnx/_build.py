"""The graph while it is built: its nodes, weights and types so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ...errors import GraphError, ShapeError
from .._graph import Graph, Node
from .._operation import Operation
from .._sizes import Size
from .._types import TensorType
from .._weight import Role, Weight
from ..ops import Concat, Fill, Linear
from ._names import Names
from ._values import Constant, Sizes, UnsupportedError

_MOST_ELEMENTS = 1 << 50


class Builder:
    """Collects nodes in order, and works their types out as they come.

    Args:
        name: What the graph is called.
        inputs: Its inputs.
        names: Gives names that no other node has.
        roles: The role of each weight, where the file tells.
    """

    def __init__(
        self,
        name: str,
        inputs: dict[str, TensorType],
        names: Names,
        roles: dict[str, Role] | None,
    ) -> None:
        self.name, self.inputs, self.names, self.roles = name, inputs, names, roles
        self.nodes: list[Node] = []
        self.weights: dict[str, Weight] = {}
        self.types: dict[str, TensorType | None] = dict(inputs)
        self.training = False
        self._forms: dict[tuple[Any, ...], str] = {}
        self._named: set[str] = set()
        self.reads: Counter[str] = Counter()

    # Nodes --------------------------------------------------------------------------------------

    def add(
        self,
        op: Operation,
        inputs: Sequence[str | None],
        name: str,
        *,
        outputs: int = 1,
        path: str = "",
        module: str = "",
    ) -> tuple[str, ...]:
        """Put a node at the end.

        Returns:
            The names of its outputs.
        Raises:
            FitError: The operation refuses its inputs.
        """
        name = self.names.unique(name)
        made: tuple[str, ...] = (name,)
        if outputs != 1:
            made = tuple(self.names.unique(f"{name}[{k}]") for k in range(outputs))
        self.nodes.append(Node(name, op, tuple(inputs), made, path, module))
        types = [None if value is None else self.types[value] for value in inputs]
        known = all(
            value is None or type_ is not None for value, type_ in zip(inputs, types, strict=True)
        )
        results: tuple[TensorType | None, ...] = (None,) * outputs
        try:
            bound = op.bind(self._length) if op.depends_on_sizes else op
            if known or op.kind == "opaque":
                results = bound.infer(*types)
        except ShapeError:
            self.graph(())  # tells the same, with the way that led here
            raise
        if len(results) != outputs:
            raise GraphError(f"node {name!r} makes {len(results)} values, not {outputs}.")
        for result in results:
            if result is not None and result.numel > _MOST_ELEMENTS:
                raise GraphError(f"node {name!r} would make a value of {result}: absurdly large.")
        self.types.update(zip(made, results, strict=True))
        return made

    def forget(self, mark: int) -> None:
        """Take back the nodes from number `mark` on."""
        for node in self.nodes[mark:]:
            for value in node.outputs:
                del self.types[value]
        del self.nodes[mark:]

    def give_bias(self, value: str, bias: Constant) -> bool:
        """Make a bias part of the linear layer that made a value, if it has none yet."""
        for index in range(len(self.nodes) - 1, max(len(self.nodes) - 4, -1), -1):
            node = self.nodes[index]
            if node.outputs == (value,) and isinstance(node.op, Linear) and len(node.inputs) == 2:
                inputs = (*node.inputs, self.weight(bias, "parameter"))
                self.nodes[index] = replace(node, inputs=inputs)
                return True
        return False

    def graph(self, outputs: Sequence[str], source: Callable[..., Any] | None = None) -> Graph:
        """Make the graph of what there is."""
        return Graph(
            self.name,
            self.inputs,
            tuple(self.nodes),
            tuple(outputs),
            self.weights,
            self.training,
            source,
        )

    def _length(self, value: str, axis: int) -> int:
        known = self.types[value]
        if known is None:
            raise ShapeError(f"the size of {value} is not known.")
        return known.shape[axis]

    def number(self, size: Any) -> Any:
        """Work arithmetic over sizes out for the shapes the graph is read at."""
        return size.resolve(self._length) if isinstance(size, Size) else size

    # Weights ------------------------------------------------------------------------------------

    def weight(self, constant: Constant, role: Role | None = None) -> str:
        """Make numbers of the file a weight; another view of them is another weight.

        Args:
            constant: The numbers.
            role: Given by the slot in which they are read; else the usual one.
        """
        array = constant.array
        form = (constant.name, array.shape, array.strides, constant.dtype)
        role = self._role(constant, role)
        name = self._forms.get(form)
        if name is not None:
            if role == "parameter" and name == constant.name:
                self._store(name, constant, role)
            return name
        name = constant.name
        if name in self._named:
            # A second view is not a second parameter.
            role = "constant" if role == "parameter" else role
            name = self.names.unique(f"{name}:view")
        elif not constant.stored:
            name = self.names.unique(name)
        self._named.add(constant.name)
        self._forms[form] = name
        self._store(name, constant, role)
        return name

    def _role(self, constant: Constant, role: Role | None) -> Role:
        if self.roles is not None:
            return self.roles.get(constant.name, "parameter" if constant.stored else "constant")
        return role or ("parameter" if constant.learned else "constant")

    def _store(self, name: str, constant: Constant, role: Role) -> None:
        type_ = TensorType(tuple(constant.array.shape), constant.dtype)
        self.weights[name] = Weight(name, type_, constant.array, role, role == "parameter")
        self.types[name] = type_

    # Sizes as data ------------------------------------------------------------------------------

    def sizes_as_data(self, sizes: Sizes, name: str) -> str:
        """Make a value of arithmetic over sizes that a node reads as data."""
        if sizes.array.ndim > 1 or sizes.array.size > 64:
            raise UnsupportedError("it reads arithmetic over sizes as data")
        shape = (1,) * sizes.array.ndim
        parts = [
            self.add(Fill(shape, number, sizes.dtype), (), f"{name}.size")[0]
            for number in sizes.array.reshape(-1).tolist()
        ]
        if len(parts) == 1:
            return parts[0]
        return self.add(Concat(0), parts, f"{name}.sizes")[0]
