"""Which columns fit into how much room, and the texts of all their cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._report import Report
from . import _numbers as write
from ._columns import Column, find_column, find_columns
from ._lines import Knowledge, Line, Quantity, lines_of

GAP = 2
"""Spaces between columns."""

BAR = 8
"""Columns of the bar beside a share."""

MINOR = 2
"""Columns whose `keep` is no more than this go before numbers are written short."""

NAME_WIDTH = 12
"""What a layer's name is cut down to before other columns are cut."""


@dataclass(frozen=True)
class Layout:
    """A table that is ready to be drawn.

    Args:
        columns: Those that have room.
        widths: Of the columns.
        head: Their titles.
        lines: What stands in the table.
        body: The texts of a line's cells.
        total: The texts of the last line; empty where no column adds up.
        left_out: Columns that had no room.
        short: Whether numbers are written to three digits.
    """

    columns: tuple[Column, ...]
    widths: tuple[int, ...]
    head: tuple[str, ...]
    lines: tuple[Line, ...]
    body: tuple[tuple[str, ...], ...]
    total: tuple[str, ...]
    left_out: tuple[Column, ...] = ()
    short: bool = False

    @property
    def has_total(self) -> bool:
        """Whether the last line tells anything."""
        return any(self.total)

    def aligned(self, cells: Sequence[str]) -> list[str]:
        """Fill cells up to the widths of their columns, and cut what is too long."""
        return [
            f"{fit(cell, width):>{width}}" if column.right else f"{fit(cell, width):<{width}}"
            for cell, column, width in zip(cells, self.columns, self.widths, strict=True)
        ]


def fit(text: str, width: int) -> str:
    """Cut a text from the front: the end of a path tells layers apart.

    Example:
        >>> fit("layer4.0.downsample.0", 14)
        '….downsample.0'
    """
    if len(text) <= width:
        return text
    return "…" + text[len(text) - width + 1 :] if width > 1 else text[:width]


def lay_out(
    report: Report,
    *,
    columns: str | Sequence[str] | None = None,
    depth: int | None = None,
    sort: str | None = None,
    width: int | None = None,
    bars: bool = True,
) -> Layout:
    """Choose columns and number format for the room there is.

    Where all does not fit, the details go first; then numbers are written short; then columns go,
    the least important first; in the end the names are cut.

    Args:
        report: The report.
        columns: Keys or names of sets; see `COLUMNS` and `SETS`.
        depth: How many components of a name to keep; see `lines_of`.
        sort: A column; the largest comes first, texts go by the alphabet.
        width: Room; None is as much as it takes.
        bars: Draw a bar beside a share.
    """
    chosen = find_columns(columns)
    known = Knowledge(report)
    lines = lines_of(report, depth)
    total = {column.key: _total(column, lines, known) for column in chosen}
    if sort is not None:
        lines = sorted_lines(lines, find_column(sort), known)
    cells = {column.key: [column.of(line, known) for line in lines] for column in chosen}
    if columns is None:
        chosen = [c for c in chosen if any(one.value or one.unknown for one in cells[c.key])]
    left: list[Column] = []
    short = False
    layout = _written(chosen, lines, cells, total, short=short, bars=bars)
    while width is not None and _room(layout.widths) > width:
        minor = columns is None and any(column.keep <= MINOR for column in chosen)
        if not short and not minor:
            short = True
        elif len(chosen) > 2:
            least = min(chosen[1:], key=lambda column: column.keep)
            chosen.remove(least)
            left.append(least)
        else:
            layout = _narrowed(layout, width)
            break
        layout = _written(chosen, lines, cells, total, short=short, bars=bars and not short)
    return replace(layout, left_out=tuple(left))


def sorted_lines(lines: Sequence[Line], column: Column, known: Knowledge) -> list[Line]:
    """Put the lines with the largest quantity first; those that have none come last."""
    having = [(column.of(line, known).value, line) for line in lines]
    absent = [line for value, line in having if value is None]
    present = [(value, line) for value, line in having if value is not None]
    down = column.form != "text"
    present.sort(key=lambda pair: _rank(pair[0]), reverse=down)
    return [*(line for _, line in present), *absent]


def _rank(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(-1 if one is None else one for one in value)
    return value


def _total(column: Column, lines: Sequence[Line], known: Knowledge) -> Quantity:
    if column.key == "name":
        return Quantity("total")
    if column.key == "share" and known.costs_unknown:
        return Quantity(None)  # of what is not known
    if column.fold == "sum":
        return column.total(lines, known)
    if column.key == "alive_bytes":
        return Quantity(known.report.peak_memory_inference, bool(known.vague))
    return Quantity(None)


def _written(
    columns: Sequence[Column],
    lines: Sequence[Line],
    cells: dict[str, list[Quantity]],
    total: dict[str, Quantity],
    *,
    short: bool,
    bars: bool,
) -> Layout:
    """Write all cells, and measure the columns."""
    head, texts, totals = [], [], []
    for column in columns:
        own = [column.write(one, short=short) for one in cells[column.key]]
        last = column.write(total[column.key], short=short)
        if column.form == "share":
            own, last = _with_bars(own, last, cells[column.key] if bars else None)
        head.append(column.brief if short and column.brief else column.title)
        texts.append(own)
        totals.append(last)
    if not any(text.strip() for text in totals[1:]):
        totals = [""] * len(totals)
    widths = tuple(
        max(map(len, (title, last, *own)))
        for title, last, own in zip(head, totals, texts, strict=True)
    )
    body = tuple(zip(*texts, strict=True))
    return Layout(tuple(columns), widths, tuple(head), tuple(lines), body, tuple(totals),
                  short=short)  # fmt: skip


def _with_bars(texts: list[str], last: str, shares: list[Quantity] | None) -> tuple[list[str], str]:
    """Align percents, and draw each beside it, the largest as the full bar."""
    width = max(map(len, (last, *texts)), default=0)
    if shares is None:
        return [f"{text:>{width}}" for text in texts], f"{last:>{width}}"
    values = [one.value or 0.0 for one in shares]
    largest = max(values, default=0.0) or 1.0
    drawn = [
        f"{text:>{width}} {write.bar(value / largest, BAR):<{BAR}}"
        for text, value in zip(texts, values, strict=True)
    ]
    return drawn, f"{last:>{width}}"


def _room(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _narrowed(layout: Layout, width: int) -> Layout:
    """Cut the names, and where even that is not enough everything."""
    widths = list(layout.widths)
    over = _room(widths) - width
    widths[0] = max(widths[0] - over, min(widths[0], NAME_WIDTH))
    while _room(widths) > width and max(widths) > 1:
        widest = max(range(len(widths)), key=widths.__getitem__)
        widths[widest] -= 1
    return replace(layout, widths=tuple(widths))
