"""Numbers and names as the report writes them."""

from __future__ import annotations

import math


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share in percent; 100 % and 0 % only where it is exactly that.

    Example:
        >>> percent(0.98873), percent(0.99999), percent(1.0), percent(None)
        ('98.9 %', '>99.9 %', '100 %', '–')
    """
    if share is None or not math.isfinite(share):
        return "–"
    if share in (0.0, 1.0):
        return f"{share:.0%}".replace("%", " %")
    least = 10.0**-digits
    value = 100 * share
    if value > 100 - least / 2:
        return f">{100 - least:.{digits}f} %"
    if value < least / 2:
        return f"<{least:.{digits}f} %"
    return f"{value:.{digits}f} %"


def duration(seconds: float) -> str:
    """Write a time for people.

    Example:
        >>> duration(0.85), duration(75), duration(7300)
        ('0.8 s', '1 min 15 s', '2 h 01 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds) // 60
    if minutes < 60:
        return f"{minutes} min {round(seconds) % 60:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def count(number: int, noun: str) -> str:
    """Write a number with its noun.

    Example:
        >>> count(1, "image"), count(61706, "parameter")
        ('1 image', '61,706 parameters')
    """
    plural = noun + ("es" if noun.endswith(("s", "sh", "ch")) else "s")
    return f"{number:,} {noun if number == 1 else plural}"


def short(name: str, most: int) -> str:
    """Cut a long name in the middle, where it says least.

    Example:
        >>> short("golden retriever", 9)
        'gold…ever'
    """
    if len(name) <= most:
        return name
    tail = (most - 1) // 2
    return f"{name[: most - 1 - tail]}…{name[len(name) - tail :]}"


def size(shape: tuple[int, ...]) -> str:
    """Write a shape.

    Example:
        >>> size((6, 28, 28))
        '6 × 28 × 28'
    """
    return " × ".join(map(str, shape))
