"""Numbers of pixels that are exact: whole ones as int, others as fractions, never floats."""

from __future__ import annotations

import operator
from fractions import Fraction

from .errors import OptionError

Number = int | Fraction
"""A length in pixels: whole for convolutions and poolings, a fraction for their transposes."""


def exact_number(value: object, name: str) -> Number:
    """Take a whole number as int, a fraction as Fraction; no floats, which are not exact."""
    if isinstance(value, Fraction):
        return whole(value)
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise OptionError(
            f"Window: {name}={value!r} must be an int or a Fraction, not {type(value).__name__}."
        ) from None


def whole(value: Number) -> Number:
    """Make a fraction without a remainder an int."""
    return value.numerator if value.denominator == 1 else value
