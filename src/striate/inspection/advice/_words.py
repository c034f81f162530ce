"""How advice writes numbers and names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

AXES = {1: ("place",), 2: ("row", "column"), 3: ("plane", "row", "column")}
"""What one step along each axis behind the channels is called."""


def by(sizes: Iterable[object]) -> str:
    """Write sizes as `7x7`."""
    return "x".join(map(str, sizes))


def plural(count: int, word: str) -> str:
    """Write a count with its word.

    Example:
        >>> plural(1, "parameter"), plural(2560, "parameter")
        ('1 parameter', '2,560 parameters')
    """
    ending = "" if count == 1 else "es" if word.endswith("s") else "s"
    return f"{count:,} {word}{ending}"


def pixels(count: float) -> str:
    """Write a distance.

    Example:
        >>> pixels(1), pixels(0.5)
        ('1 pixel', '0.5 pixels')
    """
    return f"{count:g} pixel{'' if count == 1 else 's'}"


def percent(share: float) -> str:
    """Write a share.

    Example:
        >>> percent(0.625), percent(0.004)
        ('62 %', '0.4 %')
    """
    value = 100 * share
    return f"{value:.0f} %" if value >= 1 or value == 0 else f"{value:.1g} %"


def listed(names: Sequence[str], most: int = 3) -> str:
    """Name the first few.

    Example:
        >>> print(listed(["a", "b", "c", "d", "e"]))
        'a', 'b', 'c', ...
    """
    return ", ".join(map(repr, names[:most])) + (", ..." if len(names) > most else "")


def joined(parts: Sequence[str], word: str = "and") -> str:
    """Join parts of a sentence.

    Example:
        >>> joined(["stride=1", "padding=1", "an input of 6"], "or")
        'stride=1, padding=1 or an input of 6'
    """
    return f" {word} ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def short(value: float) -> str:
    """Write a large number in three digits.

    Example:
        >>> short(4089184256), short(340), short(12.5)
        ('4.09 G', '340', '12.5')
    """
    for power, letter in ((9, "G"), (6, "M"), (3, "k")):
        if abs(value) >= 999.5 * 10 ** (power - 3):
            return f"{value / 10**power:.3g} {letter}"
    return f"{value:.3g}"
