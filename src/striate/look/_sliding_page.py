"""A sliding window as a page of its own, which can be played, stopped and stepped."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from .._colours import NEGATIVE, POSITIVE
from ._sliding_draw import sum_lines

if TYPE_CHECKING:
    from ._sliding import SlidingWindow


def page(shown: SlidingWindow, ms: int) -> str:
    """Write the page: one file that needs nothing else."""
    data = {
        "input": shown.input.tolist(),
        "kernel": shown.kernel.tolist(),
        "output": shown.output.tolist(),
        "ms": ms,
        "positive": POSITIVE,
        "negative": NEGATIVE,
        "places": [
            {"place": place, "rows": rows, "columns": columns, "sum": sum_lines(shown, place)}
            for place in shown.places
            for rows, columns in [shown.reads(place)]
        ],
    }
    # "<" cannot end the script then, whatever a name holds.
    written = json.dumps(data, allow_nan=False).replace("<", "\\u003c")
    template = (files(__package__) / "static" / "sliding.html").read_text(encoding="utf-8")
    title = escape(shown.title or "A sliding window")
    return template.replace("{{title}}", title).replace("{{data}}", written)
