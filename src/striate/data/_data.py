"""What `load` gives: both parts of a data set, sized for the net."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._batches import Batches
from ._dataset import Dataset
from ._file_dataset import BrokenFile
from ._preprocess import Preprocess


@dataclass(frozen=True)
class Data:
    """A data set ready for a net.

    Attributes:
        name: As it was asked for: 'mnist', 'folder:photos', ...
        train, test: The two parts; their inputs have the shape `input_shape`.
        classes: Class names, by number.
        input_shape: What the net takes, without the batch.
        mean, std: Of each channel over the training part, in 0..1 units. Images that are padded
            to the net's size are measured before the padding.
        kind: What one input is read from: 'image', 'signal' or 'array' (see `Preprocess`).
        source_shape: The data's own shape, before they were fitted to the net.
        sample_rate: Of signals, in Hz.
        validation: A part of its own for choosing the best epoch, where the data set has one.
        broken: Files that could not be read and were left out.
    """

    name: str
    train: Dataset
    test: Dataset
    classes: tuple[str, ...]
    input_shape: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    kind: str = "image"
    source_shape: tuple[int, ...] | None = None
    sample_rate: int | None = None
    validation: Dataset | None = None
    broken: tuple[BrokenFile, ...] = ()

    @property
    def preprocess(self) -> Preprocess:
        """What turns a file into an input like these."""
        return Preprocess(
            kind=self.kind,
            source_shape=self.source_shape or self.input_shape,
            input_shape=self.input_shape,
            mean=self.mean,
            std=self.std,
            sample_rate=self.sample_rate,
        )

    def batches(self, part: Dataset, batch_size: int, **options: Any) -> Batches:
        """Make `Batches` of a part, or of a subset of one, with this data's mean and std.

        Example:
            >>> from striate import data
            >>> digits = data.load("digits")
            >>> next(digits.batches(digits.test, 64).epoch()).inputs.shape
            torch.Size([64, 1, 8, 8])
        """
        return Batches(part, batch_size, mean=self.mean, std=self.std, **options)
