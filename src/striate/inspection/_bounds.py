"""Which totals are lower bounds, because something of a layer is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._report import Report


def at_least(report: Report, total: str) -> bool:
    """Whether a total of the report, by its name, is at least what it says."""
    if total in ("macs", "flops", "backward_macs", "connections"):
        return any(row.macs is None for row in report.rows)
    if total == "peak_memory_inference":
        return any(row.output_bytes is None or row.kind == "opaque" for row in report.rows)
    if total in ("saved_for_backward", "peak_memory_training"):
        return bool(report.memory.unknown)
    return False
