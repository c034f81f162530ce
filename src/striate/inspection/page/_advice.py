"""The advice on the page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .._report import Report

if TYPE_CHECKING:
    from ..advice import Advice


def advice_section(report: Report) -> str:
    """Write what stands out as an HTML list; nothing where nothing does."""
    if not report.advice:
        return ""
    items = "\n".join(map(_item, report.advice))
    return (
        '<section aria-labelledby="advice-title">\n<h2 id="advice-title">What stands out</h2>\n'
        f'<ul class="advice">\n{items}\n</ul>\n</section>'
    )


def _item(advice: Advice) -> str:
    """One advice; its layer is a link that selects the layer in the table."""
    name = escape(advice.layer)
    layer = f'<a href="#" data-layer="{name}">{name}</a>' if advice.layer else "the network"
    rule = escape(advice.rule.replace("-", " "))
    return (
        f'<li class="{escape(advice.severity)}"><h3>{layer} <span class="soft">{rule}</span></h3>'
        f"<p>{escape(advice.finding)}</p>"
        f'<p class="soft">{escape(advice.why)}</p><p>{escape(advice.remedy)}</p></li>'
    )
