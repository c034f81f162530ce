"""Signals as drawings: waveforms, and filters of one axis."""

from __future__ import annotations

import numpy as np

from ._pixels import Floats
from ._svg import Markup, drawing, element, points

COLUMNS = 120
"""Places along a waveform; each shows the least and the largest of its samples."""


def waveform(signal: Floats, alt: str, width: float = 240.0, height: float = 72.0) -> Markup:
    """Draw a signal (C, L) as the band between its least and largest samples.

    All channels share one scale, and lie over each other.
    """
    limit = float(np.abs(signal).max(initial=0)) or 1.0
    middle = height / 2
    bands = []
    for channel in signal:
        pieces = np.array_split(channel, min(COLUMNS, channel.size))
        step = width / len(pieces)
        upper = [(i * step, middle - middle * float(p.max()) / limit) for i, p in enumerate(pieces)]
        lower = [(i * step, middle - middle * float(p.min()) / limit) for i, p in enumerate(pieces)]
        bands.append(element("polygon", points=points(upper + lower[::-1]), class_="wave"))
    return drawing(width, height, alt, *bands, class_="signal")


def taps(before: Floats | None, after: Floats, limit: float, alt: str) -> Markup:
    """Draw a filter of one axis as a line, over what it was before training.

    Args:
        before, after: (K,).
        limit: The magnitude at the upper and the lower edge.
        alt: What a reader who does not see it is told.
    """
    width, height = 120.0, 72.0

    def line(values: Floats, class_: str) -> Markup:
        step = width / max(1, len(values) - 1)
        shift = 0.0 if len(values) > 1 else width / 2
        places = [
            (shift + i * step, height / 2 * (1 - float(v) / (limit or 1.0)))
            for i, v in enumerate(values)
        ]
        if len(places) == 1:  # a line of one point would not show
            places = [(places[0][0], height / 2), *places]
        return element("polyline", points=points(places), class_=f"line {class_}")

    zero = element("line", x1=0, x2=width, y1=height / 2, y2=height / 2, class_="grid")
    lines = [] if before is None else [line(before, "before")]
    return drawing(width, height, alt, zero, *lines, line(after, "after"), class_="taps")
