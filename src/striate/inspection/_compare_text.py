"""A comparison as plain text and as light HTML for notebooks."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from .render import _numbers as write

if TYPE_CHECKING:
    from ._compare import Change, Comparison, Pair
    from ._report import Report
    from ._row import Row

UNKNOWN = "unknown"

_LABELS = {
    "params": "parameters",
    "trainable_params": "trainable",
    "shared_params": "shared parameters",
    "macs": "MACs",
    "flops": "FLOPs",
    "weights_file_bytes": "weights file",
    "peak_memory_inference": "peak at test time",
    "peak_memory_training": "peak in training",
    "receptive_field": "receptive field",
    "output_shape": "output",
    "output_shapes": "output",
    "details": "arguments",
    "param_bytes": "weights",
    "buffer_bytes": "buffers",
    "output_bytes": "written",
    "saved_bytes": "saved",
    "alive_bytes": "maps alive",
}
_BYTES = ("peak_memory_inference", "peak_memory_training")
_REPEATED = ("param_bytes", "output_bytes", "trainable_params")
"""Told by another quantity of the same layer: parameters, output shape."""


def compared_text(found: Comparison, width: int) -> str:
    """Write a comparison, no line longer than `width` where words allow."""
    label = max(len(label_of(one)) for one in found.totals) + 2
    lines = [f"{_line(found.a.name)} -> {_line(found.b.name)}", ""]
    lines += _wrapped("input", _inputs(found), label, width)
    for one in found.totals:
        lines += _wrapped(label_of(one), change_text(one), label, width)
    lines += ["", *textwrap.wrap(verdict(found), width)]
    for status in ("changed", "added", "removed"):
        pairs = [pair for pair in found.rows if pair.status == status]
        if pairs:
            lines += ["", f"{status}:"]
        for pair in pairs:
            lines += textwrap.wrap(
                _pair(pair), width, initial_indent="  ", subsequent_indent="      "
            )
    return "\n".join(lines)


def verdict(found: Comparison) -> str:
    """Say in a sentence or two how many layers differ."""
    if found.identical:
        return f"The networks are identical: {len(found.rows)} layers, all equal."
    told = {
        "equal": "equal", "changed": "changed", "added": "added", "removed": "removed",
        "renamed": "equal but for the name",
        "affected": "different only through others (receptive field, memory alive)",
    }  # fmt: skip
    parts = [f"{found.counts[s]} {words}" for s, words in told.items() if found.counts[s]]  # type: ignore[index]
    return f"Layers: {', '.join(parts) or 'none'}."


def _inputs(found: Comparison) -> str:
    a, b = (_shapes(report) for report in (found.a, found.b))
    if found.same_input:
        return f"{a}, the same"
    return f"{a} -> {b}: they differ, and sizes, MACs and memory with them"


def _shapes(report: Report) -> str:
    return ", ".join(write.shape(shape) for shape in report.input_shapes.values())


def label_of(change: Change) -> str:
    """What a quantity is called."""
    return _LABELS.get(change.quantity, change.quantity.replace("_", " "))


def change_text(change: Change, *, brief: bool = False) -> str:
    """Write a quantity from -> to, with difference (unless brief) and ratio where it has them."""
    before = _value(change, change.before, change.before_at_least)
    after = _value(change, change.after, change.after_at_least)
    if not change.is_change:
        return f"{before}, the same"
    text = f"{before} -> {after}"
    if change.difference is not None:
        notes = [] if brief else [_signed(change)]
        notes += [] if change.ratio is None else [f"x{change.ratio:.3g}"]
        text += f" ({', '.join(notes)})" if notes else ""
    return text


def _value(change: Change, value: Any, at_least: bool = False) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, str):
        return _line(value) or "none"
    if isinstance(value, tuple):
        return _tuple(change.quantity, value)
    is_bytes = change.quantity.endswith("_bytes") or change.quantity in _BYTES
    text = write.memory(value) if is_bytes else write.exact(value)
    return f"at least {text}" if at_least else text


def _tuple(quantity: str, value: tuple[Any, ...]) -> str:
    if quantity == "output_shapes":
        return ", ".join(UNKNOWN if shape is None else write.shape(shape) for shape in value)
    if quantity == "output_shape":
        return write.shape(value)
    return write.per_axis(value) or "none"


def _pair(pair: Pair) -> str:
    name = _line(pair.row.name)
    if pair.before and pair.after and pair.before.name != pair.after.name:
        name = f"{_line(pair.before.name)} -> {name}"
    if pair.status != "changed":
        return f"{'+' if pair.before is None else '-'} {name}: {_row(pair.row)}"
    return f"{name}: {'; '.join(_short(pair))}"


def _short(pair: Pair) -> Iterator[str]:
    told = {one.quantity for one in pair.changes}
    for one in pair.changes:
        repeated = "params" in told or "output_shape" in told
        if not (repeated and one.quantity in _REPEATED):
            yield f"{label_of(one)} {change_text(one, brief=True)}"


def _row(row: Row) -> str:
    """A layer in a line: what it is, its output and cost."""
    parts = [" ".join(filter(None, (row.kind, _line(row.details))))]
    parts.append(UNKNOWN if row.output_shape is None else write.shape(row.output_shape))
    if row.params:
        parts.append(f"{row.params:,} parameters")
    if row.macs is None or row.macs:
        parts.append(f"{UNKNOWN if row.macs is None else f'{row.macs:,}'} MACs")
    return ", ".join(parts)


def _line(text: str) -> str:
    """Show control characters, which a terminal would obey, as question marks."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _wrapped(label: str, text: str, indent: int, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=label.ljust(indent), subsequent_indent=" " * indent
    )


def compared_html(found: Comparison) -> str:
    """Write a comparison for a notebook, in the notebook's own colours."""
    head = "<tr><th></th><th>from</th><th>to</th><th>difference</th><th>ratio</th></tr>"
    totals = "".join(map(_html_total, found.totals))
    rows = "".join(
        f"<tr><td>{pair.status}</td><td>{escape(_pair(pair))}</td></tr>"
        for pair in found.rows
        if pair.status in ("changed", "added", "removed")
    )
    layers = f"<table><tbody>{rows}</tbody></table>" if rows else ""
    return (
        f"<div><p><b>{escape(found.a.name)} → {escape(found.b.name)}</b>, "
        f"input {escape(_inputs(found))}</p>"
        f"<table><thead>{head}</thead><tbody>{totals}</tbody></table>"
        f"<p>{escape(verdict(found))}</p>{layers}</div>"
    )


def _html_total(change: Change) -> str:
    cells = [
        label_of(change),
        _value(change, change.before, change.before_at_least),
        _value(change, change.after, change.after_at_least),
        "" if change.difference is None else _signed(change),
        "" if change.ratio is None else f"{change.ratio:.3g}",
    ]
    return f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in cells)}</tr>"


def _signed(change: Change) -> str:
    difference = change.difference or 0
    return f"{'-' if difference < 0 else '+'}{_value(change, abs(difference))}"
