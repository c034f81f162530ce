"""Where a map should show what it showed before, once its input was changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._changes import Change
from ._geometry import Grid, sample

Floats = NDArray[Any]

_CLOSE = 1e-6
"""Units; nearer to a unit than this a point counts as on it."""


@dataclass(frozen=True, eq=False)
class Following:
    """Which units of a changed map are compared with which points of the first.

    Args:
        axes: Of the map that go along the input's; empty where the map has no places, or its units
            see all alike, so that it should not change at all.
        units: The units compared, along each of these axes, (axes, N).
        points: Where in the first map they should come from, between its units too, (axes, N).
        interior: Whether no field that is compared touches the border or what came in over it.
    """

    axes: tuple[int, ...]
    units: NDArray[np.int64]
    points: Floats
    interior: bool

    def difference(self, before: Floats, after: Floats) -> tuple[float, float]:
        """Sum of squared differences, and the mean of both sums of squares."""
        a, b = after.astype(np.float64), before.astype(np.float64)
        if self.axes:
            a = np.moveaxis(a, self.axes, range(len(self.axes)))[tuple(self.units)]
            b = sample(b, self.axes, self.points)
        return float(((a - b) ** 2).sum()), float((a**2).sum() + (b**2).sum()) / 2


def following(grids: tuple[Grid | None, ...], change: Change, sizes: tuple[int, ...]) -> Following:
    """Find the units of a map that can be compared.

    A unit of the changed map whose field has its centre at pixel p should have the value that the
    first map has at the pixel q that p came from: at the unit (q - start) / jump, which lies
    between two units where the change is no multiple of the map's jump. There the first map is
    read linearly.

    Units are compared whose fields, and those of the units read for them, lie within the input
    before and after; where there are none, all whose points lie within the first map. Units that
    see all alike, and a single one, have no places to compare: they should not change.
    """
    known = [grid for grid in grids if grid is not None]
    slides = len({grid.axis for grid in known}) == len(grids)
    if not known or not slides or all(grid.count == 1 for grid in known):
        return Following((), np.zeros((0, 0), int), np.zeros((0, 0)), False)
    units = np.stack(np.meshgrid(*(np.arange(g.count) for g in known), indexing="ij"))
    units = units.reshape(len(known), -1)
    centers = np.stack([g.center(i) for g, i in zip(known, units, strict=True)])
    came = change.back(centers, sizes)
    points = np.stack([g.units(q) for g, q in zip(known, came, strict=True)])
    nearest = np.rint(points)
    points = np.where(np.abs(points - nearest) < _CLOSE, nearest, points)
    limits = [np.array([g.count - 1.0 for g in known])[:, None]]
    within = ((points >= 0) & (points <= limits[0])).all(0)
    inside = within & _fields_inside(known, units, points, change, sizes)
    chosen = inside if inside.any() else within
    return Following(
        tuple(g.axis for g in known), units[:, chosen], points[:, chosen], bool(inside.any())
    )


def _fields_inside(
    grids: list[Grid],
    units: NDArray[np.int64],
    points: Floats,
    change: Change,
    sizes: tuple[int, ...],
) -> Any:
    """Which units have fields within the input, before the change and after it."""
    lengths = np.array(sizes)[:, None]
    low, high = np.floor(points), np.ceil(points)
    first = np.stack([g.first(i) for g, i in zip(grids, low, strict=True)])
    last = np.stack([g.last(i) for g, i in zip(grids, high, strict=True)])
    good: Any = ((first >= 0) & (last <= lengths - 1)).all(0)
    # The fields of the changed map: all corners on the changed input, and come from the input.
    ends = np.stack([np.stack([g.first(i), g.last(i)]) for g, i in zip(grids, units, strict=True)])
    for corner in np.ndindex(*(2,) * len(grids)):
        at = np.stack([ends[axis, side] for axis, side in enumerate(corner)])
        source = change.back(at, sizes)
        for pixels in (at, source):
            good &= ((pixels >= -_CLOSE) & (pixels <= lengths - 1 + _CLOSE)).all(0)
    return good
