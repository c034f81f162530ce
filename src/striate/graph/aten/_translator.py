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
        self.made: set[str] = set()
        """The values that there are so far: inputs, and what nodes made."""
        self.calls: dict[str, fx.Node] = {}
        """The call whose result is this value."""
        self.bases: dict[str, str] = {}
        """By view, the value in whose memory it lies."""

    def call(self, node: fx.Node) -> None:
        """Translate one call."""
        example = node.meta.get("val")
        if isinstance(example, torch.SymBool):
            self.values[node] = True  # a condition that the trace has taken
            return
        if isinstance(example, torch.SymInt | torch.SymFloat | int | float):
            self.values[node] = self.symbols.size(example)
            return
        if node.target is operator.getitem:
            source, index = node.args
            self.values[node] = made = self.values[source][index]  # type: ignore[index]
            if isinstance(made, str):
                self.calls.setdefault(made, node)
            return
        call = Call(self, node)
        if call.inplace and call.get("self") in self.weights:
            self.values[node] = call["self"]  # a counter of batches, or running statistics
            return
        translation = OPERATORS.get(call.operator) or OPERATORS.get(
            call.operator.rpartition(".")[0]
        )
        made = translation(call) if translation else None
        self.values[node] = made = call.opaque() if made is None else made
        if isinstance(made, str):
            self.calls.setdefault(made, node)
        if call.inplace and isinstance(made, str):
            self._overwrite(call, call.data, made)

    def _overwrite(self, call: Call, old: str, new: str) -> None:
        """Have all that stood for an overwritten value stand for what was written.

        A write into a view changes what it is a view of, and that one's other views, in a way that
        is not followed: they become values that are not known.
        """
        base = self.bases.get(old, old)
        touched = {value for value in self.made if self.bases.get(value) == base}
        stands: dict[str, str] = {old: new}
        for value in sorted({base, *touched} - {old, new}):
            example = next((n.meta["val"] for n, v in self.values.items() if v == value), None)
            if example is not None:
                why = f"{old} shares the memory of {value}, and was written to"
                stands[value] = call.unknown("write into a view", example, why, value, new)
        for node, value in self.values.items():
            if isinstance(value, str) and value in stands:
                self.values[node] = stands[value]

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
        known = self.translator
        known.made.update(made)
        known.nodes.append(Node(name, op, inputs, made, path, module, self.inplace))
        if op.view and inputs and inputs[0] is not None:
            known.bases.update(dict.fromkeys(made, known.bases.get(inputs[0], inputs[0])))
        return made[0] if outputs == 1 else made

    def opaque(self, why: str = "") -> Any:
        """Keep the call as a node that is not known, with the types that torch told."""
        inputs = [v for v in _flat(self.arguments.values()) if self._is_value(v)]
        name = self.operator.removesuffix(".default")
        return self.unknown(name, self.node.meta.get("val"), why, *inputs)

    def unknown(self, name: str, example: Any, why: str, *inputs: str) -> Any:
        """Make a node of which no more is known than its name and the types of its outputs."""
        several = isinstance(example, list | tuple)
        told: list[Any] = []
        for each in example if several else (example,):
            try:
                told.append((self.translator.symbols.shape(each), dtype_name(each.dtype)))
            except (GraphError, AttributeError):
                told.append(None)
        op = Opaque(name, tuple(told), why)
        part = name.split(".")[-1 if "." not in name else 1].replace(" ", "_")
        made = self.emit(op, *inputs, outputs=len(told), part=part)
        return (made,) if several and isinstance(made, str) else made

    def _is_value(self, value: Any) -> bool:
        known = self.translator
        return isinstance(value, str) and (value in known.weights or value in known.made)


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
