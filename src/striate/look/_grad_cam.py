"""Grad-CAM: the maps of one layer, each weighted by how much the class depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import OptionError
from ._attribution import Attribution, Floats
from ._geometry import grids_of, onto_input
from ._gradient import program_of, unit_gradient
from ._subject import Subject, open_subject
from ._target import find_target


@dataclass(frozen=True, eq=False)
class GradCam(Attribution):
    """A layer's maps, weighted by a unit's mean gradient; `map` is laid over the input.

    Args:
        layer: Whose maps.
        weights: Of each map, (C,).
        coarse: The weighted sum at the layer's own size, what is below 0 cut off.
    """

    layer: str
    weights: Floats
    coarse: Floats

    quantity = "evidence"

    @property
    def title(self) -> str:
        """What is drawn, of which unit."""
        return f"Grad-CAM of {self.target.name} at {self.layer}"


def grad_cam(
    model: Any,
    image: Any,
    layer: str | None = None,
    channel: int | None = None,
    *,
    of: str | None = None,
    place: Sequence[int] | None = None,
) -> GradCam:
    """Show where a layer holds evidence for a class.

    map = relu(sum over k of a[k] * A[k]),   a[k] = mean over places of d unit / d A[k,i,j]

    A are the layer's maps. The sum is laid over the input with each unit at the centre of its
    receptive field, not stretched to the border.

    Args:
        model: What `open_subject` takes; it must come from a torch module.
        image: What `Subject.prepare` takes.
        layer: Whose maps; by default the last ones with more than one place.
        channel: The class; by default the strongest.
        of: The layer of the unit that is explained; by default the network's first output.
        place: Of that unit, where it stands in a map.
    Raises:
        OptionError: There is no module, no such unit, or the layer makes no maps.
    Example:
        >>> from striate import look
        >>> found = look.grad_cam("lenet5", np.ones((1, 32, 32)), "c3")
        >>> found.coarse.shape, found.map.shape, found.weights.shape
        ((10, 10), (32, 32), (16,))

    Source: Selvaraju et al. 2017, "Grad-CAM", arXiv:1610.02391, section 3.
    """
    subject = open_subject(model)
    program_of(subject)
    node = subject.graph[layer or _last(subject)].name
    run = subject.run(image)
    target = find_target(run, of, channel, place)
    maps = run[node].astype(np.float64)
    if maps.ndim != run.input.ndim - 1 or maps.ndim < 2:
        raise OptionError(f"{node}: its output {maps.shape} is no set of maps of the input.")
    gradient, _ = unit_gradient(subject, run.input, target.layer, target.index, by=node)
    weights = gradient.astype(np.float64).mean(tuple(range(1, gradient.ndim)))
    coarse = np.maximum(np.tensordot(weights, maps, 1), 0)
    laid = onto_input(coarse, subject, node)
    return GradCam(subject, target, run.input[0], laid, node, weights, coarse)


def _last(subject: Subject) -> str:
    for node in reversed(subject.layers):
        grids = grids_of(subject, node.name)
        if grids and all(grids) and max(grid.count for grid in grids if grid) > 1:
            return node.name
    raise OptionError(f"{subject.name}: no layer's units slide over the input; name a layer.")
