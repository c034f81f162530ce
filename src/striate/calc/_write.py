"""How numbers are written: 10x32x32, 768,000, 40 KiB, 1.5."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction


def by(sizes: Iterable[int]) -> str:
    """Write a shape.

    Example:
        >>> by((10, 32, 32))
        '10x32x32'
    """
    return "x".join(map(str, sizes))


def number(value: int | Fraction) -> str:
    """Write a number; halves and quarters with a point, other fractions as such.

    Example:
        >>> number(768000), number(Fraction(3, 2)), number(Fraction(-1, 3))
        ('768,000', '1.5', '-1/3')
    """
    if value.denominator == 1:
        return f"{value.numerator:,}"
    return f"{float(value):,g}" if value.denominator in (2, 4, 8) else str(value)


def times(factors: Iterable[int | Fraction]) -> str:
    """Write a product with the numbers in it.

    Example:
        >>> times((10, 1024))
        '10 * 1,024'
    """
    return " * ".join(map(number, factors))


def memory(bytes: int) -> str:
    """Write a number of bytes to four digits.

    Example:
        >>> memory(624), memory(40960), memory(102760448)
        ('624 bytes', '40 KiB', '98 MiB')
    """
    if bytes < 1024:
        return "1 byte" if bytes == 1 else f"{bytes} bytes"
    power = min((bytes.bit_length() - 1) // 10, 4)
    return f"{bytes / 1024**power:,.4g} {('', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"


def heading(kind: str, what: str, input: tuple[int, ...], **options: object) -> str:
    """Write what is calculated, with the options that are not the usual ones.

    Example:
        >>> heading("conv", "6 filters of 1x5x5", (1, 28, 28), stride=1, padding=(0, 2))
        'conv: 6 filters of 1x5x5, padding 0x2, on 1x28x28'
    """
    usual = {"stride": 1, "dilation": 1, "groups": 1, "padding": 0, "output_padding": 0}
    given = [
        f"{name.replace('_', ' ')} {option(value)}"
        for name, value in options.items()
        if value not in (usual[name], "valid")
    ]
    comma = "," if given else ""
    return f"{kind}: {', '.join([what, *given])}{comma} on {by(input)}"


def option(value: object) -> str:
    """Write an option as the command line takes it.

    Example:
        >>> option(2), option((1, 2)), option(((0, 1), 2)), option("same")
        ('2', '1x2', '0,1x2', 'same')
    """
    if not isinstance(value, tuple):
        return str(value)
    return "x".join(",".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in value)


def count(amount: int, noun: str) -> str:
    """Write an amount with its noun.

    Example:
        >>> count(1, "filter"), count(6, "filter")
        ('1 filter', '6 filters')
    """
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"
