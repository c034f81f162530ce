"""The advice written out."""

from __future__ import annotations

from .._report import Report
from ._columns import printable
from ._text import WIDTH, fold


def advice_text(report: Report, *, width: int | None = WIDTH) -> str:
    """Write what stands out: the layer and its numbers, why it matters, what to do.

    Args:
        report: The report.
        width: Columns of text; None folds nothing.
    """
    if not report.advice:
        return "advice: nothing stands out."
    blocks = []
    for one in report.advice:
        head = f"{one.severity}: {one.layer} ({one.rule}): {one.finding}"
        rows = [head, f"  {one.why}", f"  {one.remedy}"]
        blocks += [
            folded
            for row in map(printable, rows)
            for folded in (fold(row, width, "  ") if width else [row])
        ]
        blocks.append("")
    return "\n".join(blocks[:-1])
