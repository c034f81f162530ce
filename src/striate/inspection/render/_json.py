"""The report as plain dicts and lists, for programs: `report.schema.json` describes them."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from .._last_map import last_map
from .._report import Report
from .._row import Row
from ._columns import COLUMNS
from ._lines import Knowledge, Line

VERSION = 1
"""Of the format; a change that breaks a reader raises it."""

INFINITE = "infinite"
"""Stands for a receptive field that grows with the input: JSON has no infinity."""


def as_dict(report: Report) -> dict[str, Any]:
    """Tell everything. What is not known is null, and named in `unknown`."""
    from ... import __version__

    known = Knowledge(report)
    return {
        "version": VERSION,
        "striate": __version__,
        "name": report.name,
        "training": report.graph.training,
        "optimizer": report.optimizer,
        "inputs": [_value(report, name) for name in report.graph.inputs],
        "outputs": [_value(report, name) for name in report.graph.outputs],
        "totals": _totals(report),
        "receptive_field": _last_field(report),
        "unknown": list(report.unknown),
        "unused": [{"name": name, "params": count} for name, count in report.unused.items()],
        "rows": [_row(row, known) for row in report.rows],
        "memory": _memory(report),
        "advice": [{**asdict(one), "others": list(one.others)} for one in report.advice],
    }


def _value(report: Report, name: str) -> dict[str, Any]:
    kind = report.graph.types[name]
    return {
        "name": name,
        "shape": list(kind.shape) if kind else None,
        "dtype": kind.dtype if kind else None,
    }


def _totals(report: Report) -> dict[str, Any]:
    keys = (
        "params", "trainable_params", "frozen_params", "buffers", "macs", "flops",
        "backward_macs", "units", "connections", "padding_connections", "param_bytes",
        "weights_file_bytes", "peak_memory_inference", "saved_for_backward", "gradient_bytes",
        "optimizer_bytes", "peak_memory_training",
    )  # fmt: skip
    totals = {key: getattr(report, key) for key in keys}
    totals["weights"] = sum(row.weights for row in report.rows)
    totals["shared_params"] = sum(row.shared_params for row in report.rows)
    totals["unused_params"] = sum(report.unused.values())
    return {**totals, "at_least": bool(report.unknown)}


def _last_field(report: Report) -> dict[str, Any] | None:
    """The field of the last map, by which networks are compared."""
    row = last_map(report)
    if row is None:
        return None
    return {
        "layer": row.name,
        "size": _numbers(row.receptive_field),
        "jump": _numbers(row.jump),
        "start": _numbers(row.start),
        "padding": _numbers(row.padding),
    }


def _row(row: Row, known: Knowledge) -> dict[str, Any]:
    line = Line(row.name, (row,))
    quantities = {key: column.of(line, known) for key, column in COLUMNS.items()}
    unknown = [key for key, one in quantities.items() if one.unknown]
    told = {key: _plain(row, key) for key in COLUMNS if key != "share"}
    told.update({key: None for key in unknown if quantities[key].value is None})
    return {**told, "share": quantities["share"].value, "path": row.path, "unknown": unknown}


def _plain(row: Row, key: str) -> Any:
    value = getattr(row, key)
    if key == "previous":
        return None if value is None else [_field(one) for one in value]
    if key == "aligned":
        return value if row.field is not None else None
    return _numbers(value) if isinstance(value, tuple) else value


def _field(field: Any) -> dict[str, Any] | None:
    if field is None:
        return None
    keys = ("size", "jump", "start", "padding")
    return {key: _number(getattr(field, key)) for key in keys}


def _numbers(values: Any) -> list[Any] | None:
    return None if values is None else [_number(value) for value in values]


def _number(value: Any) -> Any:
    return INFINITE if isinstance(value, float) and math.isinf(value) else value


def _memory(report: Report) -> dict[str, Any]:
    memory = report.memory
    return {
        "peak_bytes": memory.peak,
        "peak_layer": memory.peak_node or None,
        "alive": [{"layer": name, "bytes": bytes} for name, bytes in memory.alive.items()],
        "saved": [{"layer": name, "bytes": bytes} for name, bytes in memory.saved.items()],
        "unknown": list(memory.unknown),
    }
