"""Functions that an ONNX file defines for itself, put in where they are called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..._extras import require
from ...errors import GraphError

_MOST_NODES = 1_000_000


def inline(path: Path, model: Any) -> Any:
    """Replace calls of the file's own functions by what they do.

    Raises:
        GraphError: A function calls itself, or the calls multiply beyond all measure.
    """
    functions = {(f.domain, f.name): f for f in model.functions}
    sizes: dict[tuple[str, str], int] = {}

    def size(nodes: Any, callers: tuple[tuple[str, str], ...]) -> int:
        total = 0
        for node in _every(nodes):
            key = (node.domain, node.op_type)
            total += 1
            if key not in functions:
                continue
            if key in callers or len(callers) > 50:
                raise GraphError(f"{path} is damaged: its function {key[1]!r} calls itself.")
            if key not in sizes:
                sizes[key] = size(functions[key].node, (*callers, key))
            total += sizes[key]
        return total

    count = size(model.graph.node, ())
    if count > _MOST_NODES:
        raise GraphError(
            f"{path}: with its functions put in, the network would have {count:,} nodes; at most "
            f"{_MOST_NODES:,} are read."
        )
    inliner = require("onnx.inliner", extra="onnx", purpose="reading ONNX files with functions")
    try:
        return inliner.inline_local_functions(model)
    except Exception as error:  # raised by native code, of no common class
        raise GraphError(f"{path}: its functions cannot be put in ({error}).") from error


def _every(nodes: Any) -> Iterator[Any]:
    """Yield nodes with those of their subgraphs."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _every(attribute.g.node)
            for graph in attribute.graphs:
                yield from _every(graph.node)
