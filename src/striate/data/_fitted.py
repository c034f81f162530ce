"""A data set fitted to the size a net takes, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ._dataset import ArrayDataset, Dataset, Indices
from ._fit import fit

_CHUNK = 4096


class Fitted(Dataset):
    """The samples of another data set, brought to `input_shape` by `fit` as they are fetched."""

    def __init__(self, dataset: Dataset, input_shape: Sequence[int]) -> None:
        self.dataset = dataset
        self.input_shape = tuple(input_shape)
        self.labels, self.classes = dataset.labels, dataset.classes
        self.on_demand = dataset.on_demand

    def fetch(self, indices: Indices) -> Tensor:
        """Fetch from the data set behind, and fit."""
        return fit(self.dataset.fetch(indices), self.input_shape)

    def name_of(self, index: int) -> str:
        """Give the sample's name in the data set behind."""
        return self.dataset.name_of(index)


def fitted(dataset: Dataset, input_shape: Sequence[int], memory_bytes: int) -> Dataset:
    """Fit a data set: at once if it is in memory and stays within `memory_bytes`, else as it goes.

    Raises:
        ShapeError: It cannot be brought to that shape.
    """
    if dataset.input_shape == tuple(input_shape):
        return dataset
    lazy = Fitted(dataset, input_shape)
    item = lazy.fetch([0] if len(dataset) else [])  # tells now if the shapes cannot go together
    if dataset.on_demand or len(dataset) * item.nbytes > memory_bytes:
        return lazy
    starts = range(0, len(dataset), _CHUNK)
    pieces = [lazy.fetch(range(i, min(i + _CHUNK, len(dataset)))) for i in starts]
    names = [dataset.name_of(i) for i in range(len(dataset))]
    inputs = torch.cat([*pieces, item[:0]])
    return ArrayDataset(inputs, dataset.labels, dataset.classes, names=names)
