"""Which classes are taken for which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._score import Score
from ._pixels import NEGATIVE, POSITIVE, Floats, Pixels, enlarged, image, to_bytes
from ._svg import Markup, drawing, element, join
from ._text import short

LARGEST = 30
"""Classes whose counts can be read; of more, the matrix is drawn in pixels without numbers."""

_NAME = 16
"""Letters of a class's name."""


def confusion_figure(score: Score) -> Markup:
    """Draw the confusion matrix: a row a true class, a column a class it was called.

    Right ones are blue by their share of the row; mistakes are orange by the root of theirs, so
    that a single one is seen.
    """
    if len(score.classes) > LARGEST:
        return image(_coloured(score), _alt(score), "matrix")
    return _with_counts(score)


def _alt(score: Score) -> str:
    worst = score.confused(1)
    most = f" Most often, {worst[0][0]} was called {worst[0][1]}: {worst[0][2]}." if worst else ""
    return f"Confusion matrix of {len(score.classes)} classes, {score.errors} errors.{most}"


def _shade(score: Score) -> Floats:
    """Opacity of each cell, from 0 to 1."""
    counts = score.confusion.double().numpy()
    shares = counts / counts.sum(1, keepdims=True).clip(min=1)
    shade: Floats = np.sqrt(shares)
    np.fill_diagonal(shade, shares.diagonal())
    return shade


def _coloured(score: Score) -> Pixels:
    shade = _shade(score)
    colour = np.where(np.eye(len(shade), dtype=bool)[..., None], NEGATIVE, POSITIVE)
    return enlarged(to_bytes(np.dstack([colour, 255 * shade])), max(1, 480 // len(shade)))


def _with_counts(score: Score) -> Markup:
    grid = _Grid.of(score)
    side = grid.cell * len(grid.names)
    middle = grid.left + side / 2
    titles = [
        element("text", "called", x=middle, y=12.0, text_anchor="middle", class_="title"),
        element("text", "true", x=0.0, y=grid.top - 8, class_="title"),
    ]
    shade = _shade(score)
    places = range(len(grid.names))
    cells = [_cell(score, i, j, float(shade[i, j]), grid) for i in places for j in places]
    names = [_row_name(score, i, grid) for i in places] + [
        _column_name(score, j, grid) for j in places
    ]
    size = grid.left + side + 2, grid.top + side + 2
    return drawing(*size, _alt(score), *cells, *names, *titles, class_="counts")


@dataclass(frozen=True)
class _Grid:
    """Where the cells lie: room for the names at the left and on top.

    Attributes:
        names: Of the classes, short.
        cell: Side of a cell, in pixels.
        left, top: The first cell's corner.
        upright: Whether the names over the columns are written from bottom to top.
    """

    names: list[str]
    cell: float
    left: float
    top: float
    upright: bool

    @classmethod
    def of(cls, score: Score) -> _Grid:
        names = [short(name, _NAME) for name in score.classes]
        letters = max(map(len, names))
        upright = letters > 4
        top = 26.0 + (7.0 * letters if upright else 16.0)
        return cls(names, 38.0 if len(names) <= 12 else 30.0, 20 + 7.5 * letters, top, upright)

    def corner(self, i: int, j: int) -> tuple[float, float]:
        return self.left + j * self.cell, self.top + i * self.cell


def _cell(score: Score, i: int, j: int, shade: float, grid: _Grid) -> Markup:
    number = int(score.confusion[i, j])
    kind = "hit" if i == j else "miss"
    x, y = grid.corner(i, j)
    box = element(
        "rect",
        element("title", f"{score.classes[i]} called {score.classes[j]}: {number:,}"),
        x=x + 1,
        y=y + 1,
        width=grid.cell - 2,
        height=grid.cell - 2,
        rx=3,
        class_=kind if number else "none",
        fill_opacity=max(0.08, shade) if number else None,
    )
    if not number:
        return box
    text = element(
        "text",
        _compact(number),
        x=x + grid.cell / 2,
        y=y + grid.cell / 2 + 4,
        text_anchor="middle",
        class_=f"on-{kind}" if shade > 0.85 else "number",
    )
    return join([box, text])


def _compact(number: int) -> str:
    """Write at most four characters."""
    if number < 10_000:
        return str(number)
    return f"{number / 1000:.0f}k" if number < 1_000_000 else f"{number / 1e6:.0f}M"


def _row_name(score: Score, i: int, grid: _Grid) -> Markup:
    x, y = grid.corner(i, 0)
    place = {"x": x - 8, "y": y + grid.cell / 2 + 4, "text_anchor": "end"}
    return _name(grid.names[i], score.classes[i], place)


def _column_name(score: Score, j: int, grid: _Grid) -> Markup:
    x, y = grid.corner(0, j)
    x, y = x + grid.cell / 2, y - 8
    if grid.upright:
        turn = f"translate({x + 4:.1f} {y:.1f}) rotate(-90)"
        return _name(grid.names[j], score.classes[j], {"transform": turn})
    return _name(grid.names[j], score.classes[j], {"x": x, "y": y, "text_anchor": "middle"})


def _name(name: str, full: str, place: dict[str, object]) -> Markup:
    return element("text", name, element("title", full), class_="class", **place)
