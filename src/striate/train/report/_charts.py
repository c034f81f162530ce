"""Line charts as inline SVG: crisp at any size, and coloured by the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 16, 14, 44


@dataclass(frozen=True)
class Series:
    """One line of a chart: its name, its points, and the number of its colour."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int = 0


def line_chart(
    series: Sequence[Series], x_label: str, y_label: str, *, percent: bool = False
) -> Markup:
    """Draw lines over common axes, with ticks at round numbers and a name at each line.

    Args:
        series: At least one, each with at least one point.
        x_label, y_label: With their units.
        percent: Write the y axis in percent.
    """
    xs = [x for s in series for x in s.x]
    ys = [y for s in series for y in s.y if math.isfinite(y)]
    x_ticks, y_ticks = _ticks(min(xs), max(xs), whole=True), _ticks(min(ys), max(ys))
    x_low, x_high = min(*xs, x_ticks[0]), max(*xs, x_ticks[-1])
    y_low, y_high = y_ticks[0], y_ticks[-1]

    def across(x: float) -> float:
        room = _WIDTH - _LEFT - _RIGHT
        return _LEFT + room * (x - x_low) / ((x_high - x_low) or 1)

    def down(y: float) -> float:
        room = _HEIGHT - _TOP - _BOTTOM
        return _TOP + room * (y_high - min(max(y, y_low), y_high)) / ((y_high - y_low) or 1)

    parts = []
    for tick in y_ticks:
        y = down(tick)
        label = f"{tick:.4g}" if not percent else f"{100 * tick:.4g} %"
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
        )
    for tick in x_ticks:
        parts.append(
            f'<text x="{across(tick):.1f}" y="{_HEIGHT - _BOTTOM + 20}" text-anchor="middle">'
            f"{tick:.6g}</text>"
        )
    for line in series:
        points = " ".join(
            f"{across(x):.1f},{down(y):.1f}"
            for x, y in zip(line.x, line.y, strict=True)
            if math.isfinite(y)
        )
        parts.append(f'<polyline class="line c{line.colour}" points="{points}"/>')
        if len(line.x) == 1:
            place = f'cx="{across(line.x[0]):.1f}" cy="{down(line.y[0]):.1f}"'
            parts.append(f'<circle class="dot c{line.colour}" {place} r="3"/>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(
        f'<text class="label" x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">'
        f"{escape(x_label)}</text>"
    )
    names = ", ".join(line.name for line in series)
    legend = "".join(
        f'<span class="key c{line.colour}">{escape(line.name)}</span>' for line in series
    )
    return Markup(  # noqa: S704 - all text in it is escaped
        f'<figure class="chart"><figcaption>{escape(y_label)} {legend}</figcaption>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(y_label)} over {escape(x_label)}: {escape(names)}">'
        f"{''.join(parts)}</svg></figure>"
    )


def _ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Choose about five round numbers from at most `low` to at least `high`."""
    span = (high - low) or abs(high) or 1.0
    step = 10 ** math.floor(math.log10(span / 4))
    step *= next(m for m in (1, 2, 5, 10) if span / (m * step) <= 6)
    if whole:
        step = max(1, round(step))
        first = math.ceil(low / step)
        return [step * i for i in range(first, math.floor(high / step) + 1)] or [low]
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * i, 12) for i in range(first, max(last, first + 1) + 1)]


def waveform(values: Sequence[float], label: str, *, limit: float | None = None) -> Markup:
    """Draw a signal, or a filter of one, around its zero line.

    Args:
        limit: The largest magnitude of the axis; None takes the signal's own.
    """
    width, height = 160, 60
    step = max(1, len(values) // (2 * width))
    # The extremes of each stretch, so that no peak is lost.
    shown: list[float] = []
    for start in range(0, len(values), step):
        stretch = values[start : start + step]
        shown += [min(stretch), max(stretch)] if step > 1 else [stretch[0]]
    top = limit or max(map(abs, shown)) or 1.0
    last = max(len(shown) - 1, 1)
    points = " ".join(
        f"{i * width / last:.1f},{height / 2 * (1 - v / top):.1f}" for i, v in enumerate(shown)
    )
    return Markup(  # noqa: S704 - all text in it is escaped
        f'<svg class="wave" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(label)}"><line class="grid" x1="0" x2="{width}" y1="{height / 2}" '
        f'y2="{height / 2}"/><polyline class="line c0" points="{points}"/></svg>'
    )
