"""From a report to one HTML file that needs no other and no network."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template

from .._report import Report
from ._advice import advice_section
from ._data import page_data, script_json
from ._headline import headline
from ._join import digest, join

SCRIPTS = (
    "state.js", "format.js", "svg.js", "tree.js", "columns.js", "table.js", "chart.js", "cost.js",
    "memory.js", "plane.js", "field.js", "layer.js", "main.js",
)  # fmt: skip
"""Modules of the page, each after those it imports from."""


def html_page(report: Report) -> str:
    """Write the report as one page: totals, table, cost, receptive fields, memory over time.

    Names from the user's model are escaped, and the page may run its own script and load nothing.

    Args:
        report: What `striate.inspect` found.
    Returns:
        The page, to be written as UTF-8.
    Example:
        >>> import striate
        >>> html_page(striate.inspect("lenet5"))[:15]
        '<!doctype html>'
    """
    folder = files(__package__)
    template = Template((folder / "page.html").read_text(encoding="utf-8"))
    code = script()
    return template.substitute(
        name=escape(report.name),
        style=(folder / "page.css").read_text(encoding="utf-8"),
        digest=digest(code),
        headline=headline(report),
        advice=advice_section(report),
        data=script_json(page_data(report)),
        script=code,
    )


def script() -> str:
    """Join the modules into one script."""
    folder = files(__package__) / "js"
    return join({name: (folder / name).read_text(encoding="utf-8") for name in SCRIPTS})
