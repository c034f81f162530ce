"""The columns: each quantity of a row, its title, how it is written and how a block adds it up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from ...errors import OptionError
from .._row import Row
from . import _numbers as write
from ._lines import Knowledge, Line, Quantity


@dataclass(frozen=True)
class Column:
    """One quantity.

    Args:
        key: Its name, that of `Row`.
        title: What stands over the column.
        form: `text`, `shape`, `count`, `bytes`, `share`, `axes`, `shares`, `ratio` or `flag`.
        meaning: What it is, in a line.
        get: Takes it from a row.
        brief: The title where there is little room.
        is_unknown: Tells whether None is "not known" rather than "does not apply".
        fold: For a block: `sum`, `max`, the `first` or the `last` row's; empty has none.
        keep: The larger, the longer the column stays when room gets short.
    """

    key: str
    title: str
    form: str
    meaning: str
    get: Callable[[Row], Any]
    brief: str = ""
    is_unknown: Callable[[Row, Knowledge], bool] = lambda row, known: False
    fold: str = ""
    keep: int = 0

    @property
    def right(self) -> bool:
        """Whether its texts end at the right."""
        return self.form not in ("text", "shape", "share", "flag")

    def of(self, line: Line, known: Knowledge) -> Quantity:
        """Find the quantity of a line."""
        if self.key == "name":
            return Quantity(line.name)
        if not line.rows:
            return Quantity(line.more.get(self.key))
        if not line.block:
            return self._of_row(line.rows[0], known)
        if self.key == "kind":
            return Quantity(_block_kind(line))
        if self.fold == "sum":
            return self.total([line], known)
        if not self.fold:
            return Quantity(None)
        if self.fold == "max":
            found = [self._of_row(row, known) for row in line.rows]
            values = [one.value for one in found if one.value is not None]
            return Quantity(max(values, default=None), any(one.unknown for one in found))
        return self._of_row(line.rows[0 if self.fold == "first" else -1], known)

    def total(self, lines: Sequence[Line], known: Knowledge) -> Quantity:
        """Add a quantity up over lines."""
        rows = [row for line in lines for row in line.rows]
        found = [self._of_row(row, known) for row in rows if self._counts(row)]
        more = sum(line.more.get(self.key, 0) for line in lines)
        value = more + sum(one.value for one in found if one.value is not None)
        unknown = any(one.unknown for one in found)
        if self.key == "units":
            unknown = unknown or any(row.macs is None for row in rows)
        if self.key == "share" and any(one.value is None for one in found):
            return Quantity(None, unknown=True)
        return Quantity(value if value or not unknown else None, unknown)

    def _of_row(self, row: Row, known: Knowledge) -> Quantity:
        if self.key == "share":
            return known.share(row)
        value = self.get(row)
        judge = self.is_unknown if value is None else self._is_vague
        unknown = judge(row, known)
        return Quantity(None if unknown and value == 0 else value, unknown)

    def _is_vague(self, row: Row, known: Knowledge) -> bool:
        """Whether a number is only a lower bound."""
        if self.key == "alive_bytes":
            return row.name in known.vague
        return self.key == "receptive_field" and row.name in known.blind

    def _counts(self, row: Row) -> bool:
        """Whether a row adds to the total: units are those of layers with connections."""
        return self.key != "units" or row.connections is not None or row.units is None

    def write(self, quantity: Quantity, *, short: bool = False) -> str:
        """Write a quantity into a cell: `?` is not known, nothing is "does not apply"."""
        if quantity.value is None:
            return write.UNKNOWN if quantity.unknown else ""
        text = self._written(quantity.value, short)
        if quantity.unknown and self.form != "text":
            return f"{'≤' if self.form == 'share' else '≥'}{text}"
        return text

    def _written(self, value: Any, short: bool) -> str:
        if self.form == "count":
            return write.short(value) if short else write.exact(value)
        if self.form == "bytes":
            return write.memory(value)
        if self.form == "share":
            return write.percent(value)
        if self.form == "shape":
            return write.shape(value)
        if self.form in ("axes", "shares"):
            if all(one is None for one in value):
                return ""
            if self.form == "shares":
                return write.per_axis(value, write.percent, once=True)
            return write.per_axis(value, once=short)
        if self.form == "ratio":
            return write.short(value) if value >= 10_000 else f"{value:,.3g}"
        if self.form == "flag":
            return "yes" if value else "no"
        return printable(str(value))


def printable(text: str) -> str:
    """Show control characters, which a terminal would obey, as question marks."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _as_key(name: str) -> str:
    """Write a name as keys are."""
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def _block_kind(line: Line) -> str:
    modules = {row.module for row in line.rows if row.path == line.name and row.module}
    return modules.pop() if len(modules) == 1 else f"{len(line.rows)} layers"


def _no_macs(row: Row, known: Knowledge) -> bool:
    return row.macs is None


def _always(row: Row, known: Knowledge) -> bool:
    return True


def _behind_unknown(row: Row, known: Knowledge) -> bool:
    return row.name in known.blind


def _itself_unknown(row: Row, known: Knowledge) -> bool:
    return row.kind == "opaque" or row.output_shape is None


def _previous(row: Row) -> tuple[float | None, ...] | None:
    if row.previous is None:
        return None
    return tuple(field.size if field else None for field in row.previous)


COLUMNS: dict[str, Column] = {
    column.key: column
    for column in (
        Column("name", "layer", "text", "Path of the module in your words.", lambda r: r.name,
               keep=99),
        Column("module", "module", "text", "Class of the module.", lambda r: r.module),
        Column("kind", "kind", "text", "Kind of the operation.", lambda r: r.kind, keep=20),
        Column("details", "details", "text", "Its arguments.", lambda r: r.details, keep=1),
        Column("reads", "reads", "text", "The layers whose maps it reads.",
               lambda r: ", ".join(r.reads), fold="first", keep=2),
        Column("input_shape", "input", "shape", "Shape of the first map it reads, batch in front.",
               lambda r: r.input_shape, is_unknown=lambda r, k: bool(r.reads), fold="first"),
        Column("output_shape", "output", "shape", "Shape of the map it makes, batch in front.",
               lambda r: r.output_shape, is_unknown=_always, fold="last", keep=70),
        Column("dtype", "dtype", "text", "Type of the numbers in its output.", lambda r: r.dtype,
               is_unknown=_always, fold="last"),
        Column("params", "params", "count", "Learned numbers that it is the first to use.",
               lambda r: r.params, fold="sum", keep=90),
        Column("trainable_params", "trainable", "count", "Those of them that receive a gradient.",
               lambda r: r.trainable_params, fold="sum"),
        Column("shared_params", "shared", "count",
               "Learned numbers it uses that an earlier layer counted.",
               lambda r: r.shared_params, fold="sum"),
        Column("weights", "weights", "count", "Learned numbers it uses, shared or not.",
               lambda r: r.weights, fold="sum", keep=50),
        Column("macs", "MACs", "count", "Multiply-adds of its products, forward.",
               lambda r: r.macs, is_unknown=_no_macs, fold="sum", keep=95),
        Column("share", "share", "share", "Its share of the network's MACs.", lambda r: None,
               is_unknown=_no_macs, fold="sum", keep=40),
        Column("flops", "FLOPs", "count", "Floating point operations: 2 a MAC.",
               lambda r: r.flops, is_unknown=_no_macs, fold="sum", keep=45),
        Column("backward_macs", "backward MACs", "count", "Multiply-adds of the gradients.",
               lambda r: r.backward_macs, brief="back MACs", is_unknown=_no_macs, fold="sum",
               keep=42),
        Column("units", "units", "count",
               "Numbers in its output; totals count layers with connections.",
               lambda r: r.units, is_unknown=_always, fold="sum", keep=52),
        Column("connections", "connections", "count",
               "Pairs of a unit and a real unit, or its bias, that it sums up.",
               lambda r: r.connections, is_unknown=_no_macs, fold="sum", keep=54),
        Column("padding_connections", "to padding", "count",
               "Pairs of a unit and a pixel of padding, not among the connections.",
               lambda r: r.padding_connections, is_unknown=_no_macs, fold="sum", keep=38),
        Column("param_bytes", "param memory", "bytes", "Bytes of its learned numbers.",
               lambda r: r.param_bytes, brief="params mem", fold="sum", keep=48),
        Column("buffer_bytes", "buffers", "bytes", "Bytes of its running statistics.",
               lambda r: r.buffer_bytes, fold="sum", keep=15),
        Column("output_bytes", "output memory", "bytes", "Bytes it makes; 0 for a view.",
               lambda r: r.output_bytes, brief="out mem", is_unknown=_always, fold="sum", keep=46),
        Column("saved_bytes", "saved", "bytes", "Bytes it adds to what is kept for backward.",
               lambda r: r.saved_bytes, is_unknown=_always, fold="sum", keep=58),
        Column("alive_bytes", "alive", "bytes",
               "Bytes of all maps alive while it runs at test time.",
               lambda r: r.alive_bytes, fold="max", keep=60),
        Column("receptive_field", "receptive field", "axes",
               "Pixels of the input, per axis, from the first that a unit sees to the last.",
               lambda r: r.receptive_field, brief="RF", is_unknown=_behind_unknown, fold="last",
               keep=80),
        Column("jump", "jump", "axes", "Input pixels from one unit's field to the next one's.",
               lambda r: r.jump, is_unknown=_behind_unknown, fold="last", keep=65),
        Column("start", "start", "axes", "Centre of the first unit's field; pixel 0's is 0.",
               lambda r: r.start, is_unknown=_behind_unknown, fold="last", keep=35),
        Column("padding", "padding", "axes",
               "How far the first unit's field hangs over the input's border.",
               lambda r: r.padding, is_unknown=_behind_unknown, fold="last", keep=36),
        Column("previous", "in previous", "axes", "Receptive field in the map it reads.",
               _previous, brief="previous", is_unknown=_itself_unknown, keep=34),
        Column("overhang", "overhang", "shares",
               "Mean share of its units' fields that hangs over the input's border.",
               lambda r: r.overhang, is_unknown=_behind_unknown, fold="last", keep=33),
        Column("aligned", "aligned", "flag",
               "Whether all branches that met on the way had the same centres.",
               lambda r: r.aligned if r.field is not None else None,
               is_unknown=_behind_unknown, fold="last", keep=10),
        Column("infinite_by", "infinite by", "text",
               "The layer that made the receptive field infinite.",
               lambda r: r.infinite_by or None, fold="last", keep=9),
        Column("unread", "unread", "axes", "Pixels of its input, per axis, that no output reads.",
               lambda r: r.unread, is_unknown=_itself_unknown, keep=32),
        Column("intensity", "FLOPs/byte", "ratio",
               "FLOPs for each byte of input, weights and output, moved once.",
               lambda r: r.intensity, brief="FLOP/B", is_unknown=_no_macs, keep=30),
    )
}  # fmt: skip
"""Every column by key, in the order that `all` shows them."""

SETS: dict[str, tuple[str, ...]] = {
    "default": ("name", "kind", "details", "output_shape", "params", "macs", "share",
                "receptive_field", "jump", "alive_bytes"),
    "cost": ("name", "kind", "params", "macs", "share", "flops", "backward_macs", "intensity"),
    "memory": ("name", "kind", "output_shape", "param_bytes", "output_bytes", "saved_bytes",
               "alive_bytes"),
    "field": ("name", "kind", "output_shape", "receptive_field", "jump", "start", "padding",
              "previous", "overhang", "unread"),
    "lecture": ("name", "kind", "output_shape", "units", "weights", "connections",
                "padding_connections", "macs"),
    "all": tuple(COLUMNS),
}  # fmt: skip
"""Columns that answer one question, by name."""

ALIASES = {
    _as_key(word): column.key
    for column in COLUMNS.values()
    for word in (column.title, column.brief)
    if word and _as_key(word) not in COLUMNS
} | {"backward": "backward_macs"}
"""Other names that are taken: the titles, as `layer`, `rf`, `output`, `saved`, `alive`."""


def find_columns(names: str | Sequence[str] | None) -> list[Column]:
    """Look columns up.

    Args:
        names: Keys and names of sets, separated by commas or as a list; None is the default set.
    Returns:
        The columns, each once; the layer's name is always the first.
    Raises:
        OptionError: One is not known; the message offers near names.
    """
    if names is None:
        names = ("default",)
    asked = names.split(",") if isinstance(names, str) else list(names)
    keys = ["name"]
    for name in filter(None, (one.strip() for one in asked)):
        keys += SETS[name] if name in SETS else [find_column(name, more=tuple(SETS)).key]
    if len(keys) == 1 and "name" not in asked and "layer" not in asked:
        raise OptionError("no columns were named: give some, as in macs,params, or a set: cost.")
    return [COLUMNS[key] for key in dict.fromkeys(keys)]


def find_column(name: str, *, more: tuple[str, ...] = ()) -> Column:
    """Look one column up by its key or its title.

    Raises:
        OptionError: There is none; the message offers near names.
    """
    key = _as_key(name)
    if (key := ALIASES.get(key, key)) in COLUMNS:
        return COLUMNS[key]
    known = (*COLUMNS, *ALIASES, *more)
    close = get_close_matches(key, known, n=3, cutoff=0.5)
    near = f"Did you mean {' or '.join(close)}? " if close else ""
    raise OptionError(
        f"column {name!r} is not known. {near}Known are {', '.join(COLUMNS)}"
        f"{'; and the sets ' + ', '.join(more) if more else ''}."
    )
