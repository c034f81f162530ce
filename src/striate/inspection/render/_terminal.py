"""The table for a terminal, with colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .._report import Report
from ._layout import GAP, Layout, lay_out
from ._summary import GIGABYTES, summary
from ._text import fact_lines, left_out

if TYPE_CHECKING:
    from rich.text import Text

_STYLES = {
    "kind": "dim", "details": "dim", "reads": "dim", "module": "dim", "dtype": "dim",
    "macs": "cyan", "share": "cyan", "receptive_field": "green", "alive_bytes": "magenta",
}  # fmt: skip


def terminal_table(
    report: Report,
    *,
    columns: str | Sequence[str] | None = None,
    depth: int | None = None,
    sort: str | None = None,
    width: int | None = None,
    gigabytes: float = GIGABYTES,
    advice: bool = True,
) -> Text:
    """Draw the table and the totals under it, for `rich.console.Console.print`.

    Args: as for `plain_text`; `width` is the terminal's. `advice` tells how much there is.
    """
    from rich.text import Text

    layout = lay_out(report, columns=columns, depth=depth, sort=sort, width=width)
    facts = summary(report, gigabytes=gigabytes, advice=advice)
    lines = [*_table(layout, report.memory.peak_node), Text()]
    labels = {label for label, _ in facts}
    for row in fact_lines(facts, width):
        label = next((one for one in labels if row.startswith(one)), "")
        lines.append(Text.assemble((row[: len(label)], "bold"), row[len(label) :]))
    if columns is not None and layout.left_out:
        lines += [Text(row, style="dim") for row in _wrapped(left_out(layout), width)]
    return Text("\n", no_wrap=True, overflow="ellipsis").join(lines)


def _table(layout: Layout, peak: str) -> list[Text]:
    from rich.text import Text

    gap = " " * GAP
    rule = Text(gap.join("─" * width for width in layout.widths), style="dim")
    head = Text(gap.join(layout.aligned(layout.head)), style="bold")
    lines = [head, rule]
    for line, cells in zip(layout.lines, layout.body, strict=True):
        at_peak = any(row.name == peak for row in line.rows)
        parts = [
            Text(cell, style=_style(column.key, cell, block=line.block, at_peak=at_peak))
            for column, cell in zip(layout.columns, layout.aligned(cells), strict=True)
        ]
        lines.append(Text(gap).join(parts))
    total = Text(gap.join(layout.aligned(layout.total)), style="bold")
    return [*lines, rule, total] if layout.has_total else lines


def _style(key: str, cell: str, *, block: bool, at_peak: bool) -> str:
    if cell.strip().startswith(("?", "≥", "≤")):
        return "bold yellow"
    if key == "alive_bytes" and at_peak:
        return "bold red"
    return "bold" if key == "name" and block else _STYLES.get(key, "")


def _wrapped(text: str, width: int | None) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width or 1000)
