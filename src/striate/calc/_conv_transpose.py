"""The arithmetic of a transposed convolution."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..errors import OptionError, ShapeError
from ..window import Window
from ._axes import Axes, Size, make_axes, per_axis, product
from ._calculation import Calculation, Line
from ._checks import check_counts, check_groups, check_input, item_bytes
from ._cost import batch_lines, macs_lines, memory_line, shape_line, units_line
from ._parse import PaddingSpec
from ._write import by, count, heading, number

_SUBJECT = "conv-transpose"


def conv_transpose(
    input: tuple[int, ...],
    out_channels: int,
    kernel_size: Size,
    *,
    stride: Size = 1,
    padding: PaddingSpec = 0,
    output_padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
    bias: bool = True,
    batch_size: int = 1,
    dtype: str = "float32",
) -> Calculation:
    """Work out a transposed convolution: each input pixel spreads a filter over the output.

    MACs are input numbers * out_channels / groups * kernel, also those that fall on what the
    padding crops; connections are what is left of them, plus the biases.

    Args:
        input: Channels and sizes of one input: (C, L), (C, H, W) or (C, D, H, W).
        out_channels: Maps written.
        kernel_size, stride, padding, output_padding, dilation, groups, bias: As in
            `nn.ConvTranspose2d`.
        batch_size, dtype: As in `conv`.
    Raises:
        ShapeError: The groups do not divide the channels, or the padding crops everything.
        OptionError: An argument that is not one of the accepted values.
    Example:
        >>> up = conv_transpose((64, 14, 14), out_channels=32, kernel_size=2, stride=2)
        >>> up["output"], up["parameters"], up["MACs"]
        ((32, 28, 28), 8224, 1605632)
    """
    check_input(input, _SUBJECT)
    check_counts(_SUBJECT, filters=out_channels, groups=groups, batch=batch_size)
    in_channels, sizes = input[0], input[1:]
    check_groups(groups, _SUBJECT, in_channels=in_channels, filters=out_channels)
    each = item_bytes(dtype, _SUBJECT)
    down = make_axes(sizes, _SUBJECT, kernel_size, stride, padding, dilation)
    extra = per_axis(output_padding, len(sizes), "output_padding", _SUBJECT)
    resolved = [resolve(w, n, e) for (w, n), e in zip(down, extra, strict=True)]
    up = Axes(sizes, tuple(window.transposed(more) for window, more in resolved))
    _check_rest(up, resolved, by(input))

    output = (out_channels, *up.outputs)
    units, numbers_in = math.prod(output), math.prod(input)
    channels, kernel = out_channels // groups, math.prod(down.kernel)
    out_words = "filters / groups" if groups > 1 else "filters"
    out_numbers = f"{number(out_channels)} / {groups}" if groups > 1 else number(out_channels)
    parameters = in_channels * channels * kernel + (out_channels if bias else 0)
    macs = numbers_in * channels * kernel
    reads = in_channels // groups * out_channels
    real = up.connections()
    kept = reads * math.prod(real)
    lines = [
        *_size_lines(up, resolved),
        shape_line("filters", output),
        _spread_line(up),
        Line(
            "parameters",
            parameters,
            "weights",
            f"in_channels * {out_words} * kernel{' + filters (biases)' if bias else ''}",
            f"{number(in_channels)} * {out_numbers} * {product(down.kernel)}"
            + (f" + {number(out_channels)}" if bias else ""),
        ),
        units_line("filters", output),
        *macs_lines(
            f"input numbers * {out_words} * kernel",
            (numbers_in, channels, kernel),
            f"{number(numbers_in)} * {out_numbers} * {product(down.kernel)}",
        ),
        Line(
            "connections",
            kept + (units if bias else 0),
            "connections",
            f"in_channels * {out_words} * products that stay{' + units' if bias else ''}",
            f"{number(in_channels)} * {out_numbers} * {product(real)}"
            + (f" + {number(units)}" if bias else ""),
        ),
    ]
    if macs > kept:
        words = "MACs - connections without biases"
        numbers = f"{number(macs)} - {number(kept)}"
        lines.append(Line("cropped", macs - kept, "multiply-adds", words, numbers))
    lines += [
        memory_line("output memory", "units", units, each),
        memory_line("weight memory", "parameters", parameters, each),
        *batch_lines(batch_size, output, macs, units * each),
    ]
    title = heading(
        _SUBJECT,
        f"{count(out_channels, 'filter')} of {by(down.kernel)}",
        input,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
        groups=groups,
    )
    return Calculation(title, tuple(lines), tuple(_checkerboard_notes(up, down)))


def resolve(window: Window, n: int, output_padding: int) -> tuple[Window, int]:
    """Make padding explicit: 'same' gives n*stride outputs, placed as a convolution's gradient."""
    limit = max(window.stride, window.dilation)
    if not 0 <= output_padding < limit:
        raise OptionError(
            f"output_padding={output_padding} must be 0 or more and below the larger of stride and "
            f"dilation, which is {limit}.",
            subject=_SUBJECT,
        )
    if not window.resolved:
        length = n * int(window.stride)
        window = window.on(length)
        output_padding += int(window.leftover(length))
    return window, output_padding


def _check_rest(up: Axes, resolved: Sequence[tuple[Window, int]], given: str) -> None:
    for (window, n), (down, extra) in zip(up, resolved, strict=True):
        if window.output_size(n) < 1:
            raise ShapeError(
                f"input {given} leaves no output: {_length(n, down, extra)} is below 1. Use less "
                f"padding, or a larger kernel.",
                subject=_SUBJECT,
            )


def _size_lines(up: Axes, resolved: Sequence[tuple[Window, int]]) -> list[Line]:
    downs = dict(zip(up, resolved, strict=True))
    formula = "(n - 1)*stride - before - after + extent + output_padding"
    return [
        Line(
            f"output {name or 'size'}",
            window.output_size(n),
            "pixels",
            formula,
            _length(n, *downs[window, n]),
        )
        for name, window, n in up.alike()
    ]


def _length(n: int, down: Window, extra: int) -> str:
    return f"({n} - 1)*{down.stride} - {down.before} - {down.after} + {down.extent} + {extra}"


def _spread_line(up: Axes) -> Line:
    counts = [w.counts(n) for w, n in up]
    least, most = math.prod(map(min, counts)), math.prod(map(max, counts))
    return Line(
        "reads",
        str(most) if least == most else f"{least} .. {most}",
        "pixels",
        "input pixels of a channel that an output is a sum of",
    )


def _checkerboard_notes(up: Axes, down: Axes) -> list[str]:
    """Warn where outputs in the middle sum up unlike numbers of products."""
    notes = []
    for (name, window, _), (_, forward, _) in zip(up.alike(), down.alike(), strict=True):
        phases = [len(window.taps(i)) for i in range(window.stride.denominator)]
        if len(set(phases)) > 1:
            where = f"on the {name}" if name else "on each axis"
            notes.append(
                f"{where}, the kernel {forward.size} with dilation {forward.dilation} covers the "
                f"stride {forward.stride} unevenly: outputs in turn are sums of "
                f"{' and '.join(map(str, phases))} pixels, which shows as a checkerboard. A kernel "
                f"that is a multiple of the stride covers evenly."
            )
    return notes
