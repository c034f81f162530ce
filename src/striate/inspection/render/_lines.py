"""The lines of a table: the rows of a report, or the blocks that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ...errors import OptionError
from .._fields_of import main_input
from .._report import Report
from .._row import Row


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity of a line.

    Args:
        value: None where it is not known or does not apply.
        unknown: Whether something of it is not known: a value is then at least what it is, a share
            at most.
    """

    value: Any
    unknown: bool = False


@dataclass(frozen=True)
class Line:
    """One line of a table.

    Args:
        name: Of the row, or of the block.
        rows: The row, or those folded into the block, in the order they run.
        block: Whether it stands for a block.
        more: What it adds to totals besides its rows, by quantity.
    """

    name: str
    rows: tuple[Row, ...]
    block: bool = False
    more: Mapping[str, int] = field(default_factory=dict)


def lines_of(report: Report, depth: int | None = None) -> list[Line]:
    """Fold the rows of a report.

    Args:
        report: The report.
        depth: Rows whose name has more components than this are folded into their block; None
            folds nothing.
    Returns:
        The lines in the order their first rows run; parameters that nothing reads come last.
    Raises:
        OptionError: `depth` is less than 1.
    """
    if depth is not None and depth < 1:
        raise OptionError(f"depth={depth} must be 1 or more: the components of a name to keep.")
    folded: dict[tuple[str, bool], list[Row]] = {}
    for row in report.rows:
        parts = row.name.split(".")
        deep = depth is not None and len(parts) > depth
        folded.setdefault((".".join(parts[:depth]) if deep else row.name, deep), []).append(row)
    lines = [Line(name, tuple(rows), block) for (name, block), rows in folded.items()]
    return [*lines, _unused(report)] if report.unused else lines


def _unused(report: Report) -> Line:
    """Parameters that no operation reads: they belong to no row, and to the total."""
    weights = [report.graph.weights[name] for name in report.unused]
    more = {
        "params": sum(report.unused.values()),
        "trainable_params": sum(w.type.numel for w in weights if w.trainable),
        "param_bytes": sum(w.type.nbytes for w in weights),
    }
    return Line("(unused)", (), more=more)


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What of a report is not known, and follows from its rows together."""

    report: Report

    @cached_property
    def blind(self) -> frozenset[str]:
        """Rows behind an operation that is not known: what they see of the input is not known."""
        source = main_input(self.report.graph)
        depends, found = {source}, set()
        for row in self.report.rows:
            if depends.intersection(row.reads):
                depends.add(row.name)
                if row.field is None:
                    found.add(row.name)
        return frozenset(found)

    @cached_property
    def vague(self) -> frozenset[str]:
        """Rows while which a map of unknown size is alive."""
        places = {row.name: place for place, row in enumerate(self.report.rows)}
        last = dict(places)
        for row in self.report.rows:
            for read in row.reads:
                if read in last:
                    last[read] = places[row.name]
        found: set[str] = set()
        for row in self.report.rows:
            if row.output_bytes is None:
                alive = self.report.rows[places[row.name] : last[row.name] + 1]
                found.update(one.name for one in alive)
        return frozenset(found)

    def share(self, row: Row) -> Quantity:
        """A row's share of the MACs; where others are not known, the true one is smaller."""
        if row.macs is None:
            return Quantity(None, unknown=True)
        total = self.report.macs
        return Quantity(row.macs / total if total else 0.0, bool(row.macs) and self.costs_unknown)

    @cached_property
    def costs_unknown(self) -> bool:
        """Whether there is a row whose MACs are not known."""
        return any(row.macs is None for row in self.report.rows)
