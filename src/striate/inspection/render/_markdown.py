"""The table in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from .._report import Report
from ._layout import lay_out
from ._summary import GIGABYTES, summary


def markdown_text(
    report: Report,
    *,
    columns: str | Sequence[str] | None = None,
    depth: int | None = None,
    sort: str | None = None,
    width: int | None = None,
    gigabytes: float = GIGABYTES,
    advice: bool = True,
) -> str:
    """Write the table and the totals as a list; the arguments are those of `plain_text`."""
    layout = lay_out(report, columns=columns, depth=depth, sort=sort, width=width, bars=False)
    rules = ["---:" if column.right else "---" for column in layout.columns]
    total = [f"**{cell.strip()}**" if cell.strip() else "" for cell in layout.total]
    rows = [layout.head, *layout.body]
    table = [[_escaped(cell) for cell in row] for row in rows]
    lines = [table[0], rules, *table[1:], *([total] if layout.has_total else [])]
    facts = [
        f"- {label}: {_escaped(text)}"
        for label, text in summary(report, gigabytes=gigabytes, advice=advice)
    ]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", *facts, ""])


def _escaped(text: str) -> str:
    """Show what Markdown would take as a sign of its own."""
    for sign in ("\\", "`", "*", "_", "|", "<", "["):
        text = text.replace(sign, f"\\{sign}")
    return text.strip()
