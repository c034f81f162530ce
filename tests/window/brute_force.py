"""What a window does, found by walking: no formula for a size or an interval stands here."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from striate import Window
from striate.window import Number

small = st.integers(1, 5)
axes = st.integers(0, 24)
indices = st.integers(-8, 24)
pads = st.integers(-3, 6)
fractions = st.fractions(Fraction(1, 6), 4, max_denominator=6)
fractional_pads = st.fractions(-2, 4, max_denominator=6)

whole = st.builds(Window, small, small, st.integers(1, 3), st.tuples(pads, pads))
padded = st.builds(Window, small, small, st.integers(1, 3), st.tuples(small, small))
transposes = st.builds(Window.transposed, whole, st.integers(0, 3))
arbitrary = st.builds(
    Window, small, fractions, fractions, st.tuples(fractional_pads, fractional_pads)
)
windows = whole | transposes | arbitrary
runs = st.builds(lambda first, length: range(first, first + length), indices, st.integers(0, 8))


def standing(window: Window, start: Number) -> list[Number]:
    """Stand the window at `start` and list where its taps are, also those between pixels."""
    positions = [start]
    while len(positions) < window.size:
        positions.append(positions[-1] + window.dilation)
    return positions


def pixels(positions: list[Number]) -> list[int]:
    """Keep the positions that are pixels; a tap between two pixels reads nothing."""
    return [int(position) for position in positions if position == int(position)]


def places(window: Window, n: int) -> list[list[Number]]:
    """Push the window along the padded axis, a stride at a time, until it hangs over the end."""
    found, start = [], -window.before
    while (positions := standing(window, start))[-1] <= n - 1 + window.after:
        found.append(positions)
        start += window.stride
    return found


def reads(window: Window, i: int) -> list[int]:
    """Walk i strides from output 0, forwards or backwards, and list the pixels read there."""
    start: Number = -window.before
    for _ in range(abs(i)):
        start += window.stride if i > 0 else -window.stride
    return pixels(standing(window, start))


def hull(positions: set[int]) -> range:
    """Make the range from the first to the last."""
    return range(min(positions), max(positions) + 1) if positions else range(0)


def clipped(interval: range, n: int) -> range:
    """Keep what lies in 0 .. n-1."""
    return hull({position for position in interval if 0 <= position < n})
