"""The table from ONNX's operators to functions that make nodes of them."""

from __future__ import annotations

from collections.abc import Callable

from ._call import Call
from ._values import Value

Lowering = Callable[[Call], "Value | list[Value]"]

LOWERINGS: dict[str, Lowering] = {}
"""By name of the operator."""


def lowers(*names: str) -> Callable[[Lowering], Lowering]:
    """Enter a function into the table."""

    def entered(function: Lowering) -> Lowering:
        LOWERINGS.update(dict.fromkeys(names, function))
        return function

    return entered
