"""From the words of the command line to numbers: 3x32x32, 5, 3x5, 1x2, 0,1, same."""

from __future__ import annotations

from ..errors import OptionError, ShapeError

PaddingSpec = int | str | tuple[int | tuple[int, int], ...]
"""Pixels for both sides, 'same', 'valid', or one an axis: a number or (before, after)."""


def parse_shape(text: str, subject: str) -> tuple[int, ...]:
    """Read channels and sizes.

    Raises:
        ShapeError: Something else than whole numbers with an x between them.
    Example:
        >>> parse_shape("3x32x32", "conv")
        (3, 32, 32)
    """
    try:
        return _whole_numbers(text)
    except ValueError:
        raise ShapeError(
            f"input={text!r} is no shape; it must be whole numbers with an x between them, "
            f"channels first. Write 3x32x32 for 3 channels of 32x32 pixels, 1x100 for a signal.",
            subject=subject,
        ) from None


def parse_size(text: str, name: str, subject: str) -> int | tuple[int, ...]:
    """Read one number for all axes, or one an axis.

    Raises:
        OptionError: Something else than whole numbers with an x between them.
    Example:
        >>> parse_size("5", "kernel", "conv"), parse_size("3x5", "kernel", "conv")
        (5, (3, 5))
    """
    try:
        numbers = _whole_numbers(text)
    except ValueError:
        raise OptionError(
            f"{name}={text!r} is not known; it must be a whole number, or one an axis with an x "
            f"between them. Write 3, or 3x5.",
            subject=subject,
        ) from None
    return numbers[0] if len(numbers) == 1 else numbers


def parse_padding(text: str, subject: str) -> PaddingSpec:
    """Read a padding: a word, or for all axes or each a number or `before,after`.

    Raises:
        OptionError: None of these.
    Example:
        >>> parse_padding("2", "conv"), parse_padding("1x2", "conv"), parse_padding("0,1", "conv")
        (2, (1, 2), ((0, 1),))
    """
    if text in ("same", "valid"):
        return text
    try:
        axes = tuple(_sides(part) for part in text.split("x"))
    except ValueError:
        raise OptionError(
            f"padding={text!r} is not known. Write same, valid, a number of pixels for both "
            f"sides, two with a comma between (before,after), or such for each axis with an x "
            f"between them, as in 1x2.",
            subject=subject,
        ) from None
    return axes[0] if len(axes) == 1 and isinstance(axes[0], int) else axes


def _whole_numbers(text: str) -> tuple[int, ...]:
    return tuple(map(_whole_number, text.split("x")))


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.removeprefix("-").isdecimal()):
        raise ValueError(text)  # int() would take ' 1_000 ' too
    return int(text)


def _sides(text: str) -> int | tuple[int, int]:
    numbers = [_whole_number(part) for part in text.split(",")]
    if len(numbers) == 1:
        return numbers[0]
    before, after = numbers
    return before, after
