"""torch's symbolic sizes as `Size`s: arithmetic over the lengths of the inputs' axes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy
import torch

from ...errors import GraphError
from .. import ops
from .._graph import Graph
from .._sizes import Number, Size

_FUNCTIONS = {
    "FloorDiv": "//",
    "CleanDiv": "//",
    "Mod": "%",
    "PythonMod": "%",
    "IntTrueDiv": "/",
    "FloatTrueDiv": "/",
    "Max": "max",
    "Min": "min",
    "floor": "floor",
    "FloorToInt": "floor",
    "ceiling": "ceil",
    "CeilToInt": "ceil",
    "TruncToInt": "trunc",
}


class Symbols:
    """The symbols that torch gave to the inputs' axes."""

    def __init__(self) -> None:
        self._sizes: dict[str, Size] = {}

    def learn(self, name: str, value: torch.Tensor) -> None:
        """Note which symbols stand for the axes of an input."""
        for axis, length in enumerate(value.shape):
            if isinstance(length, torch.SymInt) and length.node.expr.is_Symbol:
                self._sizes.setdefault(str(length.node.expr), Size.of(name, axis))

    def size(self, value: Any) -> Any:
        """Translate an int, a symbolic int or a symbolic float."""
        if isinstance(value, torch.SymInt | torch.SymFloat):
            return self._translated(value.node.expr)
        return value

    def shape(self, value: torch.Tensor) -> tuple[int | Size, ...]:
        """Translate a shape."""
        return tuple(self.size(length) for length in value.shape)

    def _translated(self, expression: Any) -> Size | Number:
        if expression.is_Integer:
            return int(expression)
        if expression.is_Rational:
            return Fraction(int(expression.p), int(expression.q))
        if expression.is_Float:
            return Fraction(float(expression))
        if expression.is_Symbol:
            known = self._sizes.get(str(expression))
            if known is None:
                raise GraphError(f"a size depends on the data ({expression}), not on the shape.")
            return known
        parts = [self._translated(part) for part in expression.args]
        if isinstance(expression, sympy.Add | sympy.Mul):
            total = parts[0]
            for part in parts[1:]:
                total = Size.apply("+" if expression.is_Add else "*", total, part)
            return total
        if expression.is_Pow and isinstance(parts[1], int) and parts[1] > 0:
            total = parts[0]
            for _ in range(parts[1] - 1):
                total = Size.apply("*", total, parts[0])
            return total
        if expression.is_Pow and parts[1] == -1:
            return Size.apply("/", 1, parts[0])
        name = type(expression).__name__
        if name in ("ToFloat", "Identity"):
            return parts[0]
        if name not in _FUNCTIONS:
            raise GraphError(f"a size is computed in a way that is not known: {expression}.")
        return Size.apply(_FUNCTIONS[name], *parts)


def has_fixed_sizes(graph: Graph) -> bool:
    """Whether some argument may hold a height or width of the trace as a plain number."""
    for node in graph.nodes:
        inputs, outputs = graph.input_types(node), graph.output_types(node)
        if node.kind in ("fill", "opaque"):
            return True
        if isinstance(node.op, ops.Slice) and inputs[0] and node.op.axis % inputs[0].rank >= 2:
            whole = (node.op.start, node.op.end) == (0, None)  # every other pixel of any size
            if not whole:
                return True
        if node.kind in ("reshape", "expand") or getattr(node.op, "size", None) is not None:
            spatial = [n for t in (*inputs[:1], *outputs) if t for n in t.shape[2:]]
            if any(n > 1 for n in spatial):
                return True
    return False
