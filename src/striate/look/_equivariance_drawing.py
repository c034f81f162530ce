"""The equivariance report as a figure: layers by changes, before and after BlurPool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._colours import NEGATIVE, POSITIVE
from ._style import GREY, INK, PAGE, colour, new_figure, rising

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ._equivariance import Equivariance, Follows

NAMED = 40
"""Layers that get their name; of more, those with a stride and some between."""


def draw(report: Equivariance) -> Figure:
    """Draw what each layer does not follow, and below how often the class stays."""
    reports = [report] + ([report.blurred] if report.blurred else [])
    rows = max(len(one.layers) for one in reports)
    high = min(9.0, 1.2 + 0.15 * rows)
    classes = report.agreement is not None
    title = f"{report.name}: how far maps follow changes of the input"
    figure = new_figure(PAGE if report.blurred else 0.75 * PAGE, high + 1.0 * classes, title)
    ratios = [high, 0.9] if classes else [high]
    axes = figure.subplots(
        len(ratios), len(reports), squeeze=False, gridspec_kw={"height_ratios": ratios}
    )
    every = [d or 0.0 for each in reports for one in each.layers for d in one.differences]
    limit = max(every)
    limit = max(min(limit, 1.5), 0.1)
    names = ["as it is", "with BlurPool"] if report.blurred else [""]
    for column, (one, name) in enumerate(zip(reports, names, strict=True)):
        shown = _map(axes[0, column], one, limit, name)
        if classes and one.agreement is not None:
            _agreement(axes[1, column], one, named=column == 0, after=column == 1)
    bar = figure.colorbar(shown, ax=list(axes[0]), location="right", shrink=0.7, aspect=25)
    bar.outline.set_visible(False)
    bar.set_label("relative difference (0: follows exactly)")
    note = "/2: a stride of 2    *: units at the border too    (whole): should not change at all"
    figure.supxlabel(note, x=0.01, ha="left", fontsize=6, color=GREY)
    return figure


def _map(axes: Axes, report: Equivariance, limit: float, name: str) -> Any:
    values = np.array([one.differences for one in report.layers], np.float64)  # None: NaN
    shown = axes.imshow(
        values, rising(), vmin=0, vmax=limit, aspect="auto", interpolation="nearest"
    )
    if name:
        axes.set_title(name, loc="left")
    _mark_changes(axes, report)
    rows = _named(report.layers)
    axes.set_yticks(rows, [_label(report.layers[row]) for row in rows])
    axes.tick_params(axis="y", length=0, labelsize=6)
    for row, text in zip(rows, axes.get_yticklabels(), strict=True):
        if report.layers[row].step > 1:
            text.set_color(colour(NEGATIVE))
            text.set_fontweight("bold")
    if len(report.layers) <= NAMED:
        _numbers(axes, values, limit)
    for row, one in enumerate(report.layers):
        if one.step > 1:
            axes.axhline(row - 0.5, color=colour(NEGATIVE), linewidth=0.8)
    return shown


def _numbers(axes: Axes, values: Any, limit: float) -> None:
    """Each difference in its cell; what rounding explains stays empty."""
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            if value >= 0.005:
                shade = "white" if value > 0.75 * limit else INK
                text = axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=5)
                text.set(color=shade, in_layout=False)


def _label(one: Follows) -> str:
    name = one.layer if len(one.layer) <= 22 else f"{one.layer[:8]}…{one.layer[-13:]}"
    if one.jump is None:
        return f"{name} (whole)"
    mark = "" if one.interior else "*"
    return f"{name} /{one.step:g}{mark}" if one.step > 1 else f"{name}{mark}"


def _named(layers: tuple[Follows, ...]) -> list[int]:
    """Which rows get a name: all, or those with a stride and some between."""
    if len(layers) <= NAMED:
        return list(range(len(layers)))
    gap = -(-len(layers) // NAMED)
    chosen = [row for row, one in enumerate(layers) if one.step > 1]
    for row in (*range(0, len(layers), gap), len(layers) - 1):
        if all(abs(row - other) >= gap for other in chosen):
            chosen.append(row)
    return sorted(chosen)


def _mark_changes(axes: Axes, report: Equivariance) -> None:
    labels = [c.label for c in report.changes]
    axes.set_xticks(range(len(labels)), labels)
    axes.tick_params(axis="x", length=0)
    if len(labels) > 6:
        for text in axes.get_xticklabels():
            text.set_rotation(0 if max(map(len, labels)) <= 4 else 40)
    axes.set_xlabel("shift in pixels, flip, rotation")
    kinds = [c.kind for c in report.changes]
    for place in range(1, len(kinds)):
        if kinds[place] != kinds[place - 1]:
            axes.axvline(place - 0.5, color=GREY, linewidth=0.8)


def _agreement(axes: Axes, report: Equivariance, *, named: bool, after: bool) -> None:
    assert report.agreement is not None
    shade = colour(NEGATIVE if after else POSITIVE)
    axes.bar(range(len(report.agreement)), report.agreement, color=shade, width=0.7)
    for place, share in enumerate(report.agreement):
        axes.text(place, share + 0.02, f"{100 * share:.0f}", ha="center", va="bottom", fontsize=6)
    axes.set_xlim(-0.5, len(report.agreement) - 0.5)
    axes.set_ylim(0, 1.25)
    axes.set_yticks([0, 1], ["0", "100"])
    axes.set_xticks([])
    if named:
        axes.set_ylabel("same class, %")
