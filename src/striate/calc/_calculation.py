"""A calculation: its lines, each a formula, the formula with numbers in it, and what comes out."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ._write import by, memory, number

Result = int | Fraction | tuple[int, ...] | str

TEXT_WIDTH = 80
"""Columns; formulas are folded to fit."""


@dataclass(frozen=True, slots=True)
class Line:
    """One quantity and how it comes about.

    Args:
        label: What it is.
        result: A number, a shape, or a word.
        unit: What the result counts.
        formula: In words.
        numbers: The formula with numbers put in; empty where that would say nothing new.
    """

    label: str
    result: Result
    unit: str
    formula: str
    numbers: str = ""


@dataclass(frozen=True, slots=True)
class Calculation:
    """What a layer's arithmetic gives, line by line.

    Args:
        title: What is calculated.
        lines: One a quantity.
        notes: What else there is to know: what does not tile, what to beware of.
        picture: Text to be shown in the place of the lines, where a table or a drawing tells more.
    Example:
        >>> from striate import calc
        >>> lenet5_c1 = calc.conv((1, 32, 32), out_channels=6, kernel_size=5)
        >>> lenet5_c1["parameters"], lenet5_c1["connections"]
        (156, 122304)
    """

    title: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    picture: str = ""

    def __getitem__(self, label: str) -> Result:
        for line in self.lines:
            if line.label == label:
                return line.result
        raise KeyError(f"{label!r}; there are {', '.join(line.label for line in self.lines)}")

    def __str__(self) -> str:
        parts = [textwrap.fill(self.title, TEXT_WIDTH), self.picture or _columns(self.lines)]
        parts += [textwrap.fill(f"note: {note}", TEXT_WIDTH) for note in self.notes]
        return "\n\n".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Give all of it as what JSON knows: a fraction becomes a float, a shape a list."""
        lines = [
            {
                "label": line.label,
                "formula": line.formula,
                "numbers": line.numbers,
                "result": _plain(line.result),
                "unit": line.unit,
            }
            for line in self.lines
        ]
        return {"title": self.title, "lines": lines, "notes": list(self.notes)}


def _columns(lines: tuple[Line, ...]) -> str:
    """Lay out label, result and formula; the numbers stand under the formula."""
    results = [_shown(line) for line in lines]
    label_width = max(len(line.label) for line in lines)
    result_width = max(map(len, results))
    margin = " " * (label_width + 2 + result_width + 2)
    rows = []
    for line, result in zip(lines, results, strict=True):
        texts = [(line.formula, "", "  ")]
        texts += [(f"= {line.numbers}", "", "  ")] if line.numbers else []
        folded = [
            row
            for text, first, rest in texts
            for row in textwrap.wrap(
                text,
                TEXT_WIDTH - len(margin),
                initial_indent=first,
                subsequent_indent=rest,
                break_long_words=False,
                break_on_hyphens=False,
            )
        ]
        rows.append(f"{line.label:<{label_width}}  {result:>{result_width}}  {folded[0]}")
        rows += [margin + row for row in folded[1:]]
    return "\n".join(rows)


def _shown(line: Line) -> str:
    if line.unit == "bytes" and isinstance(line.result, int):
        return memory(line.result)
    if isinstance(line.result, tuple):
        return by(line.result)
    return line.result if isinstance(line.result, str) else number(line.result)


def _plain(result: Result) -> int | float | str | list[int]:
    if isinstance(result, tuple):
        return list(result)
    return float(result) if isinstance(result, Fraction) else result
