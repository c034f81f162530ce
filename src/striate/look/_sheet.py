"""Sheets of tiles: filters, maps and inputs of one size in rows, as one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ._style import FAINT, PAGE, POSITIVE, Floats, colour, diverging

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

GAP = 0.12
"""Between tiles, in widths of one."""


def grid(count: int, aspect: float = 1.0, widest: int = 12) -> tuple[int, int]:
    """Choose rows and columns for some tiles: about twice as wide as high.

    Args:
        count: Of tiles.
        aspect: Width over height of one.
        widest: Most tiles in a row.
    Example:
        >>> grid(6), grid(64), grid(3)
        ((1, 6), (6, 11), (1, 3))
    """
    if count <= min(8, widest):
        return 1, max(count, 1)
    columns = min(widest, max(1, round(math.sqrt(2 * count / aspect))))
    return -(-count // columns), columns


def sheet_height(
    count: int,
    aspect: float = 1.0,
    *,
    columns: int | None = None,
    width: float = PAGE,
    labels: bool = False,
) -> float:
    """Inches that a sheet of tiles needs, with room for its scale; as `sheet` draws it.

    Args:
        count: Of tiles.
        aspect: Width over height of one.
        columns, width, labels: As `sheet` gets them.
    """
    columns = columns or grid(count, aspect)[1]
    tile = tile_inches(width, columns)
    rows = -(-count // columns)
    return rows * (tile * (1 / aspect + GAP) + (LABEL if labels else 0.0)) + 0.1


LABEL = 0.12
"""Inches that a tile's label is high."""


def tile_inches(width: float, columns: int) -> float:
    """Width of a tile where a sheet and its scale stand side by side."""
    return min(0.85 * width / (columns * (1 + GAP)), 1.0)


def sheet(
    axes: Axes,
    tiles: Sequence[Floats | None] | Floats,
    limit: float = 1.0,
    *,
    columns: int | None = None,
    labels: Sequence[str] = (),
    colours: Colormap | None = None,
    width: float = PAGE,
) -> None:
    """Draw tiles of one size in rows.

    Args:
        axes: Of their own; their ticks are taken away.
        tiles: (H, W) signed, (H, W, 3) colours from 0 to 1, or (L,) drawn as a line;
            None leaves a place empty, behind the first.
        limit: The magnitude in full colour, or at the edge; the same for all tiles.
        columns: Tiles in a row; by default `grid`'s.
        labels: A few letters above each tile.
        colours: Instead of `diverging()`.
        width: Inches of the sheet with its scale: so much room do the labels get.
    """
    axes.set_axis_off()
    if not len(tiles) or tiles[0] is None:
        return
    tall = _height(tiles[0])
    columns = columns or grid(len(tiles), 1 / tall)[1]
    above = LABEL / tile_inches(width, columns) if labels else 0.0
    lay_out(axes, tiles, limit, columns=columns, labels=labels, above=above, colours=colours)
    rows = -(-len(tiles) // columns)
    axes.set_xlim(-0.02, columns * (1 + GAP) - GAP + 0.02)
    axes.set_ylim(rows * (tall + GAP + above) - GAP - above + 0.02, -0.02 - above)
    axes.set_aspect("equal", anchor="NW")


def lay_out(
    axes: Axes,
    tiles: Sequence[Floats | None] | Floats,
    limit: float,
    *,
    columns: int,
    labels: Sequence[str] = (),
    above: float = 0.0,
    colours: Colormap | None = None,
    at: tuple[float, float] = (0.0, 0.0),
    unit: float = 1.0,
) -> None:
    """Draw the tiles of a sheet, in axes whose vertical one goes down.

    Args:
        axes, tiles, limit, columns, labels, colours: As `sheet` takes them.
        above: Room for the labels, in widths of a tile.
        at: Left and upper edge of the first tile.
        unit: Width of a tile.
    """
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    assert tiles[0] is not None
    limit, tall = limit or 1.0, _height(tiles[0])
    step = (tall + GAP + above) * unit
    corners = [
        (at[0] + place % columns * (1 + GAP) * unit, at[1] + place // columns * step)
        for place in range(len(tiles))
    ]
    if tiles[0].ndim == 1:
        for tile, (left, top) in zip(tiles, corners, strict=True):
            if tile is not None:
                _line(axes, tile / limit, (left, top, unit))
    else:
        sheet = _Sheet(tall, columns, above, len(tiles))
        picture = sheet.compose(tiles, limit, colours or diverging())
        right, bottom = (edge * unit for edge in sheet.size)
        extent = (at[0], at[0] + right, at[1] + bottom, at[1])
        axes.imshow(picture, extent=extent, aspect="auto", interpolation="nearest")
    frames = []
    for tile, label, (left, top) in zip(tiles, labels or [""] * len(tiles), corners, strict=True):
        if tile is not None:
            frames.append(Rectangle((left, top), unit, tall * unit))
            if label:
                high = top - 0.02 * unit
                axes.text(left, high, label, fontsize=_label_size(columns), va="bottom")
    framed = PatchCollection(frames, facecolor="none", edgecolor=FAINT, linewidth=0.5)
    axes.add_collection(framed, autolim=False)


@dataclass(frozen=True)
class _Sheet:
    """Where tiles lie on a picture that holds them all: one is drawn in a tenth of the time.

    Args:
        tall: Height of a tile that is 1 wide.
        columns, above, count: Tiles in a row, room for labels, and tiles.
    """

    tall: float
    columns: int
    above: float
    count: int

    @property
    def size(self) -> tuple[float, float]:
        """Width and height, in widths of a tile."""
        columns, rows = min(self.columns, self.count), -(-self.count // self.columns)
        high = rows * (self.tall + GAP + self.above) - GAP - self.above
        return columns * (1 + GAP) - GAP, high

    def compose(
        self, tiles: Sequence[Floats | None] | Floats, limit: float, colours: Colormap
    ) -> NDArray[np.uint8]:
        """Give the picture, (H, W, 4) and see-through between the tiles."""
        first = tiles[0]
        assert first is not None
        wide = first.shape[1] * -(-SHARP // first.shape[1])
        high = round(self.tall * wide)
        rows = np.arange(high) * first.shape[0] // high
        columns = np.arange(wide) * first.shape[1] // wide
        across, down = (round(edge * wide) for edge in self.size)
        picture = np.zeros((max(down, high), max(across, wide), 4), np.uint8)
        step = (self.tall + GAP + self.above) * wide
        for place, tile in enumerate(tiles):
            if tile is not None:
                top = min(round(place // self.columns * step), len(picture) - high)
                left = min(round(place % self.columns * (1 + GAP) * wide), picture.shape[1] - wide)
                shades = _bytes(tile, limit, colours)[rows[:, None], columns]
                picture[top : top + high, left : left + wide] = shades
        return picture


SHARP = 96
"""Pixels of a picture that a tile takes at least, so that its own have sharp edges."""


def _bytes(tile: Floats, limit: float, colours: Colormap) -> NDArray[np.uint8]:
    """Colours of (H, W) signed numbers, or of (H, W, 3) from 0 to 1, as (H, W, 4)."""
    if tile.ndim == 3:
        shades = np.rint(255 * np.clip(np.nan_to_num(tile), 0, 1)).astype(np.uint8)
        return np.concatenate([shades, np.full((*tile.shape[:2], 1), 255, np.uint8)], 2)
    least = 0.0 if colours.name == "striate_rising" else -limit
    found: NDArray[np.uint8] = colours((tile - least) / (limit - least), bytes=True)
    return found


def _line(axes: Axes, tile: Floats, where: tuple[float, float, float]) -> None:
    """Draw numbers from -1 to 1 as a line, half as high as wide."""
    left, top, unit = where
    middle, right = top + unit / 4, left + unit
    across = np.linspace(left, right, len(tile)) if len(tile) > 1 else [left, right]
    heights = middle - np.broadcast_to(tile, len(across)) * unit / 4
    axes.plot([left, right], [middle, middle], color=FAINT, linewidth=0.5)
    axes.plot(across, heights, color=colour(POSITIVE), linewidth=0.9, solid_joinstyle="round")


def _height(tile: Floats) -> float:
    """Of a tile one wide; lines are half as high as wide."""
    return 0.5 if tile.ndim == 1 else min(max(tile.shape[0] / tile.shape[1], 0.05), 20.0)


def _label_size(columns: int) -> float:
    return 7.0 if columns <= 8 else 5.5
