"""Which input positions an output position reads, axis by axis.

For each input an operation gives a `Reach`: one entry for each axis of that input.

- `Along(axis, window)`: output index i of `axis` reads this input axis through `window`;
- `WHOLE`: every output reads this axis from end to end;
- `SOMEWHERE`: every output reads one place of it; no window tells which (a flatten, a shuffle).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..window import Window

IDENTITY = Window(1)


@dataclass(frozen=True, slots=True)
class Along:
    """The input axis is read by a window that slides with `axis` of the output."""

    axis: int
    window: Window = IDENTITY


class Everywhere(Enum):
    """How an axis is read that no window slides along."""

    WHOLE = "whole"
    SOMEWHERE = "somewhere"


WHOLE = Everywhere.WHOLE
SOMEWHERE = Everywhere.SOMEWHERE

Reach = tuple[Along | Everywhere, ...]


def pointwise(rank: int) -> Reach:
    """Output position i reads input position i, along every axis.

    Example:
        >>> pointwise(1)
        (Along(axis=0, window=Window(1)),)
    """
    return tuple(Along(axis) for axis in range(rank))
