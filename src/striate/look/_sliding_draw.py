"""One frame of a sliding window: the input, the kernel, the sum, the output so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _style as style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ._sliding import SlidingWindow
    from ._subject import Floats

READABLE = 12
"""Cells along an axis; in more, numbers would be too small."""

TERMS = 7
"""Products written out on a line; of longer rows of a kernel only the sum."""


def draw(shown: SlidingWindow, place: tuple[int, int]) -> Figure:
    """Draw the window at one place; later places of the output are empty."""
    high, wide = _extent(shown)
    lines = sum_lines(shown, place)
    k, o = shown.kernel.shape, shown.output.shape
    tall = max(1.1, 3.0 * max(high, k[0], o[0]) / max(wide, 4))
    figure = style.new_figure(height=min(tall, 4.2) + 0.5 + 0.16 * len(lines), title=shown.title)
    heights = [min(tall, 4.2), 0.1 + 0.16 * len(lines)]
    parts: Any = figure.subfigures(2, 1, height_ratios=heights)
    over, below = parts
    widths = [wide, max(k[1], 2.5), max(o[1], 2.5)]
    axes = over.subplots(1, 3, width_ratios=widths)
    _draw_input(axes[0], shown, place)
    _cells(axes[1], shown.kernel, style.largest(shown.kernel), f"kernel {k[0]}x{k[1]}")
    done = np.full(o, np.nan)
    for one in shown.places[: shown.places.index(place) + 1]:
        done[one] = shown.output[one]
    _cells(axes[2], done, style.largest(shown.output), f"output {o[0]}x{o[1]}")
    style.outline(axes[2], _box([place[0]], [place[1]]), "black", linewidth=1.6)
    below.text(0.01, 0.98, "\n".join(lines), family="monospace", fontsize=7, va="top")
    return figure


def sum_lines(shown: SlidingWindow, place: tuple[int, int]) -> list[str]:
    """Write the sum out, a line a row of the kernel, with the sum so far at each line's end."""
    values, terms = shown.values(place), shown.terms(place)
    lines, so_far = [], 0.0
    for row, (x, w) in enumerate(zip(values, shown.kernel, strict=True)):
        so_far += float(terms[row].sum())
        products = " + ".join(f"{_short(a)}·{_short(b)}" for a, b in zip(x, w, strict=True))
        if len(w) > TERMS:
            products = f"{_short(float(terms[row].sum()))} (row {row}: {len(w)} products)"
        lines.append(
            f"{'  ' if row == 0 else '+ '}{products}".ljust(12) + f"   so far {so_far:.4g}"
        )
    parts = [f"{so_far:.4g}"]
    if shown.rest is not None:
        parts.append(f"{_short(shown.rest[place])} (the others)")
    if shown.bias:
        parts.append(f"{_short(shown.bias)} (bias)")
    y, x = place
    where = f"output[{x}]" if shown.output.shape[0] == 1 else f"output[{y}, {x}]"
    lines.append(f"= {' + '.join(parts)} = {shown.output[place]:.4g} = {where}"
                 if len(parts) > 1 else f"= {shown.output[place]:.4g} = {where}")  # fmt: skip
    return lines


def _short(value: float) -> str:
    """A number in three digits, in brackets below 0."""
    text = f"{value:.3g}"
    return f"({text})" if value < 0 else text


def _extent(shown: SlidingWindow) -> tuple[int, int]:
    """Cells of the input with all padding that is read."""
    top, bottom, left, right = _borders(shown)
    return shown.input.shape[0] + top + bottom, shown.input.shape[1] + left + right


def _borders(shown: SlidingWindow) -> tuple[int, int, int, int]:
    """Rows and columns of padding that some place reads."""
    rows = [r for p in ((0, 0), shown.places[-1]) for r in shown.reads(p)[0]]
    columns = [c for p in ((0, 0), shown.places[-1]) for c in shown.reads(p)[1]]
    high, wide = shown.input.shape
    return (
        max(-min(rows), 0), max(max(rows) + 1 - high, 0),
        max(-min(columns), 0), max(max(columns) + 1 - wide, 0),
    )  # fmt: skip


def _draw_input(axes: Axes, shown: SlidingWindow, place: tuple[int, int]) -> None:
    high, wide = shown.input.shape
    top, bottom, left, right = _borders(shown)
    _cells(axes, shown.input, style.largest(shown.input), f"input {high}x{wide}")
    whole = ((-top, high + bottom), (-left, wide + right))
    for part in _frame(whole, (high, wide)):
        style.outline(axes, part, style.FAINT, hatch="////", linewidth=0)
    style.outline(axes, ((0, high), (0, wide)), style.GREY, linewidth=0.8)
    rows, columns = shown.reads(place)
    for row in rows:
        for column in columns:
            style.outline(axes, _box([row], [column]), "black", linewidth=0.8)
    style.outline(axes, _box(rows, columns), "black", linewidth=1.8)
    axes.set_xlim(-left - 0.6, wide + right - 0.4)
    axes.set_ylim(high + bottom - 0.4, -top - 0.6)


def _frame(
    whole: tuple[tuple[int, int], tuple[int, int]], size: tuple[int, int]
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    from ._field import padding_parts

    return padding_parts(whole, size)


def _box(rows: list[int], columns: list[int]) -> tuple[tuple[int, int], tuple[int, int]]:
    return (min(rows), max(rows) + 1), (min(columns), max(columns) + 1)


def _cells(axes: Axes, values: Floats, limit: float, title: str) -> None:
    """Cells in colours, with their numbers where these can be read."""
    high, wide = values.shape
    limit = limit or 1.0
    axes.imshow(values, style.diverging(), vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_title(title, loc="left")
    style.outline(axes, ((0, high), (0, wide)), style.GREY, linewidth=0.6)
    axes.set_xlim(-0.6, wide - 0.4)
    axes.set_ylim(high - 0.4, -0.6)
    if max(high, wide) > READABLE:
        return
    texts = [f"{value:.2g}" for value in values[np.isfinite(values)]]
    size = 7.0 if max(high, wide) <= 7 and max(map(len, texts), default=0) <= 4 else 5.0
    for (y, x), value in np.ndenumerate(values):
        if np.isfinite(value):
            ink = "white" if abs(value) > 0.75 * limit else style.INK
            text = axes.text(x, y, f"{value:.2g}", ha="center", va="center", fontsize=size)
            text.set(color=ink, in_layout=False)  # within the cells, whose place is known
