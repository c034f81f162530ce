"""A graph as text, one node a line."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._graph import Graph, Node


def written(graph: Graph) -> str:
    """Write the graph: inputs, one line a node with what it reads and makes, outputs."""
    inputs = ", ".join(f"{name} {type}" for name, type in graph.inputs.items())
    lines = [f"{graph.name}({inputs})"]
    rows = [(node.name, _call(graph, node), _made(graph, node)) for node in graph.nodes]
    widths = [max((len(row[k]) for row in rows), default=0) for k in (0, 1)]
    lines += [f"  {name:<{widths[0]}} = {call:<{widths[1]}}  {made}" for name, call, made in rows]
    return "\n".join([*lines, f"  return {', '.join(graph.outputs)}"])


def _call(graph: Graph, node: Node) -> str:
    data = [v for v in node.inputs if v is not None and v not in graph.weights]
    words = graph.op(node).describe()
    return f"{node.kind}({', '.join(data)})" + (f" {words}" if words else "")


def _made(graph: Graph, node: Node) -> str:
    return ", ".join("unknown" if t is None else str(t) for t in graph.output_types(node))


def nearest(name: str, graph: Graph) -> str:
    """Offer names close to one that is not there."""
    names = [node.name for node in graph.nodes]
    close = get_close_matches(name, names, n=3, cutoff=0.4) or names[:3]
    return f"Did you mean {' or '.join(map(repr, close))}?" if close else "The graph is empty."
