"""The receptive field of a unit on the input: the box it sees, its padding, what really counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OptionError
from ..inspection import Unit, look_at_unit
from ..inspection._effective import counted_side
from . import _style as style
from ._gradient import has_gradients, threads_for, unit_gradient
from ._maps import shown_input
from ._picture import Picture
from ._subject import Floats, Subject, open_subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SLICES = 6
"""Slices of a volume that are drawn."""


@dataclass(frozen=True, eq=False)
class Field(Picture):
    """What one unit sees of the input.

    Args:
        unit: The unit, with its exact box.
        channel: The channel whose gradient was taken; None sums over all channels.
        input: As the network takes it, (C, *axes); None where no image was given.
        shown: The input as `_maps.shown_input` gives it.
        effective: Mean magnitude of the unit's gradient at each pixel, largest 1, (*axes); None
            where it was not asked for.
        samples: Random inputs that the gradient is a mean over; 0 where it is the input's own.
    """

    unit: Unit
    channel: int | None
    input: Floats | None
    shown: Floats | None
    effective: Floats | None
    samples: int

    @property
    def box(self) -> tuple[tuple[int, int], ...]:
        """(first pixel, last + 1) along each axis, over the border too."""
        return tuple(pair or (0, 0) for pair in self.unit.box)

    @property
    def effective_size(self) -> float | None:
        """Side of the square (cube, interval) as large as the pixels that count."""
        if self.effective is None:
            return None
        return counted_side(self.effective)

    def title(self) -> str:
        """Say in words which unit it is and how large its field."""
        unit = self.unit
        place = f"({', '.join(map(str, unit.place))})" if unit.place else ""
        size = "x".join(str(b - a) for a, b in self.box)
        words = f"{unit.layer}{place}: sees {size} of {'x'.join(map(str, unit.input_size))}"
        if unit.padding_share > 0:
            words += f", {100 * unit.padding_share:.0f} % of it padding"
        if self.effective_size is not None:
            side = f"{self.effective_size:.1f}"
            words += f"; effective: {side} across"
        return words

    def _draw(self) -> Figure:
        draw = {1: _draw_signal, 2: _draw_picture, 3: _draw_volume}
        return draw[len(self.box)](self)


def field(
    model: Any,
    layer: str,
    place: Sequence[int] | None = None,
    *,
    image: Any = None,
    channel: int | None = None,
    effective: bool | None = None,
    samples: int = 20,
    seed: int = 0,
    input_shape: Any = None,
) -> Field:
    """Draw the receptive field of a unit: its box, the part on padding hatched, and its gradient.

    The box is exact: no pixel outside it can change the unit. The effective field tells how much
    each pixel does: the magnitude of the gradient, summed over the input's channels; on the image
    if there is one, else the mean over random inputs.

    Args:
        model: What `open_subject` takes.
        layer: Whose unit.
        place: Along the map's axes; by default in the middle. Empty for a vector's unit.
        image: What `Subject.prepare` takes.
        channel: The unit's channel; by default all channels at that place together.
        effective: Whether to measure the effective field; by default where there is a torch module.
        samples: Random inputs (normal distribution), where there is no image.
        seed: Of the random numbers.
        input_shape: What `open_subject` takes.
    Raises:
        OptionError: There is no such unit; or no torch module, and `effective` was asked for.
    Example:
        >>> import striate
        >>> seen = striate.look.field("lenet5", "c3", (0, 1), samples=2)
        >>> seen.box, seen.effective.shape
        (((0, 14), (2, 16)), (32, 32))

    Source: Luo, Li, Urtasun and Zemel 2016, "Understanding the effective receptive field".
    """
    subject = open_subject(model, input_shape)
    unit = look_at_unit(subject.graph, layer, middle(subject, layer) if place is None else place)
    if effective and samples < 1:
        raise OptionError(f"samples={samples}: 1 random input or more is needed.")
    given = None if image is None else subject.prepare(image)
    measured = None
    if effective or (effective is None and has_gradients(subject)):
        inputs = _random_inputs(subject, samples, seed) if given is None else given
        measured = _gradient(subject, unit, channel, inputs)
    return Field(
        unit=unit,
        channel=channel,
        input=None if given is None else given[0],
        shown=None if given is None else shown_input(subject, given[0]),
        effective=measured,
        samples=samples if given is None and measured is not None else 0,
    )


def middle(subject: Subject, layer: str) -> tuple[int, ...]:
    """The place in the middle of a layer's map."""
    kind = subject.graph.types[subject.graph[layer].outputs[0]]
    return tuple(n // 2 for n in kind.shape[2:]) if kind else ()


def _random_inputs(subject: Subject, samples: int, seed: int) -> Floats:
    drawn = np.random.default_rng(seed).standard_normal((samples, *subject.input_shape))
    return drawn.astype(np.float32)


def _gradient(subject: Subject, unit: Unit, channel: int | None, inputs: Floats) -> Floats:
    """Mean over inputs of |d unit / d input|, summed over channels, largest 1."""
    total = np.zeros(subject.input_shape)
    with threads_for(subject, 1):
        for one in inputs:
            total += np.abs(unit_gradient(subject, one, unit.layer, (channel, *unit.place))[0])
    weight: Floats = total.sum(0)
    return weight / (weight.max() or 1.0)


# Drawing ------------------------------------------------------------------------------------------


def _draw_picture(seen: Field) -> Figure:
    panels = (seen.shown is not None) + (seen.effective is not None) or 1
    high, wide = seen.unit.input_size
    side = style.PAGE / 2
    figure = style.new_figure(
        max(side * panels + 0.3, 4.5), min(side * 0.95 * high / wide, 6.0) + 0.6, seen.title()
    )
    several = list(figure.subplots(1, panels, squeeze=False)[0])
    for axes in several:
        _backdrop(axes, None, (high, wide))
        _boxed(axes, (seen.box[0], seen.box[1]), (high, wide))
    if seen.shown is not None:
        style.show(several[0], seen.shown, "input and box", fade=0.25)
        _limits(several[0], (seen.box[0], seen.box[1]), (high, wide))
    if seen.effective is not None:
        last = several[-1]
        last.imshow(seen.effective, style.rising(), vmin=0, vmax=1, interpolation="nearest")
        _limits(last, (seen.box[0], seen.box[1]), (high, wide))
        last.set_title(_of_gradient(seen), loc="left")
        style.scale(last, 1.0, "share of the largest", signed=False)
    return figure


def _of_gradient(seen: Field) -> str:
    how = f"mean of {seen.samples} random inputs" if seen.samples else "of this input"
    return f"gradient, {how}"


def _backdrop(axes: Axes, shown: Floats | None, size: tuple[int, int]) -> None:
    """The input, or its empty frame."""
    if shown is not None:
        style.show(axes, shown, fade=0.25)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal")
    axes.spines[:].set_visible(False)
    style.outline(axes, ((0, size[0]), (0, size[1])), style.GREY, linewidth=0.6)


def _boxed(axes: Axes, box: Sequence[tuple[int, int]], size: tuple[int, int]) -> None:
    """The box with its padding hatched, in limits that hold the input and the box."""
    for part in padding_parts(box, size):
        style.outline(
            axes, part, style.colour(style.NEGATIVE), hatch="////", linewidth=0.0, alpha=0.7
        )
    style.outline(axes, box)
    _limits(axes, box, size)


def _limits(axes: Axes, box: Sequence[tuple[int, int]], size: tuple[int, int]) -> None:
    (y0, y1), (x0, x1) = box
    margin = 0.02 * max(size) + 0.5
    axes.set_xlim(min(0, x0) - margin - 0.5, max(size[1], x1) + margin - 0.5)
    axes.set_ylim(max(size[0], y1) + margin - 0.5, min(0, y0) - margin - 0.5)


def padding_parts(
    box: Sequence[tuple[int, int]], size: Sequence[int]
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Cut the part of a box that lies outside a picture into boxes: above, below, left, right.

    Example:
        >>> padding_parts(((-1, 2), (-2, 3)), (4, 4))
        [((-1, 0), (-2, 3)), ((0, 2), (-2, 0))]
    """
    (y0, y1), (x0, x1) = box
    high, wide = size
    inside = (max(y0, 0), min(y1, high))
    parts = [
        ((y0, min(y1, 0)), (x0, x1)),
        ((max(y0, high), y1), (x0, x1)),
        (inside, (x0, min(x1, 0))),
        (inside, (max(x0, wide), x1)),
    ]
    return [part for part in parts if all(start < stop for start, stop in part)]


def _draw_signal(seen: Field) -> Figure:
    """The whole signal with the box, and the gradient in the box at its own scale of time."""
    panels = (seen.shown is not None) + (seen.effective is not None) or 1
    figure = style.new_figure(height=0.8 + 1.3 * panels, title=seen.title())
    several = list(figure.subplots(panels, 1, squeeze=False)[:, 0])
    (start, stop), length = seen.box[0], seen.unit.input_size[0]
    for axes in several:
        axes.axvspan(start, stop, color=style.colour(style.NEGATIVE), alpha=0.15, linewidth=0)
        for a, b in ((start, min(stop, 0)), (max(start, length), stop)):
            if a < b:
                axes.axvspan(a, b, fill=False, hatch="////", edgecolor=style.GREY, linewidth=0)
        axes.set_xlim(min(start, 0), max(stop, length))
    across = np.arange(length) + 0.5
    for signal in [] if seen.shown is None else seen.shown:
        several[0].plot(across, signal, color=style.INK, linewidth=0.6)
        several[0].set_ylabel("input")
    if seen.effective is not None:
        shade, margin = style.colour(style.POSITIVE), 0.1 * (stop - start) + 1
        last = several[-1]
        last.fill_between(across, seen.effective, color=shade, linewidth=0, step="mid")
        last.set_ylabel(_of_gradient(seen).replace(", ", ",\n"))
        last.set_ylim(0, 1.05)
        last.set_xlim(start - margin, stop + margin)
    several[-1].set_xlabel("sample")
    return figure


def _draw_volume(seen: Field) -> Figure:
    """Slices through the part of the box that lies in the volume: the input, the gradient."""
    (z0, z1), box = seen.box[0], (seen.box[1], seen.box[2])
    depth, size = seen.unit.input_size[0], (seen.unit.input_size[1], seen.unit.input_size[2])
    first, last = max(z0, 0), min(z1, depth) - 1
    chosen = sorted({round(z) for z in np.linspace(first, max(first, last), SLICES)})
    rows = (seen.input is not None) + (seen.effective is not None) or 1
    figure = style.new_figure(height=0.7 + 1.25 * rows, title=seen.title())
    axes = figure.subplots(rows, len(chosen), squeeze=False)
    for column, z in enumerate(chosen):
        for cell in axes[:, column]:
            _backdrop(cell, None, size)
        if seen.input is not None:
            style.show(axes[0, column], style.pixels(_three(seen.input)[:, z]), fade=0.25)
        if seen.effective is not None:
            axes[-1, column].imshow(seen.effective[z], style.rising(), vmin=0, vmax=1)
        for cell in axes[:, column]:
            _boxed(cell, box, size)
        axes[0, column].set_title(f"slice {z}", loc="left")
    if seen.effective is not None:
        style.scale(axes[-1], 1.0, "share of\nthe largest", signed=False)
    return figure


def _three(given: Floats) -> Floats:
    """One or three channels, which can be shown."""
    return given if len(given) in (1, 3) else given.mean(0, keepdims=True)
