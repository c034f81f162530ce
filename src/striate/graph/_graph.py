"""The graph: a network as a list of operations in the order they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import OptionError, ShapeError
from ._operation import Operation, Type
from ._types import TensorType
from ._weight import Weight


@dataclass(frozen=True, slots=True)
class Node:
    """One operation in a graph.

    Args:
        name: Unique in the graph: the path of the user's module, with what is needed to tell nodes
            of one module apart (`layer1.0.add`, `layer1.0.relu:2` for a second call).
        op: The operation and its arguments.
        inputs: Names of the values and weights it reads; None where an optional one is absent.
        outputs: Names of the values it makes.
        path: The module, in the user's words; empty for the model itself.
        module: Class of that module, empty where it is not known.
        inplace: Whether torch overwrites input 0 with the output.
    """

    name: str
    op: Operation
    inputs: tuple[str | None, ...]
    outputs: tuple[str, ...]
    path: str = ""
    module: str = ""
    inplace: bool = False

    @property
    def kind(self) -> str:
        """The operation's kind: `conv`, `max_pool`, ..."""
        return self.op.kind

    @property
    def shares_memory(self) -> bool:
        """Whether the outputs lie in the memory of input 0."""
        return self.inplace or self.op.view


@dataclass(frozen=True, eq=False)
class Graph:
    """A network: typed values, the nodes that make them, and references to its weights.

    A graph is worked out for one set of input shapes; `at` gives it for others. It does not change.

    Args:
        name: What the network is called.
        inputs: Type of each input by name.
        nodes: In the order they run.
        outputs: Names of the values it gives.
        weights: By name, each shared by all nodes that name it.
        training: Whether the network was in training mode when it was captured.
        source: Runs the network the graph was made from, on NumPy arrays; `check` compares.
    Raises:
        ShapeError: The shapes do not fit together; `node` names where.
    Example:
        >>> import striate
        >>> graph = striate.capture(striate.zoo.create("lenet5"), (1, 1, 32, 32))
        >>> len(graph), [node.name for node in graph][:2]
        (12, ['c1', 'relu1'])
    """

    name: str
    inputs: Mapping[str, TensorType]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    weights: Mapping[str, Weight]
    training: bool = False
    source: Callable[..., Any] | None = field(default=None, repr=False)
    types: Mapping[str, TensorType | None] = field(init=False, repr=False)
    """Type of each value and weight; None where an operation that is not known made it."""
    bound: Mapping[str, Operation] = field(init=False, repr=False)
    """By node, the operation with all sizes put in."""

    def __post_init__(self) -> None:
        from ._infer import infer_types

        types, bound = infer_types(self)
        object.__setattr__(self, "types", types)
        object.__setattr__(self, "bound", bound)

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __getitem__(self, name: str) -> Node:
        """Find a node by its name, or a module's only node by the module's path.

        Raises:
            OptionError: There is none, or the module has several.
        """
        if name in self._by_name:
            return self._by_name[name]
        inside = [node for node in self.nodes if node.path == name]
        if len(inside) == 1:
            return inside[0]
        if inside:
            names = ", ".join(repr(node.name) for node in inside)
            raise OptionError(f"{self.name}: {name!r} has several operations: name one of {names}.")
        from ._text import nearest

        raise OptionError(f"{self.name}: there is no layer {name!r}. {nearest(name, self)}")

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def producers(self) -> dict[str, Node]:
        """The node that makes each value."""
        return {value: node for node in self.nodes for value in node.outputs}

    @cached_property
    def readers(self) -> dict[str, list[Node]]:
        """The nodes that read each value or weight, in order."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for value in dict.fromkeys(v for v in node.inputs if v is not None):
                found.setdefault(value, []).append(node)
        return found

    def op(self, node: Node) -> Operation:
        """The node's operation with all sizes put in."""
        return self.bound[node.name]

    def input_types(self, node: Node) -> tuple[Type, ...]:
        """Types of what a node reads; None for what is absent or not known."""
        return tuple(None if value is None else self.types[value] for value in node.inputs)

    def output_types(self, node: Node) -> tuple[Type, ...]:
        """Types of what a node makes; None where it is not known."""
        return tuple(self.types[value] for value in node.outputs)

    def at(self, *shapes: Sequence[int]) -> Graph:
        """Work the same network out for other input shapes, sharing the weights.

        Args:
            shapes: One for each input, in order.
        Raises:
            ShapeError: The network does not fit them.
        Example:
            >>> import striate
            >>> graph = striate.capture(striate.zoo.create("resnet18"), (1, 3, 224, 224))
            >>> graph.at((8, 3, 160, 160)).types["layer4.1.conv2"].shape
            (8, 512, 5, 5)
        """
        if len(shapes) != len(self.inputs):
            raise OptionError(
                f"{self.name}: {len(shapes)} shapes were given for {len(self.inputs)} inputs: "
                f"{', '.join(self.inputs)}."
            )
        for (name, given), shape in zip(self.inputs.items(), shapes, strict=True):
            if len(shape) != given.rank or min(shape, default=1) < 0:
                raise ShapeError(
                    f"{self.name}: input {name} {tuple(shape)} must have {given.rank} axes like "
                    f"{given.shape}."
                )
        types = {
            name: given.with_shape(*map(int, shape))
            for (name, given), shape in zip(self.inputs.items(), shapes, strict=True)
        }
        return replace(self, inputs=types)

    def run(self, *arrays: Any, dtype: Any = "float64", every: bool = False) -> Any:
        """Compute the outputs with the reference operations: plain NumPy, slow, right.

        Args:
            arrays: One for each input.
            dtype: Precision of all real numbers.
            every: Give all values by name, instead of the outputs.
        Returns:
            A tuple of arrays, or a dict with `every`.
        Raises:
            OptionError: A node is not known, or is random.
        Example:
            >>> import striate
            >>> graph = striate.capture(torch.nn.ReLU(), (1, 3))
            >>> graph.run(np.array([[-1.0, 0.0, 2.0]]))
            (array([[0., 0., 2.]]),)
        """
        from ._run import run

        return run(self, arrays, dtype=dtype, every=every)

    def check(self, *inputs: Any) -> float:
        """Compare the graph's result with that of the network it was made from.

        Args:
            inputs: One array or tensor for each input; random ones where none are given.
        Returns:
            The largest difference, as a share of the output's largest magnitude.
        Raises:
            GraphError: They differ by more than rounding explains.
        """
        from ._run import check

        return check(self, inputs)

    def save(self, path: str | Path) -> None:
        """Write graph and weights into one file, without pickle.

        Args:
            path: A file, by custom `*.striate`; it appears whole or not at all.
        """
        from ._file import save

        save(self, Path(path))

    @staticmethod
    def load(path: str | Path) -> Graph:
        """Read a file that `save` wrote.

        Raises:
            GraphError: The file is damaged, or of a later version.
        """
        from ._file import load

        return load(Path(path))

    def to_onnx(self, path: str | Path, *, opset: int = 18) -> None:
        """Write the network as an ONNX file.

        Args:
            path: The file; it appears whole or not at all.
            opset: Version of ONNX's operators, 13 or more.
        Raises:
            GraphError: A node has no counterpart in ONNX.
        """
        from .onnx import write_onnx

        write_onnx(self, Path(path), opset=opset)

    def __str__(self) -> str:
        from ._text import written

        return written(self)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"
