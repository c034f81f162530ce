"""Turn the calls of an exported program into nodes, one by one, by the table of operators."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx

from ...errors import GraphError
from .._graph import Node
from .._operation import Operation
from .._types import TensorType
from .._weight import Weight
from ..ops import Opaque
from ._names import Names
from ._sizes import Symbols

Translation = Callable[["Call"], Any]

OPERATORS: dict[str, Translation] = {}
"""Translations by operator: `aten.conv2d.default`, or `aten.conv2d` for all its overloads."""


def translates(*operators: str) -> Callable[[Translation], Translation]:
    """Put a function into the table; it gets the call and returns the names of its values."""

    def register(translation: Translation) -> Translation:
        OPERATORS.update(dict.fromkeys(operators, translation))
        return translation

    return register


class Translator:
    """What is known so far while a program is read from first call to last."""

    def __init__(self, weights: dict[str, Weight], symbols: Symbols, names: Names) -> None:
        self.weights = weights
        self.symbols = symbols
        self.names = names
        self.nodes: list[Node] = []
        self.values: dict[fx.Node, Any] = {}

    def call(self, node: fx.Node) -> None:
        """Translate one call."""
        example = node.meta.get("val")
        if isinstance(example, torch.SymInt | torch.SymFloat | torch.SymBool | int | float | bool):
            self.values[node] = self.symbols.size(example) if not isinstance(
                example, torch.SymBool
            ) else True  # fmt: skip
            return
        if node.target is operator.getitem:
            source, index = node.args
            self.values[node] = self.values[source][index]  # type: ignore[index]
            return
        call = Call(self, node)
        translation = OPERATORS.get(call.operator) or OPERATORS.get(
            call.operator.rpartition(".")[0]
        )
        made = translation(call) if translation else None
        self.values[node] = call.opaque() if made is None else made

    def use(self, value: Any) -> Any:
        """The name, size or number that stands for an argument of a call."""
        if isinstance(value, fx.Node):
            return self.values[value]
        if isinstance(value, list | tuple):
            return tuple(self.use(part) for part in value)
        return self.symbols.size(value)


class Call:
    """One call of an operator: its arguments by name, and how to make nodes of it."""

    def __init__(self, translator: Translator, node: fx.Node, *, read: bool = True) -> None:
        self.translator = translator
        self.node = node
        self.operator = str(node.target)
        self.arguments: dict[str, Any] = {}
        if not read:
            return
        schema = getattr(node.target, "_schema", None)
        names = [argument.name for argument in schema.arguments] if schema else []
        if schema:
            self.arguments = {
                a.name: a.default_value for a in schema.arguments if a.has_default_value()
            }
        for name, value in (*zip(names, node.args, strict=False), *node.kwargs.items()):
            self.arguments[name] = translator.use(value)
        self.examples: dict[str, Any] = {
            name: value.meta.get("val")
            for name, value in (*zip(names, node.args, strict=False), *node.kwargs.items())
            if isinstance(value, fx.Node)
        }

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def get(self, name: str, default: Any = None) -> Any:
        """An argument, or the default where the operator has none of this name."""
        return self.arguments.get(name, default)

    @property
    def data(self) -> Any:
        """The tensor it works on, which ATen calls `input` in some operators, `self` in others."""
        return self.arguments["input" if "input" in self.arguments else "self"]

    @property
    def inplace(self) -> bool:
        """Whether the operator writes over its first argument (`relu_`)."""
        return self.operator.split(".")[1].endswith("_") and "__" not in self.operator

    def rank(self, name: str) -> int:
        """Number of axes of a tensor argument."""
        return self.examples[name].dim()  # type: ignore[no-any-return]

    def type_of(self, name: str) -> TensorType:
        """Type of a tensor argument, at the sizes it was traced with."""
        return tensor_type(self.examples[name])

    def emit(
        self,
        op: Operation,
        *inputs: str | None,
        outputs: int = 1,
        part: str | None = None,
        whole: bool = False,
    ) -> Any:
        """Make a node.

        Args:
            op: The operation.
            inputs: Names of values and weights.
            outputs: How many values it makes.
            part: What to call it, where neither its function nor its kind says it.
            whole: It is all that its module does.
        Returns:
            The value's name, or a tuple of names for `outputs` other than 1.
        """
        while inputs and inputs[-1] is None:
            inputs = inputs[:-1]
        what = part or str(getattr(op, "function", op.kind))
        path, module, name = self.translator.names.claim(self.node, what, inputs, whole=whole)
        made = (name,) if outputs == 1 else tuple(f"{name}.{k}" for k in range(outputs))
        self.translator.nodes.append(Node(name, op, inputs, made, path, module, self.inplace))
        return made[0] if outputs == 1 else made

    def opaque(self, why: str = "") -> Any:
        """Keep the call as a node that is not known, with the types that torch told."""
        example = self.node.meta.get("val")
        examples = example if isinstance(example, list | tuple) else (example,)
        told: list[Any] = []
        for each in examples:
            try:
                shape = self.translator.symbols.shape(each)
                told.append((shape, dtype_name(each.dtype)))
            except (GraphError, AttributeError):
                told.append(None)
        inputs = [v for v in _flat(self.arguments.values()) if self._is_value(v)]
        name = self.operator.removesuffix(".default")
        made = self.emit(
            Opaque(name, tuple(told), why), *inputs, outputs=len(told),
            part=self.operator.split(".")[1],
        )  # fmt: skip
        return made if isinstance(example, list | tuple) else (made if len(told) == 1 else made[0])

    def _is_value(self, value: Any) -> bool:
        known = self.translator
        return isinstance(value, str) and (value in known.weights or value in known.names.values)


def tensor_type(example: torch.Tensor) -> TensorType:
    """The type of a traced tensor, at the sizes of the trace."""
    shape = tuple(traced_length(n) for n in example.shape)
    return TensorType(shape, dtype_name(example.dtype))


def traced_length(n: int | torch.SymInt) -> int:
    """The length an axis had in the trace; int(n) would make torch fix it for good."""
    return int(n.node.hint) if isinstance(n, torch.SymInt) else n


def dtype_name(dtype: torch.dtype) -> str:
    """torch.float32 as `float32`."""
    return str(dtype).removeprefix("torch.")


def _flat(values: Any) -> list[Any]:
    flat: list[Any] = []
    for value in values:
        flat += _flat(value) if isinstance(value, tuple | list) else [value]
    return flat


def pairs(values: Sequence[int] | int, count: int) -> tuple[Any, ...]:
    """One number for each axis: torch repeats a single one."""
    values = (values,) if isinstance(values, int) else tuple(values)
    return values * count if len(values) == 1 else values
