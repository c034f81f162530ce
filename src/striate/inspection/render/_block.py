"""The layers of one block of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .._report import Report
from .._row import Row
from ._layout import lay_out
from ._lines import Knowledge
from ._text import WIDTH, table_lines


def rows_of(report: Report, name: str) -> tuple[Row, ...]:
    """Find the rows that a name stands for: one row, or all of a module and the modules in it.

    Raises:
        OptionError: There is none; the message offers near names.
    """
    found = [row for row in report.rows if row.name == name]
    found = found or [
        row for row in report.rows if row.path == name or row.name.startswith(f"{name}.")
    ]
    return tuple(found) if found and name else (report[name],)


def block_table(
    report: Report,
    rows: Sequence[Row],
    *,
    columns: str | Sequence[str] | None = None,
    width: int | None = WIDTH,
) -> str:
    """Write the table of some of a report's rows; shares are of the whole network."""
    names = {row.name for row in rows}
    whole = lay_out(report, columns=columns, width=width)
    known = Knowledge(report)
    kept = [k for k, line in enumerate(whole.lines) if line.name in names]
    lines = [whole.lines[k] for k in kept]
    total = [
        column.write(column.total(lines, known), short=whole.short) if column.fold == "sum" else ""
        for column in whole.columns
    ]
    part = replace(
        whole,
        lines=tuple(lines),
        body=tuple(whole.body[k] for k in kept),
        total=("in all", *total[1:]),
    )
    return "\n".join(table_lines(part))
