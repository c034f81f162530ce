"""What a layer is asked for must make sense: shapes, channels, groups, types."""

from __future__ import annotations

import math

from ..errors import OptionError, ShapeError
from ._write import by, count

LARGEST = 1_000_000
"""Pixels of an axis, a kernel or a padding; walking along longer ones would take seconds."""

BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}
"""Bytes of one number of each type."""


def check_input(input: tuple[int, ...], subject: str, *, least: int = 1) -> None:
    """Refuse what is not channels and `least` to 3 spatial axes, each of 1 or more.

    Raises:
        ShapeError: It says what each number stands for.
    """
    if not least + 1 <= len(input) <= 4:
        spatial = "1 to 3" if least else "up to 3"
        raise ShapeError(
            f"input {by(input)} has {count(len(input), 'number')}; needed are the channels and "
            f"{spatial} sizes. Write CxL for a signal (1x100), CxHxW for an image (3x32x32), "
            f"CxDxHxW for a volume.",
            subject=subject,
        )
    if min(input) < 1:
        raise ShapeError(
            f"input {by(input)} has a size of {min(input)}; channels and sizes must be 1 or more.",
            subject=subject,
        )
    check_length(max(input[1:], default=1), "a size of the input", subject)


def check_length(length: int, what: str, subject: str) -> None:
    """Refuse an axis that is too long to walk along.

    Raises:
        ShapeError: It names the limit.
    """
    if length > LARGEST:
        raise ShapeError(
            f"{what} is {length:,} pixels; here they can be {LARGEST:,} at most. Give one tile of "
            f"a larger input.",
            subject=subject,
        )


def check_counts(subject: str, **counts: int) -> None:
    """Refuse counts that are not 1 or more.

    Raises:
        OptionError: It names the count.
    """
    for name, value in counts.items():
        if value < 1:
            raise OptionError(f"{name}={value} must be 1 or more.", subject=subject)


def check_groups(groups: int, subject: str, **channels: int) -> None:
    """Refuse groups that do not divide the channels.

    Raises:
        ShapeError: It lists the groups that do.
    """
    given = {name: f"{name}={value}" for name, value in channels.items()}
    odd = [given[name] for name, value in channels.items() if value % groups]
    if not odd:
        return
    common = math.gcd(*channels.values())
    fitting = [str(g) for g in range(1, min(common, 10_000) + 1) if common % g == 0]
    which = f"; it does not divide {' and '.join(odd)}" if len(odd) < len(given) else ""
    raise ShapeError(
        f"groups={groups} must divide {' and '.join(given.values())}{which}. Here groups can be "
        f"{' or '.join(fitting[:12])}{' or ...' if fitting[12:] else ''}.",
        subject=subject,
    )


def item_bytes(dtype: str, subject: str) -> int:
    """Look up the bytes of one number.

    Raises:
        OptionError: The type is not known.
    """
    if dtype not in BYTES:
        raise OptionError(f"dtype={dtype!r} is not known. Use {', '.join(BYTES)}.", subject=subject)
    return BYTES[dtype]
