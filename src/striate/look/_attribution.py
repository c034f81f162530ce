"""What every explanation of one unit is drawn from: the input, a number for each of its places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._colours import NEGATIVE, POSITIVE
from ._picture import Picture
from ._style import (
    PAGE,
    colour,
    diverging,
    largest,
    new_figure,
    number,
    outline,
    pixels,
    rising,
    scale,
    show,
)
from ._subject import Subject
from ._target import Box, Target, boxes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Attribution(Picture):
    """A number for each place of an input: what it has to do with one unit.

    Args:
        subject: The network.
        target: The unit.
        input: As the network takes it, (C, ...).
        map: A number for each place, like the input behind its channels.
    """

    subject: Subject
    target: Target
    input: Floats
    map: Floats

    signed = False
    quantity = "influence"

    @property
    def title(self) -> str:
        """What is drawn, of which unit."""
        name = type(self).__name__
        return f"{name} of {self.target.name} (its value {number(self.target.value)})"

    @property
    def box(self) -> Box:
        """The real pixels that the unit can see."""
        return boxes_of(self.subject, self.target.layer, self.target.place)[1]

    def _draw(self) -> Figure:
        figure = new_figure(PAGE, 2.7, self.title)
        axes = self.input.ndim - 1
        if axes < 2 or min(self.input.shape[1:]) == 1:
            _signal(figure, self)
            return figure
        picture, values, box = self.input, self.map, self.box
        if axes == 3:
            slice_ = _strongest_slice(self.map)
            picture, values, box = picture[:, slice_], values[slice_], box[1:]
            figure.suptitle(f"{self.title}, slice {slice_}", x=0.01, ha="left")
        _image(figure, self, picture, values, box)
        return figure


def _image(figure: Figure, one: Attribution, picture: Floats, values: Floats, box: Box) -> None:
    """The input, the map, and both; of a small field its part of them, enlarged."""
    left, middle, right = figure.subplots(1, 3)
    prepared = one.subject.preprocess
    shown, limit = pixels(picture, prepared.mean, prepared.std), largest(values)
    grey = np.repeat(shown.mean(2, keepdims=True), 3, axis=2)
    show(left, shown, "input")
    show(right, grey, one.quantity + ", over the input", fade=0.35)
    colours = diverging() if one.signed else rising()
    options: Any = {"vmin": -limit if one.signed else 0, "vmax": limit or 1, "cmap": colours}
    show(middle, np.ones_like(shown), one.quantity)
    middle.imshow(values, interpolation="nearest", **options)
    strength = np.abs(values) / (limit or 1)
    right.imshow(values, alpha=np.clip(strength, 0, 0.9), interpolation="nearest", **options)
    sizes = values.shape
    if box != tuple((0, n) for n in sizes):
        for axes in (left, middle, right):
            outline(axes, box)
    if _small(box, sizes):
        for axes in (middle, right):
            _zoom(axes, box)
    scale([left, middle, right], limit, one.quantity, signed=one.signed)


def _small(box: Box, sizes: tuple[int, ...]) -> bool:
    """Whether a field is so small that it has to be enlarged to be seen."""
    return all(3 * (b - a) <= n and b > a for (a, b), n in zip(box, sizes, strict=True))


def _zoom(axes: Axes, box: Box) -> None:
    margin = max(1, max(b - a for a, b in box) // 4)
    (y0, y1), (x0, x1) = box
    axes.set_xlim(x0 - margin - 0.5, x1 + margin - 0.5)
    axes.set_ylim(y1 + margin - 0.5, y0 - margin - 0.5)
    axes.set_title(axes.get_title(loc="left") + ", enlarged", loc="left")


def _signal(figure: Figure, one: Attribution) -> None:
    """The signal above, its map below."""
    upper, lower = figure.subplots(2, 1, sharex=True)
    signal = one.input.reshape(len(one.input), -1) if one.input.ndim > 1 else one.input[None]
    values = one.map.reshape(-1)
    for line in signal:
        upper.plot(line, linewidth=0.6, color="#444444")
    upper.set_ylabel("input")
    below = np.minimum(values, 0)
    lower.fill_between(range(len(values)), np.maximum(values, 0), color=colour(POSITIVE), lw=0)
    lower.fill_between(range(len(values)), below, color=colour(NEGATIVE), linewidth=0)
    lower.axhline(0, color="#767676", linewidth=0.5)
    lower.set_ylabel(one.quantity)
    lower.set_xlabel("place in the input")
    lower.set_xlim(-0.5, len(values) - 0.5)
    for start, stop in one.box[-1:]:
        if (start, stop) != (0, len(values)):
            for axes in (upper, lower):
                axes.axvspan(start - 0.5, stop - 0.5, color=colour(NEGATIVE), alpha=0.12, lw=0)


def _strongest_slice(values: Floats) -> int:
    return int(np.argmax(np.abs(values).sum(axis=(1, 2))))
