"""The order in which nodes run, and who reads what."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

from ...errors import GraphError
from ._file import File


def in_order(file: File) -> list[Any]:
    """Put nodes behind those that make their inputs, keeping the file's order otherwise.

    Raises:
        GraphError: A value is missing, or nodes wait for each other.
    """
    graph = file.graph
    nodes = list(graph.node)
    made = {value: k for k, node in enumerate(nodes) for value in node.output if value}
    there = {tensor.name for tensor in graph.initializer}
    there.update(tensor.values.name for tensor in graph.sparse_initializer)
    there.update(value.name for value in graph.input)
    waits = []
    readers: dict[int, list[int]] = {}
    for k, node in enumerate(nodes):
        needed = {value for value in node.input if value} | captured(node)
        for value in needed:
            if value not in there and value not in made:
                raise GraphError(
                    f"{file.path} is damaged: node {node.name or node.op_type!r} reads the value "
                    f"{value!r}, which nothing makes."
                )
        makers = {made[value] for value in needed if value in made}
        for maker in makers:
            readers.setdefault(maker, []).append(k)
        waits.append(len(makers))
    for value in graph.output:
        if value.name not in there and value.name not in made:
            raise GraphError(f"{file.path} is damaged: nothing makes the output {value.name!r}.")
    if all(maker < k for maker, others in readers.items() for k in others):
        return nodes
    return _sorted(file, nodes, waits, readers)


def _sorted(
    file: File, nodes: list[Any], waits: list[int], readers: dict[int, list[int]]
) -> list[Any]:
    ready = deque(k for k, count in enumerate(waits) if count == 0)
    result = []
    while ready:
        k = ready.popleft()
        result.append(nodes[k])
        for reader in readers.get(k, ()):
            waits[reader] -= 1
            if waits[reader] == 0:
                ready.append(reader)
    if len(result) < len(nodes):
        stuck = next(node for node, count in zip(nodes, waits, strict=True) if count)
        raise GraphError(
            f"{file.path} is damaged: node {stuck.name or stuck.op_type!r} waits for its own "
            f"result, in a circle."
        )
    return result


def reads_of(file: File) -> Counter[str]:
    """Count how often each value is read, the graph's outputs included."""
    reads = Counter(value for node in file.graph.node for value in node.input if value)
    for node in file.graph.node:
        reads.update(captured(node))
    reads.update(value.name for value in file.graph.output)
    return reads


def captured(node: Any) -> set[str]:
    """Find outer values that a node's subgraphs read (If, Loop, Scan)."""
    found: set[str] = set()
    for attribute in node.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            inside = {tensor.name for tensor in graph.initializer}
            inside.update(value.name for value in graph.input)
            inside.update(value for inner in graph.node for value in inner.output)
            for inner in graph.node:
                found |= {v for v in (*inner.input, *captured(inner)) if v} - inside
            found |= {value.name for value in graph.output} - inside
    return found
