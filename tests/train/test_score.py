"""Confusion counts and what follows from them, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from striate.train._score import ClassScore, Score

LABELS = torch.tensor([0, 0, 0, 1, 1, 2])
CALLED = torch.tensor([0, 1, 1, 1, 0, 1])
SCORE = Score.of(LABELS, CALLED, ("a", "b", "c"))


def test_rows_are_the_truth_and_columns_the_calls() -> None:
    assert SCORE.confusion.tolist() == [[1, 2, 0], [1, 1, 0], [0, 1, 0]]
    assert (SCORE.samples, SCORE.errors) == (6, 4)
    assert SCORE.accuracy == pytest.approx(2 / 6)


def test_precision_counts_the_column_and_recall_the_row() -> None:
    a, b, c = SCORE.per_class
    assert (a.samples, a.precision, a.recall) == (3, 1 / 2, 1 / 3)
    assert (b.precision, b.recall) == (1 / 4, 1 / 2)
    assert a.f1 == pytest.approx(2 / (1 / (1 / 2) + 1 / (1 / 3)))
    assert c == ClassScore("c", 1, None, 0.0, 0.0)


def test_a_class_that_never_occurs_has_no_recall() -> None:
    score = Score.of(torch.tensor([0]), torch.tensor([0]), ("a", "b"))
    assert score.per_class[1] == ClassScore("b", 0, None, None, None)


def test_pairs_come_worst_first_and_only_if_they_occur() -> None:
    assert SCORE.confused(10) == [("a", "b", 2), ("b", "a", 1), ("c", "b", 1)]
    assert SCORE.confused(1) == [("a", "b", 2)]


def test_no_samples_have_no_accuracy() -> None:
    nothing = torch.empty(0, dtype=torch.int64)
    score = Score.of(nothing, nothing, ("a", "b"))
    assert math.isnan(score.accuracy)
    with pytest.raises(ValueError, match="at least one sample"):
        score.interval()


def test_the_interval_is_wilsons() -> None:
    # Of 10, 9 right: the textbook's (0.596, 0.982).
    score = Score(("a", "b"), torch.tensor([[9, 1], [0, 0]]))
    assert score.interval() == pytest.approx((0.596, 0.982), abs=1e-3)
