"""The equivariance report as a table and as JSON."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._equivariance import Equivariance, Follows

VERSION = 1
"""Of the JSON."""


def as_dict(report: Equivariance) -> dict[str, Any]:
    """Give a report in a form that JSON takes."""
    first = report.first_stride()
    told: dict[str, Any] = {
        "version": VERSION,
        "name": report.name,
        "inputs": report.count,
        "changes": [
            {"kind": c.kind, "label": c.label, **dataclasses.asdict(c)}  # type: ignore[call-overload]
            for c in report.changes
        ],
        "layers": [dataclasses.asdict(one) for one in report.layers],
        "breaks": [one and one.layer for one in map(report.breaks, range(len(report.changes)))],
        "first_stride": first and first.layer,
        "agreement": report.agreement,
    }
    if report.blurred is not None:
        told["blurred"] = as_dict(report.blurred)
    return told


def to_text(report: Equivariance) -> str:
    """Write a report as a table: a row a layer, a column a change."""
    parts = [_heading(report), "", _table(report), "", *_findings(report)]
    if report.blurred is not None:
        parts += ["", f"With a BlurPool at every stride ({report.blurred.name})", ""]
        parts += [_table(report.blurred), "", *_findings(report.blurred)]
    return "\n".join(parts)


def _heading(report: Equivariance) -> str:
    some = f"{report.count} input{'s' if report.count != 1 else ''}"
    return (
        f"{report.name}: how far each map follows changes of {some}\n"
        f"relative difference: 0 follows exactly, 1.41 unrelated; * units at the border too"
    )


def _table(report: Equivariance) -> str:
    heads = ["layer", "stride", "jump", *(_head(c) for c in report.changes)]
    rows = [heads, *(_cells(one) for one in report.layers)]
    if report.agreement is not None:
        shares = [f"{share:.0%}" for share in report.agreement]
        rows.append(["same class", "", "", *shares])
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    lines = []
    for row in rows:
        cells = [cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)


def _head(change: Any) -> str:
    return f"shift {change.label}" if change.kind == "shift" else str(change.label)


def _cells(one: Follows) -> list[str]:
    mark = "" if one.interior or one.jump is None else "*"
    jump = "whole" if one.jump is None else f"{one.jump:g}{mark}"
    step = f"{one.step:g}" if one.step != 1 else ""
    return [one.layer, step, jump, *(amount(d) for d in one.differences)]


def amount(difference: float | None) -> str:
    """Write a difference; what rounding explains is 0."""
    if difference is None:
        return "-"
    if difference < 1e-5:
        return "0"
    return f"{difference:.2g}" if difference < 1e-3 else f"{difference:.3f}"


def _findings(report: Equivariance) -> list[str]:
    """What the numbers say, in sentences."""
    found = []
    first = report.first_stride()
    shifts = [i for i, change in enumerate(report.changes) if change.kind == "shift"]
    if first is not None:
        over = [i for i in shifts if (first.differences[i] or 0) > 1e-3]
        broken = [report.changes[i].label for i in over]
        found.append(
            f"The first stride that breaks: {first.layer} (stride {first.step:g}) at shifts of "
            f"{', '.join(broken)}."
        )
    elif shifts:
        found.append("No stride breaks the shifts.")
    if report.agreement is not None and shifts:
        mean = sum(report.agreement[i] for i in shifts) / len(shifts)
        found.append(f"The class stays the same in {mean:.0%} of the shifted inputs.")
    return found
