"""The sliding window along one axis: the only place where its arithmetic stands.

A convolution, a pooling, a transposed convolution, a resize: output i of each looks at its input
through `size` taps, of which tap u stands on input position

    i*stride - before + u*dilation        u = 0 .. size-1

Positions outside 0 .. n-1 are padding. `stride` and `dilation` are whole for a convolution or a
pooling. A transposed convolution (or an upsampling) is the same formula with fractions: its stride
is 1/s, and a tap that falls between two pixels reads nothing. So one formula counts outputs,
finds what an output reads and who reads an input, and composes layers into receptive fields.

Sources: Dumoulin and Visin 2016, arXiv:1603.07285 (output sizes, transposition); Araujo, Norris and
Sim 2019, "Computing receptive fields of convolutional neural networks" (composition).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from . import _window_text as text
from ._window_numbers import Number as Number
from ._window_numbers import exact_number, whole
from ._window_reads import Reads
from .errors import OptionError, ShapeError

Padding = int | Fraction | tuple[Number, Number] | Literal["same", "same_lower", "valid"]


@dataclass(frozen=True, slots=True, repr=False)
class Window(Reads):
    """Slide `size` taps along an axis, `stride` pixels a step.

    Tap u of output i reads x[i*stride - before + u*dilation].

    Args:
        size: Number of taps.
        stride: Pixels from one output's window to the next one's.
        dilation: Pixels from one tap to the next.
        padding: Pixels added on each side, or `(before, after)`; negative ones crop.
            `'valid'` adds none. `'same'` adds what gives ceil(n / stride) outputs, an odd
            pixel at the end (TensorFlow's SAME rule, which depends on n when the stride is not 1);
            `'same_lower'` puts the odd pixel at the beginning (ONNX's SAME_LOWER).
        ceil_mode: Keep a last window that hangs over the end, if it starts on the input or on
            the padding before it (torch's rule for pooling).
    Raises:
        OptionError: A size, stride or dilation that is not positive; an unknown padding.
    Example:
        >>> window = Window(3, stride=2, padding=1)
        >>> window.output_size(7)
        4
        >>> window.input_interval(0)
        range(-1, 2)
        >>> window.then(Window(3))
        Window(7, stride=2, padding=1)
    """

    size: int
    stride: Number = 1
    dilation: Number = 1
    padding: Padding = 0
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        for name in ("size", "stride", "dilation"):
            value = exact_number(getattr(self, name), name)
            if value <= 0:
                raise OptionError(f"Window: {name}={value} must be 1 or more.")
            object.__setattr__(self, name, value)
        if not isinstance(self.size, int):
            raise OptionError(f"Window: size={self.size} must be a whole number of taps.")
        object.__setattr__(self, "padding", self._explicit(self.padding))
        if self.ceil_mode and isinstance(self.padding, tuple) and min(self.padding) < 0:
            raise OptionError(
                f"Window: padding={self.padding} crops, and ceil_mode would keep a window that "
                f"hangs over the crop. Use padding of 0 or more, or ceil_mode=False."
            )

    def _explicit(self, padding: Padding) -> tuple[Number, Number] | Literal["same", "same_lower"]:
        if padding == "valid":
            return (0, 0)
        if padding == "same" or padding == "same_lower":
            if not isinstance(self.stride, int) or not isinstance(self.dilation, int):
                raise OptionError(
                    f"Window: padding={padding!r} needs a whole stride and dilation; they are "
                    f"{self.stride} and {self.dilation}. Make the window with whole numbers "
                    f"and take its .transposed()."
                )
            # With stride 1 the rule does not depend on n: size - 1 pixels, however long the axis.
            total = self.dilation * (self.size - 1)
            if self.stride == 1:
                return _halves(total, padding)
            return "same" if padding == "same" else "same_lower"
        if isinstance(padding, str):
            raise OptionError(
                f"Window: padding={padding!r} is not known. Use 'same', 'valid', a number of "
                f"pixels for both sides, or (before, after)."
            )
        pair = padding if isinstance(padding, tuple | list) else (padding, padding)
        if len(pair) != 2:
            raise OptionError(f"Window: padding={padding!r} must be one number or (before, after).")
        return exact_number(pair[0], "padding"), exact_number(pair[1], "padding")

    # Lengths ------------------------------------------------------------------------------------

    @property
    def before(self) -> Number:
        """Padding before the first pixel."""
        return self._pair()[0]

    @property
    def after(self) -> Number:
        """Padding after the last pixel."""
        return self._pair()[1]

    @property
    def extent(self) -> Number:
        """Pixels from the first tap to the last, both counted: dilation*(size - 1) + 1."""
        return whole(self.dilation * (self.size - 1) + 1)

    @property
    def resolved(self) -> bool:
        """Whether the padding is known without the length of the axis."""
        return isinstance(self.padding, tuple) and not self.ceil_mode

    def on(self, n: int) -> Window:
        """Work `'same'` and `ceil_mode` out for an axis of `n` pixels, as plain padding.

        Raises:
            ShapeError: A negative `n`, here and in all that takes the length of the axis.
        Example:
            >>> Window(3, stride=2, padding="same").on(7), Window(3, stride=2, padding="same").on(8)
            (Window(3, stride=2, padding=1), Window(3, stride=2, padding=(0, 1)))
        """
        # torch's symbolic sizes are no ints, and never negative: they pass.
        if isinstance(n, int) and n < 0:
            raise ShapeError(
                f"Window: n={n} is no length of an axis. Give the number of its pixels, 0 or more."
            )
        if self.padding == "same" or self.padding == "same_lower":
            outputs = -(-n // self.stride)
            total = max((outputs - 1) * self.stride + self.extent - n, 0)
            padding = _halves(total, self.padding)
            return replace(self, padding=padding, ceil_mode=False)
        if not self.ceil_mode:
            return self
        before, after = self._pair()
        outputs = -((self.extent - n - before - after) // self.stride) + 1  # rounded up
        if (outputs - 1) * self.stride >= n + before:
            outputs -= 1  # that window would read padding after the end, and nothing else
        if outputs < 1:
            return replace(self, ceil_mode=False)  # nothing fits, so nothing hangs over
        overhang = (outputs - 1) * self.stride + self.extent - (n + before + after)
        return replace(self, padding=(before, after + max(overhang, 0)), ceil_mode=False)

    def output_size(self, n: int, *, exact: bool = False) -> int:
        """Count the places the window takes along an axis of `n` pixels.

        floor((n + before + after - extent) / stride) + 1, and 0 where it does not fit at all.

        Args:
            n: Length of the axis in pixels.
            exact: Refuse a window that does not fit, or whose stride leaves pixels over.
        Raises:
            ShapeError: A negative `n`; with `exact` also a misfit, and it offers what would fit.
        Example:
            >>> Window(11, stride=4).output_size(227)
            55

        Source: Dumoulin and Visin 2016, relationship 6.
        """
        before, after = (window := self.on(n))._pair()
        outputs = (n + before + after - window.extent) // window.stride + 1
        if exact and (outputs < 1 or window.leftover(n)):
            raise ShapeError(text.misfit(self, n))
        return outputs if outputs > 0 else 0

    def leftover(self, n: int) -> Number:
        """Pixels of the padded axis after the last window, which the stride does not reach.

        Example:
            >>> Window(3, stride=3).leftover(7)
            1
        """
        window = self.on(n)
        room = n + window.before + window.after - window.extent
        return whole(room % window.stride if room >= 0 else max(room + window.extent, 0))

    def fits(self, n: int) -> bool:
        """Whether the windows tile the padded axis with nothing left over."""
        return self.output_size(n) > 0 and self.leftover(n) == 0

    def input_sizes(self, outputs: int) -> range:
        """List the axis lengths that give this many outputs; empty if none does.

        Example:
            >>> Window(3, stride=2).input_sizes(3)
            range(7, 9)
        """
        longest = math.ceil((outputs + 1) * self.stride + self.extent)
        if isinstance(self.padding, tuple):
            longest += abs(math.ceil(self.before)) + abs(math.ceil(self.after))
        lengths = range(longest + 1)
        first = bisect_left(lengths, outputs, key=self.output_size)
        return range(first, bisect_right(lengths, outputs, key=self.output_size))

    # Algebra ------------------------------------------------------------------------------------

    def then(self, after: Window) -> Window:
        """Compose with the window that reads this one's outputs: two layers as one window.

        At dilation 1 the size is 1 + (a.size - 1) + (b.size - 1)*a.stride, the stride
        a.stride*b.stride, the padding a.before + b.before*a.stride: the receptive field of `after`
        in this window's input. Where taps leave holes, or phases differ (a fractional stride after
        a whole one), it is the smallest gapless window that covers them.

        Output sizes compose too, unless this window leaves pixels over and `after` upsamples.

        Raises:
            ShapeError: A padding that depends on the length of the axis: see `on` and `compose`.
        Example:
            >>> Window(3, stride=2).then(Window(3, stride=2)).then(Window(3))
            Window(15, stride=4)
        """
        stride = self.stride * after.stride
        before = self.before + after.before * self.stride
        behind = self.after + after.after * self.stride
        span = (self.extent - 1) + (after.extent - 1) * self.stride
        # Taps on the finest grid that start, step and span share: whole pixels, or 1/s of one.
        grid = math.lcm(stride.denominator, before.denominator, span.denominator)
        size = int(span * grid) + 1
        return Window(size, stride, Fraction(1, grid), (before, behind))

    @classmethod
    def compose(cls, windows: Iterable[Window], n: int | None = None) -> Window:
        """Compose a stack of windows, first layer first.

        Args:
            windows: The layers in the order data flow through them; none gives the identity.
            n: Length of the first one's axis; needed where a padding depends on it.
        Example:
            >>> Window.compose([Window(3, padding=1)] * 4)
            Window(9, padding=4)
        """
        whole = cls(1)
        for window in windows:
            if n is not None:
                window = window.on(n)
                n = window.output_size(n)
            whole = whole.then(window)
        return whole

    def union(self, other: Window) -> Window:
        """Cover two branches that meet again: the smallest window that reads what either reads.

        Its outputs are those that both branches have.

        Raises:
            ShapeError: The strides differ, so that the branches drift apart.
        Example:
            >>> Window(1).union(Window(3, padding=1)) == Window(3, padding=1)
            True
        """
        if self.stride != other.stride:
            raise ShapeError(
                f"Window: branches with strides {self.stride} and {other.stride} are not aligned: "
                f"output i of one stands elsewhere than output i of the other. Branches that meet "
                f"must step by the same number of input pixels."
            )
        before = max(self.before, other.before)
        stop = max(w.extent - w.before for w in (self, other))
        # n + room is what the stride divides: the branch with less of it ends first.
        room = min(w.before + w.after - w.extent for w in (self, other))
        grid = math.lcm(self.stride.denominator, before.denominator, stop.denominator)
        size = int((before + stop - 1) * grid) + 1
        return Window(size, self.stride, Fraction(1, grid), (before, room + stop))

    __or__ = union

    def transposed(self, output_padding: Number = 0) -> Window:
        """Turn reader and read around: the window of the transposed convolution.

        Its output is as long as this window's shortest input, plus `output_padding`:
        (n - 1)*stride - before - after + extent + output_padding. Transposing twice gives the
        window back.

        Example:
            >>> up = Window(4, stride=2, padding=1).transposed()
            >>> up.output_size(14), list(up.taps(3))
            (28, [1, 2])

        Source: Dumoulin and Visin 2016, relationship 14.
        """
        before, after = self._pair()
        span = self.extent - 1
        padding = (span - before, span - after + output_padding)
        return Window(
            self.size,
            Fraction(1) / self.stride,
            Fraction(self.dilation) / self.stride,
            tuple(Fraction(p) / self.stride for p in padding),  # type: ignore[arg-type]
        )

    # Words --------------------------------------------------------------------------------------

    def explain(self, n: int) -> str:
        """Write the arithmetic out for an axis of `n` pixels, with the numbers put in."""
        return text.explain(self, n)

    def __repr__(self) -> str:
        return text.representation(self)

    def _pair(self) -> tuple[Number, Number]:
        if isinstance(self.padding, tuple):
            return self.padding
        raise ShapeError(
            f"{self}: its padding depends on the length of the axis. Take window.on(n), or give n."
        )


def _halves(total: Number, rule: object) -> tuple[Number, Number]:
    """Split padding on both sides, an odd pixel at the end, or with 'same_lower' at the front."""
    halves = total // 2, total - total // 2
    return halves[::-1] if rule == "same_lower" else halves
