"""Changes of an input that a map should follow: shifts, flips and small rotations."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ._geometry import sample

Floats = NDArray[Any]
Fill = Literal["circular", "edge", "zeros"]


class Change(ABC):
    """A change of the places of an input's numbers."""

    kind: str

    @property
    @abstractmethod
    def label(self) -> str:
        """A few letters for people."""

    @abstractmethod
    def apply(self, x: Floats) -> Floats:
        """Change an input (C, ...)."""

    @abstractmethod
    def back(self, points: Floats, sizes: tuple[int, ...]) -> Floats:
        """Find where in the input the numbers at some points of the changed input come from.

        Shape:
            points (axes, ...), output the same.
        """


@dataclass(frozen=True)
class Shift(Change):
    """Move an input towards higher indices: changed[p] = x[p - by].

    Args:
        by: Pixels along each axis behind the channels.
        fill: What enters at the border: what left on the other side ('circular'), the edge's value
            again, or zeros.
    """

    by: tuple[int, ...]
    fill: Fill = "circular"

    kind = "shift"

    def __post_init__(self) -> None:
        if self.fill not in get_args(Fill):
            known = ", ".join(map(repr, get_args(Fill)))
            raise OptionError(f"equivariance: fill={self.fill!r} is not one of {known}.")

    @property
    def label(self) -> str:
        """The pixels."""
        same = len(set(self.by)) == 1
        return str(self.by[0]) if same else ",".join(map(str, self.by))

    def apply(self, x: Floats) -> Floats:
        """Move it."""
        for axis, (by, n) in enumerate(zip(self.by, x.shape[1:], strict=True), start=1):
            source = np.arange(n) - by
            if self.fill == "circular":
                x = x.take(source % n, axis)
                continue
            x = x.take(source.clip(0, n - 1), axis)
            if self.fill == "zeros":
                outside = (source < 0) | (source >= n)
                x = np.where(outside.reshape(-1, *(1,) * (x.ndim - 1 - axis)), np.float32(0), x)
        return x

    def back(self, points: Floats, sizes: tuple[int, ...]) -> Floats:
        """By as many pixels."""
        found: Floats = points - np.reshape(self.by, (-1, *(1,) * (points.ndim - 1)))
        return found


@dataclass(frozen=True)
class Flip(Change):
    """Turn one axis round: changed[p] = x[n - 1 - p].

    Args:
        axis: Among those behind the channels, from the end: -1 is the width.
    """

    axis: int = -1

    kind = "flip"

    @property
    def label(self) -> str:
        """Which way."""
        return {-1: "flip", -2: "upside down"}.get(self.axis, f"flip {self.axis}")

    def apply(self, x: Floats) -> Floats:
        """Turn it."""
        return np.flip(x, self.axis)

    def back(self, points: Floats, sizes: tuple[int, ...]) -> Floats:
        """From the other end."""
        found = points.copy()
        found[self.axis] = sizes[self.axis] - 1 - points[self.axis]
        return found


@dataclass(frozen=True)
class Turn(Change):
    """Rotate a picture around its middle, counterclockwise as it is seen; linear between pixels.

    What comes from outside repeats the edge.

    Args:
        degrees: The angle.
    """

    degrees: float

    kind = "turn"

    @property
    def label(self) -> str:
        """The angle."""
        return f"{self.degrees:g}°"

    def apply(self, x: Floats) -> Floats:
        """Rotate it."""
        sizes = x.shape[1:]
        places = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij")).astype(np.float64)
        turned = sample(x, [1, 2], self.back(places, sizes))
        return np.ascontiguousarray(np.moveaxis(turned, -1, 0), np.float32)

    def back(self, points: Floats, sizes: tuple[int, ...]) -> Floats:
        """Rotate the other way."""
        if len(sizes) != 2:
            raise OptionError("equivariance: only pictures can be rotated; leave out the angles.")
        angle = math.radians(self.degrees)
        middle = np.reshape([(n - 1) / 2 for n in sizes], (2, *(1,) * (points.ndim - 1)))
        y, x = points - middle
        # Rows go down, so counterclockwise on the screen is clockwise in (x, y).
        turned = np.stack(
            [y * math.cos(angle) + x * math.sin(angle), x * math.cos(angle) - y * math.sin(angle)]
        )
        found: Floats = turned + middle
        return found
