"""What every reader gives: a data set as its files have it, before it is fitted to a net."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ._dataset import ArrayDataset, Dataset
from ._file_dataset import BrokenFile
from ._moments import Moments
from ._split import split


@dataclass(frozen=True)
class Parts:
    """A data set's parts, and what is known about them.

    Attributes:
        train, test, validation: The parts; validation where the data set has one.
        kind: What one input is read from, as in `Preprocess`.
        sample_rate: Of signals, in Hz.
        broken: Files that were left out.
        moments: Of the training part, if reading it has measured them.
    """

    train: Dataset
    test: Dataset
    kind: Literal["image", "signal", "array"] = "image"
    validation: Dataset | None = None
    sample_rate: int | None = None
    broken: tuple[BrokenFile, ...] = ()
    moments: Moments | None = None


def split_in_two(inputs: Tensor, labels: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
    """Cut inputs and labels into the training part and the fifth for the test."""
    return tuple((inputs[part], labels[part]) for part in split(labels))


def in_memory(
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    classes: tuple[str, ...],
    kind: Literal["image", "array"] = "image",
) -> Parts:
    """Make the parts of a data set from its inputs and labels."""
    return Parts(
        ArrayDataset(train[0], train[1].to(torch.int64), classes, name="train"),
        ArrayDataset(test[0], test[1].to(torch.int64), classes, name="test"),
        kind,
    )
