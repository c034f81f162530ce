"""Which inputs an output reads, which outputs read an input, and how many of each."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import Window
from striate.errors import OptionError, ShapeError

from .brute_force import (
    axes,
    clipped,
    hull,
    indices,
    pixels,
    places,
    reads,
    runs,
    standing,
    whole,
    windows,
)


@given(windows, indices)
def test_taps_are_the_pixels_the_taps_stand_on(window: Window, i: int) -> None:
    assert list(window.taps(i)) == reads(window, i)


@given(windows, indices)
def test_input_interval_of_an_output_spans_its_taps(window: Window, i: int) -> None:
    assert window.input_interval(i) == hull(set(reads(window, i)))


@given(windows, runs)
def test_input_interval_of_a_run_spans_all_of_its_taps(window: Window, run: range) -> None:
    every = {pixel for i in run for pixel in reads(window, i)}
    assert window.input_interval(run) == hull(every)


@given(windows, runs, axes)
def test_a_length_clips_the_input_interval_to_real_pixels(
    window: Window, run: range, n: int
) -> None:
    every = {pixel for i in run for pixel in reads(window, i)}
    assert window.input_interval(run, n) == clipped(hull(every), n)


@settings(max_examples=40)
@given(windows, runs)
def test_output_interval_spans_the_outputs_that_read_a_run(window: Window, run: range) -> None:
    near = int(40 / window.stride) + 20  # far enough on both sides of what `runs` can ask
    readers = {i for i in range(-near, near) if set(reads(window, i)) & set(run)}
    assert window.output_interval(run) == hull(readers)


@given(windows, st.integers(0, 24), axes)
def test_output_interval_on_an_axis_lists_existing_outputs(window: Window, j: int, n: int) -> None:
    readers = {i for i, place in enumerate(places(window, n)) if j in pixels(place)}
    everywhere = window.output_interval(j)
    assert readers <= set(window.output_interval(j, n)) <= set(everywhere)
    assert window.output_interval(j, n) == clipped(everywhere, len(places(window, n)))


@given(whole, indices, st.integers(-20, 40))
def test_reading_and_being_read_are_the_same_relation(window: Window, i: int, j: int) -> None:
    if j in window.taps(i):
        assert i in window.output_interval(j)
        assert i in window.transposed().taps(j)
    else:
        assert i not in window.transposed().taps(j)


@given(windows, axes)
def test_counts_are_taps_on_real_pixels(window: Window, n: int) -> None:
    expected = [sum(0 <= p < n for p in pixels(place)) for place in places(window, n)]
    assert window.counts(n) == expected


@given(windows, axes)
def test_connections_are_pairs_of_an_output_and_a_tap(window: Window, n: int) -> None:
    every = [pixel for place in places(window, n) for pixel in pixels(place)]
    assert window.connections(n, padding=True) == len(every)
    assert window.connections(n) == sum(0 <= pixel < n for pixel in every)


@given(windows, axes)
def test_unread_pixels_are_those_no_place_reads(window: Window, n: int) -> None:
    read = {pixel for place in places(window, n) for pixel in pixels(place)}
    assert window.unread(n) == [pixel for pixel in range(n) if pixel not in read]


@given(windows, indices)
def test_center_is_halfway_between_first_and_last_tap(window: Window, i: int) -> None:
    start = i * window.stride - window.before
    positions = standing(window, start)
    assert window.center(i) == Fraction(positions[0] + positions[-1]) / 2


@given(st.integers(1, 5), st.integers(1, 5), axes, st.booleans())
def test_same_and_ceil_mode_are_resolved_before_reading(
    size: int, stride: int, n: int, same: bool
) -> None:
    window = Window(size, stride, padding="same" if same else 1, ceil_mode=not same)
    concrete = window.on(n)
    run = range(concrete.output_size(n))
    assert window.input_interval(run, n) == concrete.input_interval(run, n)
    assert window.output_interval(range(n), n) == concrete.output_interval(range(n), n)
    assert window.counts(n) == concrete.counts(n)
    assert window.connections(n) == concrete.connections(n)
    assert window.unread(n) == concrete.unread(n)


def test_c1_of_lenet_5_has_the_connections_the_paper_counts() -> None:
    # LeCun et al. 1998: 122,304, with a bias for each of the 28x28 outputs of 6 maps.
    height = width = Window(5).connections(32)
    assert 6 * (height * width + 28 * 28) == 122_304


def test_an_output_between_strides_is_read_by_nobody() -> None:
    assert not Window(1, stride=2).output_interval(3)
    assert Window(1, stride=2).unread(5) == [1, 3]


def test_reading_without_a_length_needs_a_padding_that_does_not_depend_on_it() -> None:
    window = Window(3, stride=2, padding="same")
    for question in (window.taps, window.input_interval, window.output_interval, window.center):
        with pytest.raises(ShapeError, match=r"Take window\.on\(n\), or give n"):
            question(0)
    assert window.input_interval(0, n=8) == range(0, 3)


def test_a_run_of_outputs_has_no_gaps() -> None:
    with pytest.raises(OptionError, match=r"range\(0, 8, 2\) must be one index or a range of step"):
        Window(3).input_interval(range(0, 8, 2))
