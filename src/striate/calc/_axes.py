"""The spatial axes of a layer: a window for each, and the lines that follow from the windows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .. import _window_text as text
from ..errors import OptionError, ShapeError
from ..window import Padding, Window
from ._calculation import Line
from ._checks import check_length
from ._parse import PaddingSpec
from ._write import by, option

Size = int | tuple[int, ...]
"""One number for every spatial axis, or one an axis."""

NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


@dataclass(frozen=True, slots=True)
class Axes:
    """What slides where.

    Args:
        sizes: Pixels of each spatial axis.
        windows: The window on each; `'same'` and `ceil_mode` may be unresolved.
    """

    sizes: tuple[int, ...]
    windows: tuple[Window, ...]

    @property
    def outputs(self) -> tuple[int, ...]:
        """Places of the window on each axis."""
        return tuple(w.output_size(n) for w, n in self)

    @property
    def kernel(self) -> tuple[int, ...]:
        """Taps on each axis."""
        return tuple(w.size for w in self.windows)

    def __iter__(self) -> Iterator[tuple[Window, int]]:
        return zip(self.windows, self.sizes, strict=True)

    def connections(self, *, padding: bool = False) -> tuple[int, ...]:
        """Count what the window reads at all its places, axis by axis: the product is the sum."""
        return tuple(w.connections(n, padding=padding) for w, n in self)

    def alike(self) -> list[tuple[str, Window, int]]:
        """List the axes with their names; one stands for all where they are alike."""
        pairs, names = list(self), NAMES[len(self.sizes)]
        if len(pairs) > 1 and len(set(pairs)) == 1:
            return [("", *pairs[0])]
        return [(name, *pair) for name, pair in zip(names, pairs, strict=True)]


def per_axis(value: Size, ndim: int, name: str, subject: str) -> tuple[int, ...]:
    """Give every spatial axis its number.

    Example:
        >>> per_axis(3, 2, "kernel_size", "conv")
        (3, 3)
    """
    values = value if isinstance(value, tuple) else (value,) * ndim
    if len(values) != ndim:
        raise OptionError(
            f"{name}={by(values)} has {len(values)} numbers, and the input has "
            f"{_axes(ndim)}. Give one for all, or {ndim}.",
            subject=subject,
        )
    return values


def make_axes(
    sizes: tuple[int, ...],
    subject: str,
    kernel_size: Size,
    stride: Size = 1,
    padding: PaddingSpec = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> Axes:
    """Make the window of each axis.

    Raises:
        OptionError: Another number of axes than the input has, or a window that cannot be.
    """
    ndim = len(sizes)
    kernels = per_axis(kernel_size, ndim, "kernel", subject)
    check_length(max(kernels), "a kernel", subject)
    columns = zip(
        kernels,
        per_axis(stride, ndim, "stride", subject),
        per_axis(dilation, ndim, "dilation", subject),
        _paddings(padding, ndim, subject),
        strict=True,
    )
    try:
        return Axes(sizes, tuple(Window(*column, ceil_mode) for column in columns))
    except OptionError as error:
        # The window's words for its size is the layer's kernel.
        message = error.message.removeprefix("Window: ").replace("size=", "kernel=", 1)
        raise OptionError(message, subject=subject) from None


def _paddings(padding: PaddingSpec, ndim: int, subject: str) -> tuple[Padding, ...]:
    if isinstance(padding, int | str):
        paddings: tuple[Padding, ...] = (padding,) * ndim  # type: ignore[assignment]
    else:
        paddings = padding * ndim if len(padding) == 1 else padding
    if len(paddings) != ndim:
        raise OptionError(
            f"padding={option(padding)} is for {len(paddings)} axes, and the input has "
            f"{_axes(ndim)}. Give one for all, or {ndim}.",
            subject=subject,
        )
    flat = [side for pad in paddings for side in (pad if isinstance(pad, tuple) else (pad,))]
    pixels = [side for side in flat if isinstance(side, int)]
    if min(pixels, default=0) < 0:
        raise OptionError(f"padding={option(padding)} must be 0 or more.", subject=subject)
    check_length(max(pixels, default=0), "a padding", subject)
    return paddings


def _axes(ndim: int) -> str:
    names = NAMES[ndim]
    return f"{ndim} spatial ax{'i' if ndim == 1 else 'e'}s ({', '.join(names)})"


def check_fit(axes: Axes, given: str, subject: str, *, exact: bool = False) -> None:
    """Refuse an input that a window does not fit in, or (`exact`) does not tile.

    Raises:
        ShapeError: With why, and what would fit.
    """
    for name, window, n in axes.alike():
        if window.output_size(n) < 1 or (exact and not window.fits(n)):
            raise ShapeError(
                f"input {given} does not fit: {_on(name)}, {text.misfit(window, n)}",
                subject=subject,
            )


def size_lines(axes: Axes) -> list[Line]:
    """Write how far the window reaches, what padding a rule asks for, and the output size."""
    alike = axes.alike()
    extents = dict.fromkeys(f"{w.dilation}*({w.size} - 1) + 1" for _, w, _ in alike)
    lines = [
        Line(
            "receptive field",
            tuple(int(w.extent) for w in axes.windows),
            "pixels",
            "extent = dilation*(kernel - 1) + 1",
            " and ".join(extents),
        )
    ]
    lines += [_padding_line(n, w, f"padding {name}".rstrip()) for name, w, n in _ruled(axes)]
    for name, window, n in alike:
        numbers = text.division(window.on(n), n, floor=True)
        formula = "floor((n + before + after - extent) / stride) + 1"
        label = f"output {name or 'size'}"
        lines.append(Line(label, window.output_size(n), "pixels", formula, numbers))
    return lines


def _ruled(axes: Axes) -> list[tuple[str, Window, int]]:
    """The axes whose padding follows from a rule: stride 1 turned 'same' into pixels already."""
    return [each for each in axes.alike() if not each[1].resolved]


def _padding_line(n: int, window: Window, label: str) -> Line:
    concrete = window.on(n)
    sides = f"{concrete.before} + {concrete.after}"
    if window.ceil_mode:
        return Line(label, sides, "pixels", "before + after: the last window may hang over")
    return Line(
        label,
        sides,
        "pixels",
        "same: max((outputs - 1)*stride + extent - n, 0)",
        f"max(({window.output_size(n)} - 1)*{window.stride} + {window.extent} - {n}, 0)",
    )


def unread_line(axes: Axes) -> Line:
    """Count the pixels that no output reads."""
    every = math.prod(axes.sizes)
    read = [n - len(w.unread(n)) for w, n in axes]
    return Line(
        "never read",
        every - math.prod(read),
        "pixels",
        "pixels of a channel - those that an output reads",
        f"{product(axes.sizes)} - {product(read)}",
    )


def fit_notes(axes: Axes) -> list[str]:
    """Say of each axis what the stride leaves over, and what would leave nothing."""
    notes = ((_on(name), fit_note(window, n)) for name, window, n in axes.alike())
    return [f"{where}, {note}" for where, note in notes if note]


def fit_note(window: Window, n: int) -> str:
    """Say what the stride leaves over, between windows or at the end, and what would not.

    Example:
        >>> fit_note(Window(1, stride=2), 5)
        'stride 2 steps over pixels 1, 3: nothing reads them.'
    """
    unread = window.unread(n)
    if len(unread) > max(window.leftover(n) - window.on(n).after, 0):
        shown = ", ".join(map(str, unread[:4])) + (", ..." if unread[4:] else "")
        steps = f"stride {window.stride}"
        steps += f" with dilation {window.dilation}" if window.dilation != 1 else ""
        return f"{steps} steps over pixels {shown}: nothing reads them."
    if window.fits(n):
        return ""
    return (
        f"{text.untiled(window, n)} So the output is rounded down. "
        f"What tiles: {', '.join(text.offers(window, n))}."
    )


def _on(name: str) -> str:
    return f"on the {name}" if name else "on each axis"


def product(factors: Sequence[int]) -> str:
    """Write a product of sizes closely, as one factor among others.

    Example:
        >>> product((5, 5))
        '5*5'
    """
    return "*".join(f"{factor:,}" for factor in factors)
