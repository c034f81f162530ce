"""From a graph to steps: the walk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...errors import GraphError
from ...graph import Graph
from .._fuse import Group, groups
from .._values import Map, Step, Storage
from . import (  # noqa: F401 - they fill the table
    batch_norm,
    combine,
    conv,
    conv_weight,
    elementwise,
    gather,
    gradient,
    linear,
    loss,
    matmul,
    norm,
    norm_gradient,
    place,
    pool,
    reduce,
    resize,
    shape,
    where,
)
from ._lowering import LOWERINGS, Lowering, NotNative
from ._slots import concat_slots
from ._whole import mark_moved
from .elementwise import elements


@dataclass(frozen=True)
class Lowered:
    """The steps of a plan, before kernels are chosen and memory is laid out.

    Args:
        steps: In the order they run.
        inputs, outputs: Where they lie, by the graph's order. An output's storage is the caller's.
    """

    steps: list[Step]
    inputs: list[Map]
    outputs: list[Map]


def lower(graph: Graph, target: str, lanes: int) -> Lowered:
    """Make the steps of a graph.

    Raises:
        GraphError: An operation is not known, so that nothing can run it.
    """
    low = Lowering(graph, target, lanes, concat_slots(graph, lanes))
    inputs = [lower_input(low, name, index) for index, name in enumerate(graph.inputs)]
    for group in groups(graph):
        lower_group(low, group)
    outputs = [lower_output(low, name, index) for index, name in enumerate(graph.outputs)]
    return Lowered(low.steps, inputs, outputs)


def lower_group(low: Lowering, group: Group) -> None:
    """Make the steps of a group: together, else of each node, else islands."""
    steps, kept = len(low.steps), [dict(maps) for maps in _maps(low)]
    why = f"{group.node.kind} has no native kernel"
    function = LOWERINGS.get(group.node.kind)
    if function is not None:
        try:
            mark_moved(low, group)
            function(low, group)
            low.check_floats(*_made(low, group))
            return
        except NotNative as reason:
            why = str(reason)
            del low.steps[steps:]
            for maps, before in zip(_maps(low), kept, strict=True):
                maps.clear()
                maps.update(before)
    if len(group.nodes) > 1:  # its parts, each for itself
        for node in group.nodes:
            lower_group(low, Group(node, node.outputs[0], nodes=[node]))
        return
    if group.node.kind == "opaque":
        raise GraphError(
            f"{low.graph.name}: {group.node.name} is an operation that Striate does not know "
            f"({low.graph.op(group.node).describe()}), so it cannot be compiled. Compile the parts "
            f"before and behind it."
        )
    low.island(group.node, why)


def _maps(low: Lowering) -> tuple[dict[str, Any], ...]:
    return low.plain_maps, low.blocked_maps, low.vectors, low.bytes, low.held_maps, low.spans


def _made(low: Lowering, group: Group) -> list[str]:
    """The values that a group made as floats."""
    outputs = group.nodes[-1].outputs
    return [v for v in outputs if low.graph.types[v] is not None and v not in low.bytes]


def lower_input(low: Lowering, name: str, index: int) -> Map:
    """An input as a plain map in the caller's memory, or held."""
    type_ = low.graph.inputs[name]
    if type_.dtype == "float32" and type_.numel:
        found = Map(Storage(name, type_.numel, "input", index), type_.shape)
    else:
        found = Map(Storage(name, 0, "held", index, dtype=type_.dtype), type_.shape)
        low.held_maps[name] = found
        return found
    low.plain_maps[name] = found
    return found


def lower_output(low: Lowering, name: str, index: int) -> Map:
    """The value as a plain map in the caller's memory, or held."""
    found = low.held(name)
    if found.storage.space == "held":
        return found
    storage = found.storage
    whole = found.offset == 0 and storage.floats == found.floats
    if storage.space == "arena" and whole and not _is_blocked(low, storage):
        storage.space, storage.index = "output", index
        return found
    return copied_output(low, name, index)


def copied_output(low: Lowering, name: str, index: int) -> Map:
    """A copy of the value in the caller's memory; what is held stays so."""
    found = low.held(name)
    if found.storage.space == "held":
        return found
    result = Map(Storage(f"{name}:output", found.floats, "output", index), found.shape)
    low.steps.append(copy_step(found, result))
    return result


def _is_blocked(low: Lowering, storage: Storage) -> bool:
    """Whether steps see it as a blocked map, which must be aligned as the caller's need not be."""
    maps = (map_ for step in low.steps for map_ in (*step.inputs, *step.outputs))
    return any(map_ is not None and map_.blocked and map_.storage is storage for map_ in maps)


def copy_step(source: Map, result: Map) -> Step:
    """Copy a plain map."""
    attributes = elements(source, result)
    return Step("elementwise", attributes, [source], [result], notes=["copied"])
