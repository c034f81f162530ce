"""The rows as records, one column a quantity and axis: CSV, and pandas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from ..._extras import require
from .._report import Report
from ._columns import COLUMNS, Column
from ._lines import Knowledge, Line
from ._numbers import shape

AXES = {1: ("l",), 2: ("h", "w"), 3: ("d", "h", "w")}
"""Names of the axes behind the channels: length; height and width; and depth."""

_BRIEF = {"receptive_field": "rf"}


def csv_text(report: Report) -> str:
    """Write one line a row, with exact numbers.

    An empty cell is not known or does not apply; the last column names what is not known. `inf` is
    a receptive field that grows with the input.
    """
    records = list(_records(report))
    heads = list(dict.fromkeys(key for record in records for key in record))
    text = io.StringIO()
    writer = csv.DictWriter(text, heads, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def dataframe(report: Report) -> Any:
    """Make a pandas DataFrame with the columns of the CSV, missing values as NA.

    Raises:
        MissingExtraError: pandas is not installed.
    """
    pandas = require("pandas", extra="", purpose="a DataFrame")
    return pandas.DataFrame.from_records(list(_records(report))).convert_dtypes()


def _records(report: Report) -> Iterator[dict[str, Any]]:
    known = Knowledge(report)
    axes = {key: _most_axes(report, column) for key, column in COLUMNS.items()}
    for row in report.rows:
        line = Line(row.name, (row,))
        record: dict[str, Any] = {}
        unknown = []
        for key, column in COLUMNS.items():
            quantity = column.of(line, known)
            if quantity.unknown:
                unknown.append(key)
            record.update(_cells(column, quantity.value, axes[key]))
        yield {**record, "unknown": " ".join(unknown)}


def _most_axes(report: Report, column: Column) -> int:
    """How many axes a quantity has in this report."""
    if column.form not in ("axes", "shares"):
        return 0
    return max((len(column.get(row) or ()) for row in report.rows), default=0)


def _cells(column: Column, value: Any, axes: int) -> dict[str, Any]:
    """One cell, or one an axis."""
    if column.form == "shape":
        return {column.key: None if value is None else shape(value)}
    if column.form not in ("axes", "shares"):
        return {column.key: value}
    names = AXES.get(axes, tuple(map(str, range(axes))))
    values = (*(value or ()), *[None] * axes)[:axes]
    key = _BRIEF.get(column.key, column.key)
    return {f"{key}_{axis}": one for axis, one in zip(names, values, strict=True)}
