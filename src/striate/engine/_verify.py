"""How far a plan's numbers are from the network's in float64, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from ._values import Array, Map

if TYPE_CHECKING:
    from ..graph import Graph
    from ..runtime._recipe import Recipe
    from ._values import Step


@dataclass(frozen=True)
class LayerError:
    """What a step's output differs by from the reference in float64.

    Args:
        layer: The nodes of the network that the step computes.
        kernel: What computed it.
        difference: The largest difference of two numbers.
        share: That, as a share of the reference's largest magnitude.
    """

    layer: str
    kernel: str
    difference: float
    share: float


def verify(
    graph: Graph, recipe: Recipe, steps: list[Step], weights: Array, inputs: list[Array]
) -> list[LayerError]:
    """Run the plan step by step beside the graph's reference.

    Each step reads what the steps before it made, so that errors add up as they do in use.
    """
    reference = graph.run(*inputs, every=True)
    errors: list[LayerError] = []

    def look(step: Step, arrays: list[Array | None]) -> None:
        names = list(graph[step.nodes[-1]].outputs) if step.nodes else []
        for name, found in zip(names, arrays, strict=False):
            wanted = reference.get(name)
            if found is None or wanted is None or wanted.shape != found.shape or not wanted.size:
                continue
            difference = float(np.abs(found - wanted).max())
            largest = float(np.abs(wanted).max())
            errors.append(
                LayerError(
                    "+".join(step.nodes),
                    step.kernel or step.kind,
                    difference,
                    difference / largest if largest else difference,
                )
            )

    _run_each(recipe, steps, weights, inputs, look)
    return errors


def _run_each(
    recipe: Recipe, steps: list[Step], weights: Array, inputs: list[Array], look: Any
) -> None:
    from ..runtime._run import Runner

    outputs = [np.zeros(t.shape, np.float32) for t in recipe.outputs]
    runner = Runner(recipe, weights)
    context = _core.Context(runner.program)

    def after(index: int) -> None:
        step, told = steps[index], recipe.steps[index]
        arrays = [
            None if map_ is None else _read(map_, place, context.arena, outputs)
            for map_, place in zip(step.outputs, told.outputs, strict=True)
        ]
        look(step, arrays)

    runner.run_slowly(context, inputs, outputs, after)


def _read(map_: Map, place: Any, arena: Array, outputs: list[Array]) -> Array | None:
    """The numbers of a map, in the shape of its value."""
    space, index, offset = place
    if space == 1:
        memory = arena
    elif space == 4:
        memory = outputs[index].reshape(-1)
    else:
        return None
    if not map_.blocked:
        return memory[offset : offset + map_.floats].reshape(map_.shape).astype(np.float64)
    assert map_.axes is not None
    sizes = [map_.shape[axis] for axis in map_.axes[2:]]
    images = []
    for n in range(map_.batch):
        start = offset + n * map_.batch_stride
        image = memory[start : start + map_.image_floats].reshape(
            map_.blocks, map_.pixels, map_.lanes
        )
        image = image.swapaxes(1, 2).reshape(-1, *sizes)[: map_.channels]
        images.append(image)
    # from (batch, channels, sizes) to the order of the value's axes
    order = [map_.axes.index(k) for k in range(len(map_.axes))]
    return np.stack(images).transpose(order).astype(np.float64)
