"""From a report to one HTML file that needs no other and no network."""

from __future__ import annotations

import base64
import hashlib
import re
from html import escape
from importlib.resources import files
from string import Template

from .._report import Report
from ._advice import advice_section
from ._data import page_data, script_json
from ._headline import headline

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
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    return template.substitute(
        name=escape(report.name),
        style=(folder / "page.css").read_text(encoding="utf-8"),
        digest=digest,
        headline=headline(report),
        advice=advice_section(report),
        data=script_json(page_data(report)),
        script=code,
    )


def script() -> str:
    """Join the modules into one script: each becomes a function that gives what it exports."""
    folder = files(__package__) / "js"
    return "\n".join(_joined(name, (folder / name).read_text(encoding="utf-8")) for name in SCRIPTS)


_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|function) (\w+))", re.MULTILINE)


def _joined(name: str, code: str) -> str:
    gives = ", ".join(_EXPORT.findall(code))
    code = _EXPORT.sub("", _IMPORT.sub(r"const \1 = from_\2;", code))
    return (
        f"const from_{name.removesuffix('.js')} = (() => {{\n{code}\nreturn {{ {gives} }};\n}})();"
    )
