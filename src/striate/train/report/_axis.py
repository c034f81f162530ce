"""Axes: from a quantity to a place between 0 and 1, with ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """One axis of a chart.

    Attributes:
        title: The quantity and its unit.
        ticks: Values with a label each.
        place: Where a value lies, from 0 at the start to 1 at the end.
    """

    title: str
    ticks: tuple[tuple[float, str], ...]
    place: Callable[[float], float]


def linear(title: str, low: float, high: float, *, most: int = 6, whole: bool = False) -> Axis:
    """Make an even axis that begins and ends with a tick.

    Args:
        title: The quantity and its unit.
        low, high: What must be on it.
        most: Largest number of steps between ticks.
        whole: Allow ticks at whole numbers alone.
    Example:
        >>> [label for _, label in linear("loss", 0, 2.2).ticks]
        ['0', '0.5', '1', '1.5', '2', '2.5']
    """
    step = _step((high - low) / most)
    if whole:
        step = max(1.0, step)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    ticks = [number * step for number in range(first, last + 1)]
    return _between(title, [(tick, f"{tick:.6g}") for tick in ticks], lambda value: value)


def logarithmic(title: str, low: float, high: float) -> Axis:
    """Make an axis on which equal steps are equal factors; `low` is above 0.

    Example:
        >>> [label for _, label in logarithmic("loss", 0.03, 2).ticks]
        ['0.02', '0.05', '0.1', '0.2', '0.5', '1', '2']
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = len(decades) <= 4
    round_numbers = [m * 10.0**d for d in decades for m in ((1, 2, 5) if fine else (1,))]
    ticks = _enclosing(round_numbers, low, high)
    return _between(title, [(tick, f"{tick:.3g}") for tick in ticks], math.log)


def towards_one(title: str, low: float, high: float) -> Axis:
    """Make an axis of shares on which halving the distance to 1 is always the same step.

    So 90 %, 99 % and 99.9 % lie apart, as one error in 10, in 100 and in 1000 do.

    Args:
        title: The quantity and its unit.
        low, high: What must be on it, each below 1.
    Example:
        >>> [label for _, label in towards_one("accuracy", 0.85, 0.985).ticks]
        ['80', '90', '95', '98', '99']
    """
    shares = [0.0, 0.5]
    while shares[-1] <= high:
        nines = 10.0 ** -(len(shares) // 3)
        shares += [1 - 0.2 * nines, 1 - 0.1 * nines, 1 - 0.05 * nines]
    ticks = _enclosing(shares, low, high)
    labels = [(tick, f"{100 * tick:.6g}") for tick in ticks]
    return _between(title, labels, lambda share: -math.log(1 - share))


def _between(title: str, ticks: list[tuple[float, str]], measure: Callable[[float], float]) -> Axis:
    start, stop = measure(ticks[0][0]), measure(ticks[-1][0])
    return Axis(title, tuple(ticks), lambda value: (measure(value) - start) / (stop - start))


def _step(least: float) -> float:
    """Find the smallest of 1, 2, 5, 10, ... times a power of ten that is `least` or more."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next((m * power for m in (1, 2, 5) if m * power >= least * (1 - 1e-9)), 10 * power)


def _enclosing(numbers: Sequence[float], low: float, high: float) -> list[float]:
    """Take the numbers between `low` and `high`, and the next one on each side."""
    first = max((i for i, number in enumerate(numbers) if number <= low), default=0)
    last = min((i for i, number in enumerate(numbers) if number >= high), default=len(numbers) - 1)
    return list(numbers[first : max(last, first + 1) + 1])
