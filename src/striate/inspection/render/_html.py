"""The page, which is a package of its own and loaded when it is asked for."""

from __future__ import annotations

from .._report import Report


def html_page(report: Report) -> str:
    """Write one self-contained HTML page: table, cost, receptive fields, memory over time."""
    from ..page import html_page

    return html_page(report)
