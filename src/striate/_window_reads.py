"""Who reads what: which inputs an output's taps stand on, and which outputs read an input."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from ._window_numbers import Number, whole
from .errors import OptionError

if TYPE_CHECKING:
    from .window import Window


class Reads:
    """The half of `Window` that answers who reads what; the other half counts and composes."""

    __slots__ = ()

    if TYPE_CHECKING:
        size: int
        stride: Number
        dilation: Number

        @property
        def before(self) -> Number: ...
        @property
        def extent(self) -> Number: ...
        def on(self, n: int) -> Window: ...
        def output_size(self, n: int) -> int: ...
        def transposed(self) -> Window: ...

    def taps(self, i: int) -> range:
        """List the input positions output `i` reads, also those on padding.

        Example:
            >>> from striate import Window
            >>> list(Window(3, dilation=2, padding=2).taps(0))
            [-2, 0, 2]
        """
        first = i * self.stride - self.before
        for u in range(min(self.size, self.dilation.denominator)):
            position = first + u * self.dilation
            if position.denominator == 1:
                stop = math.floor(first + (self.size - 1) * self.dilation) + 1
                return range(int(position), stop, self.dilation.numerator)
        return range(0)

    def input_interval(self, outputs: int | range, n: int | None = None) -> range:
        """Find the inputs that one output, or a run of outputs, reads: from the first to the last.

        Args:
            outputs: One index, or a contiguous range of them.
            n: Length of the axis: clips the interval to real pixels, and resolves `'same'`.
        Example:
            >>> from striate import Window
            >>> Window(5, padding=2).input_interval(range(0, 4))
            range(-2, 6)
            >>> Window(5, padding=2).input_interval(range(0, 4), n=28)
            range(0, 6)
        """
        window = self if n is None else self.on(n)
        run = outputs if isinstance(outputs, range) else range(outputs, outputs + 1)
        if run.step != 1:
            raise OptionError(f"Window: outputs={run} must be one index or a range of step 1.")
        # With a fractional stride the reach depends on the phase i mod `period`.
        period = window.stride.denominator
        firsts = [taps[0] for i in run[:period] if (taps := window.taps(i))]
        lasts = [taps[-1] for i in run[-period:] if (taps := window.taps(i))]
        interval = range(min(firsts), max(lasts) + 1) if firsts and lasts else range(0)
        return interval if n is None else _clip(interval, 0, n)

    def output_interval(self, inputs: int | range, n: int | None = None) -> range:
        """Find the outputs that read one input, or a run of inputs: from the first to the last.

        Args:
            inputs: One position, or a contiguous range of them.
            n: Length of the axis: clips the interval to outputs that exist, and resolves `'same'`.
        Example:
            >>> from striate import Window
            >>> Window(3, stride=2).output_interval(4)
            range(1, 3)
        """
        window = self if n is None else self.on(n)
        readers = window.transposed().input_interval(inputs)
        return readers if n is None else _clip(readers, 0, window.output_size(n))

    def center(self, i: int = 0) -> Number:
        """Find the input position in the middle of output `i`'s window; half-pixels are fractions.

        Example:
            >>> from striate import Window
            >>> Window(2, stride=2).center(3)
            Fraction(13, 2)
        """
        return whole(i * self.stride - self.before + Fraction(self.extent - 1) / 2)

    def counts(self, n: int) -> list[int]:
        """Count, for each output, the taps that stand on real pixels.

        Example:
            >>> from striate import Window
            >>> Window(3, padding=1).counts(4)
            [2, 3, 3, 2]
        """
        window = self.on(n)
        return [len(_clip(window.taps(i), 0, n)) for i in range(window.output_size(n))]

    def connections(self, n: int, *, padding: bool = False) -> int:
        """Count the pairs of an output and a real pixel it reads.

        Args:
            n: Length of the axis in pixels.
            padding: Count the taps that stand on padding too.
        Example:
            >>> from striate import Window
            >>> window = Window(3, padding=1)
            >>> window.connections(4), window.connections(4, padding=True)
            (10, 12)
        """
        window = self.on(n)
        return sum(len(window._visits(u, n, padding)) for u in range(self.size))

    def unread(self, n: int) -> list[int]:
        """List the real pixels that no output reads.

        They lie past the last window, or between windows whose stride is larger than their reach.

        Example:
            >>> from striate import Window
            >>> Window(3, stride=3).unread(7)
            [6]
        """
        window, read = self.on(n), bytearray(n)
        for u in range(self.size):
            visits = window._visits(u, n, padding=False)
            read[visits.start : visits.stop : visits.step] = b"\1" * len(visits)
        return [position for position, seen in enumerate(read) if not seen]

    def _visits(self, u: int, n: int, padding: bool) -> range:
        """Positions that tap `u` takes while the window slides over `n` pixels."""
        start, outputs = u * self.dilation - self.before, self.output_size(n)
        for i in range(min(outputs, self.stride.denominator)):
            first = i * self.stride + start
            if first.denominator == 1:
                stop = math.floor((outputs - 1) * self.stride + start) + 1
                positions = range(int(first), stop, self.stride.numerator)
                return positions if padding else _clip(positions, 0, n)
        return range(0)


def _clip(positions: range, low: int, high: int) -> range:
    """The part of an increasing progression that lies in low .. high-1."""
    skipped = max(-((positions.start - low) // positions.step), 0)
    start = positions.start + skipped * positions.step
    return range(start, max(start, min(positions.stop, high)), positions.step)
