"""Filters of the first convolution over the epochs of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .._flat_filters import flat_filters
from . import _style as style
from ._picture import Picture
from ._sheet import GAP, sheet, sheet_height
from ._subject import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..train import Run

ACROSS, DOWN = 12, 12
"""Tiles in a row, and rows, that are drawn at most."""

MOST_EPOCHS = 10
"""Epochs drawn side by side."""


@dataclass(frozen=True, eq=False)
class FilterHistory(Picture):
    """Filters of one layer at several epochs of a run, on one scale of colours.

    Args:
        name: The run's.
        layer: Whose filters.
        epochs: 0 is before training.
        filters: Their numbers in the layer: those that changed most.
        weights: (filters, epochs, C, *kernel).
        total: Filters of the layer that were kept.
        kept: The epoch whose weights are used; None while the run goes on.
    """

    name: str
    layer: str
    epochs: tuple[int, ...]
    filters: tuple[int, ...]
    weights: Floats
    total: int
    kept: int | None = None

    @property
    def limit(self) -> float:
        """The largest magnitude of all epochs: full colour."""
        return style.largest(self.weights)

    def tiles(self) -> Floats:
        """Give what is drawn of each filter at each epoch.

        Shape:
            output (filters, epochs, H, W), (..., H, W, 3) of colours, or (..., K) of lines.
        """
        # The newest epoch stands first, as it chooses the channels that are drawn.
        flat = np.stack(flat_filters(list(np.moveaxis(self.weights, 1, 0)[::-1]))[::-1], 1)
        if flat.ndim < 5:
            return flat
        return style.shades(np.moveaxis(flat, 2, -1), self.limit)

    def _draw(self) -> Figure:
        tiles, blocks = self.tiles(), self._blocks()
        rows = -(-len(tiles) // blocks)
        drawn: list[Floats | None] = []
        for row in range(rows):
            for block in range(blocks):
                number = block * rows + row
                if block:
                    drawn.append(None)
                drawn.extend(tiles[number] if number < len(tiles) else [None] * len(self.epochs))
        columns = blocks * (len(self.epochs) + 1) - 1
        aspect = tiles.shape[3] / tiles.shape[2] if tiles.ndim > 3 else 2.0
        high = sheet_height(len(drawn), aspect, columns=columns)
        figure = style.new_figure(height=high + 0.55, title=self._title())
        axes = figure.subplots()
        sheet(axes, drawn, self.limit, columns=columns)
        self._mark(axes, rows, blocks, 1 / aspect)
        self._note(figure, axes, tiles.ndim)
        return figure

    def _blocks(self) -> int:
        """Blocks of rows side by side: the fewer epochs, the more."""
        fit = max(1, (ACROSS + 1) // (len(self.epochs) + 1))
        return min(fit, -(-len(self.filters) // 4))

    def _mark(self, axes: Axes, rows: int, blocks: int, tall: float) -> None:
        """Write the epochs above the columns, and the filters' numbers beside the rows."""
        across, down = 1 + GAP, tall + GAP
        width = len(self.epochs) + 1
        for block in range(blocks):
            for column, epoch in enumerate(self.epochs):
                left = (block * width + column) * across
                weight = "bold" if epoch == self.kept else "normal"
                axes.text(left + 0.5, -0.1, str(epoch), ha="center", fontsize=7, fontweight=weight)
        for place, number in enumerate(self.filters):
            block, row = divmod(place, rows)
            left, middle = block * width * across - 0.12, row * down + tall / 2
            axes.text(left, middle, str(number), ha="right", va="center", fontsize=7)

    def _note(self, figure: Figure, axes: Axes, kind: int) -> None:
        limit = style.number(self.limit)
        note = "a row a filter, a column an epoch; 0: before training"
        note += "; bold: the weights in use" if self.kept in self.epochs else ""
        if kind == 5:
            note += f"; grey: 0; darkest and brightest: ±{limit}"
        elif kind == 3:
            note += f"; upper and lower edge: ±{limit}"
        else:
            style.scale(axes, self.limit, "weight")
        figure.supxlabel(note, x=0.01, ha="left", fontsize=7, color=style.GREY)

    def _title(self) -> str:
        shown = len(self.filters)
        of = f"the {shown} of {self.total} filters of {self.layer} that changed most"
        return f"{self.name}: " + (f"filters of {self.layer}" if shown == self.total else of)


def filter_history(run: Run) -> FilterHistory | None:
    """Read what a run's folder keeps of its first filters; None where it keeps none."""
    record = run.filters()
    if record is None or len(record.epochs) < 2:
        return None
    epochs = min(MOST_EPOCHS, len(record.epochs))
    course = record.course(epochs, DOWN * max(1, (ACROSS + 1) // (epochs + 1)))
    final = run.final() or {}
    total = len(next(iter(record.epochs.values())))
    return FilterHistory(
        run.name,
        record.layer,
        course.epochs,
        course.filters,
        course.weights,
        total,
        final.get("best_epoch"),
    )
