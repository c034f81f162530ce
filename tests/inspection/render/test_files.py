"""CSV, DataFrame, JSON, Markdown and the notebook's HTML."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import math
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import striate
from striate import MissingExtraError
from striate.inspection import Report
from striate.inspection.render import as_dict, csv_text, dataframe, markdown_text, notebook_html
from striate.inspection.render._columns import COLUMNS

SCHEMA = json.loads((files("striate.inspection.render") / "report.schema.json").read_text())

TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}


def violations(value: Any, schema: dict[str, Any], where: str = "$") -> list[str]:
    """Check a value against the parts of JSON Schema that the report's schema is made of."""
    known = {"$schema", "$defs", "$ref", "title", "description", "type", "const", "enum", "oneOf",
             "properties", "required", "additionalProperties", "items", "minimum"}  # fmt: skip
    assert set(schema) <= known, f"{where}: the test does not know {set(schema) - known}"
    if "$ref" in schema:
        return violations(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], where)
    if "oneOf" in schema:
        fits = [not violations(value, one, where) for one in schema["oneOf"]]
        return [] if sum(fits) == 1 else [f"{where}: {value!r} fits {sum(fits)} of the choices"]
    found = []
    if "const" in schema and value != schema["const"]:
        found.append(f"{where}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} is none of {schema['enum']}")
    if "type" in schema and not any(_is(value, one) for one in _listed(schema["type"])):
        return [f"{where}: {value!r} is no {schema['type']}"]
    if "minimum" in schema and value is not None and value < schema["minimum"]:
        found.append(f"{where}: {value} is less than {schema['minimum']}")
    if isinstance(value, dict) and "properties" in schema:
        found += [f"{where}: {key} is missing" for key in set(schema["required"]) - set(value)]
        found += [f"{where}: {key} is not told" for key in set(value) - set(schema["properties"])]
        for key in set(value) & set(schema["properties"]):
            found += violations(value[key], schema["properties"][key], f"{where}.{key}")
    if isinstance(value, list) and "items" in schema:
        for k, item in enumerate(value):
            found += violations(item, schema["items"], f"{where}[{k}]")
    return found


def _listed(types: str | list[str]) -> list[str]:
    return [types] if isinstance(types, str) else types


def _is(value: Any, type: str) -> bool:
    if type in ("integer", "number"):
        numbers = (int,) if type == "integer" else (int, float)
        return isinstance(value, numbers) and not isinstance(value, bool)
    return isinstance(value, TYPES[type])


def test_json_fits_its_schema(report: Report) -> None:
    content = json.loads(report.to_json())
    assert violations(content, SCHEMA) == []


def test_the_schema_tells_what_does_not_fit(lenet: Report) -> None:
    content = as_dict(lenet)
    content["rows"][0]["macs"] = "many"
    content["version"] = 2
    del content["totals"]
    assert len(violations(content, SCHEMA)) == 3


def test_json_has_the_reports_numbers(report: Report) -> None:
    content = as_dict(report)
    assert content["version"] == 1
    for key, value in content["totals"].items():
        if hasattr(report, key):
            assert value == getattr(report, key)
    assert [row["name"] for row in content["rows"]] == [row.name for row in report.rows]
    for told, row in zip(content["rows"], report.rows, strict=True):
        assert (told["macs"], told["params"]) == (row.macs, row.params)


def test_json_writes_infinity_as_a_word(resnet: Report) -> None:
    rows = {row["name"]: row for row in as_dict(resnet)["rows"]}
    assert rows["fc"]["receptive_field"] == ["infinite", "infinite"]
    assert rows["fc"]["infinite_by"] == "avgpool"
    assert as_dict(resnet)["receptive_field"]["size"] == [435, 435]


def test_json_writes_unknown_as_null_and_names_it(odd: Report) -> None:
    content = as_dict(odd)
    row = content["rows"][1]
    for key in ("macs", "share", "saved_bytes", "receptive_field"):
        assert row[key] is None
        assert key in row["unknown"]
    assert content["totals"]["at_least"]
    assert "block.odd" in content["unknown"]


def test_csv_parses_back_to_the_same_numbers(report: Report) -> None:
    records = list(csv.DictReader(io.StringIO(csv_text(report))))
    assert [record["name"] for record in records] == [row.name for row in report.rows]
    for record, row in zip(records, report.rows, strict=True):
        for key in ("params", "macs", "flops", "units", "connections", "saved_bytes"):
            value = getattr(row, key)
            assert record[key] == ("" if value is None else str(value))
        for prefix, values in (("rf", row.receptive_field), ("start", row.start)):
            told = [v for k, v in record.items() if k.startswith(f"{prefix}_")]
            assert [float(v) for v in told if v] == [v for v in values or () if v is not None]


def test_csv_names_axes(lenet: Report) -> None:
    head = csv_text(lenet).splitlines()[0].split(",")
    assert {"rf_h", "rf_w", "jump_h", "overhang_w", "unread_h"} <= set(head)
    assert "rf_l" in csv_text(striate.inspect("m5")).splitlines()[0].split(",")


def test_csv_tells_infinity_and_what_is_unknown(resnet: Report, odd: Report) -> None:
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(csv_text(resnet)))}
    assert math.isinf(float(rows["fc"]["rf_h"]))
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(csv_text(odd)))}
    assert rows["block.odd"]["macs"] == ""
    assert "macs" in rows["block.odd"]["unknown"].split()
    assert rows["conv1"]["unknown"].split() in ([], ["share"])


def test_a_dataframe_has_the_csvs_columns(lenet: Report) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = lenet.to_dataframe()
    assert list(frame.columns) == csv_text(lenet).splitlines()[0].split(",")
    assert frame["macs"].sum() == lenet.macs
    assert isinstance(frame, pandas.DataFrame)


@pytest.mark.skipif(importlib.util.find_spec("pandas") is not None, reason="pandas is installed")
def test_a_dataframe_without_pandas_says_what_is_missing(lenet: Report) -> None:
    with pytest.raises(MissingExtraError, match=r"a DataFrame needs .* pip install pandas"):
        dataframe(lenet)


def test_markdown_is_one_table_of_even_rows(report: Report) -> None:
    lines = markdown_text(report).splitlines()
    table = lines[: lines.index("")]
    columns = {line.replace("\\|", "").count("|") for line in table}
    assert len(columns) == 1
    assert len(table) == len(report.rows) + 3 + bool(report.unused)
    assert lines[1 + len(table)].startswith("- network: ")


def test_markdown_takes_the_options_of_the_table(resnet: Report) -> None:
    text = markdown_text(resnet, columns="macs", depth=1, sort="macs")
    assert text.splitlines()[2] == "| layer1 | 462,422,016 |"


class _Tags(HTMLParser):
    """Checks that every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        self.rows += tag == "tr"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_notebooks_table_is_whole(report: Report) -> None:
    page = _Tags()
    page.feed(report._repr_html_())
    assert page.open == []
    assert page.rows == len(report.rows) + 2 + bool(report.unused)


def test_the_notebooks_table_has_no_background_of_its_own(lenet: Report) -> None:
    html = notebook_html(lenet)
    assert "color: inherit" in html
    assert "background: none" in html
    assert "#fff" not in html


def test_the_notebooks_table_escapes_names() -> None:
    import torch

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.add_module("<script>", torch.nn.ReLU())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return getattr(self, "<script>")(x)  # type: ignore[no-any-return]

    html = notebook_html(striate.inspect(Net(), (1, 3, 4, 4)))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_files_are_written_whole(lenet: Report, tmp_path: Path) -> None:
    assert lenet.to_csv(tmp_path / "a.csv") == (tmp_path / "a.csv").read_text()
    assert json.loads(lenet.to_json(tmp_path / "a.json")) == as_dict(lenet)
    lenet.to_markdown(tmp_path / "a.md", depth=1)
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "a.json", "a.md"}


def test_every_row_of_json_has_every_column(lenet: Report) -> None:
    for row in as_dict(lenet)["rows"]:
        assert set(COLUMNS) <= set(row)
