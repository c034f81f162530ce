"""Where the units of a map stand in the input, and a map read between its units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..inspection._field import Sliding
from ..inspection._fields_of import sights_of
from ._subject import Subject

Floats = NDArray[Any]


@dataclass(frozen=True)
class Grid:
    """The units of a map along one axis of the input.

    Unit i sees the pixels i*jump - before .. i*jump - before + size - 1, whose centre is
    `start` + i*jump.

    Args:
        axis: Of the map, without the batch: the one that goes along this axis of the input.
        count: Units along it.
        jump: Pixels from one unit to the next.
        start: Centre of the first unit's field.
        before: How far its field reaches over the border.
        size: Of the field, in pixels.
    """

    axis: int
    count: int
    jump: float
    start: float
    before: float
    size: float

    def center(self, units: Any) -> Any:
        """Centre of units' fields, in pixels of the input; that of pixel 0 is 0."""
        return self.start + self.jump * units

    def first(self, units: Any) -> Any:
        """First pixel of units' fields."""
        return self.jump * units - self.before

    def last(self, units: Any) -> Any:
        """Last pixel of units' fields."""
        return self.first(units) + self.size - 1

    def units(self, pixels: Floats) -> Floats:
        """Which unit stands at a pixel: a number between the units where none does."""
        found: Floats = (pixels - self.start) / self.jump
        return found


def grids_of(subject: Subject, layer: str) -> tuple[Grid | None, ...]:
    """Find a layer's grid along each axis of the input behind the channels.

    None where the units do not slide along the axis: all see the same of it, or what they see is
    not known.
    """
    axes = len(subject.input_shape) - 1
    if not axes:
        return ()
    try:
        sights = sights_of(subject.graph, layer)[1]
    except OptionError:  # by an operation that is not known
        return (None,) * axes
    kind = subject.graph.types[subject.graph[layer].outputs[0]]
    found: list[Grid | None] = []
    for sight in sights[2:]:
        if not isinstance(sight, Sliding) or kind is None or sight.axis == 0:
            found.append(None)
            continue
        w = sight.window
        found.append(
            Grid(
                sight.axis - 1,
                kind.shape[sight.axis],
                float(w.stride),
                float(w.center(0)),
                float(w.before),
                float(w.extent),
            )
        )
    return tuple(found)


def sample(values: Floats, axes: Sequence[int], points: Floats) -> Floats:
    """Read an array at points between its numbers: linear along each axis, the edge beyond it.

    Args:
        values: Any array.
        axes: Those that the points go along.
        points: For each of these axes the coordinate of every point.
    Shape:
        points (len(axes), *P); output (*P, *the other axes of values).
    Example:
        >>> sample(np.array([0.0, 10.0, 20.0]), [0], np.array([[0.5, 1.0, 9.0]])).tolist()
        [5.0, 10.0, 20.0]
    """
    moved = np.moveaxis(values, axes, range(len(axes)))
    sizes = moved.shape[: len(axes)]
    places = [np.clip(p, 0, n - 1) for p, n in zip(points, sizes, strict=True)]
    low = [np.minimum(p.astype(int), max(n - 2, 0)) for p, n in zip(places, sizes, strict=True)]
    share = [p - i for p, i in zip(places, low, strict=True)]
    others = (1,) * (moved.ndim - len(axes))
    total: Floats = np.zeros((*points.shape[1:], *moved.shape[len(axes) :]))
    for corner in np.ndindex(*(min(2, n) for n in sizes)):
        factor = np.ones(points.shape[1:])
        for step, part in zip(corner, share, strict=True):
            factor = factor * (part if step else 1 - part)
        index = tuple(i + step for i, step in zip(low, corner, strict=True))
        total += moved[index] * factor.reshape(*factor.shape, *others)
    return total


def onto_input(values: Floats, subject: Subject, layer: str) -> Floats:
    """Lay a layer's map (without channels) over the input: each unit at its field's centre.

    Between the centres it is linear. An axis whose units do not slide is stretched over the whole.

    Shape:
        values (*the layer's sizes), output (*the input's sizes).
    """
    sizes = subject.input_shape[1:]
    grids = grids_of(subject, layer)
    if len(grids) != values.ndim:
        raise OptionError(
            f"{layer}: its output has {values.ndim} axes behind the channels, and the input "
            f"{len(sizes)}: it is no map of the input."
        )
    for axis, (n, grid) in enumerate(zip(sizes, grids, strict=True)):
        pixels = np.arange(n, dtype=np.float64)
        if grid is not None and grid.axis == axis + 1:
            at = grid.units(pixels)
        else:
            at = (pixels + 0.5) * values.shape[axis] / n - 0.5
        values = np.moveaxis(sample(values, [axis], at[None]), 0, axis)
    return values
