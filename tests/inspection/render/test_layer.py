"""The page about one layer, the table of a block, and the drawing of what a unit sees."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import striate
from striate import OptionError
from striate.inspection import Report, Unit, look_at_unit
from striate.inspection.render import block_table, layer_text, rows_of, unit_dict, unit_text
from striate.inspection.render._unit import draw

NET = striate.inspect("lenet5")


@pytest.mark.parametrize("layer", ["conv1", "layer1.0.conv1", "avgpool", "fc"])
def test_a_page_on_a_layer(layer: str, resnet: Report, golden: Callable[[str, str], None]) -> None:
    golden(f"layer-{layer}.txt", f"{layer_text(resnet, layer)}\n")


def test_a_page_with_the_field_in_an_earlier_layer(resnet: Report) -> None:
    text = layer_text(resnet, "layer1.0.conv1", of="conv1")
    words = [" ".join(line.split()) for line in text.splitlines()]
    assert "field there 7x7 Pixels of conv1, per axis, that a unit sees." in words


def test_unknown_quantities_are_called_so(odd: Report) -> None:
    lines = [" ".join(line.split()) for line in layer_text(odd, "block.odd").splitlines()]
    assert "MACs unknown Multiply-adds of its products, forward." in lines


def test_every_layer_has_a_page(report: Report) -> None:
    for row in report.rows:
        assert layer_text(report, row.name).startswith(row.name)


@given(width=st.integers(24, 140), layer=st.sampled_from([row.name for row in NET.rows]))
def test_a_page_keeps_to_its_width(width: int, layer: str) -> None:
    lines = layer_text(NET, layer, width=width).splitlines()
    assert max(map(len, lines[3:])) <= width


def test_products_are_shown_with_their_numbers() -> None:
    assert "= 4,704 outputs * 1 channels of the group * 5*5 taps" in layer_text(NET, "c1")
    assert "= 84 outputs * 120 products" in layer_text(NET, "f6")


def test_a_name_stands_for_a_row_a_module_or_a_block(resnet: Report) -> None:
    assert [row.name for row in rows_of(resnet, "layer1.0.relu:2")] == ["layer1.0.relu:2"]
    assert len(rows_of(resnet, "layer1.0")) == 7
    assert len(rows_of(resnet, "layer1")) == 14
    with pytest.raises(OptionError, match=r"no layer 'layer1.0.conv3'. Did you mean"):
        rows_of(resnet, "layer1.0.conv3")


def test_the_table_of_a_block_adds_up(resnet: Report) -> None:
    rows = rows_of(resnet, "layer1")
    text = block_table(resnet, rows, columns="macs,share", width=None)
    total = text.splitlines()[-1].split()
    assert total == ["in", "all", f"{sum(row.macs or 0 for row in rows):,}", "25.5%"]


@pytest.mark.parametrize(
    ("layer", "place", "of"),
    [("s4", (0, 1), None), ("c3", (9, 9), "c1"), ("c1", (27, 0), None), ("c5", (0, 0), None)],
)
def test_a_unit_is_drawn(
    layer: str,
    place: tuple[int, ...],
    of: str | None,
    lenet: Report,
    golden: Callable[[str, str], None],
) -> None:
    golden(f"unit-{layer}.txt", f"{unit_text(look_at_unit(lenet.graph, layer, place, of))}\n")


def test_a_unit_that_sees_padding_is_drawn(
    resnet: Report, golden: Callable[[str, str], None]
) -> None:
    unit = look_at_unit(resnet.graph, "layer2.1.relu:2", (0, 20))
    golden("unit-padding.txt", f"{unit_text(unit)}\n")


def test_a_unit_of_a_signal_is_drawn_in_one_row() -> None:
    report = striate.inspect("m5")
    text = unit_text(look_at_unit(report.graph, report.rows[3].name, (40,)))
    assert "length" in text
    assert sum(set(line) >= {"·"} and "seen" not in line for line in text.splitlines()) == 1


def test_a_unit_that_sees_everything_names_the_layer(resnet: Report) -> None:
    text = unit_text(look_at_unit(resnet.graph, "avgpool", (0, 0)))
    assert "It sees all of any input: avgpool" in text


def seeing(input_size: tuple[int, ...], box: tuple[tuple[int, int], ...]) -> Unit:
    """A unit that sees this box."""
    visible = tuple((max(a, 0), min(b, n)) for (a, b), n in zip(box, input_size, strict=True))
    return Unit("u", (0,) * len(box), "x", input_size, box, visible)


def test_one_pixel_is_one_cell() -> None:
    # 4x8 pixels: two letters a column, one a row; the unit sees rows 1-2 and columns -1 .. 2.
    unit = seeing((4, 8), ((1, 3), (-1, 3)))
    assert draw(unit) == [
        "  ················",
        "oo######··········",
        "oo##+###··········",
        "  ················",
    ]
    assert unit_dict(unit)["visible"] == [[1, 3], [0, 3]]


@given(
    n=st.integers(1, 3000),
    box=st.tuples(st.integers(-500, 3000), st.integers(1, 4000)),
    width=st.integers(20, 100),
)
def test_drawings_keep_to_their_width(n: int, box: tuple[int, int], width: int) -> None:
    one = (box[0], box[0] + box[1])
    lines = draw(seeing((n, n), (one, one)), width)
    pictures = [line for line in lines if not line.startswith("a column")]
    assert max(map(len, pictures)) <= width
    assert len(pictures) <= 42


@given(n=st.integers(1, 30), start=st.integers(-10, 10), size=st.integers(1, 20))
def test_drawings_count_the_pixels(n: int, start: int, size: int) -> None:
    unit = seeing((n,), ((start, start + size),))
    (line,) = [line for line in draw(unit) if not line.startswith("a column")]
    seen = range(start, start + size)
    inside = len([p for p in seen if 0 <= p < n])
    assert line.count("o") + line.count("#") + line.count("+") == 2 * size
    assert line.count("·") == 2 * (n - inside)
