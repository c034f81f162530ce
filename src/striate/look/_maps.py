"""What the layers make of an input: their maps, most active first; before and after activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OptionError
from . import _style as style
from ._picture import Picture
from ._subject import Activations, Floats, Subject, open_subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SAME = ("dropout", "flatten", "reshape", "squeeze", "unsqueeze", "cast")
"""Kinds that give their input in another form: not drawn unless they are asked for."""

_FUNCTIONS = ("activation", "prelu", "softmax")

ROW = 12
"""Maps drawn of each layer where there are several."""


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """What one layer gives.

    Args:
        layer, kind: Its name, and what it does.
        shape: Of its output, without the batch.
        values: (shown, *axes), most active first; (F,) of a vector, in its own order.
        channels: The number of each in the layer.
        activity: The mean magnitude of each.
        limit: The largest magnitude in all the layer's output (and in `before`): full colour.
        silent: Channels of the layer that are 0 everywhere.
        before: The same channels of what the layer reads, where it is an activation.
    """

    layer: str
    kind: str
    shape: tuple[int, ...]
    values: Floats
    channels: tuple[int, ...]
    activity: tuple[float, ...]
    limit: float
    silent: int
    before: Floats | None = None


@dataclass(frozen=True, eq=False)
class Maps(Picture):
    """Maps of one or several layers for one input.

    Args:
        name: The network's.
        input: As the network takes it, (C, ...).
        shown: The input as colours (H, W, 3), or as it is where it is no picture.
        layers: In the order they run.
    """

    name: str
    input: Floats
    shown: Floats
    layers: tuple[LayerMaps, ...]

    def _draw(self) -> Figure:
        several = len(self.layers) > 1
        heights = [1.0, *(_height(maps, several) for maps in self.layers)]
        title = f"{self.name}: what its layers make of an input" if several else ""
        figure = style.new_figure(height=sum(heights) + 0.4, title=title)
        parts: Any = figure.subfigures(len(heights), 1, height_ratios=heights)
        _draw_input(parts[0].subplots(1, 2, width_ratios=[1, 4]), self.shown)
        for part, maps in zip(parts[1:], self.layers, strict=True):
            _draw_layer(part, maps, several)
        return figure


def _draw_input(axes: Any, shown: Floats) -> None:
    axes[1].set_axis_off()
    if shown.ndim == 3:
        style.show(axes[0], shown, "input")
    else:
        style.sheet(axes[0], list(shown), style.largest(shown), labels=["input"] * len(shown))


def _draw_layer(part: Any, maps: LayerMaps, several: bool) -> None:
    if maps.values.ndim == 1:
        axes = _draw_vector(part, maps)
    else:
        axes = part.subplots()
        tiles, labels, columns = _tiles(maps, several)
        style.sheet(axes, tiles, maps.limit, labels=labels, columns=columns)
        if maps.values.ndim > 2:
            style.scale(axes, maps.limit, "value")
    axes.set_title(_heading(maps), loc="left", pad=4)
    if maps.values.ndim == 2:
        edges = f"edges: ±{style.number(maps.limit)}"
        axes.set_title(edges, loc="right", color=style.GREY, pad=4)


def _draw_vector(part: Any, maps: LayerMaps) -> Axes:
    """A strip of numbers; with what was read above it."""
    strips = [maps.values] if maps.before is None else [maps.before, maps.values]
    several = part.subplots(len(strips), squeeze=False)[:, 0]
    limit = maps.limit or 1.0
    for axes, strip in zip(several, strips, strict=True):
        axes.imshow(
            strip[None], style.diverging(), vmin=-limit, vmax=limit, aspect="auto",
            interpolation="nearest",
        )  # fmt: skip
        axes.set_yticks([])
        axes.set_xticks([0, len(strip) - 1] if axes is several[-1] else [])
    style.scale(several, maps.limit, "value")
    first: Axes = several[0]
    return first


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
        for word, part in (("in", map(_flat, maps.before[row])), ("out", iter(tiles[row]))):
            pairs += [*part, *[None] * empty]
            names += [f"{n} {word}" for n in labels[row]] + [""] * empty
    return pairs, names, columns


def _aspect(maps: LayerMaps) -> float:
    """Width over height of a tile; signals are drawn twice as wide as high."""
    return maps.values.shape[-1] / maps.values.shape[-2] if maps.values.ndim > 2 else 2.0


def _flat(values: Floats) -> Floats:
    """The middle slice of a volume; a map or a signal as it is."""
    middle: Floats = values[len(values) // 2] if values.ndim == 3 else values
    return middle


def _height(maps: LayerMaps, several: bool) -> float:
    if maps.values.ndim == 1:
        return 0.75 if maps.before is None else 1.1
    tiles, _, columns = _tiles(maps, several)
    return style.sheet_height(len(tiles), _aspect(maps), columns=columns, labels=True) + 0.35


def maps(
    model: Any,
    image: Any,
    layer: str | Sequence[str] | None = None,
    *,
    count: int | None = None,
    pairs: bool = False,
    input_shape: Any = None,
) -> Maps:
    """Run a network on an input and draw the maps that its layers give, most active first.

    Args:
        model: What `open_subject` takes.
        image: What `Subject.prepare` takes; or `Activations` of it.
        layer: One, or several; by default all that compute something.
        count: Most maps of a layer; by default 64 of one layer, 12 of each of several.
        pairs: Draw what activations read above what they give; a layer that is no activation
            stands for the one that reads it. Of all layers, only the activations.
        input_shape: What `open_subject` takes.
    Raises:
        OptionError: There is no such layer, or with `pairs` no activation.
        DataError, ShapeError: The image is not what the network takes.
    Example:
        >>> import striate
        >>> found = striate.look.maps("lenet5", np.ones((1, 32, 32)), "c3", count=4)
        >>> found.layers[0].values.shape, len(found.layers[0].channels)
        ((4, 10, 10), 4)
    """
    if count is not None and count < 1:
        raise OptionError(f"count={count}: 1 map or more must be drawn.")
    seen = image if isinstance(image, Activations) else open_subject(model, input_shape).run(image)
    names = _names(seen.subject, layer, pairs)
    most = count or (64 if len(names) == 1 else ROW)
    return Maps(
        name=seen.subject.name,
        input=seen.input[0],
        shown=shown_input(seen.subject, seen.input[0]),
        layers=tuple(_of_layer(seen, name, most, pairs) for name in names),
    )


def shown_input(subject: Subject, given: Floats) -> Floats:
    """An input as colours (H, W, 3), where it is a picture; the middle slice of a volume.

    What is neither is given back as it is.
    """
    if given.ndim == 4 and len(given) in (1, 3):
        given = given[:, given.shape[1] // 2]
    if given.ndim == 3 and len(given) in (1, 3):
        return style.pixels(given, subject.preprocess.mean, subject.preprocess.std)
    return given.mean(0)[:, :, None].repeat(3, 2) if given.ndim == 3 else given


def _names(subject: Subject, layer: str | Sequence[str] | None, pairs: bool) -> list[str]:
    if layer is None:
        kinds = [n for n in subject.layers if n.kind not in _SAME]
        kinds = [n for n in kinds if n.kind in _FUNCTIONS] if pairs else kinds
        if not kinds:
            raise OptionError(f"{subject.name} has no activations to draw.")
        return [n.name for n in kinds]
    chosen = [subject.graph[n].name for n in ([layer] if isinstance(layer, str) else layer)]
    if not chosen:
        raise OptionError("layer=[]: name one layer or more, or None for all.")
    return [_activation(subject, name) for name in chosen] if pairs else chosen


def _activation(subject: Subject, layer: str) -> str:
    """The layer itself, or the activation that reads it, also behind a normalisation."""
    node = subject.graph[layer]
    while node.kind not in _FUNCTIONS:
        readers = [n for n in subject.graph if node.outputs[0] in n.inputs]
        if len(readers) != 1 or readers[0].kind not in (*_FUNCTIONS, "batch_norm"):
            raise OptionError(
                f"{layer}: no activation reads it alone, so there is no pair to draw."
            )
        node = readers[0]
    return node.name


def _of_layer(seen: Activations, layer: str, most: int, pairs: bool) -> LayerMaps:
    node, output = seen.subject.graph[layer], seen[layer]
    read = seen.read_by(layer) if pairs else None
    if output.ndim > 1 and output[0].size == 1:
        output = output.ravel()  # 1x1 maps are a vector
        read = None if read is None else read.ravel()
    flat = np.abs(np.nan_to_num(output)).reshape(len(output), -1)
    activity = flat.mean(1)
    if output.ndim == 1:
        order = np.arange(len(output))
    else:
        order = np.argsort(-activity, kind="stable")[:most]
    limit = max(style.largest(output), 0.0 if read is None else style.largest(read))
    return LayerMaps(
        layer=node.name,
        kind=getattr(seen.subject.graph.op(node), "function", "") or node.kind,
        shape=seen[layer].shape,
        values=output[order],
        channels=tuple(map(int, order)),
        activity=tuple(float(a) for a in activity[order]),
        limit=limit,
        silent=int((flat.max(1, initial=0.0) == 0).sum()),
        before=None if read is None else read[order],
    )
