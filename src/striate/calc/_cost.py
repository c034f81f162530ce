"""The lines that layers share: units, MACs, memory, and what a batch makes of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ._axes import NAMES, product
from ._calculation import Line
from ._write import number, times


def shape_line(channels: str, shape: tuple[int, ...]) -> Line:
    """Write the output's shape, channels first."""
    names = NAMES[len(shape) - 1] if len(shape) > 1 else ()
    return Line("output", shape, "", " x ".join([channels, *names]))


def units_line(channels: str, shape: tuple[int, ...]) -> Line:
    """Count the numbers of the output."""
    return Line(
        "units",
        math.prod(shape),
        "units",
        f"{channels} * output size",
        f"{shape[0]:,} * {product(shape[1:])}",
    )


def macs_lines(formula: str, factors: Sequence[int], numbers: str = "") -> list[Line]:
    """Count multiply-adds, and twice as many operations."""
    macs = math.prod(factors)
    return [
        Line("MACs", macs, "multiply-adds", formula, numbers or times(factors)),
        Line("FLOPs", 2 * macs, "FLOPs", "2 * MACs", times((2, macs))),
    ]


def memory_line(label: str, formula: str, amount: int, item_bytes: int) -> Line:
    """Work out the bytes of so many numbers."""
    total = amount * item_bytes
    numbers = f"{times((amount, item_bytes))} = {number(total)} bytes"
    return Line(label, total, "bytes", f"{formula} * bytes of a number", numbers)


def batch_lines(
    batch_size: int, output: tuple[int, ...], macs: int, output_bytes: int
) -> list[Line]:
    """Say what grows with the batch; a batch of one adds nothing to say."""
    if batch_size == 1:
        return []
    lines = [Line("batch output", (batch_size, *output), "", "batch x output")]
    if macs:
        total = batch_size * macs
        lines.append(
            Line("batch MACs", total, "multiply-adds", "batch * MACs", times((batch_size, macs)))
        )
    return [
        *lines,
        Line(
            "batch memory",
            batch_size * output_bytes,
            "bytes",
            "batch * output memory",
            f"{times((batch_size, output_bytes))} = {number(batch_size * output_bytes)} bytes",
        ),
    ]


def per_group(in_channels: int, groups: int) -> tuple[str, str]:
    """Write the channels that one filter reads: in words, and in numbers."""
    if groups == 1:
        return "in_channels", f"{in_channels:,}"
    return "in_channels / groups", f"{in_channels:,} / {groups:,}"
