"""Data sets: labels in memory, inputs fetched by index."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import DataError, ShapeError

Indices = Sequence[int] | Tensor


class Dataset(ABC):
    """Samples with one label each: `len`, `labels`, `classes`, `input_shape`, and `fetch`.

    Inputs are raw: uint8 stands for 0..255 and is scaled to 0..1 when batches are made; float32 is
    taken as it is.

    Attributes:
        labels: The class number of each sample, int64.
        classes: The name of each class, by number.
        input_shape: One input without the batch: (C, L), (C, H, W) or (C, D, H, W).
        on_demand: Whether `fetch` reads files each time, so that worker processes help.
    """

    labels: Tensor
    classes: tuple[str, ...]
    input_shape: tuple[int, ...]
    on_demand: bool = False

    def __len__(self) -> int:
        return self.labels.shape[0]  # len() of a tensor is Python, and this is asked in each step

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Fetch one sample with its label, so that torch's DataLoader takes a data set as well."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"sample {index} of a data set of {len(self)}")
        index %= len(self)
        return self.fetch([index])[0], int(self.labels[index])

    @abstractmethod
    def fetch(self, indices: Indices) -> Tensor:
        """Read the samples at `indices`, in that order.

        Shape:
            output (len(indices), *input_shape), uint8 or float32.
        """

    @abstractmethod
    def name_of(self, index: int) -> str:
        """Name a sample for people: its file, or its part and number."""


class ArrayDataset(Dataset):
    """Samples kept in memory as one tensor.

    Args:
        inputs: All inputs, uint8 (0..255) or float32.
        labels: Class numbers, one a sample.
        classes: Class names.
        name: What `name_of` puts before the sample's number.
        names: A name of its own for each sample, in place of `name`.
    Shape:
        inputs (N, C, L), (N, C, H, W) or (N, C, D, H, W); labels (N,).
    Raises:
        ShapeError: The tensors do not go together.
        DataError: A label without a class, or inputs of another type.
    Example:
        >>> import torch
        >>> images = torch.zeros(10, 1, 8, 8, dtype=torch.uint8)
        >>> dataset = ArrayDataset(images, torch.arange(10) % 2, ("even", "odd"), name="test")
        >>> dataset.fetch([3, 4]).shape, dataset.name_of(3)
        (torch.Size([2, 1, 8, 8]), 'test[3]')
    """

    def __init__(
        self,
        inputs: Tensor,
        labels: Tensor,
        classes: Sequence[str],
        *,
        name: str = "sample",
        names: Sequence[str] | None = None,
    ) -> None:
        self.labels = check_labels(labels, classes)
        self.classes = tuple(classes)
        if inputs.dtype not in (torch.uint8, torch.float32):
            raise DataError(
                f"ArrayDataset: inputs are {inputs.dtype}; uint8 (0..255) or float32 is needed. "
                f"Convert them with inputs.float()."
            )
        if inputs.dim() not in (3, 4, 5):
            raise ShapeError(
                f"ArrayDataset: inputs {tuple(inputs.shape)} have {inputs.dim()} axes; (N, C, L), "
                f"(N, C, H, W) or (N, C, D, H, W) is needed. Grey images (N, H, W) get their "
                f"channel with inputs.unsqueeze(1)."
            )
        if len(inputs) != len(labels):
            raise ShapeError(
                f"ArrayDataset: {len(inputs)} inputs came with {len(labels)} labels; "
                f"each input needs one."
            )
        self.inputs = inputs
        self.input_shape = tuple(inputs.shape[1:])
        self._name = name
        self._names = names

    def fetch(self, indices: Indices) -> Tensor:
        """Copy the samples at `indices` out of the tensor."""
        return self.inputs.index_select(0, as_index(indices))  # whole samples: 5 times [indices]

    def name_of(self, index: int) -> str:
        """Name a sample: 'test[12]', or the file it was read from."""
        return f"{self._name}[{index}]" if self._names is None else self._names[index]


class Subset(Dataset):
    """The samples of another data set at `indices`, in that order.

    Example:
        >>> import torch
        >>> whole = ArrayDataset(torch.zeros(4, 1, 2, 2), torch.tensor([0, 1, 0, 1]), ("a", "b"))
        >>> Subset(whole, [3, 0]).labels
        tensor([1, 0])
    """

    def __init__(self, dataset: Dataset, indices: Indices) -> None:
        self.dataset = dataset
        self.indices = as_index(indices)
        self.labels = dataset.labels[self.indices]
        self.classes = dataset.classes
        self.input_shape = dataset.input_shape
        self.on_demand = dataset.on_demand

    def fetch(self, indices: Indices) -> Tensor:
        """Fetch from the data set behind."""
        return self.dataset.fetch(self.indices[as_index(indices)])

    def name_of(self, index: int) -> str:
        """Give the sample's name in the data set behind."""
        return self.dataset.name_of(int(self.indices[index]))


def as_index(indices: Indices) -> Tensor:
    """Turn a sequence of indices into an int64 tensor, also an empty one."""
    return torch.as_tensor(indices, dtype=torch.int64)


def check_labels(labels: Tensor, classes: Sequence[str]) -> Tensor:
    """Return the labels as int64, all of which name a class."""
    if labels.dim() != 1 or labels.dtype.is_floating_point:
        raise DataError(
            f"labels are {labels.dtype} of shape {tuple(labels.shape)}; one whole number a sample, "
            f"shape (N,), is needed."
        )
    labels = labels.to(torch.int64)
    wrong = (labels < 0) | (labels >= len(classes))
    if wrong.any():
        first = int(wrong.nonzero()[0])
        raise DataError(
            f"label {int(labels[first])} of sample {first} is not one of 0 .. {len(classes) - 1}, "
            f"the numbers of the {len(classes)} classes."
        )
    return labels
