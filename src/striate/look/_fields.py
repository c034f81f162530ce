"""Receptive fields of a stack of layers: nested boxes around one point of the input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OptionError
from ..inspection import AxisField, Unit, look_at_unit
from . import _style as style
from ._maps import shown_input
from ._picture import Picture
from ._subject import Floats, Subject, open_subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 12
"""Boxes drawn; of more layers, these many from first to last."""


@dataclass(frozen=True, eq=False)
class Fields(Picture):
    """What units of a stack of layers see around one point.

    Args:
        name: The network's.
        at: The point, in input pixels.
        units: One a layer, in the order they run, with their boxes.
        input_size: Of the input's axes.
        shown: The input as colours (H, W, 3); None where no image was given.
    """

    name: str
    at: tuple[float, ...]
    units: tuple[Unit, ...]
    input_size: tuple[int, ...]
    shown: Floats | None

    def _draw(self) -> Figure:
        return self._draw_signal() if len(self.input_size) == 1 else self._draw_picture()

    def _draw_picture(self) -> Figure:
        high, wide = self.input_size[-2:]
        tall = min(4.6 * high / wide, 6.0)
        figure = style.new_figure(
            height=max(tall, 0.2 * len(self.units)) + 0.5, title=self._title()
        )
        axes = figure.subplots()
        if self.shown is not None:
            style.show(axes, self.shown, fade=0.35)
        else:
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_aspect("equal")
            axes.spines[:].set_visible(False)
        style.outline(axes, ((0, high), (0, wide)), style.GREY, linewidth=0.6)
        boxes = [_pairs(unit)[-2:] for unit in self.units]
        for unit, box, shade in zip(self.units, boxes, _shades(len(boxes)), strict=True):
            style.outline(axes, box, shade, label=_words(unit), linewidth=1.2)
        low = [min(0, *(box[i][0] for box in boxes)) - 1.5 for i in (0, 1)]
        top = [max(n, *(box[i][1] for box in boxes)) + 0.5 for i, n in enumerate((high, wide))]
        axes.set_xlim(low[1], top[1])
        axes.set_ylim(top[0], low[0])
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
        return figure

    def _draw_signal(self) -> Figure:
        figure = style.new_figure(height=0.9 + 0.18 * len(self.units), title=self._title())
        axes = figure.subplots()
        for row, (unit, shade) in enumerate(zip(self.units, _shades(len(self.units)), strict=True)):
            ((start, stop),) = _pairs(unit)
            axes.barh(row, stop - start, left=start, height=0.7, color=shade)
        axes.axvspan(0, self.input_size[0], color=style.FAINT, alpha=0.3, zorder=0, linewidth=0)
        axes.set_yticks(range(len(self.units)), [_words(unit) for unit in self.units])
        axes.invert_yaxis()
        axes.set_xlabel("sample; grey: the input")
        return figure

    def _title(self) -> str:
        point = ", ".join(f"{a:g}" for a in self.at)
        return f"{self.name}: what the units around ({point}) see"


def fields(
    model: Any,
    layers: Sequence[str] | None = None,
    *,
    image: Any = None,
    at: Sequence[float] | None = None,
    input_shape: Any = None,
) -> Fields:
    """Draw the receptive fields of a stack of layers as nested boxes around one point.

    Of each layer the unit is taken whose field has its centre nearest to the point.

    Args:
        model: What `open_subject` takes.
        layers: By default all whose field differs from that of the layer before, 12 at most.
        image: What `Subject.prepare` takes.
        at: A pixel of the input; by default the middle.
        input_shape: What `open_subject` takes.
    Raises:
        OptionError: There is no such layer, or the point does not lie on the input.
    Example:
        >>> import striate
        >>> found = striate.look.fields("lenet5", ["c1", "s2", "c3"])
        >>> [unit.box for unit in found.units]
        [((13, 18), (13, 18)), ((12, 18), (12, 18)), ((8, 22), (8, 22))]

    Source: Araujo, Norris and Sim 2019, "Computing receptive fields of CNNs".
    """
    subject = open_subject(model, input_shape)
    size = subject.input_shape[1:]
    if not size:
        raise OptionError(f"{subject.name}: its input has no axes behind the channels.")
    point = tuple((n - 1) / 2 for n in size) if at is None else tuple(map(float, at))
    if len(point) != len(size) or not all(0 <= p < n for p, n in zip(point, size, strict=True)):
        raise OptionError(f"at={point} does not lie on the input, {'x'.join(map(str, size))}.")
    chosen = layers if layers is not None else _growing(subject)
    units = tuple(_unit_near(subject, layer, point) for layer in chosen)
    if not units:
        raise OptionError(f"{subject.name}: no layer with a receptive field was named.")
    given = None if image is None else subject.prepare(image)[0]
    shown = None if given is None or len(size) == 1 else shown_input(subject, given)
    return Fields(subject.name, point, units, size, shown)


def _growing(subject: Subject) -> list[str]:
    """The first layer of each size of field; none that sees all of any input."""
    found: list[str] = []
    known: set[object] = set()
    for row in subject.report.rows:
        if row.field is None or any(f is None or math.isinf(f.size) for f in row.field):
            continue
        if row.receptive_field not in known:
            found.append(row.name)
        known.add(row.receptive_field)
    if len(found) > MOST:
        found = [found[round(i)] for i in np.linspace(0, len(found) - 1, MOST)]
    return found


def _unit_near(subject: Subject, layer: str, point: tuple[float, ...]) -> Unit:
    node = subject.graph[layer]
    kind = subject.graph.types[node.outputs[0]]
    sizes = kind.shape[2:] if kind else ()
    known = subject.report[node.name].field or ()
    if not sizes:
        return look_at_unit(subject.graph, node.name, ())
    place = tuple(
        _nearest(seen, n, p) for seen, n, p in zip(known, sizes, point, strict=False)
    ) or tuple(n // 2 for n in sizes)
    return look_at_unit(subject.graph, node.name, place)


def _nearest(seen: AxisField | None, n: int, point: float) -> int:
    """The unit of an axis of n whose centre is nearest to a point of the input."""
    if seen is None or not seen.jump or seen.start is None:
        return n // 2
    return min(max(math.ceil((point - seen.start) / seen.jump - 0.5), 0), n - 1)


def _pairs(unit: Unit) -> tuple[tuple[int, int], ...]:
    return tuple(pair or (0, 0) for pair in unit.box)


def _words(unit: Unit) -> str:
    return f"{unit.layer}: " + "x".join(str(b - a) for a, b in _pairs(unit))


def _shades(count: int) -> list[Any]:
    """From blue at the first to orange at the last, over grey."""
    from matplotlib.colors import LinearSegmentedColormap

    stops = [style.colour(style.NEGATIVE), (0.55, 0.5, 0.5), style.colour(style.POSITIVE)]
    shades = LinearSegmentedColormap.from_list("striate_depth", stops)
    return [shades(i / max(count - 1, 1)) for i in range(count)]
