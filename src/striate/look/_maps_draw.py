"""Maps as a figure: the input, then a sheet or a strip a layer, one below the other.

All of it stands in one pair of axes that counts inches from the upper left: of a deep network,
axes for each layer, laid out by matplotlib, would take minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from . import _style as style
from ._maps import ROW, LayerMaps, Maps
from ._sheet import LABEL, grid, lay_out, sheet_height, tile_inches

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ._subject import Floats

LEFT, RIGHT = 0.07, 6.02
"""Inches from the left: where a sheet begins and ends."""

HEADING = 0.22
"""Inches above a sheet."""

INPUT, STRIP, BELOW = 0.95, 0.22, 0.16
"""Inches: the input's height, that of a vector, and what is free below each."""


def draw(maps: Maps) -> Figure:
    """Make the figure."""
    several = len(maps.layers) > 1
    heights = [INPUT, *(_height(one, several) for one in maps.layers)]
    above = 0.35 if several else 0.1
    total = above + sum(height + HEADING + BELOW for height in heights)
    figure = style.new_figure(height=total, placed=True)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, style.PAGE)
    axes.set_ylim(total, 0)
    axes.set_autoscale_on(False)
    if several:
        title = f"{maps.name}: what its layers make of an input"
        axes.text(LEFT, 0.05, title, va="top", fontsize=10)
    note = "values: orange above 0, blue below; one scale a layer"
    axes.text(RIGHT, above, note, va="top", ha="right", color=style.GREY)
    tops = np.cumsum([above, *(height + HEADING + BELOW for height in heights)])
    axes.text(LEFT, tops[0], "input", va="top")
    _draw_input(axes, maps.shown, tops[0] + HEADING)
    for one, top, height in zip(maps.layers, tops[1:-1], heights[1:], strict=True):
        axes.text(LEFT, top, _heading(one), va="top")
        _draw_layer(axes, one, several, top + HEADING, height)
    return figure


def _height(maps: LayerMaps, several: bool) -> float:
    if maps.values.ndim == 1:
        return STRIP if maps.before is None else 2.4 * STRIP
    tiles, _, columns = _tiles(maps, several)
    return sheet_height(len(tiles), _aspect(maps), columns=columns, labels=True)


def _draw_input(axes: Axes, shown: Floats, top: float) -> None:
    if shown.ndim == 3:
        high, wide = shown.shape[:2]
        scale = min(INPUT / high, (RIGHT - LEFT) / wide)
        _image(axes, shown, (LEFT, top, scale * wide, scale * high))
    else:
        room = INPUT / len(shown)
        unit = min(2 * room, RIGHT - LEFT)
        lines, limit = list(shown), style.largest(shown)
        lay_out(axes, lines, limit, columns=1, at=(LEFT, top), unit=unit)


def _image(axes: Axes, picture: Floats, where: tuple[float, float, float, float]) -> None:
    """Draw colours at (left, top, width, height)."""
    left, top, wide, high = where
    extent = (left, left + wide, top + high, top)
    axes.imshow(picture, extent=extent, aspect="auto", interpolation="nearest")


def _draw_layer(axes: Axes, maps: LayerMaps, several: bool, top: float, height: float) -> None:
    if maps.values.ndim == 1:
        strips = [maps.values] if maps.before is None else [maps.before, maps.values]
        each = height / (len(strips) + 0.4 * (len(strips) - 1))
        for number, strip in enumerate(strips):
            _draw_strip(axes, strip, maps.limit, (LEFT, top + 1.4 * each * number, each))
        for place, edge, side in ((0, LEFT, "left"), (len(maps.values) - 1, RIGHT, "right")):
            axes.text(edge, top + height + 0.02, str(place), fontsize=6, va="top", ha=side)
    else:
        tiles, labels, columns = _tiles(maps, several)
        unit = tile_inches(style.PAGE, columns)
        at, above = (LEFT, top + LABEL), LABEL / unit
        lay_out(
            axes, tiles, maps.limit, columns=columns, labels=labels, above=above, at=at, unit=unit
        )
    if maps.values.ndim == 2:
        edges = f"edges: ±{style.number(maps.limit)}"
        axes.text(RIGHT, top, edges, ha="right", color=style.GREY)
    else:
        _draw_scale(axes, maps.limit, (RIGHT + 0.14, top, min(height, style.BAR)))


def _draw_strip(axes: Axes, strip: Floats, limit: float, where: tuple[float, float, float]) -> None:
    """Draw the numbers of a vector as cells, at (left, top, height)."""
    left, top, high = where
    shades = style.diverging()((strip[None] / (limit or 1.0) + 1) / 2)
    _image(axes, shades, (left, top, RIGHT - left, high))


def _draw_scale(axes: Axes, limit: float, where: tuple[float, float, float]) -> None:
    """Draw the legend of the colours, at (left, top, height)."""
    left, top, tall = where
    shades = style.diverging()(np.linspace(1, 0, 64)[:, None])
    _image(axes, shades, (left, top, 0.1, tall))
    end = style.number(limit or 1.0)
    marks = {0.0: end, 0.5: "0" if tall > 0.6 else "", 1.0: f"-{end}"}
    for share, text in marks.items():
        axes.text(left + 0.13, top + share * tall, text, va="center", fontsize=6)


def _heading(maps: LayerMaps) -> str:
    size = "x".join(map(str, maps.shape))
    heading = f"{maps.layer} ({maps.kind.replace('_', ' ')}), {size}"
    if len(maps.shape) > 1 and len(maps.channels) < maps.shape[0]:
        heading += f": the {len(maps.channels)} most active"
    if maps.silent:
        heading += f"; {maps.silent} silent"
    return heading


def _tiles(maps: LayerMaps, several: bool) -> tuple[list[Floats | None], list[str], int]:
    """Pictures and labels, row by row; pairs stand one above the other."""
    tiles, labels = list(map(_flat, maps.values)), [f"{channel}" for channel in maps.channels]
    if maps.before is None:
        columns = ROW if several else grid(len(tiles), _aspect(maps))[1]
        return [*tiles], labels, columns
    columns = min(ROW, len(tiles))
    pairs: list[Floats | None] = []
    names: list[str] = []
    for start in range(0, len(tiles), columns):
        row = slice(start, start + columns)
        empty = columns - len(tiles[row])
        for word, part in _in_and_out(maps.before[row], tiles[row]):
            pairs += [*part, *[None] * empty]
            names += [f"{n} {word}" for n in labels[row]] + [""] * empty
    return pairs, names, columns


def _in_and_out(before: Floats, after: list[Floats]) -> Iterator[tuple[str, list[Floats]]]:
    yield "in", list(map(_flat, before))
    yield "out", after


def _aspect(maps: LayerMaps) -> float:
    """Width over height of a tile; signals are drawn twice as wide as high."""
    return maps.values.shape[-1] / maps.values.shape[-2] if maps.values.ndim > 2 else 2.0


def _flat(values: Floats) -> Floats:
    """The middle slice of a volume; a map or a signal as it is."""
    middle: Floats = values[len(values) // 2] if values.ndim == 3 else values
    return middle
