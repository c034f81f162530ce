"""The table for notebooks: light HTML, in the notebook's own colours."""

from __future__ import annotations

from html import escape

from .._report import Report
from ._columns import Column
from ._layout import Layout, lay_out
from ._summary import summary

# No colour of its own but the bars' and the warnings', so that it reads on light and dark pages.
_STYLE = """
.striate { font: 13px/1.45 system-ui, sans-serif; color: inherit }
.striate .scroll { max-height: 32em; overflow: auto }
.striate table { border-collapse: collapse; background: none; color: inherit; margin: 0 }
.striate th, .striate td { padding: 1px 10px 1px 0; text-align: left; white-space: nowrap;
  background: none; border: 0; color: inherit }
.striate .n { text-align: right; font-variant-numeric: tabular-nums }
.striate tbody tr:hover { background: rgba(128, 128, 128, .16) }
.striate thead th, .striate tfoot td { font-weight: 600; border-bottom: 1px solid #8888 }
.striate tfoot td { border: 0; border-top: 1px solid #8888 }
.striate .q { color: #d08000; font-weight: 600 }
.striate .peak { color: #e0457b; font-weight: 600 }
.striate i { display: inline-block; height: .7em; background: #4a90d9; border-radius: 1px }
.striate dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1em; margin: .6em 0 }
.striate dt { opacity: .65; margin: 0; font-weight: 400 } .striate dd { margin: 0 }
"""

_BAR = 80
"""Pixels of the longest bar."""


def notebook_html(report: Report) -> str:
    """Write the table of all rows and the totals under it."""
    layout = lay_out(report, bars=False)
    head = "".join(_cell("th", c, t) for c, t in zip(layout.columns, layout.head, strict=True))
    foot = "".join(_cell("td", c, t) for c, t in zip(layout.columns, layout.total, strict=True))
    facts = "".join(f"<dt>{escape(a)}</dt><dd>{escape(b)}</dd>" for a, b in summary(report))
    return (
        f'<div class="striate"><style>{_STYLE}</style><div class="scroll"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{_body(layout, report)}</tbody>"
        f"<tfoot><tr>{foot}</tr></tfoot></table></div><dl>{facts}</dl></div>"
    )


def _body(layout: Layout, report: Report) -> str:
    largest = max((row.macs or 0 for row in report.rows), default=0) or 1
    rows = []
    for line, texts in zip(layout.lines, layout.body, strict=True):
        cells = []
        for column, text in zip(layout.columns, texts, strict=True):
            bar = ""
            if column.key == "share" and line.rows:
                width = _BAR * (line.rows[0].macs or 0) / largest
                bar = f' <i style="width:{width:.0f}px"></i>' if width >= 0.5 else ""
            peak = column.key == "alive_bytes" and line.name == report.memory.peak_node
            cells.append(_cell("td", column, text, "peak" if peak else "", bar))
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return "".join(rows)


def _cell(tag: str, column: Column, text: str, more: str = "", behind: str = "") -> str:
    classes = ["n"] if column.right else []
    classes += ["q"] if text.strip().startswith(("?", "≥", "≤")) else []
    classes += [more] if more else []
    name = f' class="{" ".join(classes)}"' if classes else ""
    title = f' title="{escape(column.meaning)}"' if tag == "th" else ""
    return f"<{tag}{name}{title}>{escape(text.strip())}{behind}</{tag}>"
