"""From a training graph to steps: the forward pass with its outputs first, then the backward."""

from __future__ import annotations

from dataclasses import dataclass

from ...graph.gradient import Training
from .._fuse import Group, groups
from .._values import Map, Step
from ._images import image_convs
from ._lower import Lowered, copied_output, lower_group, lower_input, lower_output
from ._lowering import Lowering
from ._slots import concat_slots


@dataclass(frozen=True)
class LoweredTraining:
    """The steps of both passes.

    Args:
        lowered: All of them.
        first: The first of the backward pass; None where there is none.
    """

    lowered: Lowered
    first: Step | None


def lower_training(training: Training, target: str, lanes: int) -> LoweredTraining:
    """Make the steps of a training graph.

    The outputs of the forward pass are copied, since the backward pass may read them when they are
    the caller's to change.
    """
    graph = training.graph
    slots, images = concat_slots(graph, lanes), image_convs(graph, lanes)
    low = Lowering(graph, target, lanes, slots, images)
    inputs = [lower_input(low, name, index) for index, name in enumerate(graph.inputs)]
    ahead = {node.name for node in graph.nodes[: training.forward]}
    passes: tuple[list[Group], list[Group]] = ([], [])
    for group in groups(graph):
        passes[not all(node.name in ahead for node in group.nodes)].append(group)
    for group in passes[0]:
        lower_group(low, group)
    made = {value for group in passes[0] for node in group.nodes for value in node.outputs}
    outputs: dict[str, Map] = {}
    for index, name in enumerate(graph.outputs):
        if name in made or name in graph.inputs:
            outputs[name] = copied_output(low, name, index)
    forward = len(low.steps)
    for group in passes[1]:
        lower_group(low, group)
    for index, name in enumerate(graph.outputs):
        if name not in outputs:
            outputs[name] = lower_output(low, name, index)
    lowered = Lowered(low.steps, inputs, [outputs[name] for name in graph.outputs])
    return LoweredTraining(lowered, low.steps[forward] if forward < len(low.steps) else None)
