"""Axes: round ticks that enclose the data, and values where they belong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.train.report._axis import Axis, linear, logarithmic, towards_one


def labels(axis: Axis) -> list[str]:
    return [label for _, label in axis.ticks]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_a_linear_axis_has_few_ticks_and_encloses(low: float, span: float) -> None:
    axis = linear("", low, low + span)
    assert 2 <= len(axis.ticks) <= 9
    assert -1e-6 <= axis.place(low) <= axis.place(low + span) <= 1 + 1e-6


@given(st.floats(1e-6, 1e3), st.floats(1.5, 1e6))
def test_a_logarithmic_axis_encloses_and_equal_factors_are_equal_steps(
    low: float, factor: float
) -> None:
    axis = logarithmic("", low, low * factor)
    assert len(axis.ticks) <= 16
    assert -1e-9 <= axis.place(low) < axis.place(low * factor) <= 1 + 1e-9
    step = axis.place(low * 10) - axis.place(low)
    assert axis.place(low * 100) - axis.place(low * 10) == pytest.approx(step)


@given(st.floats(0, 0.99999), st.floats(0, 0.99999))
def test_an_axis_towards_one_encloses(low: float, high: float) -> None:
    low, high = sorted((low, high))
    axis = towards_one("", low, high)
    assert -1e-9 <= axis.place(low) <= axis.place(high) <= 1 + 1e-9
    assert len(axis.ticks) <= 20


def test_halving_the_errors_is_always_the_same_step() -> None:
    axis = towards_one("", 0.1, 0.999)
    steps = [axis.place(1 - e / 2) - axis.place(1 - e) for e in (0.5, 0.1, 0.01)]
    assert steps == pytest.approx([steps[0]] * 3)


def test_equal_values_still_make_an_axis() -> None:
    assert labels(linear("", 3, 3)) == ["3", "4"]
    assert labels(towards_one("", 0.95, 0.95)) == ["95", "98"]
    assert labels(logarithmic("", 1, 1)) == ["1", "2"]


def test_whole_numbers_only_where_asked() -> None:
    assert labels(linear("epoch", 0, 3, whole=True)) == ["0", "1", "2", "3"]
    assert labels(linear("epoch", 0, 1, whole=True)) == ["0", "1"]
