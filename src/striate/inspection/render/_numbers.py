"""How numbers are written: exactly, or short where there is little room."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

UNKNOWN = "?"
"""Stands where something is not known. An empty cell says that the quantity does not apply."""

ALL = "all"
"""A receptive field that grows with the input: it is all of any input."""


def exact(value: float) -> str:
    """Write a number with its thousands separated.

    Example:
        >>> exact(1814073344), exact(-0.5), exact(math.inf)
        ('1,814,073,344', '-0.5', 'all')
    """
    if math.isinf(value):
        return ALL
    return f"{int(value):,}" if value == int(value) else f"{value:,.4g}"


def short(value: float) -> str:
    """Write a number to three digits: thousands are k, then M, G, T.

    Example:
        >>> short(1814073344), short(9408), short(23.5)
        ('1.81 G', '9,408', '23.5')
    """
    if abs(value) < 10_000 or math.isinf(value):
        return exact(value)
    for unit in ("k", "M", "G", "T", "P"):
        value /= 1000
        if abs(value) < 999.5 or unit == "P":
            break
    return f"{_three_digits(value)} {unit}"


def memory(bytes: float) -> str:
    """Write a number of bytes to three digits.

    Example:
        >>> memory(624), memory(40960), memory(3211264)
        ('624 B', '40.0 KiB', '3.06 MiB')
    """
    if bytes < 1024:
        return f"{bytes:,.0f} B"
    value = float(bytes)
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        value /= 1024
        if value < 1000 or unit == "PiB":
            break
    return f"{_three_digits(value)} {unit}"


def _three_digits(value: float) -> str:
    digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:,.{digits}f}"


def percent(share: float) -> str:
    """Write a share; what is not quite nothing is not shown as nothing.

    Example:
        >>> percent(0.0637), percent(0.0001), percent(0)
        ('6.4%', '<0.1%', '0.0%')
    """
    return "<0.1%" if 0 < share < 0.0005 else f"{share:.1%}"


def shape(sizes: Iterable[int]) -> str:
    """Write a shape.

    Example:
        >>> shape((1, 64, 112, 112)), shape(())
        ('1x64x112x112', 'scalar')
    """
    return "x".join(map(str, sizes)) or "scalar"


def per_axis(
    values: Sequence[float | None], write: Callable[[float], str] = exact, *, once: bool = False
) -> str:
    """Write one number an axis; `-` is an axis on which the quantity does not exist.

    Args:
        values: One an axis.
        write: How to write one.
        once: Write a number that all axes share only once.
    Example:
        >>> per_axis((19, 19)), per_axis((19, 19), once=True), per_axis((3.5, None))
        ('19x19', '19', '3.5x-')
        >>> per_axis((math.inf, math.inf)), per_axis((math.inf, 7))
        ('all', 'allx7')
    """
    written = ["-" if value is None else write(value) for value in values]
    same = len(set(written)) == 1
    return written[0] if same and (once or written[0] == ALL) else "x".join(written)


def bar(share: float, width: int) -> str:
    """Draw a share as a bar, to an eighth of a column.

    Example:
        >>> bar(0.5, 4), bar(0.3, 4)
        ('██', '█▎')
    """
    eighths = round(max(0.0, min(share, 1.0)) * width * 8)
    eighths = eighths or (1 if share > 0 else 0)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
