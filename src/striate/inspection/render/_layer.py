"""Everything about one layer: each quantity with its value, its definition and its arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .._field import AxisField
from .._report import Report
from .._row import Row
from . import _numbers as write
from ._columns import COLUMNS, printable
from ._lines import Knowledge, Line, Quantity
from ._text import fold

WIDTH = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One quantity: its value, what it is, and how the value comes about."""

    label: str
    value: str
    meaning: str
    arithmetic: str = ""


def layer_text(
    report: Report, layer: str, *, of: str | None = None, width: int | None = WIDTH
) -> str:
    """Write a page about one layer.

    Args:
        report: The report.
        layer: Name of a row.
        of: An earlier layer in whose map the receptive field is told, besides that in the input.
        width: Columns of text; None folds nothing.
    Raises:
        OptionError: There is no such layer, or it does not depend on the other one.
    """
    row = report[layer]
    words = [row.kind, row.details, f"({row.module})" if row.module else ""]
    head = f"{row.name}: {' '.join(filter(None, words))}"
    reads = ", ".join(row.reads) or "nothing"
    lines = [printable(head), printable(f"reads {reads}"), ""]
    entries = [*layer_entries(report, row), *_fields(report, row, of)]
    return "\n".join(lines + _columns(entries, width))


def _columns(entries: Sequence[Entry], width: int | None) -> list[str]:
    """Label and value in columns; the definition behind them, its arithmetic under it."""
    labels = max(len(one.label) for one in entries)
    values = max(len(one.value) for one in entries)
    margin = labels + values + 4
    narrow = width is not None and width < margin + 30
    if narrow:
        margin = 2
    lines = []
    for one in entries:
        texts = [one.meaning, *([f"= {one.arithmetic}"] if one.arithmetic else [])]
        rest = [
            row
            for text, indent in zip(texts, ("", "  "), strict=False)
            for row in (fold(text, width - margin, indent) if width else [text])
        ]
        if narrow:
            lines += [
                *fold(f"{one.label}: {one.value}", width or 80, ""),
                *(f"  {r}" for r in rest),
            ]
            continue
        first, *more = rest
        lines.append(f"{one.label:<{labels}}  {one.value:>{values}}  {first}")
        lines += [" " * margin + row for row in more]
    return lines


def layer_entries(report: Report, row: Row) -> Iterator[Entry]:
    """Give the quantities of a layer that apply to it, with their arithmetic."""
    known = Knowledge(report)
    line = Line(row.name, (row,))
    for key in _KEYS:
        column = COLUMNS[key]
        quantity = column.of(line, known)
        if quantity.value is None and not quantity.unknown:
            continue  # it does not apply
        if key in _ONLY_IF_ANY and not quantity.value and not quantity.unknown:
            continue
        text = "unknown" if quantity.value is None else column.write(quantity)
        if not text:
            continue
        yield Entry(column.title, text, column.meaning, _arithmetic(report, row, key, quantity))


_KEYS = (
    "input_shape", "output_shape", "dtype", "params", "trainable_params", "shared_params",
    "weights", "macs", "share", "flops", "backward_macs", "units", "connections",
    "padding_connections", "param_bytes", "buffer_bytes", "output_bytes", "saved_bytes",
    "alive_bytes", "intensity", "unread", "receptive_field", "jump", "start", "padding",
    "previous", "overhang", "infinite_by",
)  # fmt: skip

_ONLY_IF_ANY = ("shared_params", "buffer_bytes", "infinite_by")


def _arithmetic(report: Report, row: Row, key: str, quantity: Quantity) -> str:
    """The definition with the layer's numbers in it; empty where it says nothing new."""
    if quantity.value is None or quantity.unknown:
        return ""
    if key == "params":
        return _weights_in_words(report, row)
    if key == "macs":
        return _products(report, row)
    if key == "share" and row.macs:
        return f"{row.macs:,} / {report.macs:,}"
    if key == "flops" and row.flops:
        return f"2 * {row.macs:,}"
    if key == "backward_macs" and row.backward_macs and row.macs:
        times = row.backward_macs // row.macs
        what = {1: "for the weights or for the input", 2: "for the weights and for the input"}
        return f"{times} * {row.macs:,}: {what.get(times, 'for each operand')}"
    if key == "units" and row.output_shape:
        return " * ".join(map(str, row.output_shape)) if len(row.output_shape) > 1 else ""
    if key in ("param_bytes", "output_bytes", "alive_bytes", "saved_bytes") and quantity.value:
        return f"{quantity.value:,} bytes"
    if key in ("receptive_field", "jump", "start", "padding"):
        return _composed(report, row, key)
    return ""


def _weights_in_words(report: Report, row: Row) -> str:
    """Shapes of the weights that are learned."""
    node, graph = report.graph[row.name], report.graph
    own = [graph.weights[v] for v in node.inputs if v is not None and v in graph.weights]
    learned = [weight for weight in own if weight.role == "parameter"]
    if not row.params or not learned:
        return ""
    return " + ".join(f"{write.shape(w.type.shape)} {w.name.rpartition('.')[2]}" for w in learned)


def _products(report: Report, row: Row) -> str:
    """How many multiply-adds: what is made times what each sums up."""
    node, graph = report.graph[row.name], report.graph
    inputs, made = graph.input_types(node), row.units or 0
    if not row.macs or not made or not inputs or inputs[0] is None:
        return ""
    x, each = inputs[0], row.macs // made
    weight = inputs[1] if len(inputs) > 1 else None
    if row.kind == "conv" and weight is not None and weight.rank == x.rank:
        kernel = "*".join(map(str, weight.shape[2:]))
        if each == math.prod(weight.shape[1:]):
            return f"{made:,} outputs * {weight.shape[1]} channels of the group * {kernel} taps"
    if row.kind == "conv_transpose" and weight is not None:
        kernel = "*".join(map(str, weight.shape[2:]))
        return f"{x.numel:,} inputs * {weight.shape[1]} channels of the group * {kernel} taps"
    if row.kind in ("linear", "matmul") and made * each == row.macs:
        return f"{made:,} outputs * {each:,} products"
    return ""


def _composed(report: Report, row: Row, key: str) -> str:
    """The step from the map it reads, along the first axis, where the field is one window's."""
    before = next((one for one in report.rows if one.name == next(iter(row.reads), None)), None)
    if before is None or len(row.reads) != 1 or not (row.field and row.previous and before.field):
        return ""
    now, step, old = row.field[0], row.previous[0], before.field[0]
    if now is None or step is None or old is None or None in (step.jump, old.jump):
        return ""
    if step == AxisField(1, 1, 0, 0):
        return "as in the map it reads"
    jump = old.jump or 0
    now_, step_, old_ = (_numbers_of(one) for one in (now, step, old))
    which = "size" if key == "receptive_field" else key
    if which == "size":
        value = old_["size"] + (step_["size"] - 1) * jump
        words = "before + (in previous - 1) * jump before"
        numbers = f"{write.exact(old_['size'])} + ({write.exact(step_['size'])} - 1)"
    elif which == "jump":
        value, words = jump * step_["jump"], "own stride * jump before"
        numbers = write.exact(step_["jump"])
    else:
        value = old_[which] + step_[which] * jump
        words = f"before + own {which} * jump before"
        numbers = f"{write.exact(old_[which])} + {write.exact(step_[which])}"
    # Through branches it is a union, of which no one step tells.
    return f"{words} = {numbers} * {write.exact(jump)}" if value == now_[which] else ""


def _numbers_of(field: AxisField) -> dict[str, float]:
    return {key: getattr(field, key) or 0 for key in ("size", "jump", "start", "padding")}


def _fields(report: Report, row: Row, of: str | None) -> Iterator[Entry]:
    """The receptive field in an earlier layer."""
    if of is None:
        return
    fields = report.receptive_field(row.name, of)
    for label, key, meaning in (
        ("field there", "size", f"Pixels of {of}, per axis, that a unit sees."),
        ("jump there", "jump", "Its pixels from one unit's field to the next one's."),
        ("start there", "start", "Centre of the first unit's field in it."),
        ("padding there", "padding", "How far the first unit's field hangs over its border."),
    ):
        values = [getattr(one, key) if one else None for one in fields]
        if any(value is not None for value in values):
            yield Entry(label, write.per_axis(values), meaning)
