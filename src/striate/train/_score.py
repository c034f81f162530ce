"""What a classifier gets right and wrong, class by class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ClassScore:
    """How well one class is told from the others; a share of nothing is None.

    Attributes:
        name: Of the class.
        samples: How many there are of it.
        precision: Share of those called so that are.
        recall: Share of those that are, called so.
        f1: Harmonic mean of the two.
    """

    name: str
    samples: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class Score:
    """The outcome of a classifier on labelled samples.

    Args:
        classes: Names of the classes.
        confusion: Samples of class i that were called class j, at [i, j].
    Example:
        >>> score = Score.of(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), ("cat", "dog"))
        >>> score.confusion.tolist(), score.errors
        ([[1, 1], [0, 1]], 1)
    """

    classes: tuple[str, ...]
    confusion: Tensor

    @classmethod
    def of(cls, labels: Tensor, predicted: Tensor, classes: Sequence[str]) -> Score:
        """Count the pairs of label and prediction."""
        n = len(classes)
        counts = torch.bincount(labels * n + predicted, minlength=n * n)
        return cls(tuple(classes), counts.view(n, n))

    @property
    def samples(self) -> int:
        """All that were counted."""
        return int(self.confusion.sum())

    @property
    def errors(self) -> int:
        """Those called by another class's name."""
        return self.samples - int(self.confusion.trace())

    @property
    def accuracy(self) -> float:
        """Share of those called by their own; of no samples at all, NaN."""
        return 1 - self.errors / self.samples if self.samples else math.nan

    @property
    def per_class(self) -> list[ClassScore]:
        """Precision, recall and F1 of each class."""
        hits = self.confusion.diagonal().tolist()
        actual, called = self.confusion.sum(1).tolist(), self.confusion.sum(0).tolist()
        return [
            ClassScore(
                name,
                actual[i],
                _share(hits[i], called[i]),
                _share(hits[i], actual[i]),
                _share(2 * hits[i], actual[i] + called[i]),
            )
            for i, name in enumerate(self.classes)
        ]

    def confused(self, most: int) -> list[tuple[str, str, int]]:
        """List the pairs (class, called, count) that were confused most often, worst first."""
        wrong = self.confusion.clone().fill_diagonal_(0).flatten()
        order = wrong.argsort(descending=True, stable=True)[:most].tolist()
        n = len(self.classes)
        return [
            (self.classes[i // n], self.classes[i % n], int(wrong[i])) for i in order if wrong[i]
        ]

    def interval(self) -> tuple[float, float]:
        """Give the 95 % confidence interval of the accuracy.

        Raises:
            ValueError: There are no samples.
        Example:
            >>> low, high = Score(("a", "b"), torch.tensor([[50, 0], [0, 50]])).interval()
            >>> round(low, 3), high
            (0.963, 1.0)

        Source: Wilson 1927, JASA 22.
        """
        n, z = self.samples, 1.959964
        if not n:
            raise ValueError("an interval needs at least one sample")
        share = self.accuracy
        centre = share + z * z / (2 * n)
        spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        scale = 1 + z * z / n
        return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
