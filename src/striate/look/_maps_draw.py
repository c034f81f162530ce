"""Maps as a figure: the input, then a sheet or a strip a layer, one below the other.

Each stands at a place worked out in inches: of a deep network, matplotlib's own layout would take
minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from . import _style as style
from ._maps import ROW, LayerMaps, Maps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ._subject import Floats

LEFT, WIDTH = 0.01, 0.85
"""Shares of the figure's width: where a sheet begins, and how wide it is."""

HEADING = 0.22
"""Inches above a sheet."""

INPUT, STRIP, GAP = 0.95, 0.22, 0.16
"""Inches: the input's height, that of a vector, and what is free below each."""


def draw(maps: Maps) -> Figure:
    """Make the figure."""
    several = len(maps.layers) > 1
    heights = [INPUT, *(_height(one, several) for one in maps.layers)]
    title = f"{maps.name}: what its layers make of an input" if several else ""
    above = 0.3 if several else 0.05
    total = above + sum(height + HEADING + GAP for height in heights)
    figure = style.new_figure(height=total)
    figure.set_layout_engine("none")
    figure.text(LEFT, 1 - 0.05 / total, title, va="top", fontsize=10)
    note = "values: orange above 0, blue below; one scale a layer"
    figure.text(LEFT + WIDTH, 1 - above / total, note, va="top", ha="right", color=style.GREY)
    headings = ["input", *map(_heading, maps.layers)]
    tops = np.cumsum([above, *(height + HEADING + GAP for height in heights)])
    for top, heading in zip(tops, headings, strict=False):
        figure.text(LEFT, 1 - top / total, heading, va="top")
    places = [
        (1 - (top + HEADING + height) / total, height / total)
        for top, height in zip(tops, heights, strict=False)
    ]
    _draw_input(figure.add_axes((LEFT, places[0][0], 0.2, places[0][1])), maps.shown)
    for one, (bottom, height) in zip(maps.layers, places[1:], strict=True):
        _draw_layer(figure, one, several, bottom, height)
    return figure


def _height(maps: LayerMaps, several: bool) -> float:
    if maps.values.ndim == 1:
        return STRIP if maps.before is None else 2.4 * STRIP
    tiles, _, columns = _tiles(maps, several)
    return style.sheet_height(len(tiles), _aspect(maps), columns=columns, labels=True)


def _draw_input(axes: Axes, shown: Floats) -> None:
    if shown.ndim == 3:
        style.show(axes, shown)
        axes.set_anchor("NW")
    else:
        style.sheet(axes, list(shown), style.largest(shown))


def _draw_layer(
    figure: Figure, maps: LayerMaps, several: bool, bottom: float, height: float
) -> None:
    if maps.values.ndim == 1:
        strips = [maps.values] if maps.before is None else [maps.before, maps.values]
        each = height / (len(strips) + 0.4 * (len(strips) - 1))
        for number, strip in enumerate(reversed(strips)):
            axes = figure.add_axes((LEFT, bottom + 1.4 * each * number, WIDTH, each))
            _draw_strip(axes, strip, maps.limit, last=number == 0)
    else:
        axes = figure.add_axes((LEFT, bottom, WIDTH, height))
        tiles, labels, columns = _tiles(maps, several)
        style.sheet(axes, tiles, maps.limit, labels=labels, columns=columns)
    inches = height * figure.get_figheight()
    if maps.values.ndim == 2:
        edges = f"edges: ±{style.number(maps.limit)}"
        figure.text(LEFT + WIDTH, bottom + height, edges, ha="right", color=style.GREY)
    else:
        tall = min(inches, style.BAR) / figure.get_figheight()
        _draw_scale(figure, maps.limit, (LEFT + WIDTH + 0.02, bottom + height - tall, tall))


def _draw_strip(axes: Axes, strip: Floats, limit: float, *, last: bool) -> None:
    """Numbers of a vector as cells."""
    limit = limit or 1.0
    axes.imshow(
        strip[None],
        style.diverging(),
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_yticks([])
    axes.set_xticks(sorted({0, len(strip) - 1}) if last else [])
    axes.tick_params(length=2, pad=1)
    axes.spines[:].set_visible(False)


def _draw_scale(figure: Figure, limit: float, where: tuple[float, float, float]) -> None:
    """The legend of the colours, at (left, bottom, height)."""
    left, bottom, tall = where
    axes = figure.add_axes((left, bottom, 0.014, tall))
    shades = np.linspace(1, -1, 64)[:, None]
    axes.imshow(shades, style.diverging(), vmin=-1, vmax=1, aspect="auto")
    ends = [f"{style.number(limit or 1.0)}", f"-{style.number(limit or 1.0)}"]
    room = tall * figure.get_figheight() > 0.6
    axes.set_xticks([])
    axes.set_yticks([0, 31.5, 63] if room else [0, 63], [ends[0], "0", ends[1]] if room else ends)
    axes.yaxis.tick_right()
    axes.tick_params(length=2, pad=1, labelsize=6)
    axes.spines[:].set_visible(False)


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
        columns = ROW if several else style.grid(len(tiles), _aspect(maps))[1]
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
