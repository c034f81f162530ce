"""Receptive fields of values, and the map a network's field is told by."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .._field import AxisField
from .._fields_of import main_input

if TYPE_CHECKING:
    from .._report import Report
    from .._row import Row


def field_of(report: Report, value: str | None) -> tuple[AxisField | None, ...] | None:
    """The field of a value that a node makes, or of the network's input itself."""
    producer = report.graph.producers.get(value or "")
    if producer is not None:
        return report[producer.name].field
    if value is None or value != main_input(report.graph):
        return None
    axes = len(report.graph.inputs[value].shape) - 2
    return (AxisField(1, 1, 0, 0),) * axes


def jump_of(report: Report, value: str | None) -> float | None:
    """Input pixels from one unit of a value to the next, along the first axis."""
    return next((f.jump for f in field_of(report, value) or () if f), None)


def input_size(report: Report) -> tuple[int, ...]:
    """Sizes of the input's axes behind the channels; nothing if it has none."""
    source = main_input(report.graph)
    return report.graph.inputs[source].shape[2:] if source else ()


def sizes_of(row: Row) -> tuple[float, ...] | None:
    """Sizes of a row's field where its units slide along all axes, else None."""
    field = row.field
    if not field:
        return None
    found = [f.size for f in field if f and f.jump is not None and math.isfinite(f.size)]
    return tuple(found) if len(found) == len(field) else None


def last_map(report: Report) -> Row | None:
    """Find the last layer with more than one place whose units slide over the input."""
    for row in reversed(report.rows):
        if sizes_of(row) and row.output_shape and math.prod(row.output_shape[2:]) > 1:
            return row
    return None
