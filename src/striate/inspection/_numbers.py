"""How the page and the comparison write numbers: 25.6 M, 97.5 MiB, 1x3x224x224."""

from __future__ import annotations

import math
from collections.abc import Iterable

UNKNOWN = "unknown"


def count(value: float | None) -> str:
    """Write a number in full.

    Example:
        >>> count(61706), count(None), count(0.5)
        ('61,706', 'unknown', '0.5')
    """
    if value is None:
        return UNKNOWN
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def short(value: float | None) -> str:
    """Write a large number in three digits.

    Example:
        >>> short(25557032), short(4089184256), short(340)
        ('25.6 M', '4.09 G', '340')
    """
    if value is None:
        return UNKNOWN
    power = 0
    while abs(value) >= 999.5 and power < 4:
        value, power = value / 1000, power + 1
    return f"{value:.3g} {' kMGT'[power]}" if power else f"{value:.4g}"


def size_bytes(value: float | None) -> str:
    """Write bytes in powers of 1024.

    Example:
        >>> size_bytes(102228128), size_bytes(624), size_bytes(None)
        ('97.5 MiB', '624 bytes', 'unknown')
    """
    if value is None:
        return UNKNOWN
    if abs(value) < 1024:
        return f"{value:,.4g} byte{'' if abs(value) == 1 else 's'}"
    power = 0
    while abs(value) >= 999.5 and power < 4:
        value, power = value / 1024, power + 1
    return f"{value:.3g} {('', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"


def by(sizes: Iterable[float | None] | None) -> str:
    """Write a shape, or a field's sizes; what is infinite is told by its sign.

    Example:
        >>> by((1, 3, 224, 224)), by((math.inf, 7)), by(None), by(())
        ('1x3x224x224', '∞x7', 'unknown', 'scalar')
    """
    if sizes is None:
        return UNKNOWN
    words = ["?" if n is None else "∞" if math.isinf(n) else f"{n:g}" for n in sizes]
    return "x".join(words) or "scalar"
