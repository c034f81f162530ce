"""What one unit sees, in numbers and drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .._unit import Unit
from . import _numbers as write

WIDTH = 80

_AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}

SEEN, BORDER, REST, CENTER = "#", "o", "·", "+"


def unit_text(unit: Unit, *, width: int | None = WIDTH) -> str:
    """Write the box that a unit sees of the input, and draw it.

    Args:
        unit: What `look_at_unit` found.
        width: Columns of the drawing at most.
    """
    place = ",".join(map(str, unit.place))
    size = write.shape(unit.input_size)
    lines = [
        f"unit {unit.layer}{f':{place}' if place else ''} looks at {unit.of}, {size} pixels",
        "",
    ]
    lines += _numbers(unit)
    if unit.infinite_by:
        lines += [
            "",
            f"It sees all of any input: {unit.infinite_by} reads its map from end to end.",
        ]
    drawing = draw(unit, min(width or WIDTH, WIDTH))
    if drawing:
        lines += ["", *drawing, "", _legend(unit)]
    return "\n".join(lines)


def unit_dict(unit: Unit) -> dict[str, Any]:
    """The same as plain dicts and lists."""
    return {
        "layer": unit.layer,
        "place": list(unit.place),
        "of": unit.of,
        "input_size": list(unit.input_size),
        "box": [list(one) if one else None for one in unit.box],
        "visible": [list(one) if one else None for one in unit.visible],
        "center": list(unit.center),
        "padding_share": unit.padding_share,
        "infinite_by": unit.infinite_by,
    }


def _numbers(unit: Unit) -> list[str]:
    """A table with one column an axis."""
    axes = _AXES.get(len(unit.box), tuple(f"axis {k}" for k in range(len(unit.box))))
    rows = [
        ("", list(axes)),
        ("sees", [_interval(one) for one in unit.box]),
        ("pixels", ["-" if one is None else str(one[1] - one[0]) for one in unit.box]),
        ("of them real", [_interval(one) for one in unit.visible]),
        ("centre", ["-" if one is None else write.exact(one) for one in unit.center]),
    ]
    widths = [max(len(cells[k]) for _, cells in rows) for k in range(len(axes))]
    lines = [
        f"{label:<14}" + "  ".join(f"{c:>{w}}" for c, w in zip(cells, widths, strict=True))
        for label, cells in rows
    ]
    return [*lines, f"{'padding':<14}{write.percent(unit.padding_share)} of the box"]


def _interval(one: tuple[int, int] | None) -> str:
    if one is None:
        return "nothing"
    return f"{one[0]} .. {one[1] - 1}" if one[1] > one[0] else "nothing"


def _legend(unit: Unit) -> str:
    border = f"  {BORDER} in the box, but padding" if unit.padding_share else ""
    return f"{SEEN} seen{border}  {REST} not seen  {CENTER} centre"


def draw(unit: Unit, width: int = WIDTH) -> list[str]:
    """Draw the input, the box and its centre; of a volume, the plane of height and width.

    A letter is about twice as high as wide, so that one stands for twice as many pixels downwards.
    """
    sizes, boxes, centers = unit.input_size[-2:], unit.box[-2:], unit.center[-2:]
    if not sizes or any(one is None for one in boxes):
        return []
    spans = [
        (min(0, box[0]), max(n, box[1]))
        for n, box in zip(sizes, boxes, strict=True)
        if box is not None
    ]
    room = max(width, 8)
    scale = max((spans[-1][1] - spans[-1][0]) / room, 0.5)
    if len(spans) == 2:
        scale = max(scale, (spans[0][1] - spans[0][0]) / (2 * 40))  # 40 rows at most
    if scale > 0.5:
        scale = math.ceil(scale)
        while _cells(spans[-1], scale) > room:
            scale += 1
    scales = (2 * scale, scale) if len(spans) == 2 else (scale,)
    axes = [
        _axis(span, n, box, center, step)
        for span, n, box, center, step in zip(spans, sizes, boxes, centers, scales, strict=True)
    ]
    note = f"a column is {scale:g} pixels" if scale > 1 else ""
    note += f", a row {2 * scale:g}" if scale > 1 and len(axes) == 2 else ""
    rows = axes[0] if len(axes) == 2 else [(True, True, True)]
    lines = ["".join(_mark(row, column) for column in axes[-1]).rstrip() for row in rows]
    return [*([note] if note else []), *lines]


_Cell = tuple[bool, bool, bool]
"""Whether a cell of an axis lies on the input, in the box, and on the centre."""


def _cells(span: tuple[int, int], scale: float) -> int:
    return math.ceil(span[1] / scale) - math.floor(span[0] / scale)


def _axis(
    span: tuple[int, int],
    n: int,
    box: tuple[int, int] | None,
    center: float | None,
    scale: float,
) -> Sequence[_Cell]:
    """Cut an axis into cells of `scale` pixels; one begins at pixel 0."""
    assert box is not None
    assert center is not None
    first = math.floor(span[0] / scale)
    cells = []
    for k in range(first, first + _cells(span, scale)):
        low, high = k * scale, (k + 1) * scale
        inside = low < n and high > 0
        seen = low < box[1] and high > box[0]
        cells.append((inside, seen, low <= center + 0.5 < high))
    return cells


def _mark(row: _Cell, column: _Cell) -> str:
    inside, seen, center = (a and b for a, b in zip(row, column, strict=True))
    if seen and center:
        return CENTER
    if seen:
        return SEEN if inside else BORDER
    return REST if inside else " "
