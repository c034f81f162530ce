"""Receptive fields drawn under the input axis, one row a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """What one unit of a layer sees.

    Args:
        label: Name of the layer.
        unit: Which output of the layer it is.
        reads: Input pixels that it depends on.
        interval: From the first to the last position of its receptive field, padding counted.
    """

    label: str
    unit: int
    reads: frozenset[int]
    interval: range


def draw(n: int, fields: Sequence[Field], width: int = 80) -> str:
    """Draw the input axis, and under it a row for each field.

    `#` is a pixel that the unit reads, `o` stands in its receptive field outside of the input. An
    axis that is longer than the text is wide is drawn with several pixels a column.

    Example:
        >>> print(draw(7, [Field("conv3", 3, frozenset((2, 3, 4)), range(2, 5))]))
              unit
        input       0123456
        conv3    3  ··###··
    """
    name_width = max(len("input"), *(len(field.label) for field in fields))
    unit_width = max(len("unit"), *(len(str(field.unit)) for field in fields))
    margin = name_width + 1 + unit_width + 2
    # A unit of an upsampling may stand between the taps and see nothing.
    first = min([0, *(field.interval[0] for field in fields if field.interval)])
    stop = max([n, *(field.interval[-1] + 1 for field in fields if field.interval)])
    scale = _scale(first, stop, width - margin)
    columns = range(first // scale, -(-stop // scale))
    rows = [
        f"{field.label:<{name_width}} {field.unit:>{unit_width}}  {_row(field, n, columns, scale)}"
        for field in fields
    ]
    ruler = f"{'input':<{margin}}{_ruler(n, columns, scale)}"
    head = f"{'':<{name_width}} {'unit':>{unit_width}}"
    if scale > 1:
        head += f"  a column is {scale} pixels"
    return "\n".join(row.rstrip() for row in (head, ruler, *rows))


def _scale(first: int, stop: int, room: int) -> int:
    """Find how many pixels a column must stand for, so that all columns fit; one starts at 0."""
    scale = max(1, -(-(stop - first) // room))
    while -(-stop // scale) - first // scale > room:
        scale += 1
    return scale


def _row(field: Field, n: int, columns: range, scale: int) -> str:
    read = {position // scale for position in field.reads}
    seen = {position // scale for position in field.interval}
    marks = []
    for column in columns:
        inside = 0 <= column * scale < n
        if column in read:
            marks.append("#")
        elif inside:
            marks.append("·")
        else:
            marks.append("o" if column in seen else " ")
    return "".join(marks)


def _ruler(n: int, columns: range, scale: int) -> str:
    """Number the pixels: each by its last digit, or where a column is several, every tenth."""
    if scale == 1:
        return "".join(str(p % 10) if 0 <= p < n else " " for p in columns)
    text, width = "", -(-n // scale)
    for column in range(0, width, 10):
        position = str(column * scale)
        text = f"{text:<{column}}{position if column + len(position) <= width else ''}"
    return " " * -columns.start + text
