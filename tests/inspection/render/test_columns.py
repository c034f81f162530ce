"""Columns: how they are named, and that blocks add up to the report's totals."""

from __future__ import annotations

import dataclasses

import pytest

from striate import OptionError
from striate.inspection import Report, Row
from striate.inspection.render._columns import ALIASES, COLUMNS, SETS, find_column, find_columns
from striate.inspection.render._lines import Knowledge, lines_of

TOTALS = {
    "params": "params",
    "trainable_params": "trainable_params",
    "macs": "macs",
    "flops": "flops",
    "backward_macs": "backward_macs",
    "units": "units",
    "connections": "connections",
    "padding_connections": "padding_connections",
    "param_bytes": "param_bytes",
    "saved_bytes": "saved_for_backward",
}
"""Columns that add up, and what of the report they add up to."""


def test_every_quantity_of_a_row_is_a_column() -> None:
    hidden = {"path", "field"}  # the name tells it; the receptive field and what follows it
    properties = {key for key, value in vars(Row).items() if isinstance(value, property)}
    fields = {field.name for field in dataclasses.fields(Row)}
    assert set(COLUMNS) - {"share"} == (fields | properties) - hidden


def test_columns_tell_what_they_are() -> None:
    for column in COLUMNS.values():
        assert column.meaning.endswith(".")
        assert len(column.brief or column.title) <= 15


def test_sets_and_aliases_name_columns_that_exist() -> None:
    for keys in SETS.values():
        assert set(keys) <= set(COLUMNS)
        assert keys[0] == "name"
    assert set(ALIASES.values()) <= set(COLUMNS)
    assert not set(SETS) & set(COLUMNS)


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ("macs,params", ["name", "macs", "params"]),
        (["rf", "output"], ["name", "receptive_field", "output_shape"]),
        ("FLOPs, backward-macs ,flops", ["name", "flops", "backward_macs"]),
        ("layer", ["name"]),
        ("cost,units", [*SETS["cost"], "units"]),
        (None, list(SETS["default"])),
    ],
)
def test_columns_are_found_by_key_alias_and_set(asked: object, keys: list[str]) -> None:
    assert [column.key for column in find_columns(asked)] == keys  # type: ignore[arg-type]


def test_an_unknown_column_is_told_near_ones() -> None:
    with pytest.raises(OptionError, match=r"'maks' is not known. Did you mean macs"):
        find_columns("maks")
    with pytest.raises(OptionError, match=r"and the sets default, cost, memory"):
        find_columns("qqq")
    with pytest.raises(OptionError, match=r"no columns were named"):
        find_columns(" , ")


@pytest.mark.parametrize("depth", [None, 1, 2, 3, 4])
@pytest.mark.parametrize("key", TOTALS)
def test_blocks_add_up_to_the_reports_total(report: Report, key: str, depth: int | None) -> None:
    known = Knowledge(report)
    lines = lines_of(report, depth)
    cells = [COLUMNS[key].of(line, known) for line in lines]
    if key != "units":  # which a row shows whether it has connections or not
        assert sum(cell.value or 0 for cell in cells) == getattr(report, TOTALS[key])
    total = COLUMNS[key].total(lines, known)
    assert (total.value or 0) == getattr(report, TOTALS[key])
    assert total.unknown or not any(cell.unknown for cell in cells)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_folding_keeps_every_row_once(report: Report, depth: int) -> None:
    lines = lines_of(report, depth)
    rows = [row.name for line in lines for row in line.rows]
    assert sorted(rows) == sorted(row.name for row in report.rows)
    assert all(line.name.count(".") < depth for line in lines if line.rows)


def test_a_block_shows_what_its_last_row_gives(resnet: Report) -> None:
    known = Knowledge(resnet)
    block = {line.name: line for line in lines_of(resnet, 2)}["layer2.0"]
    last = resnet["layer2.0.relu:2"]
    for key in ("output_shape", "receptive_field", "jump", "start", "padding"):
        assert COLUMNS[key].of(block, known).value == getattr(last, key)
    assert COLUMNS["kind"].of(block, known).value == "BasicBlock"
    assert COLUMNS["alive_bytes"].of(block, known).value == max(
        row.alive_bytes for row in block.rows
    )


def test_folding_into_nothing_is_refused(lenet: Report) -> None:
    with pytest.raises(OptionError, match=r"depth=0 must be 1 or more"):
        lines_of(lenet, 0)


def test_unknown_is_never_a_number(odd: Report) -> None:
    known = Knowledge(odd)
    line = {line.name: line for line in lines_of(odd)}["block.odd"]
    for key in ("macs", "flops", "share", "backward_macs", "connections", "saved_bytes",
                "receptive_field", "jump", "overhang", "intensity"):  # fmt: skip
        column = find_column(key)
        assert column.write(column.of(line, known)) == "?"


def test_what_does_not_apply_is_empty(lenet: Report) -> None:
    known = Knowledge(lenet)
    line = {line.name: line for line in lines_of(lenet)}["relu1"]
    connections = COLUMNS["connections"]
    assert connections.write(connections.of(line, known)) == ""


def test_totals_with_unknown_rows_are_lower_bounds(odd: Report) -> None:
    known = Knowledge(odd)
    total = COLUMNS["macs"].total(lines_of(odd), known)
    assert COLUMNS["macs"].write(total) == f"≥{odd.macs:,}"
    block = {line.name: line for line in lines_of(odd, 1)}["block"]
    assert COLUMNS["macs"].write(COLUMNS["macs"].of(block, known))[0] in "≥?"
    assert COLUMNS["share"].write(COLUMNS["share"].of(block, known)) == "?"


def test_shares_are_upper_bounds_where_costs_are_unknown(odd: Report) -> None:
    known = Knowledge(odd)
    first = lines_of(odd)[0]
    assert COLUMNS["share"].write(COLUMNS["share"].of(first, known)).startswith("≤")


def test_parameters_that_nothing_reads_have_a_line_of_their_own(odd: Report) -> None:
    known = Knowledge(odd)
    last = lines_of(odd, 1)[-1]
    assert last.name == "(unused)"
    assert COLUMNS["params"].of(last, known).value == 7
    assert COLUMNS["trainable_params"].of(last, known).value == 0  # it is frozen
    assert COLUMNS["macs"].of(last, known).value is None
