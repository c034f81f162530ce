"""The filters of a layer: as colours where they read colours, else slice by slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import OptionError
from . import _style as style
from ._picture import Picture
from ._sheet import sheet, sheet_height
from ._subject import Floats, open_subject
from ._weights import filters_of, first_with_filters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Sort = Literal["norm", "similarity"]

WIDEST = 15
"""Tiles in a row, where that leaves room for several filters."""


@dataclass(frozen=True, eq=False)
class Filters(Picture):
    """Filters of a layer, in the order they are drawn.

    Args:
        layer: Whose.
        weights: (shown, channels shown, *kernel), or (shown, in) of a linear layer.
        order: The number of each in the layer.
        norms: The Euclidean norm of each, over all its channels.
        channels: The input channels drawn; of a group, counted in it.
        total: Filters of the layer, and channels of one.
        limit: The largest magnitude of all the layer's weights: full colour.
        colour: Whether the three channels are drawn as red, green and blue.
        sort: What they are sorted by; None leaves the layer's order.
    """

    layer: str
    weights: Floats
    order: tuple[int, ...]
    norms: tuple[float, ...]
    channels: tuple[int, ...]
    total: tuple[int, int]
    limit: float
    colour: bool
    sort: Sort | None = None

    def tiles(self) -> tuple[list[Floats | None], list[str], int | None]:
        """Give the tiles: pictures, labels, and tiles a row (None: as fits).

        The tiles of a filter stand side by side: its channels, or of a volume its slices, of the
        channel with the largest weights. Filters in one row have an empty place between them.
        """
        parts = [self._slices(weight) for weight in self.weights]
        width = len(parts[0])
        if width == 1:
            return [tile for (tile,) in parts], [f"{n}" for n in self.order], None
        together = max(1, WIDEST // (width + 1))
        tiles: list[Floats | None] = []
        labels: list[str] = []
        for place, (number, part) in enumerate(zip(self.order, parts, strict=True)):
            if place % together:
                tiles.append(None)
                labels.append("")
            tiles += part
            labels += [f"{number} {name}" for name in self._names(width)]
        return tiles, labels, together * (width + 1) - 1

    def _slices(self, weight: Floats) -> list[Floats]:
        if weight.ndim == 4:
            if not self.colour:
                weight = weight[np.abs(weight).sum((1, 2, 3)).argmax()]
                return list(weight)
            return list(style.shades(weight.transpose(1, 2, 3, 0), self.limit))
        if self.colour:
            return [style.shades(weight.transpose(1, 2, 0), self.limit)]
        return list(weight)

    def _names(self, width: int) -> list[str]:
        if self.weights.ndim == 5:
            return [f"z{depth}" for depth in range(width)]
        return [f"c{channel}" for channel in self.channels]

    def _draw(self) -> Figure:
        if self.weights.ndim == 2:
            return self._draw_matrix()
        tiles, labels, columns = self.tiles()
        first = tiles[0]
        assert first is not None
        aspect = first.shape[1] / first.shape[0] if first.ndim > 1 else 2.0
        height = sheet_height(len(tiles), aspect, columns=columns, labels=True)
        figure = style.new_figure(height=height + 0.45, title=self._title())
        axes = figure.subplots()
        sheet(axes, tiles, self.limit, labels=labels, columns=columns)
        if self.colour:
            note = f"grey: 0; darkest and brightest: ±{style.number(self.limit)}"
            figure.supxlabel(note, x=0.01, ha="left", fontsize=7, color=style.GREY)
        elif self.weights.ndim == 3:
            note = f"line in the middle: 0; upper and lower edge: ±{style.number(self.limit)}"
            figure.supxlabel(note, x=0.01, ha="left", fontsize=7, color=style.GREY)
        else:
            style.scale(axes, self.limit, "weight")
        return figure

    def _draw_matrix(self) -> Figure:
        rows, columns = self.weights.shape
        tall = min(max(6.0 * rows / columns, 1.0), 7.0)
        figure = style.new_figure(height=tall + 0.8, title=self._title())
        axes = figure.subplots()
        limit = self.limit or 1.0
        axes.imshow(
            self.weights,
            style.diverging(),
            vmin=-limit,
            vmax=limit,
            aspect="auto",
            interpolation="nearest",
        )
        axes.set_xlabel("input")
        axes.set_ylabel("unit" if self.sort is None else f"unit, by {self.sort}")
        style.scale(axes, self.limit, "weight")
        return figure

    def _title(self) -> str:
        total, depth = self.total
        kernel = "x".join(map(str, self.weights.shape[2:]))
        of = f"{total}" if len(self.order) == total else f"{len(self.order)} of {total}"
        channels = f"{depth} channel{'s' if depth > 1 else ''}"
        title = f"{self.layer}: {of} filters, {channels}" + (f" x {kernel}" if kernel else "")
        if len(self.channels) < depth:
            title += f", the {len(self.channels)} strongest drawn"
        if self.weights.ndim == 5 and not self.colour and depth > 1:
            title += ", strongest channel, slices"
        return title + (f", by {self.sort}" if self.sort else "")


def filters(
    model: Any,
    layer: str | None = None,
    *,
    sort: Sort | None = None,
    count: int | None = None,
    channels: int = 16,
    input_shape: Any = None,
) -> Filters:
    """Draw the filters of a layer on one scale of colours.

    Filters of three channels that read the network's input are drawn as colours, with grey for 0;
    others slice by slice, a row a filter; of one axis as lines; of three by depth.

    Args:
        model: What `open_subject` takes.
        layer: By default the first convolution.
        sort: 'norm' begins with the strongest; 'similarity' lays each beside the one most like it,
            by the cosine of the angle between them. None leaves the layer's order.
        count: Most filters drawn; by default 64, or 16 where a filter takes a row.
        channels: Most slices drawn of each filter: the channels with the largest weights.
        input_shape: What `open_subject` takes.
    Raises:
        OptionError: There is no such layer, it has no filters, or nothing was asked for.
    Example:
        >>> import striate
        >>> found = striate.look.filters("lenet5", "c1", sort="norm")
        >>> found.weights.shape, found.norms[0] == max(found.norms)
        ((6, 1, 5, 5), True)

    Source: Krizhevsky, Sutskever and Hinton 2012, figure 3.
    """
    if sort not in (None, "norm", "similarity"):
        raise OptionError(f"sort={sort!r} is not known: use 'norm', 'similarity' or None.")
    if channels < 1 or (count is not None and count < 1):
        raise OptionError(f"count={count}, channels={channels}: 1 or more must be drawn.")
    subject = open_subject(model, input_shape)
    layer = layer or first_with_filters(subject)
    weight = filters_of(subject, layer)
    node = subject.graph[layer]
    reads_input = node.inputs[0] in subject.graph.inputs
    colour = reads_input and weight.ndim in (4, 5) and weight.shape[1] == 3
    rows = not colour and (weight.ndim == 5 or (weight.ndim in (3, 4) and weight.shape[1] > 1))
    most = count or (16 if rows else len(weight) if weight.ndim == 2 else 64)
    order = _order(weight, sort)[:most]
    kept = _strongest(weight, channels) if rows and weight.ndim < 5 else range(weight.shape[1])
    shown = weight[order] if weight.ndim == 2 else weight[order][:, list(kept)]
    norms = np.linalg.norm(weight.reshape(len(weight), -1), axis=1)
    return Filters(
        layer=node.name,
        weights=shown,
        order=tuple(map(int, order)),
        norms=tuple(float(norms[i]) for i in order),
        channels=tuple(kept),
        total=(weight.shape[0], weight.shape[1]),
        limit=style.largest(weight),
        colour=colour,
        sort=sort,
    )


def _strongest(weight: Floats, most: int) -> list[int]:
    """Numbers of the channels with the largest weights, in their own order."""
    strength = np.abs(weight).reshape(*weight.shape[:2], -1).sum((0, 2))
    return sorted(map(int, np.argsort(-strength, kind="stable")[:most]))


def _order(weight: Floats, sort: Sort | None) -> list[int]:
    flat = weight.reshape(len(weight), -1).astype(np.float64)
    norms = np.linalg.norm(flat, axis=1)
    if sort is None:
        return list(range(len(flat)))
    if sort == "norm":
        return [int(i) for i in np.argsort(-norms, kind="stable")]
    return _chain(flat / np.where(norms > 0, norms, 1.0)[:, None], int(norms.argmax()))


def _chain(unit: Floats, start: int) -> list[int]:
    """From one vector to the most similar one that is left, and on."""
    order, left = [start], np.ones(len(unit), bool)
    left[start] = False
    while left.any():
        cosines = np.where(left, unit @ unit[order[-1]], -np.inf)
        order.append(int(cosines.argmax()))
        left[order[-1]] = False
    return order
