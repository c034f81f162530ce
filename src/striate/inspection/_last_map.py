"""The last map whose receptive field is finite: what a network's field is told by."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._report import Report
    from ._row import Row


def last_map(report: Report) -> Row | None:
    """Find the last layer whose units slide over the input, each with a field of its own.

    Where a global pooling follows, this is the map before it: behind it all see everything.
    """
    for row in reversed(report.rows):
        field = row.field
        if field and all(f and f.jump is not None and math.isfinite(f.size) for f in field):
            return row
    return None
