"""Receptive fields of a stack of layers, along one axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .. import _window_text as text
from ..errors import OptionError
from ..window import Number, Window
from ._axes import fit_note
from ._calculation import Calculation, Line
from ._checks import check_counts, check_length
from ._drawing import Field, draw
from ._layers import HELP, Layer, read_layers
from ._write import number

_SUBJECT = "stack"

_LEGEND = """\
reads: pixels of the layer's own input under one window
receptive field = that before + (reads - 1) * jump before, in input pixels
jump = jump before * stride: input pixels from one unit to the next
first centre: where unit 0 stands, the middle of its field (unless behind an up)
padding: of all layers together, in input pixels"""


@dataclass(frozen=True, slots=True)
class _Sight:
    """What the units of a layer see.

    Args:
        label: Number and spelling of the layer.
        layer: The layer.
        path: All windows up to here as one: jump, centre and padding in input pixels.
        reads, field: Longest stretch that a unit sees of the layer's input, of the stack's.
        worked: How the field comes about; empty behind a layer that upsamples.
    """

    label: str
    layer: Layer
    path: Window
    reads: int
    field: int
    worked: str


def stack(input: int, layers: Sequence[str], *, exact: bool = False) -> Calculation:
    """Work out what one unit of each layer sees of the input, along one axis.

    field = field before + (extent - 1) * jump before,  jump = stride * jump before

    Args:
        input: Pixels of the axis.
        layers: In the order data flow through them, as in `conv3p1`, `pool2`, `up2`, `conv3d2x4`:
            conv, pool or up (a transposed convolution), the kernel, s stride, p padding (or psame),
            d dilation, x times. The stride of pool and up is the kernel unless given.
        exact: Refuse a stride that leaves pixels over.
    Raises:
        OptionError: A layer that is not spelled like that.
        ShapeError: A window that does not fit what the layer before it gives.
    Example:
        >>> vgg = stack(32, ["conv3p1x2", "pool2", "conv3p1x2", "pool2"])
        >>> vgg["6 pool2: receptive field"], vgg["6 pool2: jump"], vgg["6 pool2: output"]
        (16, 4, 8)

    Source: Araujo, Norris and Sim 2019, "Computing receptive fields of convolutional neural
    networks".
    """
    check_counts(_SUBJECT, input=input)
    check_length(input, "the input", _SUBJECT)
    read = read_layers(layers, input, _SUBJECT, exact=exact)
    if not read:
        raise OptionError(f"there are no layers. Write some: {HELP}.", subject=_SUBJECT)
    sights = list(_sights(read))
    fields = [
        _drawn(sight.label, read[: i + 1], sight.layer.outputs // 2)
        for i, sight in enumerate(sights)
    ]
    return Calculation(
        f"stack: {len(read)} layers on an axis of {input}" if read[1:] else f"stack: on {input}",
        tuple(line for sight in sights for line in _lines(sight)),
        tuple(_notes(sights)),
        f"{_table(input, sights)}\n\n{_LEGEND}\n\n{draw(input, fields)}",
    )


def _sights(layers: Sequence[Layer]) -> Iterator[_Sight]:
    path, field, phases = Window(1), 1, 1
    for i, layer in enumerate(layers, 1):
        window, jump = layer.window, path.stride
        path = path.then(window)
        # Behind an upsampling what a unit sees depends on which of the interleaved ones it is.
        phases = min(phases * window.stride.denominator, 256)
        own = range(window.stride.denominator)
        reads = max(len(window.input_interval(unit)) for unit in own)
        before = field
        field = max(len(_interval(layers[:i], unit)) for unit in range(phases))
        worked = f"{before} + ({reads} - 1)*{_factor(jump)}" if phases == 1 else ""
        yield _Sight(f"{i} {layer.spelling}", layer, path, reads, field, worked)


def _interval(layers: Sequence[Layer], unit: int) -> range:
    """The receptive field of a unit of the last layer in the first one's input."""
    interval = range(unit, unit + 1)
    for layer in reversed(layers):
        interval = layer.window.input_interval(interval)
    return interval


def _drawn(label: str, layers: Sequence[Layer], unit: int) -> Field:
    """Find the pixels that a unit reads: through units that are there, not through padding."""
    reads = {unit}
    for layer in reversed(layers):
        every = {position for i in reads for position in layer.window.taps(i)}
        reads = {position for position in every if 0 <= position < layer.n}
    return Field(label, unit, frozenset(reads), _interval(layers, unit))


def _lines(sight: _Sight) -> list[Line]:
    layer, path = sight.layer, sight.path
    window = layer.window
    return [
        Line(f"{sight.label}: {label}", result, "pixels", formula, numbers)
        for label, result, formula, numbers in (
            ("reads", sight.reads, "from the first tap to the last", ""),
            (
                "receptive field",
                sight.field,
                "field before + (reads - 1) * jump before" if sight.worked else "the longest",
                sight.worked,
            ),
            ("jump", path.stride, "jump before * stride", ""),
            ("first centre", path.center(), "(field - 1) / 2 - padding before", ""),
            ("padding before", path.before, "padding before + padding * jump before", ""),
            ("padding after", path.after, "padding after + padding * jump before", ""),
            (
                "output",
                layer.outputs,
                "floor((n + before + after - extent) / stride) + 1",
                text.division(window, layer.n, floor=True),
            ),
        )
    ]


def _notes(sights: Sequence[_Sight]) -> Iterator[str]:
    """Say what strides leave over: pixels layer by layer, mere padding of all layers in one."""
    padding = []
    for sight in sights:
        window, n = sight.layer.window, sight.layer.n
        if window.unread(n):
            yield f"{sight.label}: {fit_note(window, n)}"
        elif not window.fits(n):
            padding.append(sight.label)
    if padding:
        yield f"at the end padding, but no pixel, is left over by {', '.join(padding)}."


def _table(n: int, sights: Sequence[_Sight]) -> str:
    rows = [
        ("layer", "reads", "receptive field", "jump", "first centre", "padding", "output"),
        ("input", "", "1", "1", "0", "0", number(n)),
    ]
    for sight in sights:
        path = sight.path
        field = f"{sight.worked} = {sight.field}" if sight.worked else str(sight.field)
        sides = [number(path.before), number(path.after)]
        padding = sides[0] if sides[0] == sides[1] else ", ".join(sides)
        rows.append(
            (
                sight.label,
                str(sight.reads),
                field,
                number(path.stride),
                number(path.center()),
                padding,
                number(sight.layer.outputs),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            f"{cell:<{width}}" if column == 0 else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _factor(value: Number) -> str:
    return number(value) if value.denominator == 1 else f"({number(value)})"
