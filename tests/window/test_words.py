"""What a window says: its repr, its arithmetic, why it does not fit, what it refuses."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from striate import Window
from striate.errors import OptionError, ShapeError

from .brute_force import axes, pads, small, windows

any_padding = st.integers(-2, 4) | st.tuples(pads, pads) | st.just("same")
hangable = st.integers(0, 4) | st.just("same")
any_whole = st.one_of(
    st.builds(Window, small, small, st.integers(1, 3), any_padding),
    st.builds(Window, small, small, st.integers(1, 3), hangable, st.just(True)),
)


class TestValue:
    @given(windows | any_whole)
    def test_repr_evaluates_to_an_equal_window(self, window: Window) -> None:
        again = eval(repr(window), {"Window": Window, "Fraction": Fraction})
        assert again == window
        assert hash(again) == hash(window)

    def test_repr_leaves_defaults_out(self) -> None:
        assert repr(Window(3)) == "Window(3)"
        assert repr(Window(3, 2, 2, (0, 1), ceil_mode=True)) == (
            "Window(3, stride=2, dilation=2, padding=(0, 1), ceil_mode=True)"
        )
        assert repr(Window(3, 2, padding="same")) == "Window(3, stride=2, padding='same')"

    def test_ways_to_write_one_window_are_equal(self) -> None:
        ways = [Window(3), Window(3, 1, 1, (0, 0)), Window(3, padding="valid")]
        ways += [Window(3, stride=Fraction(2, 2))]
        assert len(set(ways)) == 1
        assert Window(3, padding=[1, 2]) == Window(3, padding=(1, 2))  # type: ignore[arg-type]
        assert Window(3, padding="same") == Window(3, padding=1)

    def test_numpys_whole_numbers_become_pythons(self) -> None:
        window = Window(np.int64(3), np.int32(2))  # type: ignore[arg-type]
        assert repr(window) == "Window(3, stride=2)"

    def test_different_windows_differ(self) -> None:
        base = Window(3)
        others = [Window(2), Window(3, 2), Window(3, dilation=2), Window(3, padding=(0, 1))]
        others += [Window(3, ceil_mode=True), Window(3, 2, padding="same")]
        assert len({base, *others}) == 7

    def test_cannot_be_changed(self) -> None:
        with pytest.raises(FrozenInstanceError):
            Window(3).size = 5  # type: ignore[misc]


class TestRefusals:
    @pytest.mark.parametrize("name", ["size", "stride", "dilation"])
    @pytest.mark.parametrize("value", [0, -1])
    def test_sizes_are_positive(self, name: str, value: int) -> None:
        with pytest.raises(OptionError, match=f"{name}={value} must be 1 or more"):
            Window(**{"size": 3, name: value})  # type: ignore[arg-type]

    @pytest.mark.parametrize("name", ["size", "stride", "dilation", "padding"])
    @pytest.mark.parametrize("value", [1.0, None, 1.5])
    def test_numbers_are_exact(self, name: str, value: object) -> None:
        with pytest.raises(OptionError, match=rf"{name}={value} must be an int or a Fraction, not"):
            Window(**{"size": 3, name: value})  # type: ignore[arg-type]

    def test_taps_are_whole(self) -> None:
        with pytest.raises(OptionError, match=r"size=3/2 must be a whole number of taps"):
            Window(Fraction(3, 2))  # type: ignore[arg-type]

    def test_a_padding_word_is_known(self) -> None:
        with pytest.raises(OptionError, match=r"padding='full' is not known. Use 'same', 'valid'"):
            Window(3, padding="full")  # type: ignore[arg-type]

    @pytest.mark.parametrize("name", ["on", "output_size", "leftover", "counts", "unread"])
    @pytest.mark.parametrize("window", [Window(3), Window(3, 2, padding="same")])
    def test_an_axis_has_no_negative_length(self, name: str, window: Window) -> None:
        with pytest.raises(ShapeError, match="n=-1 is no length of an axis"):
            getattr(window, name)(-1)

    def test_offers_no_negative_length(self) -> None:
        with pytest.raises(ShapeError, match=r"an input of 5,"):
            Window(3, stride=7, padding=6).output_size(0, exact=True)

    def test_cropping_has_no_ceil_mode(self) -> None:
        with pytest.raises(OptionError, match=r"padding=\(0, -1\) crops, and ceil_mode would keep"):
            Window(3, padding=(0, -1), ceil_mode=True)

    def test_a_padding_has_two_sides(self) -> None:
        with pytest.raises(OptionError, match=r"must be one number or \(before, after\)"):
            Window(3, padding=(1, 1, 1))  # type: ignore[arg-type]


class TestMisfit:
    """Every offer that a message makes keeps what it promises."""

    @given(any_whole, axes)
    def test_offers_fit(self, window: Window, n: int) -> None:
        assume(not window.fits(n))
        with pytest.raises(ShapeError) as refused:
            window.output_size(n, exact=True)
        message = str(refused.value)
        if window.output_size(n):
            self.check_tiling(window, n, message)
        else:
            self.check_length(window, n, message)

    def check_tiling(self, window: Window, n: int, message: str) -> None:
        offers = re.findall(r"(padding|stride)=(\d+|\(-?\d+, -?\d+\)) \(output (\d+)\)", message)
        assert offers
        for name, value, outputs in offers:
            better = replace(window.on(n), **{name: ast.literal_eval(value)})
            assert better.output_size(n, exact=True) == int(outputs)
        floor = re.search(r"fit='floor' to drop the rest \(output (\d+)\)\.$", message)
        assert floor
        assert int(floor[1]) == window.output_size(n)
        if sizes := re.search(r"an input of (\d+)(?: or (\d+))?", message):
            assert all(window.fits(int(size)) for size in sizes.groups() if size)

    def check_length(self, window: Window, n: int, message: str) -> None:
        least = re.search(r"Use an input of at least (\d+), or padding=(-?\d+)\.$", message)
        assert least
        assert window.output_size(int(least[1])) > 0
        assert window.output_size(int(least[1]) - 1) == 0
        padded = Window(window.size, window.stride, window.dilation, int(least[2]))
        assert padded.output_size(n) > 0

    def test_says_why_a_dilated_window_is_too_long(self) -> None:
        with pytest.raises(ShapeError) as refused:
            Window(3, dilation=3, padding=1).output_size(4, exact=True)
        assert str(refused.value) == (
            "a window of 3 (it reaches over 7) is longer than 4 pixels with padding 1. "
            "Use an input of at least 5, or padding=2."
        )

    def test_asks_for_whole_pixels_where_taps_stand_between_them(self) -> None:
        up = Window(6, stride=2, padding=4).transposed()
        with pytest.raises(ShapeError) as refused:
            up.output_size(1, exact=True)
        assert str(refused.value) == (
            "a window of 6 (it reaches over 7/2) is longer than 1 pixel with padding 1/2. "
            "Use an input of at least 3, or padding=2."
        )
        assert [up.output_size(n) for n in (2, 3)] == [0, 2]

    def test_counts_the_pixels_that_are_lost(self) -> None:
        with pytest.raises(ShapeError, match="so the last 2 pixels would never be read"):
            Window(2, stride=3).output_size(7, exact=True)

    def test_tells_lost_padding_from_lost_pixels(self) -> None:
        with pytest.raises(ShapeError, match="the last pixel of the padding would never be read"):
            Window(7, stride=2, padding=3).output_size(224, exact=True)
        with pytest.raises(ShapeError, match="so the last pixel would never be read"):
            Window(4, stride=3, padding=1).output_size(7, exact=True)


class TestExplain:
    def test_writes_the_formulas_with_numbers_put_in(
        self, golden: Callable[[str, str], None]
    ) -> None:
        cases = [
            (Window(3, stride=2, padding=1), 7),
            (Window(3, stride=2, dilation=2, padding="same"), 8),
            (Window(3, stride=3), 7),  # leaves a pixel over
            (Window(1, stride=2), 9),  # skips pixels
            (Window(2, stride=2, ceil_mode=True), 5),
            (Window(3, padding=(-1, 2)), 6),  # crops
            (Window(5), 2),  # does not fit
            (Window(4, stride=2, padding=1).transposed(), 3),
        ]
        golden("explain.txt", "\n\n".join(w.explain(n) for w, n in cases) + "\n")

    @given(windows | any_whole, axes)
    def test_explains_every_window(self, window: Window, n: int) -> None:
        lines = window.explain(n).splitlines()
        assert lines[0] == f"{window} on {n} pixel{'s' * (n != 1)}"
        (size,) = (line for line in lines if line.startswith("output size"))
        assert size.endswith((f" = {window.output_size(n)}", ", so none"))
        assert size.endswith(", so none") <= (window.output_size(n) == 0)

    @given(windows | any_whole, axes)
    def test_its_formulas_are_true(self, window: Window, n: int) -> None:
        names = {"floor": math.floor, "ceil": math.ceil, "max": max}
        for line in window.explain(n).splitlines():
            if line.startswith(("output size", "extent")):
                _, formula, value = line.split(" = ")
                value, *_ = value.split(",")
                # Over fractions, as the window itself: a plain 1/3 would be rounded.
                exact = re.sub(r"\d+", r"Fraction(\g<0>)", f"{formula} - ({value})")
                assert eval(exact, {"Fraction": Fraction, **names}) == 0
