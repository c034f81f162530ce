"""Filters of the first convolution over the epochs, as a table of small pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._flat_filters import flat_filters
from .._filter_record import FilterRecord
from ._filters import tile
from ._pixels import Floats, image
from ._svg import Markup
from ._waves import taps

EPOCHS, FOLLOWED = 10, 8
"""Epochs shown side by side, and filters that are followed over them."""


@dataclass(frozen=True)
class FilterCourse:
    """A table of filters by epochs.

    Attributes:
        epochs: Above its columns; 0 is before training.
        rows: Of each filter its number, from 1, and its pictures.
        all: Whether these are all that the layer has.
        limit: The magnitude in full colour, or at the edge.
    """

    epochs: tuple[int, ...]
    rows: list[tuple[int, list[Markup]]]
    all: bool
    limit: float


def filter_course(record: FilterRecord | None) -> FilterCourse | None:
    """Draw what was kept of the filters; None if that is not more than a start and an end."""
    if record is None or len(record.epochs) < 3:
        return None
    course = record.course(EPOCHS, FOLLOWED)
    limit = float(np.abs(course.weights).max())
    # The newest epoch stands first, as it chooses the channels that are drawn.
    states = [np.asarray(w, np.float32) for w in np.moveaxis(course.weights, 1, 0)][::-1]
    flat = flat_filters(states)[::-1]
    rows = []
    for row, number in enumerate(course.filters):
        named = zip(course.epochs, flat, strict=True)
        pictures = [_picture(state[row], limit, number + 1, epoch) for epoch, state in named]
        rows.append((number + 1, pictures))
    total = len(next(iter(record.epochs.values())))
    return FilterCourse(course.epochs, rows, len(rows) == total, limit)


def _picture(weight: Floats, limit: float, number: int, epoch: int) -> Markup:
    alt = f"filter {number} after epoch {epoch}" if epoch else f"filter {number} before training"
    if weight.ndim == 1:
        return taps(None, weight, limit, alt)
    return image(tile(weight, limit), alt, "filters signed" if weight.ndim == 2 else "filters")
