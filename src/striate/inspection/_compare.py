"""Two networks side by side: which layers differ, in what, and what that does to the totals."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any, Literal

from ._bounds import at_least
from ._last_map import last_map
from ._report import Report
from ._row import Row

VERSION = 1
"""Of what `as_dict` gives; a change that breaks a reader raises it."""

Status = Literal["equal", "renamed", "changed", "affected", "added", "removed"]
STATUSES: tuple[Status, ...] = ("changed", "added", "removed", "affected", "renamed", "equal")

OWN = (
    "kind", "details", "dtype", "output_shape", "params", "trainable_params", "shared_params",
    "macs", "param_bytes", "buffer_bytes", "output_bytes", "saved_bytes",
)  # fmt: skip
"""Quantities by which a layer itself has changed."""

INHERITED = ("receptive_field", "jump", "padding", "alive_bytes")
"""Quantities that other layers can change."""

TOTALS = (
    "params", "trainable_params", "macs", "flops", "weights_file_bytes", "peak_memory_inference",
    "peak_memory_training",
)  # fmt: skip
"""Totals that are numbers, by their names in `Report`."""


@dataclass(frozen=True, slots=True)
class Change:
    """One quantity in both networks.

    Args:
        quantity: Its name in `Row` or `Report`.
        before, after: Its values; None is not known, or does not apply.
        before_at_least, after_at_least: Whether they are lower bounds.
    """

    quantity: str
    before: Any
    after: Any
    before_at_least: bool = False
    after_at_least: bool = False

    @property
    def is_change(self) -> bool:
        """Whether the values differ."""
        return bool(self.before != self.after)

    @property
    def difference(self) -> float | None:
        """After less before; None where they are no two known numbers."""
        if self._numbers():
            return self.after - self.before  # type: ignore[no-any-return]
        return None

    @property
    def ratio(self) -> float | None:
        """After by before; None where there is none."""
        return self.after / self.before if self._numbers() and self.before else None

    def _numbers(self) -> bool:
        known = isinstance(self.before, int | float) and isinstance(self.after, int | float)
        return known and not (self.before_at_least or self.after_at_least)


@dataclass(frozen=True, slots=True)
class Pair:
    """A layer of one network, or one of each that stand in the same place.

    Args:
        before, after: The rows; None where there is none.
        changes: The quantities that differ.
    """

    before: Row | None
    after: Row | None
    changes: tuple[Change, ...] = ()

    @property
    def row(self) -> Row:
        """The row, that of the second network if there are two."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def status(self) -> Status:
        """How the layer differs.

        `changed` in itself; `affected` in its receptive field or in the memory alive, by other
        layers; `renamed` in its name alone; `added`, `removed`; or `equal`.
        """
        if self.before is None or self.after is None:
            return "added" if self.before is None else "removed"
        if any(change.quantity in OWN for change in self.changes):
            return "changed"
        if self.changes:
            return "affected"
        return "equal" if self.before.name == self.after.name else "renamed"


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare` found.

    Args:
        a, b: The reports of both networks: `before` and `after` in what follows.
        rows: The layers of both, in the order they run.
        totals: Parameters, MACs, memory, receptive field of the last map, output shapes.
    """

    a: Report = field(repr=False)
    b: Report = field(repr=False)
    rows: tuple[Pair, ...]
    totals: tuple[Change, ...]

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.rows)

    def total(self, quantity: str) -> Change:
        """Find a total by its name.

        Raises:
            KeyError: There is none of this name.
        """
        return next((one for one in self.totals if one.quantity == quantity), None) or _no(quantity)

    @property
    def same_input(self) -> bool:
        """Whether both were worked out for inputs of the same shapes."""
        return list(self.a.input_shapes.values()) == list(self.b.input_shapes.values())

    @cached_property
    def counts(self) -> dict[Status, int]:
        """How many layers have each status."""
        found = Counter(pair.status for pair in self.rows)
        return {status: found[status] for status in STATUSES}

    @property
    def identical(self) -> bool:
        """Whether no number and no name differs."""
        same = self.counts["equal"] == len(self.rows) and self.same_input
        return same and not any(one.is_change for one in self.totals)

    def to_text(self, width: int | None = None) -> str:
        """Write what differs as plain text: layers that are equal are counted.

        Args:
            width: Columns to fit into; 80 where none is given.
        """
        from ._compare_text import compared_text

        return compared_text(self, width or 80)

    def as_dict(self) -> dict[str, Any]:
        """Tell all of it in plain dicts and lists; `"infinite"` stands for an infinite size."""
        return {
            "version": VERSION,
            "a": _network(self.a),
            "b": _network(self.b),
            "same_input": self.same_input,
            "identical": self.identical,
            "counts": dict(self.counts),
            "totals": {one.quantity: _told(one, total=True) for one in self.totals},
            "rows": [
                {
                    "status": pair.status,
                    "a": pair.before.name if pair.before else None,
                    "b": pair.after.name if pair.after else None,
                    "kind": pair.row.kind,
                    "changes": {one.quantity: _told(one) for one in pair.changes},
                }
                for pair in self.rows
            ],
        }

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        from ._compare_text import compared_html

        return compared_html(self)


def compare(a: Report, b: Report) -> Comparison:
    """Tell what changed from one network to another.

    Layers are matched by their names, or in order by what they are, whichever leaves fewer
    differences: a layer put into a `Sequential` renames all behind it.

    Args:
        a, b: The reports: before and after.
    Example:
        >>> import striate
        >>> a, b = (striate.inspect(name) for name in ("resnet18", "resnet34"))
        >>> changes = compare(a, b)
        >>> changes.total("params").difference, changes.counts["added"]
        (10108160, 56)
    """
    named: list[Key] = [lambda row: (row.name, row.kind), _signature, lambda row: row.kind]
    shaped: list[Key] = [lambda row: (_signature(row), row.output_shape), *named[1:]]
    found = [_pairs(a.rows, b.rows, keys) for keys in (named, shaped)]
    rows = min(found, key=_distance)
    return Comparison(a, b, tuple(rows), tuple(_totals(a, b)))


Key = Callable[[Row], Hashable]


def _signature(row: Row) -> Hashable:
    """What a layer is, whatever it is called."""
    return row.kind, row.module, row.details, row.weights


def _distance(pairs: Sequence[Pair]) -> float:
    """How far apart two networks are when their layers are matched like this."""
    return sum(map(_cost, pairs)) + 0.01 * sum(len(pair.changes) for pair in pairs)


def _cost(pair: Pair) -> float:
    """A layer gets another number easily, and another word hardly."""
    if pair.before is None or pair.after is None:
        return 1.0
    words = {re.sub(r"\d+", "0", row.name) for row in (pair.before, pair.after)}
    costs = {"equal": 0.0, "renamed": 0.4, "affected": 0.5}
    return costs.get(pair.status, 1.0) + (len(words) - 1)


def _pairs(a: Sequence[Row], b: Sequence[Row], keys: Sequence[Key]) -> list[Pair]:
    """Match in order by the first key, what lies between by the next one."""
    matched = _strays(_aligned(a, b, keys))
    return [Pair(x, y, _changes(x, y)) for x, y in matched]


Match = tuple[Row | None, Row | None]


def _aligned(a: Sequence[Row], b: Sequence[Row], keys: Sequence[Key]) -> list[Match]:
    if not a or not b or not keys:
        return [*((row, None) for row in a), *((None, row) for row in b)]
    first, rest = keys[0], keys[1:]
    matcher = SequenceMatcher(None, [first(row) for row in a], [first(row) for row in b], False)
    matched: list[Match] = []
    at, to = 0, 0
    for block in matcher.get_matching_blocks():
        matched += _aligned(a[at : block.a], b[to : block.b], rest)
        at, to = block.a + block.size, block.b + block.size
        matched += zip(a[block.a : at], b[block.b : to], strict=True)
    return matched


def _strays(matched: list[Match]) -> list[Match]:
    """Match layers of one name and kind that have moved to another place."""
    gone = {(x.name, x.kind): x for x, y in matched if x is not None and y is None}
    come = {(y.name, y.kind) for x, y in matched if x is None and y is not None}
    moved = gone.keys() & come
    kept: list[Match] = []
    for x, y in matched:
        if x is None and y is not None:
            key = y.name, y.kind
            kept.append((gone[key] if key in moved else None, y))
        elif y is not None or x is None or (x.name, x.kind) not in moved:
            kept.append((x, y))
    return kept


def _changes(a: Row | None, b: Row | None) -> tuple[Change, ...]:
    if a is None or b is None:
        return ()
    changes = (Change(name, getattr(a, name), getattr(b, name)) for name in (*OWN, *INHERITED))
    return tuple(change for change in changes if change.is_change)


def _totals(a: Report, b: Report) -> Iterator[Change]:
    yield Change("layers", len(a), len(b))
    for name in TOTALS:
        least = at_least(a, name), at_least(b, name)
        yield Change(name, getattr(a, name), getattr(b, name), *least)
    yield Change("receptive_field", _last_field(a), _last_field(b))
    yield Change("output_shapes", tuple(a.output_shapes.values()), tuple(b.output_shapes.values()))


def _last_field(report: Report) -> tuple[float | None, ...] | None:
    row = last_map(report)
    return row.receptive_field if row else None


def _network(report: Report) -> dict[str, Any]:
    shapes = {name: list(shape) for name, shape in report.input_shapes.items()}
    return {"name": report.name, "input_shapes": shapes, "unknown": list(report.unknown)}


def _told(change: Change, *, total: bool = False) -> dict[str, Any]:
    told = {"from": _plain(change.before), "to": _plain(change.after)}
    if change.difference is not None:
        told |= {"difference": change.difference, "ratio": change.ratio}
    if total:
        told["at_least"] = change.before_at_least or change.after_at_least
    return told


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return "infinite" if isinstance(value, float) and math.isinf(value) else value


def _no(quantity: str) -> Change:
    raise KeyError(quantity)
