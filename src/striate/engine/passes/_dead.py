"""Take out what no output needs, and compute equal things once."""

from __future__ import annotations

from dataclasses import replace

from ...graph import Graph, ops
from ._change import Result
from ._editor import Editor, sizes_read


def remove_dead(graph: Graph) -> Result:
    """Take out nodes whose values nobody reads, and weights that no node is left for.

    A value from whose shape a living node works out a size counts as read.
    """
    editor = Editor(graph, "remove_dead")
    needed = set(graph.outputs)
    for node in reversed(graph.nodes):
        if not needed.isdisjoint(node.outputs):
            needed.update(value for value in node.inputs if value is not None)
            if node.op.depends_on_sizes:
                needed |= sizes_read(node.op)
        else:
            editor.take_out(node.name)
            editor.tell([node.name], "", "nobody reads what it makes")
    kept, changes = editor.result()
    weights = {name: weight for name, weight in kept.weights.items() if name in needed}
    return (kept if len(weights) == len(kept.weights) else replace(kept, weights=weights)), changes


def share_common(graph: Graph) -> Result:
    """Let nodes that do the same to the same values be one.

    Not what is random, nor what is not known.
    """
    editor = Editor(graph, "share_common")
    seen: dict[object, str] = {}
    for node in editor:
        if isinstance(node.op, ops.Opaque) or (
            isinstance(node.op, ops.Dropout) and node.op.training
        ):
            continue
        # Types too: 2 and 2.0 are equal, but make other values of whole numbers.
        made = tuple(map(editor.type, node.outputs))
        what = (node.kind, node.op, node.inputs, made)
        first = editor.maker(seen.setdefault(what, node.outputs[0]))
        if first is None or first.name == node.name:
            continue
        if not set(node.outputs).isdisjoint(graph.outputs):
            continue  # each output keeps a value of its own
        for old, new in zip(node.outputs, first.outputs, strict=True):
            editor.redirect(old, new)
        editor.take_out(node.name)
        editor.tell([node.name], first.name, "does the same to the same values")
    return editor.result()
