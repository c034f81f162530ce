"""The arithmetic of a pooling."""

from __future__ import annotations

import math

from ..errors import OptionError, ShapeError
from ._axes import Axes, Size, check_fit, fit_notes, make_axes, size_lines, unread_line
from ._calculation import Calculation, Line
from ._checks import check_counts, check_input, item_bytes
from ._conv import connection_lines
from ._cost import batch_lines, memory_line, shape_line, units_line
from ._parse import PaddingSpec
from ._write import by, heading, number

_SUBJECT = "pool"

KINDS = ("max", "avg", "subsample")


def pool(
    input: tuple[int, ...],
    kernel_size: Size,
    *,
    kind: str = "max",
    stride: Size | None = None,
    padding: PaddingSpec = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    batch_size: int = 1,
    dtype: str = "float32",
    exact: bool = False,
) -> Calculation:
    """Work out a pooling in 1, 2 or 3 dimensions.

    Args:
        input: Channels and sizes of one input: (C, L), (C, H, W) or (C, D, H, W).
        kernel_size: Of the window; the stride too, unless it is given.
        kind: 'max', 'avg', or 'subsample': LeNet-5's, with a coefficient and a bias a channel.
        stride, padding, dilation, ceil_mode: As in `nn.MaxPool2d`.
        batch_size, dtype, exact: As in `conv`.
    Raises:
        ShapeError: The window does not fit, or sees only padding somewhere.
        OptionError: An argument that is not one of the accepted values.
    Example:
        >>> s2 = pool((6, 28, 28), kernel_size=2, kind="subsample")
        >>> s2["output"], s2["parameters"], s2["connections"]
        ((6, 14, 14), 12, 5880)
    """
    check_input(input, _SUBJECT)
    check_counts(_SUBJECT, batch=batch_size)
    if kind not in KINDS:
        raise OptionError(f"kind={kind!r} is not known. Use {', '.join(KINDS)}.", subject=_SUBJECT)
    channels, sizes = input[0], input[1:]
    each = item_bytes(dtype, _SUBJECT)
    step = kernel_size if stride is None else stride
    axes = make_axes(sizes, _SUBJECT, kernel_size, step, padding, dilation, ceil_mode)
    check_fit(axes, by(input), _SUBJECT, exact=exact)
    _check_sight(axes, by(input))

    output = (channels, *axes.outputs)
    units = math.prod(output)
    learns = kind == "subsample"
    lines = [
        *size_lines(axes),
        shape_line("channels", output),
        Line(
            "parameters",
            2 * channels if learns else 0,
            "weights",
            "channels * (1 coefficient + 1 bias)" if learns else "a pooling learns nothing",
            f"{number(channels)} * 2" if learns else "",
        ),
        units_line("channels", output),
        *connection_lines(axes, "channels", channels, "", 1, learns),
        unread_line(axes),
        memory_line("output memory", "units", units, each),
        *batch_lines(batch_size, output, 0, units * each),
    ]
    what = f"{kind} of {by(axes.kernel)}"
    title = heading(_SUBJECT, what, input, stride=step, padding=padding, dilation=dilation)
    return Calculation(title, tuple(lines), tuple(fit_notes(axes)))


def _check_sight(axes: Axes, given: str) -> None:
    for window, n in axes:
        if min(window.counts(n)) == 0:
            concrete = window.on(n)
            raise ShapeError(
                f"on input {given}, a window of {window.size} with padding {concrete.before} and "
                f"{concrete.after} sees only padding at an end of the {n} pixels. Use less padding "
                f"than the window reaches over ({window.extent}).",
                subject=_SUBJECT,
            )
