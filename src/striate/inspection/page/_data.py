"""What the page's script reads: the report as one JSON block."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, is_dataclass
from typing import Any

from .._fields_of import main_input
from .._report import Report
from ._sights import Looks, looks_of

VERSION = 1

COLUMNS = (
    "name", "path", "module", "kind", "details", "reads", "input_shape", "output_shape", "dtype",
    "params", "trainable_params", "shared_params", "macs", "flops", "backward_macs", "units",
    "weights", "connections", "padding_connections", "param_bytes", "buffer_bytes", "output_bytes",
    "saved_bytes", "alive_bytes", "intensity", "field", "previous", "overhang", "unread",
    "infinite_by",
)  # fmt: skip
"""Quantities of a row, by their names in `Row`."""

TOTALS = (
    "params", "trainable_params", "frozen_params", "buffers", "macs", "flops", "backward_macs",
    "units", "connections", "padding_connections", "param_bytes", "weights_file_bytes",
    "peak_memory_inference", "saved_for_backward", "gradient_bytes", "optimizer_bytes",
    "peak_memory_training",
)  # fmt: skip
"""Quantities of the network, by their names in `Report`."""


def page_data(report: Report) -> dict[str, Any]:
    """Tell what the page shows in plain dicts and lists; `"infinite"` stands for an infinite size.

    Rows are lists in the order of `columns`. `looks` tells what there is to draw of a row's
    receptive field, see `Looks`.
    """
    source = main_input(report.graph)
    looks = looks_of(report.graph, source)
    return {
        "version": VERSION,
        "name": report.name,
        "input": None if source is None else source,
        "input_shapes": plain(report.input_shapes),
        "output_shapes": plain(report.output_shapes),
        "batch_size": report.batch_size,
        "optimizer": report.optimizer,
        "totals": {name: getattr(report, name) for name in TOTALS},
        "unused": dict(report.unused),
        "unknown": list(report.unknown),
        "memory": {
            "peak": report.memory.peak,
            "peak_node": report.memory.peak_node,
            "unknown": list(report.memory.unknown),
        },
        "columns": [*COLUMNS, "looks"],
        "rows": [
            [
                *(plain(getattr(row, name)) for name in COLUMNS),
                asdict(looks.get(row.name, Looks())),
            ]
            for row in report.rows
        ],
    }


def plain(value: Any) -> Any:
    """Put tuples, dataclasses and infinities into what JSON has."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "infinite" if value > 0 else None
    return value


_ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def script_json(data: Any) -> str:
    r"""Write JSON that can stand in a script element, whatever its texts hold.

    Example:
        >>> script_json({"</script>": 1})
        '{"\\u003c/script\\u003e":1}'
    """
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.translate(_ESCAPES)
