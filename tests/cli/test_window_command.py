"""`striate window`: the words of Window.explain and a drawing."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from striate import Window
from striate.cli._app import app
from striate.cli.window import draw


def test_same_with_stride_two_on_seven_reads_a_pad_on_each_side() -> None:
    result = CliRunner().invoke(app, ["window", "7", "--stride", "2", "--padding", "same"])
    words, _, picture = result.stdout.partition("\n\n")
    assert words == Window(3, stride=2, padding="same").explain(7)
    assert picture.splitlines() == [
        "input     0123456",
        "output 0 o##·····",
        "output 1  ·###···",
        "output 2  ···###·",
        "output 3  ·····##o",
    ]


def test_dilated_taps_leave_holes() -> None:
    assert draw(Window(3, dilation=2), 6).splitlines()[1:] == [
        "output 0 #·#·#·",
        "output 1 ·#·#·#",
    ]


@pytest.mark.parametrize(("text", "padding"), [("1", 1), ("0,1", (0, 1)), ("valid", 0)])
def test_padding_is_a_number_a_pair_or_a_word(text: str, padding: int | tuple[int, int]) -> None:
    result = CliRunner().invoke(app, ["window", "9", "-p", text])
    assert result.stdout.startswith(Window(3, padding=padding).explain(9))


@pytest.mark.parametrize(("window", "n"), [(Window(3), 2), (Window(3), 27), (Window(1, 8), 73)])
def test_no_drawing_without_outputs_or_room(window: Window, n: int) -> None:
    assert draw(window, n) == ""


@pytest.mark.parametrize("text", ["", "x", "1,2,3", "1.5"])
def test_an_unknown_padding_is_refused(text: str) -> None:
    result = CliRunner().invoke(app, ["window", "9", "-p", text])
    assert result.exit_code == 2
    assert f"padding={text!r} is not known" in result.stderr


def test_exact_refuses_pixels_left_over() -> None:
    result = CliRunner().invoke(app, ["window", "7", "-s", "3", "--exact"])
    assert result.exit_code == 2
    assert "an input of 6 or 9" in result.stderr
