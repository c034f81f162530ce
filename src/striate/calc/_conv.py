"""The arithmetic of a convolution."""

from __future__ import annotations

import math

from ._axes import Axes, Size, check_fit, fit_notes, make_axes, product, size_lines, unread_line
from ._calculation import Calculation, Line
from ._checks import check_counts, check_groups, check_input, item_bytes
from ._cost import batch_lines, macs_lines, memory_line, per_group, shape_line, units_line
from ._parse import PaddingSpec
from ._write import by, count, heading, number

_SUBJECT = "conv"


def conv(
    input: tuple[int, ...],
    out_channels: int,
    kernel_size: Size,
    *,
    stride: Size = 1,
    padding: PaddingSpec = 0,
    dilation: Size = 1,
    groups: int = 1,
    bias: bool = True,
    batch_size: int = 1,
    dtype: str = "float32",
    exact: bool = False,
) -> Calculation:
    """Work out a convolution in 1, 2 or 3 dimensions.

    Connections are those of LeCun et al. 1998: for each unit the real pixels it reads in each
    channel of its group, plus its bias; connections to padding are counted apart.

    Args:
        input: Channels and sizes of one input: (C, L), (C, H, W) or (C, D, H, W).
        out_channels: Filters.
        kernel_size, stride, padding, dilation, groups, bias: As in `nn.Conv2d`.
        batch_size: Inputs; all lines are of one input, a batch adds its own.
        dtype: Type of the numbers, for their memory.
        exact: Refuse a stride that leaves pixels over.
    Raises:
        ShapeError: The groups do not divide the channels, or the filter does not fit.
        OptionError: An argument that is not one of the accepted values.
    Example:
        >>> first = conv((3, 32, 32), out_channels=10, kernel_size=5, padding=2)
        >>> [first[label] for label in ("output", "filter weights", "parameters", "MACs")]
        [(10, 32, 32), 76, 760, 768000]
    """
    check_input(input, _SUBJECT)
    check_counts(_SUBJECT, filters=out_channels, groups=groups, batch=batch_size)
    in_channels, sizes = input[0], input[1:]
    check_groups(groups, _SUBJECT, in_channels=in_channels, filters=out_channels)
    each = item_bytes(dtype, _SUBJECT)
    axes = make_axes(sizes, _SUBJECT, kernel_size, stride, padding, dilation)
    check_fit(axes, by(input), _SUBJECT, exact=exact)

    output = (out_channels, *axes.outputs)
    units = math.prod(output)
    channels = in_channels // groups
    in_words, in_numbers = per_group(in_channels, groups)
    kernel = math.prod(axes.kernel)
    weights = channels * kernel + bias
    macs = macs_lines(
        f"units * {in_words} * kernel",
        (units, channels, kernel),
        f"{number(units)} * {in_numbers} * {product(axes.kernel)}",
    )
    lines = [
        *size_lines(axes),
        shape_line("filters", output),
        Line(
            "filter weights",
            weights,
            "weights",
            f"{in_words} * kernel{' + 1 bias' if bias else ''}",
            f"{in_numbers} * {product(axes.kernel)}{' + 1' if bias else ''}",
        ),
        Line(
            "parameters",
            out_channels * weights,
            "weights",
            "filters * filter weights",
            f"{number(out_channels)} * {number(weights)}",
        ),
        units_line("filters", output),
        *macs,
        *connection_lines(axes, "filters", out_channels, in_words, channels, bias),
        unread_line(axes),
        memory_line("output memory", "units", units, each),
        memory_line("weight memory", "parameters", out_channels * weights, each),
        *batch_lines(batch_size, output, math.prod((units, channels, kernel)), units * each),
    ]
    title = heading(
        _SUBJECT,
        f"{count(out_channels, 'filter')} of {by((channels, *axes.kernel))}",
        input,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )
    return Calculation(title, tuple(lines), tuple(fit_notes(axes)))


def connection_lines(
    axes: Axes, maps: str, out_channels: int, in_words: str, channels: int, bias: bool
) -> list[Line]:
    """Count connections: a map's window reads `pixels read` pixels in each channel it sees.

    Args:
        axes: What slides where.
        maps, out_channels: What an output map is called, and how many there are.
        in_words, channels: Channels that one map reads.
        bias: Whether each unit has one more connection, to its bias.
    """
    real, every = axes.connections(), axes.connections(padding=True)
    read, places = math.prod(real), math.prod(axes.outputs)
    beyond = math.prod(every) - read
    words = f"pixels read * {in_words}" if in_words else "pixels read"
    numbers = f"{number(read)} * {number(channels)}" if in_words else number(read)
    lines = [
        Line(
            "pixels read",
            read,
            "pixels",
            "real pixels under the window at all its places",
            product(real),
        ),
        Line(
            "connections",
            out_channels * (read * channels + (places if bias else 0)),
            "connections",
            f"{maps} * ({words} + places)" if bias else f"{maps} * {words}",
            f"{number(out_channels)} * ({numbers} + {number(places)})"
            if bias
            else f"{number(out_channels)} * {numbers}",
        ),
    ]
    if beyond:
        lines.append(
            Line(
                "to padding",
                out_channels * channels * beyond,
                "connections",
                f"{maps} * {f'{in_words} * ' if in_words else ''}(all reads - pixels read)",
                f"{number(out_channels)} * {f'{number(channels)} * ' if in_words else ''}"
                f"({product(every)} - {number(read)})",
            )
        )
    return lines
