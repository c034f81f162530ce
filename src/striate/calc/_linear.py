"""The arithmetic of a fully connected layer."""

from __future__ import annotations

import math

from ._axes import product
from ._calculation import Calculation, Line
from ._checks import check_counts, check_input, item_bytes
from ._cost import batch_lines, macs_lines, memory_line
from ._write import by, count, heading, number, times

_SUBJECT = "linear"


def linear(
    input: tuple[int, ...],
    out_features: int,
    *,
    bias: bool = True,
    batch_size: int = 1,
    dtype: str = "float32",
) -> Calculation:
    """Work out a fully connected layer; a map is flattened first.

    Args:
        input: Features, or channels and sizes of the map that is flattened.
        out_features: Outputs.
        bias: Add one learned number per output.
        batch_size, dtype: As in `conv`.
    Raises:
        ShapeError: A size that is not positive.
        OptionError: An argument that is not one of the accepted values.
    Example:
        >>> f6 = linear((120,), 84)
        >>> f6["parameters"], f6["MACs"], f6["connections"]
        (10164, 10080, 10164)
    """
    check_input(input, _SUBJECT, least=0)
    check_counts(_SUBJECT, outputs=out_features, batch=batch_size)
    each = item_bytes(dtype, _SUBJECT)
    inputs = math.prod(input)
    weights = inputs + bias
    plus = " + 1 bias" if bias else ""
    every = out_features * weights
    lines = [
        Line("inputs", inputs, "numbers", "features", product(input) if input[1:] else ""),
        Line(
            "output weights",
            weights,
            "weights",
            f"inputs{plus}",
            f"{number(inputs)} + 1" if bias else "",
        ),
        Line(
            "parameters",
            every,
            "weights",
            "outputs * output weights",
            times((out_features, weights)),
        ),
        Line("units", out_features, "units", "outputs"),
        *macs_lines("inputs * outputs", (inputs, out_features)),
        Line(
            "connections",
            every,
            "connections",
            f"outputs * (inputs{plus})" if bias else "outputs * inputs",
            times((out_features, weights)),
        ),
        memory_line("output memory", "units", out_features, each),
        memory_line("weight memory", "parameters", every, each),
        *batch_lines(batch_size, (out_features,), inputs * out_features, out_features * each),
    ]
    notes: tuple[str, ...] = ()
    if input[1:]:
        notes = (
            f"it is the same as a convolution with {count(out_features, 'filter')} of {by(input)}, "
            f"which can also slide over larger inputs.",
        )
    title = heading(_SUBJECT, count(out_features, "output"), input)
    return Calculation(title, tuple(lines), notes)
