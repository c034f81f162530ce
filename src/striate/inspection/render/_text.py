"""The table as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from .._report import Report
from ._layout import GAP, Layout, lay_out
from ._summary import GIGABYTES, Fact, summary

WIDTH = 120
"""Columns unless another width is asked for."""


def plain_text(
    report: Report,
    *,
    columns: str | Sequence[str] | None = None,
    depth: int | None = None,
    sort: str | None = None,
    width: int | None = WIDTH,
    gigabytes: float = GIGABYTES,
    advice: bool = True,
) -> str:
    """Write the table and the totals under it.

    Args:
        report: The report.
        columns: Keys of columns or names of sets, separated by commas or as a list.
        depth: Components of a layer's name to keep; what is deeper is folded into its block.
        sort: The column to sort by, the largest first.
        width: Columns of text; None is as many as it takes.
        gigabytes: Memory for which the largest batch is told.
        advice: Tell how much advice there is.
    Raises:
        OptionError: A column is not known.
    """
    layout = lay_out(report, columns=columns, depth=depth, sort=sort, width=width)
    facts = summary(report, gigabytes=gigabytes, advice=advice)
    note = left_out(layout) if columns is not None else ""
    parts = [*table_lines(layout), "", *fact_lines(facts, width)]
    return "\n".join([*parts, *textwrap.wrap(note, width or 1000)])


def table_lines(layout: Layout) -> list[str]:
    """Draw the table: titles, a rule, the lines, a rule, the total."""
    gap = " " * GAP
    rule = gap.join("─" * width for width in layout.widths)
    end = [None, layout.total] if layout.has_total else []
    lines = [layout.head, None, *layout.body, *end]
    return [rule if one is None else gap.join(layout.aligned(one)).rstrip() for one in lines]


def fact_lines(facts: Sequence[Fact], width: int | None) -> list[str]:
    """Write label and sentence, folded under each other where there is little room."""
    margin = max(len(label) for label, _ in facts) + GAP
    if width is None:
        return [f"{label:<{margin}}{text}" for label, text in facts]
    if width < margin + 24:
        margin = min(2, width - 1)
        texts = [f"{label}: {text}" for label, text in facts]
        return [row for text in texts for row in fold(text, width, " " * margin)]
    lines = []
    for label, text in facts:
        first, *rest = fold(text, width - margin, "")
        lines += [f"{label:<{margin}}{first}", *(" " * margin + row for row in rest)]
    return lines


def fold(text: str, width: int, indent: str) -> list[str]:
    """Fold a text; a number is never cut in two unless it is longer than the line."""
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False) or [""]


def left_out(layout: Layout) -> str:
    """Tell which columns had no room."""
    if not layout.left_out:
        return ""
    names = ", ".join(column.key for column in layout.left_out)
    return f"At this width without: {names}."
