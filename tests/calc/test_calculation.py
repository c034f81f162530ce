"""How a calculation is written, and what its words are read from."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate import OptionError, ShapeError, calc
from striate.calc._parse import parse_padding, parse_shape, parse_size
from striate.calc._write import memory, number


@given(st.integers(1, 10**6), st.integers(1, 10**4), st.integers(1, 3))
def test_a_text_has_at_most_80_columns(channels: int, filters: int, ndim: int) -> None:
    result = calc.conv((channels, *[500] * ndim), filters, 3, padding="same", stride=2)
    assert max(map(len, str(result).splitlines())) <= 80


def test_an_unknown_label_is_told() -> None:
    with pytest.raises(KeyError, match="parametres"):
        calc.conv((1, 4), 1, 1)["parametres"]


def test_json_has_every_line() -> None:
    result = calc.stack(8, ["pool2", "up4p1s2"])
    lines = json.loads(json.dumps(result.as_dict()))["lines"]
    assert [line["label"] for line in lines] == [line.label for line in result.lines]
    (centre,) = (line for line in lines if line["label"] == "1 pool2: first centre")
    assert centre["result"] == 0.5


@pytest.mark.parametrize(
    ("bytes", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (3040, "2.969 KiB"),
        (1024**2 - 1, "1,024 KiB"),
        (1024**2, "1 MiB"),
        (5 * 1024**4, "5 TiB"),
    ],
)
def test_memory_has_a_binary_unit(bytes: int, text: str) -> None:
    assert memory(bytes) == text


def test_numbers_have_thousands_and_halves() -> None:
    assert [number(n) for n in (1234567, Fraction(13, 2), Fraction(1, 3))] == [
        "1,234,567",
        "6.5",
        "1/3",
    ]


class TestParsing:
    @pytest.mark.parametrize("text", ["3x32xx", "", "x", "3,32,32", "3x32.5", " 3x4", "3X4", "٣x4"])
    def test_a_shape_is_whole_numbers(self, text: str) -> None:
        with pytest.raises(ShapeError, match="is no shape; it must be whole numbers"):
            parse_shape(text, "conv")

    @pytest.mark.parametrize("text", ["", "3x", "a", "1.5", "1_0"])
    def test_a_size_is_a_whole_number_or_one_an_axis(self, text: str) -> None:
        with pytest.raises(OptionError, match=r"conv: kernel=.* is not known; it must be a whole"):
            parse_size(text, "kernel", "conv")

    @pytest.mark.parametrize("text", ["", "big", "1,2,3", "1x", ",", "1,"])
    def test_a_padding_is_a_word_or_pixels(self, text: str) -> None:
        with pytest.raises(OptionError, match=r"conv: padding=.* is not known. Write same, valid"):
            parse_padding(text, "conv")

    def test_a_padding_may_differ_from_side_to_side(self) -> None:
        result = calc.conv((1, 8, 8), 1, 3, padding=parse_padding("2,0x1", "conv"))
        assert result["output"] == (1, 8, 8)
        assert "padding 2,0x1," in result.title
